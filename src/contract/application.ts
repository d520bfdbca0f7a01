/**
 * What the application tab shows: APIs, services, who calls whom, transactions.
 *
 * Units:  rates in calls per second, errors as a share 0 to 1, durations in seconds; null where
 *         nothing is measured.
 */
import { z } from "zod";
import type { RouteSpec } from "./route.ts";
import { Instant, Text, UnknownWhy } from "./words.ts";

const Figure = z.number().nullable();
const Red = z.object({
  rate: Figure,
  errors: Figure,
  p50: Figure,
  p90: Figure,
  p99: Figure,
});

export const ApiRoute = Red.extend({
  /** The service that answers; the hub's own API is `novaevo-hub`. */
  service: z.string(),
  method: z.string(),
  route: z.string(),
});
export type ApiRoute = z.infer<typeof ApiRoute>;

export const CalledService = Red.extend({
  service: z.string(),
  state: z.enum(["ok", "degraded", "down", "unknown"]),
  reason: Text,
});
export type CalledService = z.infer<typeof CalledService>;

export const Edge = z.object({
  client: z.string(),
  server: z.string(),
  rate: Figure,
  errors: Figure,
});
export type Edge = z.infer<typeof Edge>;

export const Transaction = Red.extend({
  service: z.string(),
  name: z.string(),
  kind: z.enum(["server", "consumer", "other"]),
});
export type Transaction = z.infer<typeof Transaction>;

export const Application = z.object({
  at: Instant,
  apis: z.array(ApiRoute),
  services: z.array(CalledService),
  edges: z.array(Edge),
  transactions: z.array(Transaction),
  /** Lists that are longer than what is shown, by name. */
  cut: z.array(z.string()),
  /** The plan's alert threshold on errors; null where it has none. */
  errorLimit: Figure,
  /** Spans arrived within the last hour. */
  hasSpans: z.boolean(),
  why: UnknownWhy.nullable(),
});
export type Application = z.infer<typeof Application>;

export const applicationRoutes = [
  {
    path: "application",
    method: "GET",
    access: "viewer",
    summary: "Rate, errors and durations of routes, services and transactions; who calls whom",
    reply: Application,
  },
] as const satisfies readonly RouteSpec[];
