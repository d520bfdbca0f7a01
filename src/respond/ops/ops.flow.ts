/**
 * What the operations page shows: services, ribbon, charts; asked of the recent window.
 */
import type { Overview, Panel, ServiceList } from "../../contract/ops.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Result } from "../../kernel/result.ts";
import { severityRank } from "../../kernel/severity.ts";
import type { Ask, Question } from "../../launch/kpi/board.ts";
import type { Observation } from "../../launch/kpi/reading.ts";
import type { AppliedPlan } from "../../launch/plan/applied.ts";
import type { Service } from "../../launch/plan/plan.ts";
import type { GateList, KpiList } from "../../contract/kpi.ts";
import type { LiveAlert } from "../alert/alert.flow.ts";
import { countFiring } from "../alert/alert.routes.ts";
import { fillGaps, panelLines, stepFor, UNIT } from "./panel.ts";
import { stateOf, type ServiceLimits, type Signals } from "./service.ts";

export type RangeAsk = (question: {
  readonly expr: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}) => Promise<Result<ReadonlyMap<number, number>>>;

export type OpsDeps = {
  readonly clock: Clock;
  readonly applied: () => AppliedPlan;
  readonly ask: Ask;
  readonly askRange: RangeAsk;
  readonly firing: () => readonly LiveAlert[];
  readonly kpis: () => KpiList;
  readonly gates: () => GateList;
  readonly lastSampleMs: () => number | null;
  readonly ledger: () => { readonly size: number; readonly pending: number };
  /** Whoever else acts on what services measure: asked once, told to both. */
  readonly onSignals?: (service: string, signals: Signals, newestMs: number | null) => void;
};

const SIGNALS = ["up", "cpu", "memory", "errorRate", "latencyP95"] as const;
const iso = (ms: number): string => new Date(ms).toISOString();

export const readServices = async (deps: OpsDeps): Promise<ServiceList> => {
  const atMs = deps.clock.now();
  const { services } = deps.applied().plan;
  const questions = services.flatMap((service): Question[] =>
    SIGNALS.flatMap((name) => {
      const expr = service.signals?.[name];
      return expr === undefined ? [] : [{ expr, countExpr: undefined, atMs }];
    }),
  );
  const answers = await deps.ask(questions);
  let next = 0;
  const limits = limitsOf(deps.applied());
  return {
    items: services.map((service) => {
      const seen = SIGNALS.map((name) =>
        service.signals?.[name] === undefined ? undefined : answers[next++],
      );
      return serviceView(deps, service, seen, limits);
    }),
  };
};

const serviceView = (
  deps: OpsDeps,
  service: Service,
  seen: readonly (Observation | undefined)[],
  limits: ServiceLimits,
): ServiceList["items"][number] => {
  const values = seen.map((one) =>
    one?.kind === "value" && Number.isFinite(one.value) ? one.value : null,
  );
  const [up = null, cpu = null, memory = null, errorRate = null, latencyP95Ms = null] = values;
  const signals: Signals = { up, cpu, memory, errorRate, latencyP95Ms };
  const named = deps.firing().filter((alert) => alert.service === service.id);
  const state = stateOf(
    signals,
    limits,
    named.map(({ title }) => title),
  );
  const newest = seen.flatMap((one) =>
    one?.kind === "value" && one.newestMs !== null ? [one.newestMs] : [],
  );
  deps.onSignals?.(service.id, signals, newest.length === 0 ? null : Math.max(...newest));
  return {
    id: service.id,
    name: service.name,
    group: service.group,
    criticality: service.criticality,
    ...state,
    cpu,
    memory,
    lastSampleAt: newest.length === 0 ? null : iso(Math.max(...newest)),
  };
};

/** The plan's own alert thresholds on the measures a service's signals are of. */
export const limitsOf = ({ plan }: AppliedPlan): ServiceLimits => {
  const threshold = (measure: string): number =>
    plan.kpis.find((kpi) => kpi.measure === measure)?.alert.value ?? Number.POSITIVE_INFINITY;
  return {
    utilisation: threshold("resource-usage"),
    errorRate: threshold("error-rate"),
    latencyP95Ms: threshold("api-response-time"),
  };
};

export const overview = (deps: OpsDeps): Overview => {
  const firing = deps.firing();
  const kpis = deps.kpis();
  const applied = deps.applied();
  const gate = deps.gates().items.find(({ current }) => current);
  const phase = applied.plan.phases.find(({ gate: id }) => id === gate?.id) ?? null;
  const last = deps.lastSampleMs();
  const worst = firing.toSorted((a, b) => severityRank(b.severity) - severityRank(a.severity))[0];
  return {
    at: iso(deps.clock.now()),
    topSeverity: worst?.severity ?? null,
    counts: countFiring(firing),
    phase: phase === null ? null : { id: phase.id, name: phase.name, order: phase.order },
    wave: null,
    verdict: gate?.verdict ?? null,
    reason: gate?.reason ?? null,
    kpis: kpis.counts,
    lastSampleAt: last === null ? null : iso(last),
    planVersion: applied.version,
    ledger: deps.ledger(),
  };
};

export const readPanel = async (
  deps: OpsDeps,
  id: Panel["id"],
  range: { readonly fromMs: number; readonly toMs: number },
): Promise<Panel> => {
  const stepMs = stepFor(range.fromMs, range.toMs);
  const startMs = Math.ceil(range.fromMs / stepMs) * stepMs;
  const endMs = Math.floor(range.toMs / stepMs) * stepMs;
  const asked = { startMs, endMs, stepMs };
  const lines = await Promise.all(
    panelLines(id).map(async ({ name, expr }) => ({
      name,
      seen: await deps.askRange({ expr, ...asked }),
    })),
  );
  const failed = lines.find(({ seen }) => !seen.ok);
  const series = lines.map(({ name, seen }) => {
    const points = fillGaps(seen.ok ? seen.value : new Map(), asked);
    return { name, latest: points.at(-1)?.[1] ?? null, points };
  });
  const empty = series.every(({ points }) => points.every(([, value]) => value === null));
  const why = failed !== undefined ? "query_failed" : empty ? "no_data" : null;
  return { id, unit: UNIT[id], stepMs, series, why };
};
