/** What the operations page and the ribbon show. */
import { z } from "zod";
import { AlertList } from "./alert.ts";
import type { RouteSpec } from "./route.ts";
import { Instant, SeverityName, Text, UnknownWhy } from "./words.ts";

export const ServiceState = z.object({
  id: z.string(),
  name: Text,
  group: z.enum(["platform", "novaevo"]),
  criticality: z.string(),
  state: z.enum(["ok", "degraded", "down", "unknown"]),
  why: UnknownWhy.nullable(),
  reason: Text,
  /** Shares, 0 to 1; null where nothing is measured. */
  cpu: z.number().nullable(),
  memory: z.number().nullable(),
  lastSampleAt: Instant.nullable(),
});
export type ServiceState = z.infer<typeof ServiceState>;
export const ServiceList = z.object({ items: z.array(ServiceState) });
export type ServiceList = z.infer<typeof ServiceList>;

/** The five-second answer, on every page. */
export const Overview = z.object({
  at: Instant,
  topSeverity: SeverityName.nullable(),
  counts: AlertList.shape.counts,
  phase: z.object({ id: z.string(), name: Text, order: z.number() }).nullable(),
  wave: z.object({ id: z.string(), name: Text, day: z.number() }).nullable(),
  /** The verdict of the current phase's gate. */
  verdict: z.enum(["pass", "fail", "hold"]).nullable(),
  reason: Text.nullable(),
  kpis: z.object({ pass: z.number(), fail: z.number(), unknown: z.number() }),
  lastSampleAt: Instant.nullable(),
  planVersion: z.number().int().nullable(),
  ledger: z.object({ size: z.number().int(), pending: z.number().int() }),
});
export type Overview = z.infer<typeof Overview>;

export const PANELS = [
  ...(["error-rate", "latency", "disk-io", "network-io"] as const),
  ...(["span-rate", "span-errors", "span-latency"] as const),
];
export const Panel = z.object({
  id: z.enum(PANELS),
  unit: z.enum(["ratio", "s", "By/s", "req/s"]),
  stepMs: z.number(),
  series: z.array(
    z.object({
      name: z.string(),
      latest: z.number().nullable(),
      points: z.array(z.tuple([z.number(), z.number().nullable()])),
    }),
  ),
  why: UnknownWhy.nullable(),
});
export type Panel = z.infer<typeof Panel>;

export const opsRoutes = [
  {
    path: "overview",
    method: "GET",
    access: "viewer",
    summary: "The ribbon: worst alert, phase, verdict, age of the data",
    reply: Overview,
  },
  {
    path: "services",
    method: "GET",
    access: "viewer",
    summary: "Each service's state, CPU and memory",
    reply: ServiceList,
  },
  {
    path: "panel",
    method: "GET",
    access: "viewer",
    summary: "A chart's series over a range",
    params: z.object({ id: z.enum(PANELS) }),
    query: z.strictObject({ from: Instant.optional(), to: Instant.optional() }),
    reply: Panel,
  },
  {
    path: "stream",
    method: "GET",
    access: "viewer",
    summary: "Live updates (SSE), resumable by Last-Event-ID",
    raw: "text/event-stream",
  },
] as const satisfies readonly RouteSpec[];

/**
 * Events of the stream. `resync` says that the asked position is no longer held: load again.
 * A client that gets none of them for 5 s shows its data as old.
 */
export type StreamEvent =
  | { readonly type: "overview"; readonly data: Overview }
  | { readonly type: "services"; readonly data: ServiceList }
  | { readonly type: "kpis"; readonly data: z.infer<typeof import("./kpi.ts").KpiList> }
  | { readonly type: "gates"; readonly data: z.infer<typeof import("./kpi.ts").GateList> }
  | { readonly type: "alerts"; readonly data: z.infer<typeof AlertList> }
  | { readonly type: "actions"; readonly data: z.infer<typeof import("./action.ts").ActionList> }
  | { readonly type: "resync"; readonly data: { readonly reason: string } };
