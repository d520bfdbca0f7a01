import * as fc from "fast-check";
import { expect, test } from "vitest";
import { scaleFor, spanScale } from "./scale.ts";

test.each([
  ["nothing measured", null, null, { kind: "linear", ticks: [0, 0.005, 0.01] }],
  ["only zeros", 0, 0, { kind: "linear", ticks: [0, 0.005, 0.01] }],
  ["small shares", 0.0005, 0.0027, { kind: "linear", ticks: [0, 0.001, 0.002, 0.003] }],
  ["percentiles close together", 0.05, 0.09, { kind: "linear" }],
  ["P50 far from P99", 0.004, 0.35, { kind: "log", min: 0.002, max: 0.5 }],
  ["a zero among large values", 0, 500, { kind: "linear" }],
])("%s gets a fitting axis", (_title, min, max, expected) => {
  expect(scaleFor(min, max, 0.01)).toMatchObject(expected);
});

test("law: every value lies on the axis, and there are few ticks", () => {
  const value = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(value, value, (a, b) => {
      const [min, max] = a < b ? [a, b] : [b, a];
      const scale = scaleFor(min, max, 1);
      expect(scale.min).toBeLessThanOrEqual(min);
      expect(scale.max).toBeGreaterThanOrEqual(max * (1 - 1e-6));
      expect(scale.ticks.length).toBeGreaterThanOrEqual(2);
      expect(scale.ticks.length).toBeLessThanOrEqual(14);
    }),
  );
});

test.each([
  [0, 100, 1, [0, 25, 50, 75, 100]],
  [-3, 7, 1, [-5, -2.5, 0, 2.5, 5, 7.5]],
  [0, 3_221_225_472, 1_073_741_824, [0, 1, 2, 3].map((gib) => gib * 1_073_741_824)],
  [5, 5, 1, [0, 2, 4, 6]],
  [0, 0, 1, [0, 0.25, 0.5, 0.75, 1]],
])("an axis for %d to %d has steps round in %d", (min, max, size, ticks) => {
  expect(spanScale(min, max, size).ticks).toEqual(ticks);
});

test("movement far from zero is shown, not squashed above it", () => {
  const { min, max } = spanScale(4_000_000_000, 4_010_000_000, 1_048_576);
  expect(min).toBeGreaterThan(3_900_000_000);
  expect(max).toBeLessThan(4_100_000_000);
});
