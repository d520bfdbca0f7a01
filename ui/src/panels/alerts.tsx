/** Alertes actives: worst first, infos folded, no row moving under the pointer. */
import { useMemo } from "react";
import type { Alert } from "../../../src/contract/alert.ts";
import { figures, quantity } from "../format/number.ts";
import { since } from "../format/time.ts";
import { serverNow } from "../live/clock.ts";
import { useReload, useSlot } from "../live/context.tsx";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { Instant } from "../parts/instant.tsx";
import { SEVERITY_ORDER, SeverityBadge, SeverityCounts } from "../parts/marks.tsx";
import { Panel, RowsSkeleton } from "../parts/panel.tsx";
import { PageLink } from "../shell/page-link.tsx";
import { progressOf, titleOf } from "./action/progress.ts";
import type { Row } from "./hold.ts";
import { useHeld } from "./use-held.ts";

const SKELETON_ROWS = 4;

const worstFirst = (a: Alert, b: Alert): number =>
  SEVERITY_ORDER.indexOf(a.severity) - SEVERITY_ORDER.indexOf(b.severity) ||
  b.startedAt.localeCompare(a.startedAt);

export const AlertsPanel = () => {
  const { t } = useWords();
  const { data, fault, loading } = useSlot("alerts");
  const reload = useReload("alerts");
  return (
    <Panel
      name="alerts"
      title={t("alerts.title")}
      tools={data && <SeverityCounts counts={data.counts} />}
      fault={fault}
      loading={loading}
      onRetry={reload}
      skeleton={<RowsSkeleton rows={SKELETON_ROWS} />}
    >
      {data && <AlertLists items={data.items} />}
    </Panel>
  );
};

const AlertLists = ({ items }: { readonly items: readonly Alert[] }) => {
  const { t } = useWords();
  const sorted = useMemo(
    () => items.filter(({ state }) => state === "firing").sort(worstFirst),
    [items],
  );
  const { rows, waiting, release, guard } = useHeld(sorted);
  const loud = rows.filter(({ item }) => item.severity !== "info");
  const infos = rows.filter(({ item }) => item.severity === "info");
  return (
    <div className="alerts" {...guard}>
      <div className="alerts-news">
        {waiting > 0 && (
          <button type="button" className="chip" onClick={release}>
            {t("alerts.waiting", { count: waiting })}
          </button>
        )}
      </div>
      {loud.length > 0 && <AlertList rows={loud} />}
      {loud.length === 0 && <Calm />}
      {infos.length > 0 && (
        <details className="infos">
          <summary>
            <Glyph shape="chevron" />
            {t("severity.count.info", { count: infos.length })}
          </summary>
          <AlertList rows={infos} />
        </details>
      )}
      <Watched />
    </div>
  );
};

/** No alert is good news only where something is measured. */
const Calm = () => {
  const { t } = useWords();
  const kpis = useSlot("overview").data?.kpis;
  const isBlind = kpis !== undefined && kpis.pass + kpis.fail === 0;
  return (
    <p className="calm">
      <span className={`mark ${isBlind ? "mark-unknown" : "mark-ok"}`}>
        <Glyph shape={isBlind ? "question" : "check"} />
      </span>
      {t(isBlind ? "alerts.unknown" : "alerts.none")}
    </p>
  );
};

/** Silence is worth what is measured: what has no data cannot alert. */
const Watched = () => {
  const { t } = useWords();
  const kpis = useSlot("overview").data?.kpis;
  if (kpis === undefined) return null;
  const { pass, fail, unknown } = kpis;
  const measured = pass + fail;
  return (
    <p className="watched">
      {t("alerts.watched", { measured, count: measured + unknown })}
      {unknown > 0 && (
        <>
          {" "}
          <PageLink to="/go?verdict=unknown" className="inline-link">
            {t("alerts.blind", { unknown })}
          </PageLink>
        </>
      )}
    </p>
  );
};

export const AlertList = ({ rows }: { readonly rows: readonly Row<Alert>[] }) => (
  <ol className="alert-list">
    {rows.map(({ item, gone }) => (
      <AlertRow key={item.id} alert={item} gone={gone} />
    ))}
  </ol>
);

/** The KPI it is of, or its service. */
const pageOf = ({ kpi, service }: Alert): string => {
  if (kpi !== null) return `/go?kpi=${encodeURIComponent(kpi)}`;
  return service === null ? "/ops" : `/ops/${encodeURIComponent(service)}`;
};

type RowProps = { readonly alert: Alert; readonly gone: boolean };

const AlertRow = ({ alert, gone }: RowProps) => {
  const { t, say, lang } = useWords();
  const now = serverNow(useSlot("overview"));
  const measured =
    alert.value === null ? t("alerts.noValue") : quantity(lang, alert.value, alert.unit);
  return (
    <li className="alert" data-alert={alert.id} data-severity={alert.severity} data-gone={gone}>
      <SeverityBadge severity={alert.severity} />
      <div className="alert-what">
        <PageLink to={pageOf(alert)} className="alert-title" data-row>
          {t("alerts.line", {
            title: say(alert.title),
            value: measured,
            threshold: figures(lang, alert.threshold),
          })}
        </PageLink>
        <p className="alert-note">
          {gone ? t("alerts.gone") : <Remedy alert={alert} now={now} />}
          {!gone && alert.note !== null && ` · ${say(alert.note)}`}
        </p>
      </div>
      <Instant at={alert.startedAt}>{since(lang, alert.startedAt, now)}</Instant>
    </li>
  );
};

type RemedyProps = { readonly alert: Alert; readonly now: number };

/** The action that is under way and when it should help, or the team that looks after it. */
const Remedy = ({ alert, now }: RemedyProps) => {
  const words = useWords();
  const { t, say } = words;
  const actions = useSlot("actions").data;
  const { id, owner, action } = alert;
  if (action === null) {
    const held = actions?.held.find(({ alert: one }) => one === id);
    const team = t("alerts.details", { id, owner: say(owner) });
    return held === undefined ? team : `${team} · ${t("alerts.held", { why: say(held.why) })}`;
  }
  const whole = actions?.items.find((one) => one.id === action.id);
  const told = { ...action, startedAt: whole?.startedAt ?? null, owner: say(owner) };
  return (
    <>
      {id} <span aria-hidden="true">↳</span>{" "}
      <PageLink
        to={`/ops?tab=actions&action=${encodeURIComponent(action.id)}`}
        className="remedy inline-link"
        title={say(action.why)}
      >
        {titleOf(say(action.name), whole, words)}
      </PageLink>
      {`, ${progressOf(told, now, words)}`}
    </>
  );
};
