/** How much each playbook may do by itself, and how often what it did was seen to help. */
import { lazy, Suspense, useState } from "react";
import type { Autonomy } from "../../../../src/contract/action.ts";
import { MISSING, percent } from "../../format/number.ts";
import { useApi } from "../../live/context.tsx";
import { usePolled } from "../../live/use-polled.ts";
import { useWords } from "../../locales/words.tsx";
import { Field } from "../../parts/field.tsx";
import { Glyph } from "../../parts/glyph.tsx";
import { Panel, RowsSkeleton } from "../../parts/panel.tsx";
import { may } from "../../session/may.ts";
import { useSession } from "../../session/session.tsx";

const ReasonDialog = lazy(() => import("../../parts/reason-dialog.tsx"));

type Item = Autonomy["items"][number];
type Level = Item["level"];
const LEVELS = ["observe", "suggest", "auto"] as const;
const COLUMNS = ["playbook", "level", "rate", "why"] as const;

export const AutonomyPanel = () => {
  const { t } = useWords();
  const { principal } = useSession();
  const { data, fault, loading, retry } = usePolled<Autonomy>("actionAutonomy");
  const [wanted, want] = useState<{ readonly item: Item; readonly level: Level }>();
  const maySet = may(principal, "approver");
  return (
    <Panel
      name="autonomy"
      title={t("autonomy.title")}
      note={maySet ? undefined : t("autonomy.role", { role: t("role.approver") })}
      fault={fault}
      loading={loading}
      onRetry={retry}
      skeleton={<RowsSkeleton rows={6} />}
    >
      {data && (
        <div className="wide">
          <table className="table cards data-table autonomy">
            <caption className="hidden">{t("autonomy.title")}</caption>
            <thead>
              <tr>
                {COLUMNS.map((one) => (
                  <th key={one} scope="col" className={one === "rate" ? "right" : undefined}>
                    {t(`autonomy.${one}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.items.map((item) => (
                <AutonomyRow
                  key={item.playbook}
                  {...{ item, maySet }}
                  onWant={(level) => want({ item, level })}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Suspense>
        {wanted !== undefined && (
          <SetLevel {...wanted} onDone={retry} onClose={() => want(undefined)} />
        )}
      </Suspense>
    </Panel>
  );
};

type RowProps = {
  readonly item: Item;
  readonly maySet: boolean;
  readonly onWant: (level: Level) => void;
};

const AutonomyRow = ({ item, maySet, onWant }: RowProps) => {
  const { t, say, lang } = useWords();
  const { name, level, allowed, needsApproval, runs, fixed, rate, lower, why, setBy } = item;
  const allowedUpTo = LEVELS.slice(0, LEVELS.indexOf(allowed) + 1);
  return (
    <tr>
      <th scope="row">{say(name)}</th>
      <Field label={t("autonomy.level")}>
        {maySet ? (
          <span className="select">
            <select
              aria-label={t("autonomy.levelOf", { name: say(name) })}
              value={level}
              onChange={(event) => onWant(event.target.value as Level)}
            >
              {allowedUpTo.map((one) => (
                <option key={one} value={one}>
                  {t(`autonomy.level.${one}`)}
                </option>
              ))}
            </select>
            <Glyph shape="chevron" />
          </span>
        ) : (
          t(`autonomy.level.${level}`)
        )}
        {needsApproval && <span className="sub">{t("autonomy.needsApproval")}</span>}
      </Field>
      <Field label={t("autonomy.rate")} className="right">
        {rate === null ? (
          <span title={t("autonomy.noRun")}>{MISSING}</span>
        ) : (
          <b>{percent(lang, rate)}</b>
        )}
        <span className="sub">
          {runs === 0 || lower === null
            ? t("autonomy.noRun")
            : t("autonomy.of", { fixed, runs, lower: percent(lang, lower) })}
        </span>
      </Field>
      <Field label={t("autonomy.why")}>
        <span className="long">
          {say(why)}
          {setBy !== null && ` · ${setBy}`}
        </span>
      </Field>
    </tr>
  );
};

type SetProps = {
  readonly item: Item;
  readonly level: Level;
  readonly onDone: () => void;
  readonly onClose: () => void;
};

const SetLevel = ({ item, level, onDone, onClose }: SetProps) => {
  const { t, say } = useWords();
  const api = useApi();
  const send = async (reason: string) => {
    const answer = await api.put("actionAutonomy", { playbook: item.playbook, level, reason });
    if (answer.ok) onDone();
    return answer;
  };
  return (
    <ReasonDialog
      title={t("autonomy.set", { name: say(item.name) })}
      note={t("autonomy.fromTo", {
        from: t(`autonomy.level.${item.level}`),
        to: t(`autonomy.level.${level}`),
      })}
      confirm={t("autonomy.confirm")}
      {...{ send, onClose }}
    />
  );
};
