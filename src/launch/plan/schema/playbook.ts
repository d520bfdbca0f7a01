/**
 * A playbook: one automatic corrective action and the guards around it.
 *
 * Units: `maxInstancesShare` is the share of a service's instances one run may touch, 0 to 1.
 */
import * as z from "zod";
import { duration, id, many, share, text, type Immutable } from "./words.ts";

export const playbook = z.strictObject({
  id,
  name: text,
  description: text,
  action: z.enum(["scale_out", "restart", "open_circuit", "fallback", "throttle"]),
  when: text,
  preconditions: many(text),
  blastRadius: z.strictObject({ maxInstancesShare: share, maxServices: z.int().positive() }),
  cooldown: duration,
  verifyWithin: duration,
  rollback: text,
  needsApproval: z.boolean(),
});

export type Playbook = Immutable<z.infer<typeof playbook>>;
