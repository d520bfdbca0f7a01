import { expect, test } from "vitest";
import { age, ago, clock, full, since, utc } from "./time.ts";

const NOON = Date.parse("2026-11-24T12:02:03Z");
const N = "\u00A0";

test("an instant is shown as in Paris and told in UTC on hover", () => {
  expect(clock("fr", NOON)).toBe("13:02");
  expect(full("fr", NOON)).toMatch(/^24 nov\. 2026.* 13:02:03$/);
  expect(utc("fr", NOON)).toMatch(/12:02:03 UTC$/);
});

test("the night the clocks change shows both hours of Paris correctly", () => {
  expect(clock("fr", "2026-10-25T00:30:00Z")).toBe("02:30");
  expect(clock("fr", "2026-10-25T01:30:00Z")).toBe("02:30");
  expect(clock("fr", "2026-10-25T02:30:00Z")).toBe("03:30");
  expect(clock("fr", "2027-03-28T00:59:00Z")).toBe("01:59");
  expect(clock("fr", "2027-03-28T01:00:00Z")).toBe("03:00");
});

test("midnight is 00 h, not 24 h", () => {
  expect(clock("fr", "2026-11-23T23:00:00Z")).toBe("00:00");
});

test("a start on another day says the day", () => {
  expect(since("fr", NOON - 3_600_000, NOON)).toBe("12:02");
  expect(since("fr", NOON - 86_400_000, NOON)).toBe("23 nov. 13:02");
});

test.each([
  [900, `il${N}y${N}a${N}1${N}s`],
  [59_000, `il${N}y${N}a${N}59${N}s`],
  [61_000, `il${N}y${N}a${N}1${N}min`],
  [7_200_000, `il${N}y${N}a${N}2${N}h`],
])("an age of %d ms reads as one unit", (ageMs, expected) => {
  expect(ago("fr", ageMs)).toBe(expected);
});

test("an age in days uses the language's own letter", () => {
  expect(age("fr", 3 * 86_400_000)).toMatch(/^3\s?j$/u);
  expect(age("en", 12_000)).toBe("12s");
});
