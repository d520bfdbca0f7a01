/** KPIs, their readings, and the gates that read them. */
import { z } from "zod";
import type { RouteSpec } from "./route.ts";
import { Comparison, IdParam, Instant, Text, UnknownWhy, Verdict } from "./words.ts";

/** A measure's value over a window. Missing is `null`, never 0. */
export const Reading = z.object({
  at: Instant,
  value: z.number().nullable(),
  verdict: Verdict,
  why: UnknownWhy.nullable(),
  /** One sentence for people, in both languages. */
  reason: Text,
  n: z.number().int().nullable(),
  freshnessMs: z.number().nullable(),
});
export type Reading = z.infer<typeof Reading>;

export const Kpi = z.object({
  id: z.string(),
  name: Text,
  description: Text,
  category: z.enum(["technical", "user", "business", "operational"]),
  group: Text,
  unit: z.string(),
  direction: z.enum(["lower", "higher"]),
  target: Comparison,
  alert: Comparison,
  frequency: z.string(),
  owner: Text,
  source: z.object({ kind: z.string(), text: z.string(), formulaVersion: z.number().int() }),
  reading: Reading.nullable(),
  /** Is the alert threshold crossed (not just the target missed)? */
  breached: z.boolean(),
});
export type Kpi = z.infer<typeof Kpi>;

export const KpiList = z.object({
  items: z.array(Kpi),
  counts: z.object({ pass: z.number(), fail: z.number(), unknown: z.number() }),
});
export type KpiList = z.infer<typeof KpiList>;

const ReadingPoint = z.object({
  at: Instant,
  value: z.number().nullable(),
  verdict: Verdict,
});
export const KpiDetail = Kpi.extend({ readings: z.array(ReadingPoint) });
export type KpiDetail = z.infer<typeof KpiDetail>;

export const Criterion = z.object({
  id: z.string(),
  name: Text,
  kind: z.enum(["kpi", "measure", "approval", "document"]),
  target: z.string(),
  verdict: Verdict,
  why: UnknownWhy.nullable(),
  reason: Text,
  value: z.number().nullable(),
  unit: z.string().nullable(),
  n: z.number().int().nullable(),
  freshnessMs: z.number().nullable(),
  source: z.string(),
});
export type Criterion = z.infer<typeof Criterion>;

export const Gate = z.object({
  id: z.string(),
  name: Text,
  from: Text,
  to: Text,
  due: Instant.nullable(),
  verdict: z.enum(["pass", "fail", "hold"]),
  reason: Text,
  evaluatedAt: Instant,
  passed: z.number().int(),
  current: z.boolean(),
  criteria: z.array(Criterion),
});
export type Gate = z.infer<typeof Gate>;
export const GateList = z.object({ items: z.array(Gate) });
export type GateList = z.infer<typeof GateList>;

export const kpiRoutes = [
  {
    path: "kpis",
    method: "GET",
    access: "viewer",
    summary: "Every KPI with its latest reading",
    reply: KpiList,
  },
  {
    path: "kpi",
    method: "GET",
    access: "viewer",
    summary: "One KPI and its readings over a range",
    params: IdParam,
    query: z.strictObject({
      from: Instant.optional(),
      to: Instant.optional(),
      limit: z.coerce.number().int().min(1).max(2000).default(300),
    }),
    reply: KpiDetail,
  },
  {
    path: "gates",
    method: "GET",
    access: "viewer",
    summary: "Gates with each criterion's evidence",
    reply: GateList,
  },
  {
    path: "gate",
    method: "GET",
    access: "viewer",
    summary: "One gate",
    params: IdParam,
    reply: Gate,
  },
] as const satisfies readonly RouteSpec[];
