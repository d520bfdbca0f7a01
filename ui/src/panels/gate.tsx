/**
 * The gate in force with each criterion's evidence; the other phases' gates one tab away.
 *
 * URL: `gate` names the gate shown when it is not the one in force.
 */
import { Tabs } from "radix-ui";
import type { Criterion, Gate } from "../../../src/contract/kpi.ts";
import { figures, number, quantity } from "../format/number.ts";
import { age, day, inDays } from "../format/time.ts";
import { typeset, type Lang } from "../format/text.ts";
import { serverNow } from "../live/clock.ts";
import { useReload, useSlot } from "../live/context.tsx";
import { useWords } from "../locales/words.tsx";
import { Field } from "../parts/field.tsx";
import { Instant } from "../parts/instant.tsx";
import { VerdictMark } from "../parts/marks.tsx";
import { Panel, RowsSkeleton } from "../parts/panel.tsx";
import { useParam } from "../shell/place.ts";

const SKELETON_ROWS = 6;

export const GatePanel = () => {
  const { t } = useWords();
  const { data, fault, loading } = useSlot("gates");
  const reload = useReload("gates");
  return (
    <Panel
      name="gate"
      title={t("gate.title")}
      fault={fault}
      loading={loading}
      onRetry={reload}
      skeleton={<RowsSkeleton rows={SKELETON_ROWS} />}
    >
      {data && (data.items.length > 0 ? <Gates gates={data.items} /> : <p>{t("gate.none")}</p>)}
    </Panel>
  );
};

const Gates = ({ gates }: { readonly gates: readonly Gate[] }) => {
  const { t, say } = useWords();
  const [asked, ask] = useParam("gate");
  const current = gates.find((gate) => gate.current) ?? gates[0];
  const shown = gates.find(({ id }) => id === asked) ?? current;
  if (shown === undefined) return null;
  return (
    <Tabs.Root
      value={shown.id}
      onValueChange={(id) => ask(id === current?.id ? undefined : id)}
      activationMode="manual"
    >
      <Tabs.List className="tabs" aria-label={t("gate.tabs")}>
        {gates.map((gate) => (
          <Tabs.Trigger key={gate.id} value={gate.id} className="tab">
            <span className="tab-name">{say(gate.name)}</span>
            <span className="tab-state">
              <VerdictMark verdict={gate.verdict} of="gate" />
              <span className="figure">
                {gate.passed}/{gate.criteria.length}
              </span>
            </span>
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {gates.map((gate) => (
        <Tabs.Content key={gate.id} value={gate.id} className="gate">
          <GateVerdict gate={gate} />
          <CriteriaTable gate={gate} />
        </Tabs.Content>
      ))}
    </Tabs.Root>
  );
};

const GateVerdict = ({ gate }: { readonly gate: Gate }) => {
  const { t, say, lang } = useWords();
  const now = serverNow(useSlot("overview"));
  const { verdict, passed, criteria, reason, due, current } = gate;
  return (
    <div className="gate-verdict">
      <p className="gate-big">
        <VerdictMark verdict={verdict} of="gate" />
      </p>
      <p className="gate-count">{t("gate.passed", { passed, count: criteria.length })}</p>
      <div className="gate-bar" aria-hidden="true">
        {criteria.map(({ id, verdict }) => (
          <span key={id} className={`gate-step gate-step-${verdict}`} />
        ))}
      </div>
      <p className="gate-reason">{say(reason)}</p>
      <dl className="facts">
        <dt>{t("gate.passage")}</dt>
        <dd>{t("gate.fromTo", { from: say(gate.from), to: say(gate.to) })}</dd>
        {due !== null && (
          <>
            <dt>{t("gate.due")}</dt>
            <dd>
              <Instant at={due}>{day(lang, due)}</Instant> ({inDays(lang, due, now)})
            </dd>
          </>
        )}
        <dt>{t("gate.status")}</dt>
        <dd>{t(current ? "gate.current" : "gate.notCurrent")}</dd>
      </dl>
    </div>
  );
};

const CriteriaTable = ({ gate }: { readonly gate: Gate }) => {
  const { t, say } = useWords();
  const columns = [
    "criterion",
    "target",
    "value",
    "verdict",
    "n",
    "freshness",
    "evidence",
  ] as const;
  return (
    <table className="table cards criteria">
      <caption className="hidden">{t("gate.caption", { name: say(gate.name) })}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column} scope="col" className={NUMERIC.has(column) ? "right" : undefined}>
              {t(`column.${column}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {gate.criteria.map((criterion) => (
          <CriterionRow key={criterion.id} criterion={criterion} />
        ))}
      </tbody>
    </table>
  );
};
const NUMERIC: ReadonlySet<string> = new Set(["value", "n", "freshness"]);

/** The plan's wording says the name again before the figure; the name is beside it already. */
const targetOf = ({ name, target }: Criterion, lang: Lang): string => {
  const rest = target.startsWith(name.fr) ? target.slice(name.fr.length).trim() : target;
  return typeset(figures(lang, /^[<>=≤≥]/.test(rest) ? rest : target), lang);
};

const CriterionRow = ({ criterion }: { readonly criterion: Criterion }) => {
  const { t, say, lang } = useWords();
  const { value, unit, n, freshnessMs, source, reason, kind } = criterion;
  return (
    <tr data-criterion={criterion.id} data-known={criterion.verdict !== "unknown"}>
      <th scope="row">
        {say(criterion.name)}
        <span className="sub">{t(`criterion.${kind}`)}</span>
      </th>
      <Field label={t("column.target")} className="wrap aim">
        {targetOf(criterion, lang)}
      </Field>
      <Field label={t("column.value")} className="right strong now">
        {quantity(lang, value, unit ?? "")}
      </Field>
      <Field label={t("column.verdict")} className="verdict">
        <VerdictMark verdict={criterion.verdict} of="kpi" />
      </Field>
      <Field label={t("column.n")} className="right more">
        {n === null ? "–" : number(lang, n)}
      </Field>
      <Field label={t("column.freshness")} className="right more">
        {freshnessMs === null ? "–" : age(lang, freshnessMs)}
      </Field>
      <Field label={t("column.evidence")} className="evidence">
        <span>{say(reason)}</span>
        <code className="sub" title={source}>
          {source}
        </code>
      </Field>
    </tr>
  );
};
