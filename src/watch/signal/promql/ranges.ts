/**
 * Functions of a range of samples: one number, or nothing, for the samples in (from, to].
 *
 * Shape:  `ts` and `vs` hold a whole series; the range is the indices [lo, hi), never empty.
 *         A function that has no answer sets `none`.
 * Units:  ms in, seconds out where PromQL says so.
 * Source: Prometheus 3.x: extrapolation to the range's ends within 1.1 sample distances, never
 *         below zero for a counter; sums are compensated.
 */
import { type Compensated, addCompensated, meanOf } from "./kahan.ts";
import { EvalError } from "./fault.ts";
import { quantileOf } from "./quantile.ts";

export type Range = {
  ts: Float64Array;
  vs: Float64Array;
  lo: number;
  hi: number;
  /** The instant the answer is for; `@` and `offset` do not move it. */
  evalMs: number;
  startMs: number;
  endMs: number;
  /** Scalar arguments at this step. */
  params: number[];
  none: boolean;
};
export type RangeFunction = (range: Range) => number;

const none = (range: Range): number => {
  range.none = true;
  return 0;
};

const best =
  (better: (value: number, than: number) => boolean): RangeFunction =>
  ({ vs, lo, hi }) => {
    let found = vs[lo]!;
    for (let i = lo + 1; i < hi; i++) {
      const value = vs[i]!;
      if (better(value, found) || found !== found) found = value;
    }
    return found;
  };

const timeOfBest =
  (better: (value: number, than: number) => boolean): RangeFunction =>
  ({ ts, vs, lo, hi }) => {
    let at = lo;
    for (let i = lo + 1; i < hi; i++) {
      if (better(vs[i]!, vs[at]!) || vs[at]! !== vs[at]!) at = i;
    }
    return ts[at]! / 1000;
  };

const sum: RangeFunction = ({ vs, lo, hi }) => {
  const total: Compensated = { sum: 0, rest: 0 };
  for (let i = lo; i < hi; i++) addCompensated(total, vs[i]!);
  return Math.abs(total.sum) === Infinity ? total.sum : total.sum + total.rest;
};

const variance: RangeFunction = ({ vs, lo, hi }) => {
  const mean: Compensated = { sum: 0, rest: 0 };
  const squares: Compensated = { sum: 0, rest: 0 };
  for (let i = lo; i < hi; i++) {
    const value = vs[i]!;
    const delta = value - (mean.sum + mean.rest);
    addCompensated(mean, delta / (i - lo + 1));
    addCompensated(squares, delta * (value - (mean.sum + mean.rest)));
  }
  return (squares.sum + squares.rest) / (hi - lo);
};

const quantile: RangeFunction = ({ vs, lo, hi, params }) =>
  quantileOf(params[0]!, vs.slice(lo, hi));

const medianDeviation: RangeFunction = ({ vs, lo, hi }) => {
  const values = vs.slice(lo, hi);
  if (values.includes(NaN)) return NaN;
  const median = quantileOf(0.5, values);
  return quantileOf(
    0.5,
    values.map((value) => Math.abs(value - median)),
  );
};

const changes: RangeFunction = ({ vs, lo, hi }) => {
  let count = 0;
  for (let i = lo + 1; i < hi; i++) {
    const before = vs[i - 1]!;
    const value = vs[i]!;
    if (value !== before && !(value !== value && before !== before)) count++;
  }
  return count;
};

const resets: RangeFunction = ({ vs, lo, hi }) => {
  let count = 0;
  for (let i = lo + 1; i < hi; i++) if (vs[i]! < vs[i - 1]!) count++;
  return count;
};

/** From the last two samples only. */
const lastChange =
  (isRate: boolean): RangeFunction =>
  (range) => {
    const { ts, vs, lo, hi } = range;
    if (hi - lo < 2) return none(range);
    const last = vs[hi - 1]!;
    const before = vs[hi - 2]!;
    const seconds = (ts[hi - 1]! - ts[hi - 2]!) / 1000;
    if (seconds === 0) return none(range);
    if (!isRate) return last - before;
    return (last < before ? last : last - before) / seconds;
  };

type Line = { readonly slope: number; readonly intercept: number };

/** Least squares; `intercept` is the value at `atMs`. */
const regression = ({ ts, vs, lo, hi }: Range, atMs: number): Line => {
  const n = hi - lo;
  const x: Compensated = { sum: 0, rest: 0 };
  const y: Compensated = { sum: 0, rest: 0 };
  const xy: Compensated = { sum: 0, rest: 0 };
  const xx: Compensated = { sum: 0, rest: 0 };
  const first = vs[lo]!;
  let constant = true;
  for (let i = lo; i < hi; i++) {
    const value = vs[i]!;
    const seconds = (ts[i]! - atMs) / 1000;
    if (value !== first) constant = false;
    addCompensated(x, seconds);
    addCompensated(y, value);
    addCompensated(xy, seconds * value);
    addCompensated(xx, seconds * seconds);
  }
  if (constant) {
    const flat = Math.abs(first) === Infinity ? NaN : first;
    return { slope: flat === flat ? 0 : NaN, intercept: flat };
  }
  const sumX = x.sum + x.rest;
  const sumY = y.sum + y.rest;
  const covariance = xy.sum + xy.rest - (sumX * sumY) / n;
  const slope = covariance / (xx.sum + xx.rest - (sumX * sumX) / n);
  return { slope, intercept: sumY / n - (slope * sumX) / n };
};

const deriv: RangeFunction = (range) =>
  range.hi - range.lo < 2 ? none(range) : regression(range, range.ts[range.lo]!).slope;

const predictLinear: RangeFunction = (range) => {
  if (range.hi - range.lo < 2) return none(range);
  const { slope, intercept } = regression(range, range.evalMs);
  return slope * range.params[0]! + intercept;
};

const smoothing: RangeFunction = (range) => {
  const { vs, lo, hi, params } = range;
  const [level, trend] = params as [number, number];
  for (const [name, factor] of [
    ["smoothing", level],
    ["trend", trend],
  ] as const) {
    if (factor > 0 && factor < 1) continue;
    throw new EvalError("type", `invalid ${name} factor. Expected: 0 < f < 1, got: ${factor}`);
  }
  if (hi - lo < 2) return none(range);
  let before = 0;
  let smoothed = vs[lo]!;
  let slope = vs[lo + 1]! - vs[lo]!;
  for (let i = lo + 1; i < hi; i++) {
    if (i > lo + 1) slope = trend * (smoothed - before) + (1 - trend) * slope;
    const next = level * vs[i]! + (1 - level) * (smoothed + slope);
    before = smoothed;
    smoothed = next;
  }
  return smoothed;
};

/** `rate`, `increase` and `delta`, for any caller; `rate-row.ts` has the fast path of a grid. */
const extrapolated =
  (isCounter: boolean, isRate: boolean): RangeFunction =>
  (range) => {
    const { vs, lo, hi } = range;
    if (hi - lo < 2) return none(range);
    let change = vs[hi - 1]! - vs[lo]!;
    if (isCounter) {
      for (let i = lo + 1; i < hi; i++) if (vs[i]! < vs[i - 1]!) change += vs[i - 1]!;
    }
    return extrapolate(range, change, isCounter, isRate);
  };

const extrapolate = (
  { ts, vs, lo, hi, startMs, endMs }: Range,
  change: number,
  isCounter: boolean,
  isRate: boolean,
): number => {
  const sampled = (ts[hi - 1]! - ts[lo]!) / 1000;
  const distance = sampled / (hi - lo - 1);
  const threshold = distance * 1.1;
  let toStart = (ts[lo]! - startMs) / 1000;
  let toEnd = (endMs - ts[hi - 1]!) / 1000;
  if (toStart >= threshold) toStart = distance / 2;
  if (isCounter && change > 0 && vs[lo]! >= 0) {
    const toZero = sampled * (vs[lo]! / change);
    if (toZero < toStart) toStart = toZero;
  }
  if (toEnd >= threshold) toEnd = distance / 2;
  let factor = (sampled + toStart + toEnd) / sampled;
  if (isRate) factor /= (endMs - startMs) / 1000;
  return change * factor;
};

const greater = (value: number, than: number): boolean => value > than;
const less = (value: number, than: number): boolean => value < than;

export const RANGE_FUNCTIONS: Readonly<Record<string, RangeFunction>> = {
  avg_over_time: ({ vs, lo, hi }) => meanOf(vs, lo, hi),
  sum_over_time: sum,
  min_over_time: best(less),
  max_over_time: best(greater),
  count_over_time: ({ lo, hi }) => hi - lo,
  stdvar_over_time: variance,
  stddev_over_time: (range) => Math.sqrt(variance(range)),
  mad_over_time: medianDeviation,
  quantile_over_time: quantile,
  first_over_time: ({ vs, lo }) => vs[lo]!,
  last_over_time: ({ vs, hi }) => vs[hi - 1]!,
  present_over_time: () => 1,
  absent_over_time: () => 1,
  ts_of_first_over_time: ({ ts, lo }) => ts[lo]! / 1000,
  ts_of_last_over_time: ({ ts, hi }) => ts[hi - 1]! / 1000,
  ts_of_max_over_time: timeOfBest((value, than) => value >= than),
  ts_of_min_over_time: timeOfBest((value, than) => value <= than),
  rate: extrapolated(true, true),
  increase: extrapolated(true, false),
  delta: extrapolated(false, false),
  irate: lastChange(true),
  idelta: lastChange(false),
  changes,
  resets,
  deriv,
  predict_linear: predictLinear,
  double_exponential_smoothing: smoothing,
};

/** Functions whose answer is a sample of the series itself, so that it keeps its name. */
export const KEEPS_NAME: ReadonlySet<string> = new Set(["first_over_time", "last_over_time"]);
