/** The plan that is in force: the file is a proposal, this is what was applied. */
import type { Plan } from "./plan.ts";

export type AppliedPlan = {
  readonly plan: Plan;
  readonly version: number;
  readonly digest: string;
  readonly warnings: readonly string[];
};
