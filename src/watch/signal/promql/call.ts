/**
 * Function calls: finds the family of a function and feeds it.
 *
 * Shape:  functions of a value change rows as they pass; functions of a range read series;
 *         functions of a whole vector get all its rows.
 */
import { METRIC_NAME, type Labels } from "../series.ts";
import { type Call, type Expr, type Subquery, unwrap } from "./ast.ts";
import { stringOf, typeOf } from "./check.ts";
import type { Context } from "./context.ts";
import { timeAt } from "./grid.ts";
import { fractionRows, quantileRows, quantilesRows } from "./histogram.ts";
import { joinLabels, replaceLabels, sortByLabels } from "./label-functions.ts";
import { DATE_FUNCTIONS, VALUE_FUNCTIONS } from "./numbers.ts";
import { RANGE_FUNCTIONS } from "./ranges.ts";
import { newRow, type Row, type Sink } from "./row.ts";
import { type RangeCall, rangeRows, selectorRows, subqueryRows } from "./select-rows.ts";

const SCALAR_FUNCTIONS: Readonly<
  Record<string, (context: Context, args: readonly Float64Array[]) => (step: number) => number>
> = {
  time:
    ({ grid }) =>
    (k) =>
      timeAt(grid, k) / 1000,
  pi: () => () => Math.PI,
  start:
    ({ query }) =>
    () =>
      query.startMs / 1000,
  end:
    ({ query }) =>
    () =>
      query.endMs / 1000,
  step:
    ({ query }) =>
    () =>
      query.stepMs / 1000,
  range:
    ({ query }) =>
    () =>
      (query.endMs - query.startMs) / 1000,
  min_of:
    (_, [a, b]) =>
    (k) =>
      Math.min(a![k]!, b![k]!),
  max_of:
    (_, [a, b]) =>
    (k) =>
      Math.max(a![k]!, b![k]!),
};

export const scalarCall = (context: Context, { func, args }: Call): Float64Array => {
  const { steps } = context.grid;
  if (func === "scalar") return scalarFromVector(context, args[0]!);
  const make = SCALAR_FUNCTIONS[func];
  if (make === undefined) throw new Error(`no scalar function ${func}`);
  const at = make(
    context,
    args.map((arg) => context.evaluator.scalar(context, arg)),
  );
  const values = new Float64Array(steps);
  for (let k = 0; k < steps; k++) values[k] = at(k);
  return values;
};

const scalarFromVector = (context: Context, arg: Expr): Float64Array => {
  const { steps } = context.grid;
  const values = new Float64Array(steps).fill(NaN);
  const counts = new Uint32Array(steps);
  context.evaluator.rows(context, arg, (row) => {
    for (let k = 0; k < steps; k++) {
      if (row.present[k] === 0) continue;
      values[k] = counts[k]!++ === 0 ? row.values[k]! : NaN;
    }
  });
  return values;
};

export const callRows = (context: Context, call: Call, sink: Sink): void => {
  const { func, args } = call;
  const apply = VALUE_FUNCTIONS[func];
  if (apply !== undefined) valueRows(context, call, apply, sink);
  else if (RANGE_FUNCTIONS[func] !== undefined) overRange(context, call, sink);
  else if (DATE_FUNCTIONS[func] !== undefined) dateRows(context, call, sink);
  else if (func === "timestamp") timestampRows(context, args[0]!, sink);
  else vectorRows(context, call, sink);
};

const valueRows = (
  context: Context,
  { func, args }: Call,
  apply: (value: number, a: number, b: number) => number,
  sink: Sink,
): void => {
  const [first, second] = args.slice(1).map((arg) => context.evaluator.scalar(context, arg));
  const fallback = func === "round" ? 1 : 0;
  context.evaluator.rows(context, args[0]!, (row) => {
    let any = false;
    row.dropName = true;
    for (let k = 0; k < row.values.length; k++) {
      if (row.present[k] === 0) continue;
      const a = first?.[k] ?? fallback;
      const b = second?.[k] ?? 0;
      // A clamp between impossible bounds has no answer.
      if (func === "clamp" && a > b) row.present[k] = 0;
      else any = true;
      row.values[k] = apply(row.values[k]!, a, b);
    }
    if (any) sink(row);
  });
};

const dateRows = (context: Context, { func, args }: Call, sink: Sink): void => {
  const apply = DATE_FUNCTIONS[func]!;
  const change = (row: Row): void => {
    for (let k = 0; k < row.values.length; k++) row.values[k] = apply(row.values[k]!);
    row.dropName = true;
    sink(row);
  };
  if (args[0] !== undefined) {
    context.evaluator.rows(context, args[0], change);
    return;
  }
  change(constantRow(context, (k) => timeAt(context.grid, k) / 1000));
};

const constantRow = ({ grid }: Context, valueAt: (step: number) => number): Row => {
  const row = newRow([], grid.steps);
  for (let k = 0; k < grid.steps; k++) {
    row.values[k] = valueAt(k);
    row.present[k] = 1;
  }
  return row;
};

/** Of a selector: when its samples were taken. Of anything else: the evaluation time. */
const timestampRows = (context: Context, arg: Expr, sink: Sink): void => {
  const inner = unwrap(arg);
  if (inner.kind === "selector") {
    selectorRows(context, inner, sink, true);
    return;
  }
  context.evaluator.rows(context, inner, (row) => {
    for (let k = 0; k < row.values.length; k++) row.values[k] = timeAt(context.grid, k) / 1000;
    row.dropName = true;
    sink(row);
  });
};

const isRange = (arg: Expr): boolean => typeOf(arg) === "matrix";

const overRange = (context: Context, { func, args }: Call, sink: Sink): void => {
  const matrix = unwrap(args.find(isRange)!);
  const params = args
    .filter((arg) => !isRange(arg))
    .map((arg) => context.evaluator.scalar(context, arg));
  const call: RangeCall = { func, params };
  if (func !== "absent_over_time") {
    eachRange(context, call, matrix, sink);
    return;
  }
  absentRow(context, matrix, sink, (each) => eachRange(context, call, matrix, each));
};

const eachRange = (context: Context, call: RangeCall, matrix: Expr, sink: Sink): void => {
  if (matrix.kind === "matrix") {
    rangeRows(context, call, matrix, sink);
    return;
  }
  const subquery = matrix as Subquery;
  subqueryRows(context, call, subquery, context.evaluator.subquery(context, subquery), sink);
};

/** One sample, 1, at each step where there is none; its labels are what the selector fixed. */
const absentRow = (context: Context, arg: Expr, sink: Sink, each: (sink: Sink) => void): void => {
  const row = constantRow(context, () => 1);
  row.labels = labelsOfAbsent(arg);
  row.dropName = true;
  each((there) => {
    for (let k = 0; k < there.present.length; k++) if (there.present[k] !== 0) row.present[k] = 0;
  });
  if (row.present.includes(1)) sink(row);
};

const labelsOfAbsent = (arg: Expr): Labels => {
  const inner = unwrap(arg);
  const selector = inner.kind === "matrix" ? inner.selector : inner;
  if (selector.kind !== "selector") return [];
  const labels = new Map<string, string>();
  const seen = new Set<string>([METRIC_NAME]);
  // In their order, as Prometheus does it: an equality after another matcher still counts.
  for (const { name, op, value } of selector.matchers) {
    if (op !== "=" || seen.has(name)) labels.delete(name);
    else {
      labels.set(name, value);
      seen.add(name);
    }
  }
  return [...labels].filter(([, value]) => value !== "").sort(([a], [b]) => (a < b ? -1 : 1));
};

const vectorRows = (context: Context, { func, args }: Call, sink: Sink): void => {
  const all = (result: Iterable<Row>): void => {
    for (const row of result) sink(row);
  };
  switch (func) {
    case "vector": {
      const values = context.evaluator.scalar(context, args[0]!);
      sink(constantRow(context, (k) => values[k]!));
      return;
    }
    case "absent":
      absentRow(context, args[0]!, sink, (each) => context.evaluator.rows(context, args[0]!, each));
      return;
    case "sort":
    case "sort_desc":
      all(sorted(context, context.evaluator.frame(context, args[0]!), func === "sort" ? 1 : -1));
      return;
    case "sort_by_label":
    case "sort_by_label_desc": {
      const sign = func === "sort_by_label" ? 1 : -1;
      all(
        sortByLabels(context.evaluator.frame(context, args[0]!), args.slice(1).map(stringOf), sign),
      );
      return;
    }
    case "label_replace":
      all(replaceLabels(context.evaluator.frame(context, args[0]!), args.slice(1).map(stringOf)));
      return;
    case "label_join":
      all(joinLabels(context.evaluator.frame(context, args[0]!), args.slice(1).map(stringOf)));
      return;
    case "histogram_quantile":
      all(
        quantileRows(
          context,
          context.evaluator.scalar(context, args[0]!),
          context.evaluator.frame(context, args[1]!),
        ),
      );
      return;
    case "histogram_quantiles": {
      const phis = args.slice(2).map((arg) => context.evaluator.scalar(context, arg));
      const buckets = context.evaluator.frame(context, args[0]!);
      all(quantilesRows(context, stringOf(args[1]!), phis, buckets));
      return;
    }
    case "histogram_avg":
    case "histogram_count":
    case "histogram_stddev":
    case "histogram_stdvar":
    case "histogram_sum":
      // They speak of native histograms, which no series holds yet: floats are passed over.
      return;
    case "histogram_fraction": {
      const bounds = [
        context.evaluator.scalar(context, args[0]!),
        context.evaluator.scalar(context, args[1]!),
      ] as const;
      all(fractionRows(context, bounds, context.evaluator.frame(context, args[2]!)));
      return;
    }
    default:
      throw new Error(`no function ${func}`);
  }
};

/** Sorting means something at one instant only; a range is ordered by labels anyway. */
const sorted = ({ grid }: Context, all: Row[], sign: number): Row[] => {
  if (grid.steps !== 1) return all;
  const compare = (a: number, b: number): number => {
    if (a !== a || b !== b) return (a !== a ? 1 : 0) - (b !== b ? 1 : 0);
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  };
  return all.sort((a, b) => compare(a.values[0]!, b.values[0]!));
};
