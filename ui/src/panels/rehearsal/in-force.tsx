/** What is broken now and for how long still; one button ends all of it. */
import { useEffect, useState } from "react";
import type { FaultInForce, Rehearsal } from "../../../../src/contract/fault.ts";
import type { Fault } from "../../api/client.ts";
import { percent } from "../../format/number.ts";
import { age, clock } from "../../format/time.ts";
import { serverNow } from "../../live/clock.ts";
import { useApi, useSlot } from "../../live/context.tsx";
import { useRehearsal } from "../../live/rehearsal.tsx";
import { useWords } from "../../locales/words.tsx";
import { Glyph } from "../../parts/glyph.tsx";
import { Instant } from "../../parts/instant.tsx";
import { Panel } from "../../parts/panel.tsx";
import { regionName } from "./break-panel.tsx";
import { Refusal, useOperator } from "./operator.tsx";

const TICK_MS = 1_000;

export const InForcePanel = ({ rehearsal }: { readonly rehearsal: Rehearsal }) => {
  const { t } = useWords();
  const { mayAct, hint } = useOperator();
  const api = useApi();
  const { reload } = useRehearsal();
  const [refusal, setRefusal] = useState<Fault>();
  const { items, running } = rehearsal;
  const lift = async (id?: string): Promise<void> => {
    const answer =
      id === undefined ? await api.remove("faults") : await api.remove("fault", { params: { id } });
    setRefusal(answer.ok ? undefined : answer.fault);
    reload();
  };
  return (
    <Panel
      name="in-force"
      title={t("inForce.title")}
      note={t("inForce.note", { count: items.length })}
      loading={false}
      onRetry={reload}
      skeleton={null}
    >
      <button
        type="button"
        className="button button-stop stop-all"
        disabled={!mayAct}
        onClick={() => void lift()}
      >
        <Glyph shape="cross" />
        {t("inForce.stopAll")}
      </button>
      {!mayAct && <p className="quiet">{hint}</p>}
      <Refusal fault={refusal} />
      {items.length === 0 && running === null ? (
        <p className="calm">{t("inForce.none")}</p>
      ) : (
        <ul className="in-force">
          {items.map((item) => (
            <FaultRow key={item.id} {...{ item, mayAct }} onLift={() => void lift(item.id)} />
          ))}
        </ul>
      )}
    </Panel>
  );
};

type RowProps = {
  readonly item: FaultInForce;
  readonly mayAct: boolean;
  readonly onLift: () => void;
};

const FaultRow = ({ item, mayAct, onLift }: RowProps) => {
  const { t, say, lang } = useWords();
  const services = useSlot("services").data?.items;
  const { kind, service, region, share, instances, since, until } = item;
  const found = services?.find(({ id }) => id === service);
  const what = service === "*" ? t("break.everything") : found ? say(found.name) : service;
  const where = region === null ? [] : [regionName(region)];
  return (
    <li data-fault={item.id}>
      <div>
        <b>{t(`kind.${kind}`)}</b>
        {" · "}
        {[what, ...where].join(" · ")}
        <span className="sub">
          {share < 1 && `${t("inForce.share", { share: percent(lang, share) })} · `}
          {instances.length > 0 && `${t("inForce.instances", { count: instances.length })} · `}
          <Instant at={since}>{t("inForce.since", { at: clock(lang, since) })}</Instant>
        </span>
      </div>
      <Left until={until} />
      <button
        type="button"
        className="button"
        disabled={!mayAct}
        onClick={onLift}
        aria-label={t("inForce.lift", { what: `${t(`kind.${kind}`)} · ${what}` })}
      >
        <Glyph shape="close" />
      </button>
    </li>
  );
};

/** Counts down to an instant of the server's clock. */
export const Left = ({ until }: { readonly until: string | null }) => {
  const { t, lang } = useWords();
  const overview = useSlot("overview");
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  if (until === null) return <span className="quiet">{t("inForce.untilLifted")}</span>;
  const leftMs = Math.max(0, Date.parse(until) - serverNow(overview));
  return <span className="left">{t("inForce.left", { left: minutesOf(lang, leftMs) })}</span>;
};

const minutesOf = (lang: "fr" | "en", ms: number): string => {
  const seconds = Math.ceil(ms / 1_000);
  const rest = age(lang, (seconds % 60) * 1_000);
  return seconds < 60 ? rest : `${age(lang, Math.floor(seconds / 60) * 60_000)} ${rest}`;
};
