import fc from "fast-check";
import { expect, test } from "vitest";
import { cadence, dueClose, periodStart } from "./schedule.ts";

const PARIS = "Europe/Paris";
const at = (text: string): number => Date.parse(text);

test.each([
  ["day", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z"],
  ["day", "2026-03-30T12:00:00Z", "2026-03-29T22:00:00Z"],
  ["day", "2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z"],
  ["week", "2026-11-24T04:00:00Z", "2026-11-22T23:00:00Z"],
  ["month", "2026-11-24T04:00:00Z", "2026-10-31T23:00:00Z"],
  ["quarter", "2026-11-30T04:00:00Z", "2026-09-30T22:00:00Z"],
  ["quarter", "2026-05-31T04:00:00Z", "2026-03-31T22:00:00Z"],
  ["hour", "2026-11-24T04:59:59Z", "2026-11-24T04:00:00Z"],
] as const)("the %s of %s starts at %s, Paris time", (period, instant, start) => {
  expect(new Date(periodStart(period, at(instant), PARIS)).toISOString()).toBe(
    new Date(at(start)).toISOString(),
  );
});

test("the days of a clock change last 23 and 25 hours", () => {
  const hours = (day: string, next: string) =>
    (periodStart("day", at(next), PARIS) - periodStart("day", at(day), PARIS)) / 3_600_000;
  expect(hours("2026-03-29T12:00:00Z", "2026-03-30T12:00:00Z")).toBe(23);
  expect(hours("2026-10-25T12:00:00Z", "2026-10-26T12:00:00Z")).toBe(25);
});

test("a close is due once, also after a day without NovaEvo", () => {
  const now = at("2026-11-24T04:00:00Z");
  const close = dueClose("day", undefined, now, PARIS);
  expect(close).toBe(at("2026-11-23T23:00:00Z"));
  expect(dueClose("day", close, now, PARIS)).toBeUndefined();
  expect(dueClose("day", at("2026-11-20T23:00:00Z"), now, PARIS)).toBe(close);
});

test("law: a period contains its instant and starts at its own start", () => {
  const instants = fc.integer({ min: 0, max: at("2036-01-01T00:00:00Z") });
  const periods = fc.constantFrom("hour", "day", "week", "month", "quarter");
  fc.assert(
    fc.property(instants, periods, (instant, period) => {
      const start = periodStart(period, instant, PARIS);
      expect(start).toBeLessThanOrEqual(instant);
      expect(periodStart(period, start, PARIS)).toBe(start);
    }),
  );
});

test.each([
  ["realtime", "arrival"],
  ["daily", "period"],
  ["quarterly", "period"],
  ["per_incident", "event"],
  ["per_deployment", "event"],
] as const)("a %s KPI is read by %s", (frequency, kind) => {
  expect(cadence(frequency).kind).toBe(kind);
});
