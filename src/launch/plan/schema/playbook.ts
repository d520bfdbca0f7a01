/**
 * A playbook: one automatic corrective action, what sets it off, and the guards around it.
 *
 * Shape:  `trigger` is a list of things of which any one sets it off; `verify` says how its effect
 *         is seen (without it: the trigger is over). Without a trigger only people start it.
 * Units:  `maxInstancesShare` is the share of a service's instances one run may touch, 0 to 1;
 *         `ratePerS` is requests per second of one user; `share` is a share of the places.
 */
import * as z from "zod";
import { duration, expression, id, line, many, operator, share, some, text } from "./words.ts";
import type { Immutable } from "./words.ts";

/** Mildest first: what comes earlier is tried earlier, unless the plan gives an `order`. */
export const ACTIONS = [
  "restart",
  "open_circuit",
  "fallback",
  "scale_out",
  "throttle",
  "limit_non_essential",
  "waiting_queue",
  "premium_priority",
  "version_rollback",
  "region_failover",
] as const;

/** How much it may do by itself: only say so, ask first, or act. */
export const AUTONOMY = ["observe", "suggest", "auto"] as const;

/** What the supervisor and the gateway do by themselves, the moment they see it. */
export const REFLEXES = [
  "restart_issued",
  "circuit_opened",
  "fallback_began",
  "shed_changed",
  "queue_opened",
] as const;

const trigger = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("rule"), rule: id }).describe("An alert rule fires."),
  z.strictObject({ kind: z.literal("event"), event: z.enum(REFLEXES) }),
  z.strictObject({ kind: z.literal("load") }).describe("Offered load asks for more instances."),
]);

const verify = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("trigger") }).describe("What set it off is over."),
  z.strictObject({ kind: z.literal("effect") }).describe("The change is seen in place."),
  z.strictObject({
    kind: z.literal("promql"),
    expr: expression,
    op: operator,
    value: z.number(),
    text: line,
  }),
]);

const parameters = z.strictObject({
  ratePerS: z.number().positive().max(1e6).optional(),
  burst: z.int().positive().max(10_000).optional(),
  level: z.int().min(1).max(3).optional().describe("How far it sheds at most; 3: critical only."),
  maxActive: z.int().positive().max(10_000_000).optional(),
  perMinute: z.int().positive().max(10_000_000).optional(),
  share: z.number().positive().max(0.9).optional(),
  hold: duration.optional().describe("The change ends by itself after this."),
});

/** What an action cannot start without, where something sets it off. */
const NEEDS: { readonly [action: string]: keyof z.infer<typeof parameters> } = {
  throttle: "ratePerS",
  limit_non_essential: "level",
  waiting_queue: "maxActive",
  premium_priority: "share",
};

const fields = z.strictObject({
  id,
  name: text,
  description: text,
  action: z.enum(ACTIONS),
  when: text,
  preconditions: many(text),
  blastRadius: z.strictObject({ maxInstancesShare: share, maxServices: z.int().positive() }),
  cooldown: duration,
  verifyWithin: duration,
  rollback: text,
  needsApproval: z.boolean(),
  order: z.int().positive().max(1_000).optional().describe("Lower is tried earlier."),
  autonomy: z
    .enum(AUTONOMY)
    .optional()
    .describe("The most it may do by itself; auto if not given."),
  trigger: some(trigger).optional(),
  verify: verify.optional(),
  parameters: parameters.optional(),
});

export const playbook = fields.superRefine((value, context) => {
  const needed = NEEDS[value.action];
  if (needed === undefined || value.trigger === undefined) return;
  if (value.parameters?.[needed] !== undefined) return;
  context.addIssue({
    code: "custom",
    path: ["parameters"],
    message: `says no ${needed}; allowed: parameters: { ${needed}: … } for action ${value.action}`,
  });
});

export type Playbook = Immutable<z.infer<typeof playbook>>;
