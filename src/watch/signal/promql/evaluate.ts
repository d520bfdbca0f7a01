/**
 * A checked expression and a source of series to a value: synchronous and pure.
 *
 * Shape:  `evaluateInstant` gives a scalar, string, vector or matrix; `evaluateRange` a matrix.
 *         Vector nodes push rows (row.ts); scalars are one number per step.
 * Units:  ms for instants; values as the series have them.
 * Errors: an `EvalFault` from the expression, the limits or the deadline.
 * Source: Prometheus 3.x semantics with delayed removal of metric names.
 */
import { type Result, err, ok } from "../../../kernel/result.ts";
import { compareLabels, type Labels } from "../series.ts";
import { aggregateRows } from "./aggregate.ts";
import { type Expr, unwrap } from "./ast.ts";
import { binaryRows, scalarBinary } from "./binary.ts";
import { callRows, scalarCall } from "./call.ts";
import { stringOf, typeOf } from "./check.ts";
import {
  type Context,
  type EvalLimits,
  type Evaluator,
  liveSamplesOf,
  load,
  hold,
  newContext,
  type Source,
} from "./context.ts";
import { EvalError, type EvalFault } from "./fault.ts";
import {
  DEFAULT_TIMES,
  gridOf,
  type QueryRange,
  selectionOf,
  subqueryGrid,
  timeAt,
} from "./grid.ts";
import { copyRow, dropNames, joinNameless, type Row } from "./row.ts";
import { samplesOfRow, selectorRows } from "./select-rows.ts";

export type VectorSample = { readonly labels: Labels; readonly t: number; readonly v: number };
export type MatrixSeries = {
  readonly labels: Labels;
  readonly timestamps: Float64Array;
  readonly values: Float64Array;
};
export type Value =
  | { readonly type: "scalar"; readonly t: number; readonly v: number }
  | { readonly type: "string"; readonly t: number; readonly v: string }
  | { readonly type: "vector"; readonly samples: readonly VectorSample[] }
  | { readonly type: "matrix"; readonly series: readonly MatrixSeries[] };

export const EVAL_LIMITS: EvalLimits = {
  ...DEFAULT_TIMES,
  maxSamples: 50_000_000,
  maxSeries: 100_000,
  maxResultSeries: 100_000,
  maxSteps: 11_000,
  maxSubquerySteps: 1_000_000,
  maxBytes: 2 ** 30,
  timeoutMs: Infinity,
  computed: () => undefined,
  now: () => 0,
  saw: () => undefined,
  isStopped: () => false,
};

export const evaluateInstant = (
  expr: Expr,
  { timeMs }: { readonly timeMs: number },
  source: Source,
  limits: Partial<EvalLimits> = {},
): Result<Value, EvalFault> =>
  guarded(() => {
    const query = { startMs: timeMs, endMs: timeMs, stepMs: 0 };
    const context = newContext(EVALUATOR, gridOf(query), query, source, {
      ...EVAL_LIMITS,
      ...limits,
    });
    const type = typeOf(expr);
    switch (type) {
      case "string":
        return { type: "string", t: timeMs, v: stringOf(expr) };
      case "scalar":
        return { type: "scalar", t: timeMs, v: scalar(context, expr)[0]! };
      case "matrix":
        return { type: "matrix", series: rawMatrix(context, expr) };
      case "vector":
        return { type: "vector", samples: vectorOf(context, expr) };
      default:
        return type satisfies never;
    }
  });

export const evaluateRange = (
  expr: Expr,
  query: QueryRange,
  source: Source,
  limits: Partial<EvalLimits> = {},
): Result<Value, EvalFault> =>
  guarded(() => {
    const grid = gridOf(query);
    const context = newContext(EVALUATOR, grid, query, source, { ...EVAL_LIMITS, ...limits });
    if (query.stepMs <= 0) throw new EvalError("type", "the step must be greater than 0");
    // As Prometheus counts: steps from the first point to the last, which is one less than points.
    if (grid.steps - 1 > context.limits.maxSteps) {
      const most = context.limits.maxSteps.toLocaleString("en");
      const message =
        `exceeded maximum resolution of ${most} points per timeseries (${grid.steps}). ` +
        "Try decreasing the query resolution (?step=XX)";
      throw new EvalError("limit", message);
    }
    const type = typeOf(expr);
    if (type === "scalar") {
      const values = scalar(context, expr);
      const timestamps = values.map((_, k) => timeAt(grid, k));
      return { type: "matrix", series: [{ labels: [], timestamps, values }] };
    }
    if (type !== "vector") {
      const message = `a range query needs a scalar or an instant vector, not a ${type}`;
      throw new EvalError("type", message);
    }
    return { type: "matrix", series: seriesOf(context, dropNames(frame(context, expr))) };
  });

const bounded = <T>({ limits }: Context, series: T[]): T[] => {
  if (series.length <= limits.maxResultSeries) return series;
  const message = `the answer has ${series.length} series, at most ${limits.maxResultSeries} are allowed`;
  throw new EvalError("limit", message);
};

const guarded = (work: () => Value): Result<Value, EvalFault> => {
  try {
    return ok(work());
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    return err({ code: error.code, message: error.message });
  }
};

const vectorOf = (context: Context, expr: Expr): VectorSample[] => {
  const samples: VectorSample[] = [];
  const t = context.grid.startMs;
  for (const { labels, values, present } of dropNames(frame(context, expr))) {
    if (present[0] !== 0) samples.push({ labels, t, v: values[0]! });
  }
  return bounded(context, samples);
};

const seriesOf = (context: Context, rows: readonly Row[]): MatrixSeries[] => {
  const series: MatrixSeries[] = [];
  for (const row of rows) {
    const { timestamps, values, length } = samplesOfRow(context, row);
    if (length === 0) continue;
    series.push({
      labels: row.labels,
      timestamps: timestamps.subarray(0, length),
      values: values.subarray(0, length),
    });
  }
  return bounded(context, series).sort((a, b) => compareLabels(a.labels, b.labels));
};

/** The samples of a range selector or subquery themselves. */
const rawMatrix = (context: Context, expr: Expr): MatrixSeries[] => {
  const inner = unwrap(expr);
  const { grid, query } = context;
  if (inner.kind === "subquery") {
    const { rows, context: within } = subquery(context, inner);
    return seriesOf(within, dropNames([...rows]));
  }
  if (inner.kind !== "matrix") throw new Error(`${inner.kind} is no range vector`);
  const series: MatrixSeries[] = [];
  for (const data of load(context, selectionOf(inner.selector, grid, query, inner.rangeMs))) {
    const { timestamps, values, length } = liveSamplesOf(context, data);
    if (length === 0) continue;
    hold(context, length);
    series.push({
      labels: data.labels,
      timestamps: timestamps.slice(0, length),
      values: values.slice(0, length),
    });
  }
  return bounded(context, series).sort((a, b) => compareLabels(a.labels, b.labels));
};

const rows: Evaluator["rows"] = (context, expr, sink) => {
  if (expr.kind === "paren") rows(context, expr.expr, sink);
  else if (expr.kind === "selector") selectorRows(context, expr, sink);
  else if (expr.kind === "call") callRows(context, expr, sink);
  else if (expr.kind === "aggregate") aggregateRows(context, expr, sink);
  else if (expr.kind === "binary") binaryRows(context, expr, sink);
  else if (expr.kind === "unary") {
    rows(context, expr.expr, expr.op === "+" ? sink : (row) => sink(negated(row)));
  } else throw new Error(`${expr.kind} is no instant vector`);
};

const negated = (row: Row): Row => {
  row.dropName = true;
  for (let k = 0; k < row.values.length; k++) row.values[k] = -row.values[k]!;
  return row;
};

const frame: Evaluator["frame"] = (context, expr) => {
  const all: Row[] = [];
  rows(context, expr, (row) => {
    hold(context, context.grid.steps);
    all.push(copyRow(row));
  });
  return all;
};

/** On a grid of its own; a scalar counts as a vector of one series without labels. */
const subquery: Evaluator["subquery"] = (context, expr) => {
  const { defaultStepMs, maxSubquerySteps } = context.limits;
  const grid = subqueryGrid(expr, context.grid, context.query, defaultStepMs);
  if (grid.steps > maxSubquerySteps) {
    const message = `a subquery has ${grid.steps} steps, at most ${maxSubquerySteps} are allowed`;
    throw new EvalError("limit", message);
  }
  const inner = { ...context, grid };
  if (grid.steps === 0) return { rows: [], context: inner };
  if (typeOf(expr.expr) === "vector") {
    return { rows: joinNameless(frame(inner, expr.expr)), context: inner };
  }
  const values = scalar(inner, expr.expr);
  const present = new Uint8Array(grid.steps).fill(1);
  return { rows: [{ labels: [], dropName: false, values, present }], context: inner };
};

const scalar: Evaluator["scalar"] = (context, expr) => {
  if (expr.kind === "number") return new Float64Array(context.grid.steps).fill(expr.value);
  if (expr.kind === "paren") return scalar(context, expr.expr);
  if (expr.kind === "binary") return scalarBinary(context, expr);
  if (expr.kind === "call") return scalarCall(context, expr);
  if (expr.kind !== "unary") throw new Error(`${expr.kind} is no scalar`);
  const values = scalar(context, expr.expr);
  return expr.op === "+" ? values : values.map((value) => -value);
};

const EVALUATOR: Evaluator = { rows, frame, scalar, subquery };
