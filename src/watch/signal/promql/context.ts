/**
 * What every part of an evaluation shares: the grid, the source of series, and the budget.
 *
 * Errors: `EvalError` "limit" when too many series or samples would be loaded or made, "timeout"
 *         when the deadline is past; both name the limit.
 */
import type { SampleBuffer, SeriesData } from "../series.ts";
import type { Matcher } from "../matcher.ts";
import { isStaleAt, newSampleBuffer, reserve } from "../series.ts";
import type { Expr, Subquery } from "./ast.ts";
import { EvalError } from "./fault.ts";
import type { Grid, QueryRange, Selection, TimeOptions } from "./grid.ts";
import type { Row, Sink } from "./row.ts";

export type Source = (
  matchers: readonly Matcher[],
  fromMs: number,
  toMs: number,
) => readonly SeriesData[];

export type EvalLimits = TimeOptions & {
  /** Samples read from series plus samples held in intermediate results. */
  readonly maxSamples: number;
  /** Series one selector may match. */
  readonly maxSeries: number;
  readonly maxSteps: number;
  /** On the clock that `now` reads. */
  readonly deadlineMs: number;
  readonly now: () => number;
};

/** The walk over the tree, as an argument, so that each kind of node can have a file of its own. */
export type Evaluator = {
  /** Pushes every row of a vector expression. */
  readonly rows: (context: Context, expr: Expr, sink: Sink) => void;
  /** All rows at once, for operations that need them side by side. */
  readonly frame: (context: Context, expr: Expr) => Row[];
  /** A scalar expression at every step. */
  readonly scalar: (context: Context, expr: Expr) => Float64Array;
  /** A subquery's rows and the context that has their grid. */
  readonly subquery: (context: Context, expr: Subquery) => Framed;
};
type Framed = { readonly rows: readonly Row[]; readonly context: Context };

export type Context = {
  readonly evaluator: Evaluator;
  readonly grid: Grid;
  readonly query: QueryRange;
  readonly source: Source;
  readonly limits: EvalLimits;
  readonly spent: { samples: number; rows: number };
  readonly buffer: SampleBuffer;
};

const ROWS_PER_CLOCK_READ = 64;

export const newContext = (
  evaluator: Evaluator,
  grid: Grid,
  query: QueryRange,
  source: Source,
  limits: EvalLimits,
): Context => ({
  evaluator,
  grid,
  query,
  source,
  limits,
  spent: { samples: 0, rows: 0 },
  buffer: newSampleBuffer(),
});

export const spend = (context: Context, samples: number): void => {
  const { spent, limits } = context;
  spent.samples += samples;
  if (spent.samples > limits.maxSamples) {
    const message = `the query needs more than ${limits.maxSamples} samples in memory`;
    throw new EvalError("limit", message);
  }
  if (++spent.rows % ROWS_PER_CLOCK_READ !== 0) return;
  if (limits.now() <= limits.deadlineMs) return;
  throw new EvalError("timeout", "the query took longer than it may");
};

export const load = (context: Context, selection: Selection): readonly SeriesData[] => {
  if (context.grid.steps === 0) return [];
  const { matchers, fromMs, toMs } = selection;
  const series = context.source(matchers, fromMs, toMs);
  const { maxSeries } = context.limits;
  if (series.length <= maxSeries) return series;
  const message = `a selector matches ${series.length} series, at most ${maxSeries} are allowed`;
  throw new EvalError("limit", message);
};

/** The samples of a series in the shared buffer, or its own arrays. Valid until the next call. */
export const samplesOf = (context: Context, series: SeriesData): SampleBuffer => {
  const { buffer } = context;
  if (series.readInto === undefined) {
    const { timestamps, values } = series;
    spend(context, values.length);
    return { timestamps, values, length: values.length };
  }
  series.readInto(buffer);
  spend(context, buffer.length);
  return buffer;
};

/** The same without stale markers, as ranges see it. */
export const liveSamplesOf = (context: Context, series: SeriesData): SampleBuffer => {
  const samples = samplesOf(context, series);
  const { values, length } = samples;
  for (let i = 0; i < length; i++) {
    if (values[i]! !== values[i]! && isStaleAt(values, i)) return withoutStale(context, samples);
  }
  return samples;
};

const withoutStale = ({ buffer }: Context, samples: SampleBuffer): SampleBuffer => {
  const { timestamps, values, length } = samples;
  if (samples !== buffer) reserve(buffer, length);
  let kept = 0;
  for (let i = 0; i < length; i++) {
    if (isStaleAt(values, i)) continue;
    buffer.timestamps[kept] = timestamps[i]!;
    buffer.values[kept++] = values[i]!;
  }
  buffer.length = kept;
  return buffer;
};
