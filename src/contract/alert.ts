/** Alerts: a thing with a severity and a fingerprint. */
import { z } from "zod";
import type { RouteSpec } from "./route.ts";
import { IdParam, Instant, Page, SeverityName, Text } from "./words.ts";

export const ActionState = z.enum([
  "proposed",
  "approved",
  "running",
  "verifying",
  "verified",
  "failed",
  "rolling_back",
  "rolled_back",
  "escalated",
  "not_executed",
]);

/** What is done about an alert, and until when it should help. */
export const AlertAction = z.object({
  /** Speakable: ACT-12. */
  id: z.string(),
  name: Text,
  state: ActionState,
  /** When it should have helped; null once it is over. */
  expectedAt: Instant.nullable(),
  why: Text,
});
export type AlertAction = z.infer<typeof AlertAction>;

export const Alert = z.object({
  /** Speakable: ALT-17. */
  id: z.string(),
  fingerprint: z.string(),
  title: Text,
  severity: SeverityName,
  state: z.enum(["firing", "resolved"]),
  startedAt: Instant,
  /** When the breach was first measured, before `for` had passed. */
  breachedAt: Instant,
  resolvedAt: Instant.nullable(),
  value: z.number().nullable(),
  threshold: z.string(),
  unit: z.string(),
  owner: Text,
  /** Null where a rule of the plan or an action stands behind it. */
  kpi: z.string().nullable(),
  rule: z.string().nullable(),
  service: z.string().nullable(),
  /** The latest thing known of it: "no data since…" keeps an alert firing, and says so. */
  note: Text.nullable(),
  /** The last action it set off; null: none, the owner looks after it. */
  action: AlertAction.nullable(),
});
export type Alert = z.infer<typeof Alert>;

export const AlertList = z.object({
  items: z.array(Alert),
  counts: z.object({
    critical: z.number(),
    error: z.number(),
    warning: z.number(),
    info: z.number(),
  }),
  next: z.string().optional(),
});
export type AlertList = z.infer<typeof AlertList>;

export const alertRoutes = [
  {
    path: "alerts",
    method: "GET",
    access: "viewer",
    summary: "Alerts, worst first, with counts of the firing ones by severity",
    query: Page.extend({ state: z.enum(["firing", "resolved", "all"]).default("firing") }),
    reply: AlertList,
  },
  {
    path: "alert",
    method: "GET",
    access: "viewer",
    summary: "One alert",
    params: IdParam,
    reply: Alert,
  },
] as const satisfies readonly RouteSpec[];
