/**
 * What cannot be true together in a plan: each a warning with the figures; the plan still loads.
 *
 * Shape:  a rule takes the plan and gives warnings; none knows a figure or an id of any one plan.
 *         Rules on targets are in `target-contradictions.ts`, on dates and money in
 *         `schedule-contradictions.ts`.
 */
import type { Path } from "./document.ts";
import type { Plan } from "./schema/whole.ts";
import { scheduleRules } from "./schedule-contradictions.ts";
import { targetRules } from "./target-contradictions.ts";

export type Contradiction = {
  readonly code: string;
  readonly path: Path;
  readonly message: string;
  readonly figures: { readonly [name: string]: number | string };
};

export type ContradictionRule = (plan: Plan) => readonly Contradiction[];

export const contradictions: ContradictionRule = (plan) =>
  [...targetRules, ...scheduleRules].flatMap((rule) => rule(plan));
