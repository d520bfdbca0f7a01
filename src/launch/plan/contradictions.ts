/**
 * What cannot be true together in a plan: each a warning with the figures; the plan still loads.
 *
 * Shape:  rules on targets are in `target-contradictions.ts`, on dates and money in
 *         `schedule-contradictions.ts`.
 */
import type { ContradictionRule } from "./contradiction.ts";
import { scheduleRules } from "./schedule-contradictions.ts";
import { targetRules } from "./target-contradictions.ts";

export const contradictions: ContradictionRule = (plan) =>
  [...targetRules, ...scheduleRules].flatMap((rule) => rule(plan));
