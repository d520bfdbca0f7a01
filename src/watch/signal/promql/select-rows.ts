/**
 * Rows from selectors and from range functions over selectors and subqueries.
 *
 * Shape:  each series is read once for the whole grid; two indices slide along its samples.
 *         Step k sees the newest sample in (t - lookback, t], or the samples in (t - range, t].
 */
import { isStaleAt, type Labels, newSampleBuffer, type SampleBuffer } from "../series.ts";
import type { MatrixSelector, Selector, Subquery } from "./ast.ts";
import {
  type Computed,
  type Context,
  liveSamplesOf,
  load,
  samplesOf,
  spend,
  withoutStale,
  work,
} from "./context.ts";
import {
  type Grid,
  gridFrom,
  NEWEST,
  type RangeGrid,
  rangeGridOf,
  type References,
  referencesOf,
  selectionOf,
  timeAt,
} from "./grid.ts";
import { fillRate, type RateMode, RATE_MODES } from "./rate-row.ts";
import { KEEPS_NAME, type Range, type RangeFunction, RANGE_FUNCTIONS } from "./ranges.ts";
import { labelsKey, newRow, type Row, type Sink } from "./row.ts";
import { SLIDING } from "./sliding.ts";

/** `ofTime`: the samples' timestamps in seconds instead of their values, as `timestamp` wants. */
export const selectorRows = (
  context: Context,
  selector: Selector,
  sink: Sink,
  ofTime = false,
): void => {
  const { grid, query, limits } = context;
  const newest = { selector, rangeMs: limits.lookbackMs };
  const computed = ofTime ? undefined : limits.computed(rangeGridOf(NEWEST, newest, grid, query));
  if (computed !== undefined) {
    rowsAfter(context, computed, false, sink, (tail, each) => selectorRows(tail, selector, each));
    return;
  }
  const references = referencesOf(selector, grid, query);
  const row = newRow([], grid.steps);
  for (const series of load(context, selectionOf(selector, grid, query, limits.lookbackMs))) {
    const samples = samplesOf(context, series);
    row.labels = series.labels;
    row.dropName = ofTime;
    if (fillNewest(row, samples, references, limits.lookbackMs, ofTime)) sink(row);
  }
};

const fillNewest = (
  { values, present }: Row,
  samples: SampleBuffer,
  { firstMs, strideMs }: References,
  lookbackMs: number,
  ofTime: boolean,
): boolean => {
  const { timestamps, values: vs, length } = samples;
  const steps = values.length;
  let next = 0;
  let any = false;
  for (let k = 0; k < steps; k++) {
    const atMs = firstMs + k * strideMs;
    while (next < length && timestamps[next]! <= atMs) next++;
    const last = next - 1;
    present[k] = 0;
    if (last < 0 || timestamps[last]! <= atMs - lookbackMs) continue;
    const value = vs[last]!;
    if (value !== value && isStaleAt(vs, last)) continue;
    values[k] = ofTime ? timestamps[last]! / 1000 : value;
    present[k] = 1;
    any = true;
  }
  return any;
};

export type RangeCall = {
  readonly func: string;
  /** Scalar arguments, one value a step each. */
  readonly params: readonly Float64Array[];
};

export const rangeRows = (
  context: Context,
  call: RangeCall,
  selector: MatrixSelector,
  sink: Sink,
): void => {
  const { grid, query } = context;
  const dropName = !KEEPS_NAME.has(call.func);
  const computed = context.limits.computed(rangeGridOf(call.func, selector, grid, query));
  if (computed !== undefined) {
    rowsAfter(context, computed, dropName, sink, (tail, each) =>
      rangeRows(tail, call, selector, each),
    );
    return;
  }
  const references = referencesOf(selector.selector, grid, query);
  const selection = selectionOf(selector.selector, grid, query, selector.rangeMs);
  const fill = filler(call, references, selector.rangeMs, grid, (amount) => work(context, amount));
  const row = newRow([], grid.steps);
  for (const series of load(context, selection)) {
    const samples = liveSamplesOf(context, series);
    row.labels = series.labels;
    row.dropName = dropName;
    if (fill(row, samples)) sink(row);
  }
};

/** Steps that were computed elsewhere, and after them those that are computed here. */
const rowsAfter = (
  context: Context,
  computed: Computed,
  dropName: boolean,
  sink: Sink,
  rowsOf: (tail: Context, sink: Sink) => void,
): void => {
  const from = computed.steps;
  const rest = new Map(computed.rows.map((row) => [labelsKey(row.labels), row]));
  const row = newRow([], context.grid.steps);
  const fillHead = (labels: Labels): void => {
    const key = labelsKey(labels);
    const head = rest.get(key);
    rest.delete(key);
    row.labels = labels;
    row.dropName = dropName;
    row.present.fill(0);
    if (head === undefined) return;
    spend(context, from);
    row.values.set(head.values);
    row.present.set(head.present);
  };
  const tail: Context = {
    ...context,
    grid: gridFrom(context.grid, from),
    limits: { ...context.limits, computed: () => undefined },
  };
  rowsOf(tail, ({ labels, values, present }) => {
    fillHead(labels);
    row.values.set(values, from);
    row.present.set(present, from);
    sink(row);
  });
  for (const { labels } of [...rest.values()]) {
    fillHead(labels);
    sink(row);
  }
};

/** One series on a grid, outside of an evaluation. Ranges do not see stale markers. */
export const rangeRow = (call: RangeGrid, labels: Labels, samples: SampleBuffer): Row => {
  const row = newRow(labels, call.steps);
  if (call.func === NEWEST) {
    fillNewest(row, samples, call, call.rangeMs, false);
    return row;
  }
  const grid = { startMs: call.firstMs, stepMs: call.strideMs, steps: call.steps };
  const fill = filler({ func: call.func, params: [] }, call, call.rangeMs, grid, () => undefined);
  fill(row, withoutStale(newSampleBuffer(), samples));
  return row;
};

/** A subquery's rows come with their inner grid; where a row has samples they are its series. */
export const subqueryRows = (
  context: Context,
  call: RangeCall,
  subquery: Subquery,
  inner: { readonly rows: readonly Row[]; readonly context: Context },
  sink: Sink,
): void => {
  const { grid, query } = context;
  const references = referencesOf(subquery, grid, query);
  const fill = filler(call, references, subquery.rangeMs, grid, (amount) => work(context, amount));
  const row = newRow([], grid.steps);
  for (const source of inner.rows) {
    const samples = samplesOfRow(inner.context, source);
    spend(context, samples.length);
    row.labels = source.labels;
    row.dropName = source.dropName || !KEEPS_NAME.has(call.func);
    if (fill(row, samples)) sink(row);
  }
};

export const samplesOfRow = ({ grid }: Context, row: Row): SampleBuffer => {
  const timestamps = new Float64Array(grid.steps);
  const values = new Float64Array(grid.steps);
  let length = 0;
  for (let k = 0; k < grid.steps; k++) {
    if (row.present[k] === 0) continue;
    timestamps[length] = timeAt(grid, k);
    values[length++] = row.values[k]!;
  }
  return { timestamps, values, length };
};

type Fill = (row: Row, samples: SampleBuffer) => boolean;

const filler = (
  call: RangeCall,
  references: References,
  rangeMs: number,
  grid: Grid,
  worked: (amount: number) => void,
): Fill => {
  const mode: RateMode | undefined = RATE_MODES[call.func];
  if (mode !== undefined && references.strideMs > 0) {
    return (row, samples) => fillRate(row, samples, references, rangeMs, mode);
  }
  const sliding = SLIDING[call.func];
  if (sliding !== undefined && references.strideMs > 0 && references.strideMs < rangeMs) {
    return (row, samples) => sliding(row, samples, references, rangeMs);
  }
  const apply = RANGE_FUNCTIONS[call.func];
  if (apply === undefined) throw new Error(`no range function ${call.func}`);
  const each = { ...references, rangeMs, grid, worked };
  return (row, samples) => fillRange(call, apply, each, row, samples);
};

type Ranges = References & {
  readonly rangeMs: number;
  readonly grid: Grid;
  readonly worked: (amount: number) => void;
};

const fillRange = (
  call: RangeCall,
  apply: RangeFunction,
  { firstMs, strideMs, rangeMs, grid, worked }: Ranges,
  { values, present }: Row,
  { timestamps, values: vs, length }: SampleBuffer,
): boolean => {
  const params = call.params.map(() => 0);
  const range: Range = {
    ts: timestamps,
    vs,
    lo: 0,
    hi: 0,
    evalMs: 0,
    startMs: 0,
    endMs: 0,
    params,
    none: false,
  };
  let lo = 0;
  let hi = 0;
  let any = false;
  for (let k = 0; k < grid.steps; k++) {
    const endMs = firstMs + k * strideMs;
    const startMs = endMs - rangeMs;
    while (hi < length && timestamps[hi]! <= endMs) hi++;
    while (lo < hi && timestamps[lo]! <= startMs) lo++;
    present[k] = 0;
    if (lo === hi) continue;
    worked(hi - lo);
    range.lo = lo;
    range.hi = hi;
    range.startMs = startMs;
    range.endMs = endMs;
    range.evalMs = timeAt(grid, k);
    range.none = false;
    for (let p = 0; p < params.length; p++) params[p] = call.params[p]![k]!;
    const value = apply(range);
    if (range.none) continue;
    values[k] = value;
    present[k] = 1;
    any = true;
  }
  return any;
};
