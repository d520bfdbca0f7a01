import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fromParisField, toParisField } from "../format/time.ts";
import { timeTicks } from "./time-ticks.ts";

const labels = (from: string, to: string, width: number): readonly string[] => {
  const { at, format } = timeTicks("fr", Date.parse(from), Date.parse(to), width);
  return at.map(format);
};

test("a quarter of an hour is marked in minutes, Paris time", () => {
  expect(labels("2026-11-24T12:00:00Z", "2026-11-24T12:15:00Z", 240)).toEqual([
    "13:00",
    "13:05",
    "13:10",
    "13:15",
  ]);
});

test("ten seconds are marked in seconds", () => {
  expect(labels("2026-11-24T12:00:00Z", "2026-11-24T12:00:10Z", 200)).toEqual([
    "13:00:00",
    "13:00:05",
    "13:00:10",
  ]);
});

test("midnight says its day, and days start at midnight on both sides of a change of clock", () => {
  expect(labels("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z", 200)).toEqual([
    "25\u00A0oct.",
    "26\u00A0oct.",
  ]);
  const { at } = timeTicks(
    "fr",
    Date.parse("2026-10-24T12:00:00Z"),
    Date.parse("2026-10-26T12:00:00Z"),
    200,
  );
  expect(at.map((one) => new Date(one).toISOString())).toEqual([
    "2026-10-24T22:00:00.000Z",
    "2026-10-25T23:00:00.000Z",
  ]);
});

test("law: labels never crowd, and stand inside the axis", () => {
  const from = fc.integer({ min: 0, max: 4e12 });
  const span = fc.integer({ min: 10_000, max: 400 * 86_400_000 });
  fc.assert(
    fc.property(from, span, fc.integer({ min: 300, max: 2_000 }), (fromMs, ms, width) => {
      const { at } = timeTicks("fr", fromMs, fromMs + ms, width);
      expect(at.length).toBeLessThanOrEqual(Math.max(3, width / 58 + 1));
      expect(at.every((one) => one >= fromMs && one <= fromMs + ms)).toBe(true);
    }),
  );
});

test("law: a minute written into a field for dates is read back, whatever the season", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 60_000_000 }), (minutes) => {
      const at = minutes * 60_000;
      // The hour that comes twice in autumn is read as one of the two.
      expect([0, 3_600_000, -3_600_000]).toContain(fromParisField(toParisField(at)) - at);
      expect(toParisField(fromParisField(toParisField(at)))).toBe(toParisField(at));
    }),
  );
});
