import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Unit } from "../format/unit.ts";
import { linesOf, sharedLabels, summaryOf, without, type UnitOf } from "./lines.ts";
import { columnsOf, filterRows, rowsOf, sortRows, type Row } from "./table.ts";
import type { Result } from "./use-run.ts";

const span = { fromMs: 0, toMs: 4_000, stepMs: 1_000 };
const result = (letter: Result["letter"], count: number, more: Partial<Result> = {}): Result => ({
  letter,
  expr: `${letter}_expr`,
  isOff: false,
  fault: undefined,
  notes: [],
  series: Array.from({ length: count }, (_, i) => ({
    labels: { __name__: letter, i: String(i) },
    points: [
      [0, 1],
      [3_000, i],
    ],
  })),
  samples: undefined,
  ...more,
});
const units =
  (known: Readonly<Record<string, Unit>>): UnitOf =>
  (expr) =>
    known[expr] ?? "number";

test("a step without a sample is a gap", () => {
  const { times, series } = linesOf([result("A", 1)], span, units({}));
  expect(times).toEqual([0, 1_000, 2_000, 3_000, 4_000]);
  expect(series[0]?.values).toEqual([1, null, null, 0, null]);
});

test("two units have an axis each, three share one of plain figures", () => {
  const known = units({ A_expr: "s", B_expr: "By", C_expr: "ratio" });
  const two = linesOf([result("A", 1), result("B", 1)], span, known);
  expect(two.units).toEqual(["s", "By"]);
  expect(two.series.map(({ line }) => line.isRight)).toEqual([false, true]);
  const three = linesOf([result("A", 1), result("B", 1), result("C", 1)], span, known);
  expect([three.units, three.isMixed]).toEqual([["number"], true]);
  expect(three.series.every(({ line }) => line.isRight === false)).toBe(true);
});

test("a query switched off is not drawn; lines beyond the limit are counted", () => {
  const lines = linesOf([result("A", 3, { isOff: true }), result("B", 5)], span, units({}), 4);
  expect(lines.series.map(({ letter }) => letter)).toEqual(["B", "B", "B", "B"]);
  expect(lines.count).toBe(5);
});

test("series stand in the order people count, however they were answered", () => {
  const bounds = ["+Inf", "10", "2", "0.5"].map((le) => ({ labels: { le }, points: [] }));
  const { series } = linesOf([result("A", 0, { series: bounds })], span, units({}));
  expect(series.map(({ labels }) => labels["le"]).slice(-3)).toEqual(["0.5", "2", "10"]);
});

test("no two of eighteen lines look alike", () => {
  const { series } = linesOf([result("A", 18)], span, units({}));
  const looks = series.map(({ line }) => `${line.ink} ${line.dash?.join(",") ?? ""}`);
  expect(new Set(looks).size).toBe(18);
});

test("a summary leaves gaps out, and of nothing there is none", () => {
  expect(summaryOf([1, null, 3, null])).toEqual({ last: 3, min: 1, max: 3, mean: 2 });
  expect(summaryOf([null])).toEqual({ last: null, min: null, max: null, mean: null });
});

test("what all series share is told once", () => {
  const all = [
    { job: "a", host: "x" },
    { job: "a", host: "y" },
  ];
  const shared = sharedLabels(all);
  expect(shared).toEqual({ job: "a" });
  expect(without(all[1]!, shared)).toEqual({ host: "y" });
  expect(sharedLabels([{ job: "a" }])).toEqual({});
});

const row = (value: number, labels: Row["labels"]): Row => ({
  ...{ key: "A0", letter: "A", labels, value, atMs: 0, unit: "number" },
});
const collator = new Intl.Collator("fr");

test("columns lead with the metric and what rows differ in", () => {
  const rows = [
    row(1, { __name__: "m", a: "1", z: "1" }),
    row(2, { __name__: "m", a: "1", z: "2" }),
  ];
  expect(columnsOf(rows)).toEqual(["__name__", "z", "a"]);
});

test("every word of the filter must be in the row", () => {
  const rows = [row(1, { host: "paris-1", job: "api" }), row(2, { host: "lyon-1", job: "api" })];
  expect(filterRows(rows, "API pari").map(({ value }) => value)).toEqual([1]);
  expect(filterRows(rows, " ")).toHaveLength(2);
});

test("law: sorting loses nothing, orders figures, and leaves what has no value last", () => {
  const value = fc.oneof(fc.double(), fc.constant(Number.NaN));
  fc.assert(
    fc.property(fc.array(value), fc.boolean(), (values, isDown) => {
      const rows = values.map((one) => row(one, {}));
      const sorted = sortRows(rows, { column: "value", isDown }, collator).map((one) => one.value);
      expect(sorted).toHaveLength(values.length);
      const known = sorted.filter((one) => !Number.isNaN(one));
      expect(sorted.slice(0, known.length)).toEqual(known);
      known.slice(1).forEach((one, i) => {
        expect(isDown ? one <= known[i]! : one >= known[i]!).toBe(true);
      });
    }),
  );
});

test("rows keep their query's letter and unit", () => {
  const samples = [{ labels: {}, atMs: 1, value: 2 }];
  const rows = rowsOf(
    [result("A", 0, { samples }), result("B", 0, { samples, isOff: true })],
    units({ A_expr: "By" }),
  );
  expect(rows).toEqual([expect.objectContaining({ letter: "A", unit: "By", value: 2 })]);
});
