import * as fc from "fast-check";
import { expect, test } from "vitest";
import { axisFormat, measure, UNITS, type Unit } from "./unit.ts";

const N = "\u00A0";
const T = "\u202F";

test.each<readonly [number, Unit, string]>([
  [0.0042, "s", `4,2${N}ms`],
  [0.000_042, "s", `42${N}µs`],
  [1.5, "s", `1,5${N}s`],
  [90, "s", `90${N}s`],
  [150, "s", `2,5${N}min`],
  [10_800, "s", `3${N}h`],
  [259_200, "s", `3${N}j`],
  [1_240, "ms", `1,24${N}s`],
  [96.44, "ms", `96,4${N}ms`],
  [0.25, "ms", `250${N}µs`],
  [0, "s", `0${N}s`],
  [0, "ms", `0${N}ms`],
  [1_023, "By", `1${T}023${N}o`],
  [1_536, "By", `1,5${N}Kio`],
  [8_589_934_592, "By", `8${N}Gio`],
  [2_097_152, "By/s", `2${N}Mio/s`],
  [12_500_000, "bit/s", `12,5${N}Mbit/s`],
  [0.0062, "ratio", `0,62${N}%`],
  [42, "percent", `42${N}%`],
  [12.34, "req/s", `12,3${N}req/s`],
  [0.5, "1/s", `0,5${N}/s`],
  [0.004, "req/s", `<${N}0,01${N}req/s`],
  [1_234_567, "number", `1${T}234${T}567`],
  [0.001_234, "number", "0,00123"],
  [Number.POSITIVE_INFINITY, "s", "+∞"],
  [Number.NaN, "By", "–"],
])("French writes %d %s as « %s »", (value, unit, expected) => {
  expect(measure("fr", value, unit)).toBe(expected);
});

test("English counts bytes by the same 1,024 and says so", () => {
  expect(measure("en", 1_536, "By")).toBe(`1.5${N}KiB`);
  expect(measure("en", 0.0062, "ratio")).toBe("0.62%");
});

test.each<readonly [Unit, readonly number[], readonly string[]]>([
  ["s", [0, 0.25, 0.5], [`0${N}ms`, `250${N}ms`, `500${N}ms`]],
  ["ratio", [0, 0.0025, 0.005], [`0${N}%`, `0,25${N}%`, `0,5${N}%`]],
  ["By", [0, 536_870_912, 1_073_741_824], [`0${N}Gio`, `0,5${N}Gio`, `1${N}Gio`]],
  ["s", [0.0001, 0.01, 1], [`100${N}µs`, `10${N}ms`, `1${N}s`]],
  ["number", [0, 500_000, 1_000_000], ["0", `500${N}k`, `1${N}M`]],
])("the labels of an axis of %s share one multiple", (unit, ticks, expected) => {
  expect(ticks.map(axisFormat("fr", unit, ticks))).toEqual(expected);
});

test("law: whatever the value and unit, nothing a line could break at, and never « NaN »", () => {
  const values = fc.double({ noDefaultInfinity: true });
  fc.assert(
    fc.property(
      values,
      fc.constantFrom(...UNITS.filter((unit) => unit !== "instant")),
      (value, unit) => {
        const text = measure("fr", value, unit);
        expect(text).not.toMatch(/ /);
        expect(text).not.toMatch(/NaN/);
      },
    ),
  );
});

test("law: an instant is a date, or a figure where no calendar reaches", () => {
  fc.assert(
    fc.property(fc.double({ noDefaultInfinity: true }), (value) => {
      expect(measure("fr", value, "instant")).not.toMatch(/NaN|Invalid/);
    }),
  );
});
