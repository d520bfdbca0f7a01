/** Comparison of a value with a plan's figure. A value exactly on `<` or `>` does not pass. */
import type { Operator } from "../plan/plan.ts";

export const holds = (value: number, op: Operator, bound: number): boolean => {
  switch (op) {
    case "<":
      return value < bound;
    case "<=":
      return value <= bound;
    case ">":
      return value > bound;
    case ">=":
      return value >= bound;
    case "=":
      return value === bound;
  }
};
