import * as fc from "fast-check";
import { expect, test } from "vitest";
import { failedShare, joinRows, largest } from "./rows.ts";

const sample = (host: string, v: number) => ({ labels: [["host", host]] as const, v });

test("a row is there once any question answers; what the others lack is null, not 0", () => {
  const answers = { cpu: [sample("a", 0.5)], load: [sample("b", 2), sample("a", Number.NaN)] };
  const rows = joinRows(answers, ["host"], ["cpu", "load"]);
  expect(rows.map(({ key, at }) => [key["host"], at("cpu"), at("load")])).toEqual([
    ["a", 0.5, null],
    ["b", null, 2],
  ]);
});

test.each([
  [null, null, null],
  [0, null, null],
  [10, null, 0],
  [10, 1, 0.1],
  [10, 11, 1],
])("of %s calls a second, %s failed: a share of %s", (rate, failed, share) => {
  expect(failedShare(rate, failed)).toBe(share);
});

test("law: a list keeps its largest, never more than its limit, and says when it was cut", () => {
  const items = fc.array(fc.option(fc.double({ noNaN: true })));
  fc.assert(
    fc.property(items, fc.integer({ min: 0, max: 20 }), (values, most) => {
      const { items: kept, isCut } = largest(values, most, (value) => value);
      expect(kept.length).toBe(Math.min(values.length, most));
      expect(isCut).toBe(values.length > most);
      const least = Math.min(...kept.map((one) => one ?? Number.NEGATIVE_INFINITY));
      const left = values.length - kept.length;
      const larger = values.filter((one) => (one ?? Number.NEGATIVE_INFINITY) > least).length;
      expect(left === 0 || larger < most || most === 0).toBe(true);
    }),
  );
});
