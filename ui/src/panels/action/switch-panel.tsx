/** The kill switch of everything that is done by itself, and what its guards hold back. */
import { lazy, Suspense, useState } from "react";
import type { ActionList } from "../../../../src/contract/action.ts";
import { since } from "../../format/time.ts";
import { serverNow } from "../../live/clock.ts";
import { useApi, useReload, useSlot } from "../../live/context.tsx";
import { useWords } from "../../locales/words.tsx";
import { Glyph } from "../../parts/glyph.tsx";
import { Instant } from "../../parts/instant.tsx";
import { Panel } from "../../parts/panel.tsx";
import { may } from "../../session/may.ts";
import { useSession } from "../../session/session.tsx";

const ReasonDialog = lazy(() => import("../../parts/reason-dialog.tsx"));

type Props = { readonly list: ActionList };

export const SwitchPanel = ({ list }: Props) => {
  const { t, lang } = useWords();
  const { principal } = useSession();
  const api = useApi();
  const reload = useReload("actions");
  const now = serverNow(useSlot("overview"));
  const [isAsking, setAsking] = useState(false);
  if (list.switch === null) return null;
  const { isOn, setBy, setAt, reason } = list.switch;
  const mayTurn = may(principal, "operator");
  const send = async (why: string) => {
    const answer = await api.put("actionSwitch", { isOn: !isOn, reason: why });
    if (answer.ok) reload();
    return answer;
  };
  const verb = isOn ? "off" : "on";
  return (
    <Panel name="switch" title={t("switch.title")} loading={false} onRetry={reload} skeleton={null}>
      <p className="switch-state">
        <span className={`mark ${isOn ? "mark-ok" : "mark-down"}`}>
          <Glyph shape={isOn ? "check" : "pause"} />
          {t(isOn ? "switch.isOn" : "switch.isOff")}
        </span>
        {list.isStorm && (
          <span className="mark mark-degraded">
            <Glyph shape="triangle" />
            {t("switch.storm")}
          </span>
        )}
      </p>
      <p className="quiet">
        <Instant at={setAt}>{since(lang, setAt, now)}</Instant>
        {["", setBy, reason].filter((part, i) => i === 0 || part !== "").join(" · ")}
      </p>
      <div className="decide">
        <button
          type="button"
          className={isOn ? "button button-stop" : "button button-main"}
          disabled={!mayTurn}
          aria-describedby={mayTurn ? undefined : "switch-role"}
          onClick={() => setAsking(true)}
        >
          <Glyph shape={isOn ? "pause" : "play"} />
          {t(`switch.${verb}`)}
        </button>
        {!mayTurn && (
          <p id="switch-role" className="quiet">
            {t("switch.role", { role: t("role.operator") })}
          </p>
        )}
      </div>
      <h3>{t("held.title")}</h3>
      <Held items={list.held} />
      <Suspense>
        {isAsking && (
          <ReasonDialog
            title={t(`switch.${verb}`)}
            note={t(`switch.${verb}.note`)}
            confirm={t(`switch.${verb}`)}
            send={send}
            onClose={() => setAsking(false)}
          />
        )}
      </Suspense>
    </Panel>
  );
};

const Held = ({ items }: { readonly items: ActionList["held"] }) => {
  const { t, say } = useWords();
  if (items.length === 0) return <p className="quiet">{t("held.none")}</p>;
  return (
    <ul className="held">
      {items.map(({ alert, playbook, guard, why }) => (
        <li key={alert}>
          <b>{alert}</b> · {playbook} ·{" "}
          <span className="mark verdict-hold">
            <Glyph shape="pause" />
            {t(`guard.${guard}`)}
          </span>
          <span className="sub">{say(why)}</span>
        </li>
      ))}
    </ul>
  );
};
