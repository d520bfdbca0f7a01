/** Numbers as Go writes them: by example, and as a law against the reading back. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { sampleText, scalarText, secondsText } from "./number.ts";

test.each([
  [0, "0", "0"],
  [-0, "-0", "-0"],
  [1, "1", "1"],
  [0.1, "0.1", "0.1"],
  [-1.5, "-1.5", "-1.5"],
  [Infinity, "+Inf", "+Inf"],
  [-Infinity, "-Inf", "-Inf"],
  [Number.NaN, "NaN", "NaN"],
  [1e20, "100000000000000000000", "100000000000000000000"],
  [1e21, "1e+21", "1000000000000000000000"],
  [-1.25e21, "-1.25e+21", "-1250000000000000000000"],
  [1e100, "1e+100", `1${"0".repeat(100)}`],
  [0.000001, "0.000001", "0.000001"],
  [1e-7, "1e-07", "0.0000001"],
  [-1.5e-9, "-1.5e-09", "-0.0000000015"],
  [1e-10, "1e-10", "0.0000000001"],
  [5e-324, "5e-324", `0.${"0".repeat(323)}5`],
  [1.7976931348623157e308, "1.7976931348623157e+308", `17976931348623157${"0".repeat(292)}`],
])("%d is %s as a sample and %s as a scalar", (value, sample, scalar) => {
  expect(sampleText(value)).toBe(sample);
  expect(scalarText(value)).toBe(scalar);
});

const read = (text: string): number =>
  text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);

test("law: both texts read back as the number, and a scalar's has no exponent", () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      expect(read(sampleText(value))).toBe(value);
      expect(read(scalarText(value))).toBe(value);
      expect(scalarText(value)).toMatch(/^(?:NaN|[+-]Inf|-?\d+(?:\.\d+)?)$/);
      expect(sampleText(value)).toMatch(/^(?:NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]\d{2,3})?)$/);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  [0, "0"],
  [1_435_781_430_781, "1435781430.781"],
  [1_500, "1.5"],
  [-5_500, "-5.5"],
  [8.64e15, "8640000000000"],
])("%d ms are %s s", (ms, text) => {
  expect(secondsText(ms)).toBe(text);
});

test("law: every whole ms reads back, without an exponent", () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e14, max: 1e14 }), (ms) => {
      expect(Math.round(Number(secondsText(ms)) * 1_000)).toBe(ms);
      expect(secondsText(ms)).not.toContain("e");
    }),
  );
});
