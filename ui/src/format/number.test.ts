import * as fc from "fast-check";
import { expect, test } from "vitest";
import { comparison, figures, MISSING, number, percent, quantity } from "./number.ts";

const N = "\u00A0";
const T = "\u202F";

test.each([
  [1240, "ms", `1${T}240${N}ms`],
  [96.44, "ms", `96,4${N}ms`],
  [0.0764, "s", `76,4${N}ms`],
  [15, "minutes", `15${N}min`],
  [720, "hours", `720${N}h`],
  [0.9995, "ratio", `99,95${N}%`],
  [2.917, "quotient", "2,92:1"],
  [4.2, "score5", "4,2/5"],
  [0.5, "eur", `0,50${N}€`],
  [350, "eur", `350${N}€`],
  [10000, "count", `10${T}000`],
  [50, "nps", "50"],
  [3, "go", `3${N}go`],
])("French writes %d %s as it should be read", (value, unit, expected) => {
  expect(quantity("fr", value, unit)).toBe(expected);
});

test.each([
  [15, "minutes", `15${N}min`],
  [4, "hours", `4${N}h`],
  [0.9995, "ratio", "99.95%"],
])("English writes %d %s with the international symbol", (value, unit, expected) => {
  expect(quantity("en", value, unit)).toBe(expected);
});

test("thousands are parted by U+202F", () => {
  expect(number("fr", 1_234_567)).toBe(`1${T}234${T}567`);
});

test("missing is a dash, never 0", () => {
  expect(quantity("fr", null, "ms")).toBe(MISSING);
  expect(quantity("fr", Number.NaN, "ms")).toBe(MISSING);
});

test("a comparison keeps its sign with its figure", () => {
  expect(comparison("fr", { op: ">=", value: 0.9995 }, "ratio")).toBe(`≥${N}99,95${N}%`);
  expect(comparison("en", { op: "<", value: 100 }, "ms")).toBe(`<${N}100${N}ms`);
});

test.each([
  [">200ms", `>${N}200${N}ms`],
  ["< 99.9 %", `<${N}99,9${N}%`],
  [">=1", `≥${N}1`],
  ["<3.8/5", `<${N}3,8/5`],
  ["Temps < 200ms (P95)", `Temps <${N}200${N}ms (P95)`],
  [">3:1", `>${N}3:1`],
  ["texte libre", "texte libre"],
])("a threshold written %s is set in French", (text, expected) => {
  expect(figures("fr", text)).toBe(expected);
});

test("law: no figure holds a space at which a line could break", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(number("fr", value)).not.toMatch(/ /);
      expect(percent("fr", value)).not.toMatch(/ /);
    }),
  );
});
