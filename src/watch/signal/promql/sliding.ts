/**
 * Sums, extremes and counts over ranges that overlap from step to step: every sample is looked at
 * twice, however long the range is.
 *
 * Shape:  a range is a queue: its older part is summed up from its border backwards, one result a
 *         sample; its newer part is one running result. When the older part is used up, the border
 *         moves to the range's end. Nothing is ever taken away from a sum, so nothing is lost.
 * Why:    `ranges.ts` says the same in general terms, and a law in `sliding.test.ts` holds the
 *         two together.
 */
import type { SampleBuffer } from "../series.ts";
import type { References } from "./grid.ts";
import { addCompensated, type Compensated } from "./kahan.ts";
import { type Range, RANGE_FUNCTIONS } from "./ranges.ts";
import type { Row } from "./row.ts";

type Fill = (row: Row, samples: SampleBuffer, references: References, rangeMs: number) => boolean;

type RangeAnswer = (lo: number, hi: number) => number;

/** Results of the older part, one a sample; reused from series to series. */
let sums = new Float64Array(1024);
let rests = new Float64Array(1024);
const reserve = (length: number): void => {
  if (sums.length >= length) return;
  sums = new Float64Array(length * 2);
  rests = new Float64Array(length * 2);
};

/** Walks the ranges of a grid; where there is no sample there is no answer. */
const eachRange = (
  { values, present }: Row,
  { timestamps: ts, length }: SampleBuffer,
  { firstMs, strideMs }: References,
  rangeMs: number,
  answer: RangeAnswer,
): boolean => {
  let lo = 0;
  let hi = 0;
  let any = false;
  for (let k = 0; k < values.length; k++) {
    const endMs = firstMs + k * strideMs;
    while (hi < length && ts[hi]! <= endMs) hi++;
    while (lo < hi && ts[lo]! <= endMs - rangeMs) lo++;
    present[k] = 0;
    if (lo === hi) continue;
    values[k] = answer(lo, hi);
    present[k] = 1;
    any = true;
  }
  return any;
};

/** Sums of so large values, or of infinities, depend on the order: each range is summed apart. */
const MAX_ADDEND = 1e290;
const isAddable = ({ values: vs, length }: SampleBuffer): boolean => {
  for (let i = 0; i < length; i++) if (Math.abs(vs[i]!) > MAX_ADDEND) return false;
  return true;
};

const fillSum =
  (isMean: boolean): Fill =>
  (row, samples, references, rangeMs) =>
    eachRange(
      row,
      samples,
      references,
      rangeMs,
      isAddable(samples) ? runningSum(samples, isMean) : sumApart(samples, isMean),
    );

const sumApart = ({ values: vs, timestamps: ts }: SampleBuffer, isMean: boolean): RangeAnswer => {
  const apply = RANGE_FUNCTIONS[isMean ? "avg_over_time" : "sum_over_time"]!;
  const range: Range = {
    ...{ ts, vs, lo: 0, hi: 0, evalMs: 0, startMs: 0, endMs: 0, params: [], none: false },
  };
  return (lo, hi) => {
    range.lo = lo;
    range.hi = hi;
    return apply(range);
  };
};

const runningSum = ({ values: vs, length }: SampleBuffer, isMean: boolean): RangeAnswer => {
  const newer: Compensated = { sum: 0, rest: 0 };
  const older: Compensated = { sum: 0, rest: 0 };
  let border = 0;
  let end = 0;
  reserve(length);
  return (lo, hi) => {
    if (lo >= border) {
      older.sum = older.rest = newer.sum = newer.rest = 0;
      for (let i = hi - 1; i >= lo; i--) {
        addCompensated(older, vs[i]!);
        sums[i] = older.sum;
        rests[i] = older.rest;
      }
      border = hi;
    } else for (let i = end; i < hi; i++) addCompensated(newer, vs[i]!);
    end = hi;
    older.sum = sums[lo]!;
    older.rest = rests[lo]! + newer.rest;
    addCompensated(older, newer.sum);
    if (!isMean) return older.sum + older.rest;
    return older.sum / (hi - lo) + older.rest / (hi - lo);
  };
};

/** The earlier of two equals; NaN only where there is nothing else. */
const fillBest =
  (better: (value: number, than: number) => boolean): Fill =>
  (row, samples, references, rangeMs) => {
    const { values: vs } = samples;
    const pick = (earlier: number, later: number): number =>
      earlier !== earlier || better(later, earlier) ? later : earlier;
    let newer = NaN;
    let border = 0;
    let end = 0;
    reserve(samples.length);
    return eachRange(row, samples, references, rangeMs, (lo, hi) => {
      if (lo >= border) {
        let older = NaN;
        for (let i = hi - 1; i >= lo; i--) {
          const value = vs[i]!;
          older = better(older, value) || value !== value ? older : value;
          sums[i] = older;
        }
        border = hi;
        newer = NaN;
      } else for (let i = end; i < hi; i++) newer = pick(newer, vs[i]!);
      end = hi;
      return pick(sums[lo]!, newer);
    });
  };

/** How often a sample differs from the one before it, in the way that counts. */
const fillCount =
  (counts: (before: number, value: number) => boolean): Fill =>
  (row, samples, references, rangeMs) => {
    const { values: vs, length } = samples;
    reserve(length);
    let count = 0;
    for (let i = 0; i < length; i++) {
      if (i > 0 && counts(vs[i - 1]!, vs[i]!)) count++;
      sums[i] = count;
    }
    return eachRange(row, samples, references, rangeMs, (lo, hi) => sums[hi - 1]! - sums[lo]!);
  };

export const SLIDING: Readonly<Record<string, Fill>> = {
  sum_over_time: fillSum(false),
  avg_over_time: fillSum(true),
  min_over_time: fillBest((value, than) => value < than),
  max_over_time: fillBest((value, than) => value > than),
  changes: fillCount(
    (before, value) => value !== before && !(value !== value && before !== before),
  ),
  resets: fillCount((before, value) => value < before),
};
