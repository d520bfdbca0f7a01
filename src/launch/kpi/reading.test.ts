import fc from "fast-check";
import { expect, test } from "vitest";
import { alertSignal, read, type Observation } from "./reading.ts";

const NOW = Date.UTC(2026, 0, 15, 12);
const target = { op: "<", value: 200, text: "<200ms" } as const;
const demands = { freshnessMs: 15_000, minSamples: 20 };
const value = (v: number, more: Partial<Extract<Observation, { kind: "value" }>> = {}) =>
  ({ kind: "value", value: v, n: 100, newestMs: NOW - 1_000, ...more }) as const;

test.each([
  { title: "passes under the target", seen: value(150), verdict: "pass", why: null },
  { title: "fails on the bound itself", seen: value(200), verdict: "fail", why: null },
  { title: "is unknown on NaN", seen: value(Number.NaN), verdict: "unknown", why: "no_data" },
  {
    title: "is unknown when the newest sample is too old",
    seen: value(1, { newestMs: NOW - 15_001 }),
    verdict: "unknown",
    why: "stale",
  },
  {
    title: "is unknown on too small a sample",
    seen: value(1, { n: 19 }),
    verdict: "unknown",
    why: "insufficient",
  },
  {
    title: "is unknown when the sample's size is not known",
    seen: value(1, { n: null }),
    verdict: "unknown",
    why: "insufficient",
  },
  {
    title: "hands on why nothing came",
    seen: { kind: "missing", why: "not_connected", detail: "Mixpanel" } as const,
    verdict: "unknown",
    why: "not_connected",
  },
])("a reading $title", ({ seen, verdict, why }) => {
  expect(read(seen, target, demands, NOW)).toMatchObject({ verdict, why });
});

test("a missing value is null, never 0", () => {
  expect(read({ kind: "missing", why: "no_data" }, target, demands, NOW).value).toBeNull();
});

const alert = {
  op: ">",
  value: 85,
  text: ">85%",
  for: "30s",
  clear: 80,
  severity: "warning",
} as const;
const reading = (v: number) => read(value(v), target, demands, NOW);

test.each([
  [86, "breach"],
  [85, "between"],
  [80.1, "between"],
  [80, "clear"],
  [10, "clear"],
] as const)("over a threshold of 85 that clears at 80, %d is %s", (v, signal) => {
  expect(alertSignal(alert, reading(v))).toBe(signal);
});

test("law: an unknown reading is an unknown signal, whatever the threshold", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (bound) => {
      const blind = read({ kind: "missing", why: "stale" }, target, demands, NOW);
      expect(alertSignal({ ...alert, value: bound }, blind)).toBe("unknown");
    }),
  );
});
