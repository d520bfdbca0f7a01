/**
 * Which KPIs are due, and what is asked of their measures.
 *
 * Shape:  `dueKpis` picks by cadence; `questionOf` says what to ask, or why there is nothing to
 *         ask.
 * Units:  instants in ms since the epoch; `nowMs` is monotonic for pacing, `wallMs` for periods.
 */
import { parseDuration } from "../../kernel/duration.ts";
import type { Kpi, Measure, Plan } from "../plan/plan.ts";
import { demandsOf, type Demands, type Observation, type Target, type Words } from "./reading.ts";
import { cadence, dueClose } from "./schedule.ts";

/** One thing to measure at one instant. */
export type Question = {
  readonly expr: string;
  readonly countExpr: string | undefined;
  readonly atMs: number;
};

/** Answers in the order of the questions. */
export type Ask = (questions: readonly Question[]) => Promise<readonly Observation[]>;

export type Job = {
  readonly kpi: Kpi;
  readonly measure: Measure;
  readonly atMs: number;
  /** The period boundary this reading closes, where it does. */
  readonly closeMs: number | undefined;
};

export type Pace = {
  /** Monotonic instant of the last reading, by KPI. */
  readonly lastReadMs: ReadonlyMap<string, number>;
  readonly lastCloseMs: ReadonlyMap<string, number>;
  /** KPIs whose last reading lacked data: looked at again soon, not a period later. */
  readonly lacking: ReadonlySet<string>;
};

/** How long a KPI without data waits before it is looked at again. */
const LACKING_MS = 5_000;

export const dueKpis = (
  plan: Plan,
  pace: Pace,
  now: { readonly wallMs: number; readonly monotonicMs: number },
): readonly Job[] => {
  const measures = new Map(plan.measures.map((measure) => [measure.id, measure]));
  return plan.kpis.flatMap((kpi): readonly Job[] => {
    const measure = measures.get(kpi.measure);
    if (measure === undefined) throw new Error(`plan: KPI ${kpi.id} has no measure`);
    const when = cadence(kpi.frequency);
    const last = pace.lastReadMs.get(kpi.id);
    const rested = (everyMs: number): boolean =>
      last === undefined ||
      now.monotonicMs - last >=
        (pace.lacking.has(kpi.id) ? Math.min(everyMs, LACKING_MS) : everyMs);
    const running = { kpi, measure, atMs: now.wallMs, closeMs: undefined };
    switch (when.kind) {
      case "arrival":
        return rested(when.atMostEveryMs) ? [running] : [];
      case "event":
        // Read once, so that it is shown as waiting; then only the closing event reads it.
        return last === undefined ? [running] : [];
      case "period": {
        const lastClose = pace.lastCloseMs.get(kpi.id);
        const closeMs = dueClose(when.period, lastClose, now.wallMs, plan.timezone);
        const close = closeMs === undefined ? [] : [{ kpi, measure, atMs: closeMs, closeMs }];
        return rested(when.runningEveryMs) ? [...close, running] : close;
      }
    }
  });
};

export const questionOf = (
  measure: Measure,
  atMs: number,
): { readonly ask: Question } | { readonly missing: Observation } => {
  const { source } = measure;
  if (measure.unavailable !== undefined || source.kind !== "promql") {
    const why = "not_connected" as const;
    const said = measure.unavailable?.reason;
    return said === undefined
      ? { missing: { kind: "missing", why, detail: source.kind } }
      : { missing: { kind: "missing", why, reason: clause(said) } };
  }
  return { ask: { expr: source.expr, countExpr: source.countExpr, atMs } };
};

/** A sentence that can stand inside another one. */
const clause = ({ fr, en }: Words): Words => ({
  fr: fr.replace(/\.$/u, ""),
  en: en.replace(/\.$/u, ""),
});

export const demands = (measure: Measure): Demands => demandsOf(measure, parseDuration);

export const targetOf = (kpi: Kpi): Target => kpi.target;

/** What is shown as the source of a measure: the query, or the name of what will be connected. */
export const sourceText = (measure: Measure): string => {
  const { source } = measure;
  switch (source.kind) {
    case "promql":
      return source.expr;
    case "sql":
      return source.template;
    case "state":
    case "connector":
      return source.name;
    case "manual":
      return source.evidence.fr;
  }
};
