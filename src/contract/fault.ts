/**
 * The rehearsal: faults that are asked for, scenarios, and how much its simulated users do.
 *
 * Units: shares 0 to 1 (of a million's day for the load), durations in ms, rates per second.
 */
import { z } from "zod";
import type { RouteSpec } from "./route.ts";
import { IdParam, Instant, Text } from "./words.ts";

const Name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "1 to 63 of a-z, 0-9 and -");

export const FaultKind = z.enum([
  "crash",
  "hang",
  "slow",
  "errors",
  "leak",
  "cpu",
  "partition",
  "disk-full",
  "bad-deploy",
  "region-loss",
  "partner-down",
]);

export const FaultInForce = z.object({
  id: z.string(),
  kind: FaultKind,
  service: z.string(),
  region: z.string().nullable(),
  share: z.number(),
  instances: z.array(z.string()),
  since: Instant,
  /** Null: it was over at once. */
  until: Instant.nullable(),
});
export type FaultInForce = z.infer<typeof FaultInForce>;

export const Rehearsal = z.object({
  /** False: this NovaEvo watches a real platform, and nothing of this is there. */
  isRehearsal: z.boolean(),
  items: z.array(FaultInForce),
  running: z.object({ id: z.string(), since: Instant, until: Instant }).nullable(),
  scenarios: z.array(z.object({ id: z.string(), name: Text })),
  kinds: z.array(FaultKind),
  services: z.array(z.string()),
  regions: z.array(z.string()),
});
export type Rehearsal = z.infer<typeof Rehearsal>;

const Lifted = z.object({ lifted: z.array(z.string()) });

const Figure = z.number().nullable();
const Quantiles = z.object({ p50: Figure, p95: Figure, p99: Figure });
/** What the simulated users did since the last measurement began, and what it is worth. */
export const UserLoad = z.object({
  share: z.number(),
  compression: z.number(),
  shape: z.enum(["day", "peak"]),
  verdict: z.enum(["valid", "void", "unknown"]),
  why: z.string(),
  elapsedMs: z.number(),
  requests: z.number(),
  requestsPerS: z.number(),
  nominalPerS: z.number(),
  registeredUsers: z.number(),
  distinctUsers: z.number(),
  sessions: z.number(),
  errorShare: Figure,
  latencyMs: Quantiles,
  sessionStartMs: Quantiles,
  latenessP99Ms: Figure,
});
export type UserLoad = z.infer<typeof UserLoad>;

const MAX_FAULT_MS = 3_600_000;

export const faultRoutes = [
  {
    path: "faults",
    method: "GET",
    access: "viewer",
    summary: "Faults in force, scenarios, and what can be broken; empty outside a rehearsal",
    reply: Rehearsal,
  },
  {
    path: "faults",
    method: "POST",
    access: "operator",
    summary: "Break something of the rehearsal's own",
    body: z.strictObject({
      kind: FaultKind,
      service: z.union([Name, z.literal("*")]),
      region: Name.optional(),
      share: z.number().gt(0).max(1).optional(),
      forMs: z.int().min(100).max(MAX_FAULT_MS).optional(),
    }),
    reply: FaultInForce,
  },
  {
    path: "faults",
    method: "DELETE",
    access: "operator",
    summary: "Stop every fault and the scenario",
    reply: Lifted,
  },
  {
    path: "fault",
    method: "DELETE",
    access: "operator",
    summary: "Lift one fault",
    params: IdParam,
    reply: Lifted,
  },
  {
    path: "scenarios",
    method: "POST",
    access: "operator",
    summary: "Start a scenario; one at a time",
    body: z.strictObject({ scenario: z.string().min(1).max(64) }),
    reply: z.object({ id: z.string(), since: Instant, until: Instant }),
  },
  {
    path: "userLoad",
    method: "GET",
    access: "viewer",
    summary: "What the simulated users do and see",
    reply: UserLoad,
  },
  {
    path: "userLoad",
    method: "PUT",
    access: "operator",
    summary: "Change how much the simulated users do; restart begins a new measurement",
    body: z
      .strictObject({
        share: z.number().min(0).max(10).optional(),
        compression: z.number().min(1).max(100).optional(),
        shape: z.enum(["day", "peak"]).optional(),
        restart: z.boolean().optional(),
      })
      .refine(
        (said) => Object.values(said).some((value) => value !== undefined),
        "expected share, compression, shape or restart",
      ),
    reply: UserLoad,
  },
] as const satisfies readonly RouteSpec[];
