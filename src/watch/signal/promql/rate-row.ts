/**
 * `rate`, `increase` and `delta` along a grid: the first and the last sample of each range, and
 * the few places where a counter fell back.
 *
 * Why:    this is what dashboards and KPIs ask for most; the cost of a step does not depend on
 *         the length of its range. `ranges.ts` says the same in general terms, and a law in
 *         `ranges.test.ts` holds the two together.
 */
import type { SampleBuffer } from "../series.ts";
import type { References } from "./grid.ts";
import type { Row } from "./row.ts";

export type RateMode = { readonly isCounter: boolean; readonly isRate: boolean };

export const RATE_MODES: Readonly<Record<string, RateMode>> = {
  rate: { isCounter: true, isRate: true },
  increase: { isCounter: true, isRate: false },
  delta: { isCounter: false, isRate: false },
};

/** Indices i with vs[i] < vs[i - 1]; reused, because most series have none. */
let falls = new Uint32Array(256);

const findFalls = (vs: Float64Array, length: number): number => {
  let count = 0;
  for (let i = 1; i < length; i++) {
    if (!(vs[i]! < vs[i - 1]!)) continue;
    if (count === falls.length) {
      const larger = new Uint32Array(count * 2);
      larger.set(falls);
      falls = larger;
    }
    falls[count++] = i;
  }
  return count;
};

export const fillRate = (
  { values, present }: Row,
  { timestamps: ts, values: vs, length }: SampleBuffer,
  { firstMs, strideMs }: References,
  rangeMs: number,
  { isCounter, isRate }: RateMode,
): boolean => {
  const fallCount = isCounter ? findFalls(vs, length) : 0;
  const perSecond = isRate ? 1000 / rangeMs : 1;
  let firstFall = 0;
  let lo = 0;
  let hi = 0;
  let any = false;
  for (let k = 0; k < values.length; k++) {
    const endMs = firstMs + k * strideMs;
    const startMs = endMs - rangeMs;
    while (hi < length && ts[hi]! <= endMs) hi++;
    while (lo < hi && ts[lo]! <= startMs) lo++;
    present[k] = 0;
    if (hi - lo < 2) continue;
    const first = vs[lo]!;
    let change = vs[hi - 1]! - first;
    while (firstFall < fallCount && falls[firstFall]! <= lo) firstFall++;
    for (let f = firstFall; f < fallCount && falls[f]! < hi; f++) change += vs[falls[f]! - 1]!;

    const sampledMs = ts[hi - 1]! - ts[lo]!;
    const distanceMs = sampledMs / (hi - lo - 1);
    const thresholdMs = distanceMs * 1.1;
    let toStartMs = ts[lo]! - startMs;
    let toEndMs = endMs - ts[hi - 1]!;
    if (toStartMs >= thresholdMs) toStartMs = distanceMs / 2;
    if (isCounter && change > 0 && first >= 0) {
      const toZeroMs = sampledMs * (first / change);
      if (toZeroMs < toStartMs) toStartMs = toZeroMs;
    }
    if (toEndMs >= thresholdMs) toEndMs = distanceMs / 2;
    values[k] = change * (((sampledMs + toStartMs + toEndMs) / sampledMs) * perSecond);
    present[k] = 1;
    any = true;
  }
  return any;
};
