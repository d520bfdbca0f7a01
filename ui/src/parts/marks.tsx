/** States, severities and verdicts: always a shape and a word, then a colour. */
import type { Alert, AlertList } from "../../../src/contract/alert.ts";
import type { Criterion, Gate } from "../../../src/contract/kpi.ts";
import type { ServiceState } from "../../../src/contract/ops.ts";
import { useWords } from "../locales/words.tsx";
import { Glyph, type Shape } from "./glyph.tsx";

export type Severity = Alert["severity"];
/** Worst first, as lists and counts show them. */
export const SEVERITY_ORDER = ["critical", "error", "warning", "info"] as const;

const SEVERITY_SHAPE: Readonly<Record<Severity, Shape>> = {
  critical: "hexagon",
  error: "triangle",
  warning: "diamond",
  info: "dot",
};

export const SeverityBadge = ({ severity }: { readonly severity: Severity }) => {
  const { t } = useWords();
  return (
    <span className={`badge badge-${severity}`}>
      <Glyph shape={SEVERITY_SHAPE[severity]} />
      {t(`severity.${severity}`)}
    </span>
  );
};

/** Coloured only when it counts something. */
export const SeverityCount = ({
  severity,
  count,
}: {
  readonly severity: Severity;
  readonly count: number;
}) => {
  const { t } = useWords();
  const look = count > 0 ? `badge-${severity}` : "badge-none";
  return (
    <li className={`badge ${look}`} data-severity={severity} title={t(`severity.${severity}`)}>
      <Glyph shape={SEVERITY_SHAPE[severity]} />
      <span aria-hidden="true">{count}</span>
      <span className="hidden">{t(`severity.count.${severity}`, { count })}</span>
    </li>
  );
};

export const SeverityCounts = ({ counts }: { readonly counts: AlertList["counts"] }) => {
  const { t } = useWords();
  return (
    <ul className="counts" aria-label={t("alerts.counts")}>
      {SEVERITY_ORDER.map((severity) => (
        <SeverityCount key={severity} severity={severity} count={counts[severity]} />
      ))}
    </ul>
  );
};

/** « 2 majeures » as a badge: the ribbon's first word. */
export const WorstBadge = ({
  severity,
  count,
}: {
  readonly severity: Severity;
  readonly count: number;
}) => {
  const { t } = useWords();
  return (
    <span className={`badge badge-${severity}`}>
      <Glyph shape={SEVERITY_SHAPE[severity]} />
      {t(`severity.count.${severity}`, { count })}
    </span>
  );
};

const STATE_SHAPE: Readonly<Record<ServiceState["state"], Shape>> = {
  ok: "check",
  degraded: "triangle",
  down: "hexagon",
  unknown: "question",
};

export const StateMark = ({ state }: { readonly state: ServiceState["state"] }) => {
  const { t } = useWords();
  return (
    <span className={`mark mark-${state}`}>
      <Glyph shape={STATE_SHAPE[state]} />
      {t(`state.${state}`)}
    </span>
  );
};

type AnyVerdict = Criterion["verdict"] | Gate["verdict"];
const VERDICT_SHAPE: Readonly<Record<AnyVerdict, Shape>> = {
  pass: "check",
  fail: "cross",
  unknown: "question",
  hold: "pause",
};

export const VerdictMark = ({
  verdict,
  of,
}: {
  readonly verdict: AnyVerdict;
  /** A gate is validated or refused; a KPI or a criterion is met or missed. */
  readonly of: "gate" | "kpi";
}) => {
  const { t } = useWords();
  return (
    <span className={`mark verdict-${verdict}`} data-verdict={verdict}>
      <Glyph shape={VERDICT_SHAPE[verdict]} />
      {t(`${of}.verdict.${verdict}`)}
    </span>
  );
};
