/**
 * What every part of an evaluation shares: the grid, the source of series, and the budget.
 *
 * Units:  ms, bytes; work is counted in samples looked at.
 * Errors: `EvalError` "limit" when too many series or samples would be loaded, or too much memory
 *         be held; "timeout" when the deadline is past; each names its limit. "stopped" when the
 *         asker has gone. The texts begin as Prometheus' do.
 */
import type { SampleBuffer, SeriesData } from "../series.ts";
import type { Matcher } from "../matcher.ts";
import { isStaleAt, newSampleBuffer, reserve } from "../series.ts";
import type { Expr, Subquery } from "./ast.ts";
import { EvalError } from "./fault.ts";
import type { Grid, QueryRange, RangeGrid, Selection, TimeOptions } from "./grid.ts";
import type { Row, Sink } from "./row.ts";

export type Source = (
  matchers: readonly Matcher[],
  fromMs: number,
  toMs: number,
) => readonly SeriesData[];

/** The leading steps of a range function that were computed elsewhere: the store, of history. */
export type Computed = { readonly steps: number; readonly rows: readonly Row[] };

export type EvalLimits = TimeOptions & {
  readonly computed: (call: RangeGrid) => Computed | undefined;
  /** Samples read from series plus samples held in intermediate results. */
  readonly maxSamples: number;
  /** Series one selector may match. */
  readonly maxSeries: number;
  /** Series of the answer. */
  readonly maxResultSeries: number;
  readonly maxSteps: number;
  readonly maxSubquerySteps: number;
  /** Rows that are held side by side, all of the query together. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly now: () => number;
  /** Told the time of the newest sample of every series that is read. */
  readonly saw: (timeMs: number) => void;
  /** Has the asker gone? Looked at wherever the clock is. */
  readonly isStopped: () => boolean;
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
  readonly deadlineMs: number;
  readonly spent: { samples: number; work: number; bytes: number };
  readonly buffer: SampleBuffer;
};

const WORK_PER_CLOCK_READ = 100_000;
/** What a row costs beside its samples, so that many small ones come to a clock read as well. */
const ROW_WORK = 1_000;
/** A double and a mark at each step, and the row itself. */
const POINT_BYTES = 9;
const ROW_BYTES = 256;

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
  deadlineMs: limits.now() + limits.timeoutMs,
  spent: { samples: 0, work: 0, bytes: 0 },
  buffer: newSampleBuffer(),
});

export const spend = (context: Context, samples: number): void => {
  const { spent, limits } = context;
  spent.samples += samples;
  if (spent.samples > limits.maxSamples) {
    const message =
      "query processing would load too many samples into memory in query execution: " +
      `more than ${limits.maxSamples}`;
    throw new EvalError("limit", message);
  }
  work(context, samples + ROW_WORK);
};

/** Says that so much was done; now and then this looks at the clock and for the asker. */
export const work = ({ spent, limits, deadlineMs }: Context, amount: number): void => {
  spent.work += amount;
  if (spent.work < WORK_PER_CLOCK_READ) return;
  spent.work = 0;
  if (limits.isStopped()) {
    throw new EvalError("stopped", "query was canceled in expression evaluation");
  }
  if (limits.now() <= deadlineMs) return;
  const message = `query timed out in expression evaluation: more than ${limits.timeoutMs} ms`;
  throw new EvalError("timeout", message);
};

/** Says that a row of so many steps is kept. */
export const hold = (context: Context, steps: number): void => {
  const { spent, limits } = context;
  spent.bytes += steps * POINT_BYTES + ROW_BYTES;
  if (spent.bytes > limits.maxBytes) {
    const message = `query processing would hold too much memory: more than ${limits.maxBytes} bytes`;
    throw new EvalError("limit", message);
  }
  spend(context, steps);
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
  const samples = readSamples(context, series);
  const { timestamps, length } = samples;
  if (length > 0) context.limits.saw(timestamps[length - 1]!);
  spend(context, length);
  return samples;
};

const readSamples = ({ buffer }: Context, series: SeriesData): SampleBuffer => {
  if (series.readInto === undefined) {
    const { timestamps, values } = series;
    return { timestamps, values, length: values.length };
  }
  series.readInto(buffer);
  return buffer;
};

/** The same without stale markers, as ranges see it. */
export const liveSamplesOf = (context: Context, series: SeriesData): SampleBuffer => {
  const samples = samplesOf(context, series);
  const { values, length } = samples;
  for (let i = 0; i < length; i++) {
    if (values[i]! !== values[i]! && isStaleAt(values, i))
      return withoutStale(context.buffer, samples);
  }
  return samples;
};

export const withoutStale = (
  buffer: SampleBuffer,
  samples: Pick<SampleBuffer, "timestamps" | "values" | "length">,
): SampleBuffer => {
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
