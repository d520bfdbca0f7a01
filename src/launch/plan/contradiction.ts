/**
 * One thing that cannot be true together with another: where, which, and the figures that say so.
 *
 * Shape:  a rule takes the plan and gives warnings; none knows a figure or an id of any one plan.
 */
import type { Path } from "./document.ts";
import type { Plan } from "./schema/whole.ts";

export type Contradiction = {
  readonly code: string;
  readonly path: Path;
  readonly message: string;
  readonly figures: { readonly [name: string]: number | string };
};

export type ContradictionRule = (plan: Plan) => readonly Contradiction[];
