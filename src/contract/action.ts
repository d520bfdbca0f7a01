/**
 * Corrective actions: what is done by itself, on what evidence, how far it is, and what people may
 * say about it.
 *
 * Units: rates in requests per second, shares 0 to 1, durations in ms.
 */
import { z } from "zod";
import { ActionState } from "./alert.ts";
import type { RouteSpec } from "./route.ts";
import { IdParam, Instant, Page, Text } from "./words.ts";

const Figure = z.number().nullable();
const Figures = z.record(z.string(), z.number());
const Name = z.string().min(1).max(95);
const Reason = z
  .string()
  .trim()
  .min(3)
  .max(500)
  .regex(/^\P{Cc}*$/u, "control characters are not allowed");

/** One change somebody can ask for. */
export const WantedChange = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("scale"),
    service: Name,
    region: Name,
    replicas: z.int().min(0).max(64),
  }),
  z.strictObject({ kind: z.literal("restart"), service: Name, instance: Name }),
  z.strictObject({ kind: z.literal("drain"), service: Name, instance: Name }),
  z.strictObject({ kind: z.literal("release"), service: Name, instance: Name }),
  z.strictObject({ kind: z.literal("version"), service: Name, version: z.string().min(1).max(64) }),
  z.strictObject({
    kind: z.literal("circuit"),
    service: Name,
    instance: Name.nullable().default(null),
    state: z.enum(["auto", "open", "closed"]),
  }),
  z.strictObject({
    kind: z.literal("fallback"),
    service: Name,
    mode: z.enum(["auto", "backup", "last_good", "static", "off"]),
  }),
  z.strictObject({
    kind: z.literal("throttle"),
    service: Name,
    ratePerS: z.number().positive().max(1e6).nullable(),
    burst: z.int().positive().max(10_000).default(1),
  }),
  z.strictObject({ kind: z.literal("shed"), level: z.int().min(0).max(3) }),
  z.strictObject({
    kind: z.literal("queue"),
    maxActive: z.int().positive().max(10_000_000).nullable(),
    perMinute: z.int().positive().max(10_000_000).nullable().default(null),
  }),
  z.strictObject({ kind: z.literal("premium"), share: z.number().min(0).max(0.9) }),
  z.strictObject({
    kind: z.literal("route"),
    service: Name.nullable().default(null),
    weights: z.record(Name, z.number().min(0).max(100)).nullable(),
  }),
]);

export const Action = z.object({
  /** Speakable: ACT-12. */
  id: z.string(),
  /** Null where a person asked for a change of his own. */
  playbook: z.string().nullable(),
  name: Text,
  service: z.string().nullable(),
  region: z.string().nullable(),
  /** The field of the platform it touches: one action at a time on each. */
  target: z.string(),
  origin: z.enum(["automatic", "human", "reflex"]),
  state: ActionState,
  why: Text,
  /** One line per change. */
  changes: z.array(z.string()),
  trigger: z.object({
    kind: z.enum(["rule", "event", "load", "human"]),
    alert: z.string().nullable(),
    rule: z.string().nullable(),
    text: Text,
    detectedAt: Instant,
    evidence: Figures,
  }),
  proposedAt: Instant,
  startedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
  /** When it should have helped, or when somebody must have approved. */
  expectedAt: Instant.nullable(),
  /** From the first measurement of the trouble to the verified end of it. */
  repairMs: Figure,
  proposedBy: z.string(),
  approvedBy: z.string().nullable(),
  canApprove: z.boolean(),
  canUndo: z.boolean(),
  planVersion: z.number().int(),
});
export type Action = z.infer<typeof Action>;

export const ActionDetail = Action.extend({
  planDigest: z.string(),
  /** Declared before it began. */
  verification: z.object({ kind: z.string(), text: z.string(), withinMs: z.number() }),
  steps: z.array(
    z.object({
      change: z.record(z.string(), z.unknown()),
      effect: z.string(),
      hasUndo: z.boolean(),
    }),
  ),
  timeline: z.array(
    z.object({
      at: Instant,
      state: ActionState,
      event: z.string(),
      actor: z.string(),
      why: Text,
      evidence: z.record(z.string(), z.unknown()),
    }),
  ),
});
export type ActionDetail = z.infer<typeof ActionDetail>;

export const Switch = z.object({
  isOn: z.boolean(),
  setBy: z.string(),
  setAt: Instant,
  reason: z.string(),
});

export const ActionList = z.object({
  /** False: no supervisor and no gateway is connected, and nothing of this runs. */
  isConnected: z.boolean(),
  items: z.array(Action),
  open: z.number().int(),
  /** Alerts about which nothing is done for now, and the guard that says so. */
  held: z.array(
    z.object({
      alert: z.string(),
      playbook: z.string(),
      guard: z.string(),
      why: Text,
      figures: Figures,
    }),
  ),
  switch: Switch.nullable(),
  isStorm: z.boolean(),
  next: z.string().optional(),
});
export type ActionList = z.infer<typeof ActionList>;

const Level = z.enum(["observe", "suggest", "auto"]);
export const Autonomy = z.object({
  items: z.array(
    z.object({
      playbook: z.string(),
      name: Text,
      level: Level,
      /** The most the plan allows. */
      allowed: Level,
      needsApproval: z.boolean(),
      runs: z.number().int(),
      fixed: z.number().int(),
      rate: Figure,
      /** Wilson's lower bound at 95 %. */
      lower: Figure,
      why: Text,
      setBy: z.string().nullable(),
      setAt: Instant.nullable(),
    }),
  ),
});
export type Autonomy = z.infer<typeof Autonomy>;

export const Capacity = z.object({
  at: Instant,
  isConnected: z.boolean(),
  items: z.array(
    z.object({
      service: z.string(),
      name: Text,
      /** Asked of it, and what the ready instances serve at most. */
      offeredPerS: Figure,
      capacityPerS: Figure,
      use: Figure,
      headroomPerS: Figure,
      /** The share of capacity scaling aims at. */
      target: Figure,
      cpu: Figure,
      memory: Figure,
      pools: z.array(
        z.object({
          region: z.string(),
          replicas: z.number().int(),
          ready: z.number().int(),
          min: z.number().int(),
          max: z.number().int(),
        }),
      ),
      instances: z.array(
        z.object({
          id: z.string(),
          region: z.string(),
          state: z.string(),
          version: z.string(),
          cpu: Figure,
          memory: Figure,
          restarts: z.number().int(),
        }),
      ),
      /** The last hour, oldest first. */
      history: z.array(
        z.object({
          at: Instant,
          offeredPerS: Figure,
          capacityPerS: z.number(),
          ready: z.number().int(),
          replicas: z.number().int(),
        }),
      ),
    }),
  ),
  /** Scaling of the last hour, newest first. */
  events: z.array(
    z.object({
      at: Instant,
      action: z.string(),
      service: z.string(),
      region: z.string(),
      from: z.number().int(),
      to: z.number().int(),
      state: ActionState,
      why: Text,
    }),
  ),
});
export type Capacity = z.infer<typeof Capacity>;

const Said = z.strictObject({ reason: Reason });

export const actionRoutes = [
  {
    path: "actions",
    method: "GET",
    access: "viewer",
    summary: "Corrective actions, newest first, and what holds automation back",
    query: Page.extend({
      state: z.enum(["open", "ended", "all"]).default("all"),
      service: Name.optional(),
    }),
    reply: ActionList,
  },
  {
    path: "actions",
    method: "POST",
    access: "operator",
    summary: "Ask for a change: what it would do, and with dryRun false a proposal to be approved",
    body: z.strictObject({
      change: WantedChange,
      reason: Reason,
      dryRun: z.boolean().default(true),
    }),
    reply: z.object({
      effects: z.array(z.string()),
      hasUndo: z.boolean(),
      /** The guard that would refuse it. */
      refused: z.object({ guard: z.string(), why: Text, figures: Figures }).nullable(),
      action: Action.nullable(),
    }),
  },
  {
    path: "action",
    method: "GET",
    access: "viewer",
    summary: "One action with its whole timeline",
    params: IdParam,
    reply: ActionDetail,
  },
  {
    path: "actionApprove",
    method: "POST",
    access: "approver",
    summary: "Approve a proposed action; whoever asked for it cannot",
    params: IdParam,
    body: Said,
    reply: Action,
  },
  {
    path: "actionReject",
    method: "POST",
    access: "operator",
    summary: "Reject a proposed action: it is not executed",
    params: IdParam,
    body: Said,
    reply: Action,
  },
  {
    path: "actionUndo",
    method: "POST",
    access: "operator",
    summary: "Bring back what was before an action",
    params: IdParam,
    body: Said,
    reply: Action,
  },
  {
    path: "actionSwitch",
    method: "GET",
    access: "viewer",
    summary: "Whether anything is done by itself",
    reply: Switch,
  },
  {
    path: "actionSwitch",
    method: "PUT",
    access: "operator",
    summary: "Switch everything that is done by itself off or on",
    body: z.strictObject({ isOn: z.boolean(), reason: Reason }),
    reply: Switch,
  },
  {
    path: "actionAutonomy",
    method: "GET",
    access: "viewer",
    summary: "How much each playbook may do by itself, and how often it helped",
    reply: Autonomy,
  },
  {
    path: "actionAutonomy",
    method: "PUT",
    access: "approver",
    summary: "Set how much a playbook may do by itself, within what the plan allows",
    body: z.strictObject({ playbook: Name, level: Level, reason: Reason }),
    reply: Autonomy,
  },
  {
    path: "capacity",
    method: "GET",
    access: "viewer",
    summary: "Use, capacity and instances of each service, and scaling of the last hour",
    reply: Capacity,
  },
] as const satisfies readonly RouteSpec[];
