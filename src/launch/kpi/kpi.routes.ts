/** KPIs over HTTP: the board, and one KPI with its history. */
import type { z } from "zod";
import type { Kpi as KpiView, KpiList, Reading as ReadingView } from "../../contract/kpi.ts";
import type { Serving } from "../../io/http/handlers.ts";
import { ok, problem } from "../../kernel/result.ts";
import type { AppliedPlan } from "../plan/applied.ts";
import type { Kpi } from "../plan/plan.ts";
import { sourceText } from "./board.ts";
import { alertSignal, type Reading } from "./reading.ts";

export type HistoryPoint = {
  readonly atMs: number;
  readonly value: number | null;
  readonly verdict: Reading["verdict"];
};

export type KpiRouteDeps = {
  readonly applied: () => AppliedPlan;
  readonly latest: () => ReadonlyMap<string, Reading>;
  readonly history: (ask: {
    readonly kpi: string;
    readonly fromMs: number;
    readonly toMs: number;
    readonly limit: number;
  }) => Promise<readonly HistoryPoint[]>;
  readonly now: () => number;
};

const DEFAULT_RANGE_MS = 3_600_000;
const iso = (ms: number): string => new Date(ms).toISOString();

export const readingView = (reading: Reading): z.input<typeof ReadingView> => ({
  at: iso(reading.atMs),
  value: reading.value,
  verdict: reading.verdict,
  why: reading.why,
  reason: reading.reason,
  n: reading.n === null ? null : Math.round(reading.n),
  freshnessMs: reading.freshnessMs,
});

export const kpiView = (applied: AppliedPlan, kpi: Kpi, reading: Reading | undefined): KpiView => {
  const { plan } = applied;
  const measure = plan.measures.find(({ id }) => id === kpi.measure);
  if (measure === undefined) throw new Error(`plan: KPI ${kpi.id} has no measure`);
  const team = plan.organisation.teams.find(({ id }) => id === kpi.owner);
  const { op, value, text } = kpi.alert;
  return {
    id: kpi.id,
    name: kpi.name,
    description: kpi.description,
    category: kpi.category,
    group: kpi.group,
    unit: measure.unit,
    direction: measure.direction,
    target: kpi.target,
    alert: { op, value, text },
    frequency: kpi.frequency,
    owner: team?.name ?? { fr: kpi.owner, en: kpi.owner },
    source: {
      kind: measure.source.kind,
      text: sourceText(measure),
      formulaVersion: measure.version,
    },
    reading: reading === undefined ? null : readingView(reading),
    breached: reading !== undefined && alertSignal(kpi.alert, reading) === "breach",
  };
};

export const kpiList = (applied: AppliedPlan, latest: ReadonlyMap<string, Reading>): KpiList => {
  const items = applied.plan.kpis.map((kpi) => kpiView(applied, kpi, latest.get(kpi.id)));
  const counts = { pass: 0, fail: 0, unknown: 0 };
  for (const { reading } of items) counts[reading?.verdict ?? "unknown"] += 1;
  return { items, counts };
};

export const kpiRoutes = (deps: KpiRouteDeps): Serving<"GET kpis" | "GET kpi"> => ({
  "GET kpis": async () => ok(kpiList(deps.applied(), deps.latest())),
  "GET kpi": async ({ params, query }) => {
    const applied = deps.applied();
    const kpi = applied.plan.kpis.find(({ id }) => id === params.id);
    if (kpi === undefined) return problem("not_found", `no KPI "${params.id}" in the plan`);
    const toMs = query.to === undefined ? deps.now() : Date.parse(query.to);
    const fromMs = query.from === undefined ? toMs - DEFAULT_RANGE_MS : Date.parse(query.from);
    if (fromMs >= toMs) return problem("bad_request", "query.from: is not before query.to");
    const points = await deps.history({ kpi: kpi.id, fromMs, toMs, limit: query.limit });
    return ok({
      ...kpiView(applied, kpi, deps.latest().get(kpi.id)),
      readings: points.map(({ atMs, value, verdict }) => ({ at: iso(atMs), value, verdict })),
    });
  },
});
