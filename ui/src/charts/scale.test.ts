import * as fc from "fast-check";
import { expect, test } from "vitest";
import { scaleFor } from "./scale.ts";

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
