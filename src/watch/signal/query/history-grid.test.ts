import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isByStore, newGridRows, partOf, slicesOf, spanOf, stepsAhead } from "./history-grid.ts";
import type { RangeGrid } from "../promql/grid.ts";
import { writeStale } from "../series.ts";

const HOUR_MS = 3_600_000;
const SLICE_SAMPLES = 3_000_000;
const T0_MS = 480_000 * HOUR_MS;

const call = (more: Partial<RangeGrid> = {}): RangeGrid => ({
  ...{ func: "rate", matchers: [], rangeMs: 300_000 },
  ...{ firstMs: T0_MS, strideMs: 60_000, steps: 361 },
  ...more,
});

describe("how much of a grid is computed ahead", () => {
  const seamMs = T0_MS + 5 * HOUR_MS;
  test.each([
    ["the steps before the seam", call(), 300],
    ["none where the seam is before the grid", call({ firstMs: seamMs }), 0],
    ["all of a grid that ends before the seam", call({ steps: 100 }), 100],
    ["a selector by itself", call({ func: "newest" }), 300],
    ["a function only we know", call({ func: "deriv" }), 300],
    ["none for a function with arguments", call({ func: "predict_linear" }), 0],
    ["none where history is short", call({ steps: 50 }), 0],
    ["none at one pinned instant", call({ strideMs: 0 }), 0],
    ["none for an instant query", call({ steps: 1 }), 0],
    ["none off whole milliseconds", call({ firstMs: T0_MS + 0.5 }), 0],
  ])("%s", (_, one, wanted) => {
    expect(stepsAhead(one, seamMs, T0_MS - HOUR_MS)).toBe(wanted);
  });

  test("nothing is ahead where the store has nothing, or nothing so old", () => {
    expect(stepsAhead(call(), seamMs, null)).toBe(0);
    expect(stepsAhead(call(), seamMs, seamMs - HOUR_MS / 2)).toBe(0);
  });

  test("parts of ranges that overlap too much are not the store's", () => {
    expect(isByStore(call({ func: "avg_over_time", rangeMs: 3_600_000 }))).toBe(true);
    expect(isByStore(call({ func: "avg_over_time", rangeMs: 3_660_000 }))).toBe(false);
  });
});

describe("slices", () => {
  const perHour = (samples: number) =>
    new Map(Array.from({ length: 200 }, (_, i) => [T0_MS / HOUR_MS - 20 + i, samples]));

  test("law: every step of every series is in one slice, and a slice reads a bounded number", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 2, max: 300 }),
        fc.constantFrom(15_000, 300_000, 3_600_000, 7_200_000),
        fc.constantFrom(60_000, 3_600_000, 40_000_000),
        fc.integer({ min: 1, max: 2_000_000 }),
        (series, steps, strideMs, rangeMs, samples) => {
          const one = call({ steps, strideMs, rangeMs });
          fc.pre(steps * strideMs < 170 * HOUR_MS);
          fc.pre((samples * (steps * strideMs + 4 * rangeMs)) / HOUR_MS < 1e8);
          // Of one series several ranges fit, as they do up to hundreds of samples a second.
          fc.pre((samples * rangeMs) / HOUR_MS / series < SLICE_SAMPLES / 4);
          const ids = Array.from({ length: series }, (_, id) => id);
          const seen = new Set<string>();
          for (const { from, to, ids: some } of slicesOf(one, ids, perHour(samples))) {
            for (let step = from; step < to; step++) {
              for (const id of some) {
                expect(seen.has(`${id} ${step}`)).toBe(false);
                seen.add(`${id} ${step}`);
              }
            }
            const { fromMs, toMs } = spanOf(partOf(one, from, to));
            const share = Math.min(1, rangeMs / strideMs) * (some.length / series);
            const read = ((toMs - fromMs) / HOUR_MS) * samples * share;
            // One step is read whole, however much it is.
            expect(to - from > 1 ? read : 0).toBeLessThanOrEqual(SLICE_SAMPLES * 1.001);
          }
          expect(seen.size).toBe(series * steps);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("where a range alone is too much, series are parted", () => {
    const one = call({ steps: 2, strideMs: HOUR_MS, rangeMs: HOUR_MS });
    const slices = slicesOf(one, [1, 2, 3, 4], perHour(1.99 * SLICE_SAMPLES));
    expect(slices).toEqual([1, 2, 3, 4].map((id) => ({ from: 0, to: 2, ids: [id] })));
  });

  test("ranges that overlap are not read anew for every step", () => {
    const day = call({ steps: 1_000, strideMs: 600_000, rangeMs: 24 * HOUR_MS });
    const ids = Array.from({ length: 1_000 }, (_, id) => id);
    expect(slicesOf(day, ids, perHour(240_000)).length).toBeLessThan(50);
  });

  test("too many samples are refused with their number; control: fewer are not", () => {
    const week = call({ steps: 168, strideMs: HOUR_MS, rangeMs: HOUR_MS });
    expect(() => slicesOf(week, [1], perHour(1_300_000))).toThrow("over 200000000 samples");
    expect(slicesOf(week, [1], perHour(1_000_000)).length).toBeGreaterThan(1);
    const ours = { ...week, func: "deriv" };
    expect(() => slicesOf(ours, [1], perHour(1_000_000))).toThrow("over 50000000 samples");
  });
});

test("points become rows; a stale marker is no point, and who is unknown is passed over", () => {
  const rows = newGridRows(4, new Map([[1, [["a", "b"]] as const]]));
  const values = Float64Array.of(5, 6, 7);
  writeStale(values, 1);
  rows.put(1, { rows: 3, ids: [1, 1, 9], steps: Uint32Array.of(1, 2, 1), values });
  expect(rows.rows()).toMatchObject([
    {
      labels: [["a", "b"]],
      present: Uint8Array.of(0, 1, 0, 0),
      values: Float64Array.of(0, 5, 0, 0),
    },
  ]);
});
