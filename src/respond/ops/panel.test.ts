import fc from "fast-check";
import { expect, test } from "vitest";
import { fillGaps, stepFor } from "./panel.ts";

test("a step without a measurement is a gap, and so is NaN", () => {
  const samples = new Map([
    [0, 1],
    [2_000, Number.NaN],
  ]);
  expect(fillGaps(samples, { startMs: 0, endMs: 3_000, stepMs: 1_000 })).toEqual([
    [0, 1],
    [1_000, null],
    [2_000, null],
    [3_000, null],
  ]);
});

test("law: a chart never has more than 301 points, and its step is whole seconds", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 31 * 86_400_000 }), (rangeMs) => {
      const step = stepFor(0, rangeMs);
      expect(step % 1_000).toBe(0);
      expect(rangeMs / step).toBeLessThanOrEqual(301);
    }),
  );
});
