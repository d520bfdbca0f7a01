/**
 * Quantiles and fractions of classic histograms: series of cumulative counts with a label `le`.
 *
 * Shape:  rows that differ in `le` only are one histogram; at each step its buckets are those
 *         rows that are there.
 * Source: Prometheus 3.x: linear inside a bucket, the highest finite bound for what lies above,
 *         counts that fall back are lifted, equal bounds are added.
 */
import type { Labels } from "../series.ts";
import { labelValue } from "../series.ts";
import { type Context, work } from "./context.ts";
import { EvalError } from "./fault.ts";
import { formatFloat } from "./print.ts";
import { keyIgnoring, newRow, type Row, withLabel, withoutLabels } from "./row.ts";

const BUCKET_LABEL = "le";
/** Relative difference that summing floats in another order can make. */
const SMALL_DELTA = 1e-12;

type Histogram = {
  readonly labels: Labels;
  /** Ascending by bound. */
  readonly buckets: { readonly bound: number; readonly row: Row }[];
};
/** Parallel arrays, so that 2,400 buckets cost no objects per step. */
type Buckets = { readonly bounds: Float64Array; readonly counts: Float64Array; length: number };

const FLOAT = /^[+-]?(?:inf(?:inity)?|nan|(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i;
const parseBound = (text: string): number | undefined => {
  if (!FLOAT.test(text)) return undefined;
  if (/inf/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  return Number(text);
};

const histogramsOf = (rows: readonly Row[]): Histogram[] => {
  const found = new Map<string, Histogram>();
  for (const row of rows) {
    const bound = parseBound(labelValue(row.labels, BUCKET_LABEL));
    if (bound === undefined) continue;
    const key = keyIgnoring(row.labels, [BUCKET_LABEL]);
    let histogram = found.get(key);
    if (histogram === undefined) {
      histogram = { labels: withoutLabels(row.labels, [BUCKET_LABEL]), buckets: [] };
      found.set(key, histogram);
    }
    histogram.buckets.push({ bound, row });
  }
  for (const { buckets } of found.values()) buckets.sort((a, b) => a.bound - b.bound);
  return [...found.values()];
};

/** The buckets of one step; equal bounds are one bucket. */
const gather = ({ buckets }: Histogram, step: number, into: Buckets): void => {
  const { bounds, counts } = into;
  into.length = 0;
  for (const { bound, row } of buckets) {
    if (row.present[step] === 0) continue;
    const last = into.length - 1;
    if (last >= 0 && bounds[last] === bound) {
      counts[last]! += row.values[step]!;
      continue;
    }
    bounds[into.length] = bound;
    counts[into.length++] = row.values[step]!;
  }
};

const eachStep = function* (
  context: Context,
  rows: readonly Row[],
  answer: (buckets: Buckets, step: number) => number,
): Iterable<Row> {
  const { grid } = context;
  for (const histogram of histogramsOf(rows)) {
    const size = histogram.buckets.length;
    const buckets: Buckets = {
      bounds: new Float64Array(size),
      counts: new Float64Array(size),
      length: 0,
    };
    const row = newRow(histogram.labels, grid.steps, true);
    for (let k = 0; k < grid.steps; k++) {
      work(context, size);
      gather(histogram, k, buckets);
      if (buckets.length === 0) continue;
      row.values[k] = answer(buckets, k);
      row.present[k] = 1;
    }
    yield row;
  }
};

export const quantileRows = (
  context: Context,
  phi: Float64Array,
  rows: readonly Row[],
): Iterable<Row> => eachStep(context, rows, (buckets, k) => bucketQuantile(phi[k]!, buckets));

/** Several quantiles at once, told apart by a label that must not be there yet. */
export const quantilesRows = function* (
  context: Context,
  label: string,
  phis: readonly Float64Array[],
  rows: readonly Row[],
): Iterable<Row> {
  for (const { labels } of rows) {
    if (labelValue(labels, label) === "") continue;
    throw new EvalError("type", `histogram_quantiles: label ${label} is there already`);
  }
  for (const phi of phis) {
    for (const value of new Set(phi)) {
      // A quantile that changes from step to step makes a series for each of its values.
      const there = phi.map((other) => (Object.is(other, value) ? 1 : 0));
      for (const row of quantileRows(context, phi, rows)) {
        row.labels = withLabel(row.labels, label, formatFloat(value));
        for (let k = 0; k < there.length; k++) row.present[k]! &= there[k]!;
        yield row;
      }
    }
  }
};

export const fractionRows = (
  context: Context,
  [lower, upper]: readonly [Float64Array, Float64Array],
  rows: readonly Row[],
): Iterable<Row> =>
  eachStep(context, rows, (buckets, k) => bucketFraction(lower[k]!, upper[k]!, buckets));

/** Cumulative counts never fall: noise is flattened, and a real fall is lifted as well. */
const makeMonotonic = ({ counts, length }: Buckets): void => {
  let before = counts[0]!;
  for (let i = 1; i < length; i++) {
    const count = counts[i]!;
    const close = Math.abs(count - before) < SMALL_DELTA * (Math.abs(count) + Math.abs(before));
    if (count < before || close) counts[i] = before;
    else before = count;
  }
};

const bucketQuantile = (phi: number, buckets: Buckets): number => {
  const { bounds, counts, length } = buckets;
  if (phi !== phi) return NaN;
  if (phi < 0) return -Infinity;
  if (phi > 1) return Infinity;
  if (bounds[length - 1] !== Infinity || length < 2) return NaN;
  makeMonotonic(buckets);
  const total = counts[length - 1]!;
  if (total === 0 || total !== total) return NaN;
  let rank = phi * total;
  let at = 0;
  while (at < length - 1 && !(counts[at]! >= rank)) at++;
  if (at === length - 1) return bounds[length - 2]!;
  if (at === 0 && bounds[0]! <= 0) return bounds[0]!;
  let from = 0;
  let count = counts[at]!;
  if (at > 0) {
    from = bounds[at - 1]!;
    count -= counts[at - 1]!;
    rank -= counts[at - 1]!;
  }
  return from + (bounds[at]! - from) * (rank / count);
};

const bucketFraction = (lower: number, upper: number, buckets: Buckets): number => {
  const { bounds, counts, length } = buckets;
  if (bounds[length - 1] !== Infinity) return NaN;
  makeMonotonic(buckets);
  const total = counts[length - 1]!;
  if (total === 0 || total !== total || lower !== lower || upper !== upper) return NaN;
  if (lower >= upper) return 0;
  return (countBelow(upper, buckets) - countBelow(lower, buckets)) / total;
};

/** Observations up to a value; nothing is known inside a bucket of infinite width. */
const countBelow = (value: number, { bounds, counts, length }: Buckets): number => {
  for (let i = 0; i < length; i++) {
    const to = bounds[i]!;
    const before = i === 0 ? 0 : counts[i - 1]!;
    const from = i > 0 ? bounds[i - 1]! : to > 0 ? Math.min(0, value) : -Infinity;
    if (value <= from) return before;
    if (value >= to) continue;
    if (from === -Infinity) return counts[i]!;
    if (to === Infinity) return before;
    return before + ((counts[i]! - before) * (value - from)) / (to - from);
  }
  return counts[length - 1]!;
};
