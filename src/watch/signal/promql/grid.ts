/**
 * When an expression is evaluated, and what must be loaded for it.
 *
 * Shape:  a grid is `steps` instants from `startMs`, `stepMs` apart; an instant query has one.
 *         Seen from a selector, step k refers to `firstMs + k * strideMs`: `offset` shifts it,
 *         `@` pins it (stride 0).
 * Units:  ms. Ranges are left-open: (t - range, t].
 */
import type { Matcher } from "../matcher.ts";
import {
  type At,
  type Expr,
  type MatrixSelector,
  type Selector,
  type Shift,
  type Subquery,
  unwrap,
} from "./ast.ts";

export type Grid = { readonly startMs: number; readonly stepMs: number; readonly steps: number };
export type QueryRange = {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
};
export type References = { readonly firstMs: number; readonly strideMs: number };
export type Selection = {
  readonly matchers: readonly Matcher[];
  /** Both ends included. */
  readonly fromMs: number;
  readonly toMs: number;
};
/** The name of no function: a selector by itself, whose range is the lookback. */
export const NEWEST = "newest";

/** A range function of a selector on a grid: one row a series, whoever computes it. */
export type RangeGrid = References & {
  readonly func: string;
  readonly matchers: readonly Matcher[];
  readonly rangeMs: number;
  readonly steps: number;
};
/** How many of its leading steps somebody else computes; 0 for none. */
export type Ahead = (call: RangeGrid) => number;

export type TimeOptions = { readonly lookbackMs: number; readonly defaultStepMs: number };

export const DEFAULT_TIMES: TimeOptions = { lookbackMs: 300_000, defaultStepMs: 60_000 };

export const gridOf = ({ startMs, endMs, stepMs }: QueryRange): Grid => ({
  startMs,
  stepMs,
  steps: endMs < startMs ? 0 : stepMs <= 0 ? 1 : Math.floor((endMs - startMs) / stepMs) + 1,
});

export const timeAt = (grid: Grid, step: number): number => grid.startMs + step * grid.stepMs;

const pinned = (at: At, query: QueryRange): number =>
  at.kind === "time" ? at.ms : at.kind === "start" ? query.startMs : query.endMs;

export const referencesOf = (shift: Shift, grid: Grid, query: QueryRange): References =>
  shift.at === undefined
    ? { firstMs: grid.startMs - shift.offsetMs, strideMs: grid.stepMs }
    : { firstMs: pinned(shift.at, query) - shift.offsetMs, strideMs: 0 };

const lastOf = ({ firstMs, strideMs }: References, grid: Grid): number =>
  firstMs + Math.max(0, grid.steps - 1) * strideMs;

export const selectionOf = (
  selector: Selector,
  grid: Grid,
  query: QueryRange,
  rangeMs: number,
): Selection => {
  const references = referencesOf(selector, grid, query);
  return {
    matchers: selector.matchers,
    fromMs: references.firstMs - rangeMs + 1,
    toMs: lastOf(references, grid),
  };
};

/** The steps of a grid from one on. */
export const gridFrom = (grid: Grid, step: number): Grid => ({
  startMs: timeAt(grid, step),
  stepMs: grid.stepMs,
  steps: grid.steps - step,
});

export const rangeGridOf = (
  func: string,
  { selector, rangeMs }: Pick<MatrixSelector, "selector" | "rangeMs">,
  grid: Grid,
  query: QueryRange,
): RangeGrid => ({
  func,
  matchers: selector.matchers,
  rangeMs,
  ...referencesOf(selector, grid, query),
  steps: grid.steps,
});

/** A subquery is evaluated once, on multiples of its own step, for all outer steps together. */
export const subqueryGrid = (
  node: Subquery,
  grid: Grid,
  query: QueryRange,
  defaultStepMs: number,
): Grid => {
  const references = referencesOf(node, grid, query);
  const stepMs = node.stepMs ?? defaultStepMs;
  const afterMs = references.firstMs - node.rangeMs;
  const startMs = (Math.floor(afterMs / stepMs) + 1) * stepMs;
  return gridOf({ startMs, endMs: lastOf(references, grid), stepMs });
};

/** Everything an evaluation will ask its source for, so that it can be fetched beforehand. */
export const selectorsOf = (
  expr: Expr,
  query: QueryRange,
  times: Partial<TimeOptions> = {},
  ahead: Ahead = () => 0,
): Selection[] => {
  const found: Selection[] = [];
  collect(expr, gridOf(query), query, { ...DEFAULT_TIMES, ...times, ahead }, found);
  return found;
};

const collect = (
  expr: Expr,
  grid: Grid,
  query: QueryRange,
  times: TimeOptions & { readonly ahead: Ahead },
  found: Selection[],
): void => {
  const inner = (child: Expr, childGrid = grid): void =>
    collect(child, childGrid, query, times, found);
  const selector = (node: Selector, rest = grid): void => {
    if (rest.steps > 0) found.push(selectionOf(node, rest, query, times.lookbackMs));
  };
  const range = (func: string | undefined, node: MatrixSelector): void => {
    if (grid.steps === 0) return;
    const ahead = func === undefined ? 0 : times.ahead(rangeGridOf(func, node, grid, query));
    const rest = gridFrom(grid, ahead);
    if (rest.steps > 0) found.push(selectionOf(node.selector, rest, query, node.rangeMs));
  };
  switch (expr.kind) {
    case "number":
    case "string":
      return;
    case "paren":
    case "unary":
      inner(expr.expr);
      return;
    case "binary":
      inner(expr.lhs);
      inner(expr.rhs);
      return;
    case "call":
      for (const arg of expr.args) {
        const part = unwrap(arg);
        if (part.kind === "matrix") range(expr.func, part);
        // When its samples were taken is asked of the samples themselves.
        else if (part.kind === "selector" && expr.func === "timestamp") selector(part);
        else inner(arg);
      }
      return;
    case "aggregate":
      if (expr.param !== undefined) inner(expr.param);
      inner(expr.expr);
      return;
    case "selector": {
      if (grid.steps === 0) return;
      const newest = { selector: expr, rangeMs: times.lookbackMs };
      selector(expr, gridFrom(grid, times.ahead(rangeGridOf(NEWEST, newest, grid, query))));
      return;
    }
    case "matrix":
      range(undefined, expr);
      return;
    case "subquery":
      inner(expr.expr, subqueryGrid(expr, grid, query, times.defaultStepMs));
      return;
    default:
      expr satisfies never;
  }
};
