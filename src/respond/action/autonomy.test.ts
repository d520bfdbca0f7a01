/** Autonomy falls with what did not help; forecasts and failovers say what they do not know. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { earned, LEVELS, wilsonLower } from "./autonomy.ts";
import { isLost, planFailover, regionStates, type FailoverInput } from "./failover.ts";
import { holtForecast } from "./forecast.ts";
import type { Replica } from "./port.ts";

const outcomes = (good: number, bad: number): boolean[] => [
  ...Array.from({ length: bad }, () => false),
  ...Array.from({ length: good }, () => true),
];

describe("autonomy", () => {
  test.each([
    [8, 10, 0.4902],
    [20, 20, 0.8389],
    [0, 10, 0],
    [1, 1, 0.2065],
  ])("Wilson's lower bound of %i in %i is %f", (good, of, bound) => {
    expect(wilsonLower(good, of)).toBeCloseTo(bound, 3);
  });

  test.each([
    { good: 7, bad: 0, from: "auto", to: "auto" },
    { good: 0, bad: 7, from: "auto", to: "auto" },
    { good: 18, bad: 2, from: "auto", to: "auto" },
    { good: 12, bad: 8, from: "auto", to: "suggest" },
    { good: 4, bad: 16, from: "auto", to: "observe" },
    { good: 20, bad: 0, from: "suggest", to: "suggest" },
    { good: 20, bad: 0, from: "observe", to: "observe" },
  ] as const)("$good good and $bad bad runs turn $from into $to", ({ good, bad, from, to }) => {
    expect(earned(from, outcomes(good, bad)).level).toBe(to);
  });

  test("law: it never rises by itself", () => {
    fc.assert(
      fc.property(fc.constantFrom(...LEVELS), fc.array(fc.boolean()), (level, runs) => {
        const { level: now } = earned(level, runs);
        expect(LEVELS.indexOf(now)).toBeLessThanOrEqual(LEVELS.indexOf(level));
      }),
    );
  });
});

describe("the forecast", () => {
  const line = (slope: number, count = 20) =>
    Array.from({ length: count }, (_, i) => ({ atMs: i * 1_000, value: 100 + slope * i }));

  test("follows a trend", () => {
    const seen = holtForecast(line(10), 10_000, 19_000);
    expect(seen).toBeGreaterThan(100 + 10 * 19);
  });

  test.each([
    ["too few points", line(1, 5), 4_000],
    ["points that are old", line(1), 90_000],
    ["points at one instant", line(1).map(({ value }) => ({ atMs: 0, value })), 0],
    ["no numbers", line(1).map(({ atMs }) => ({ atMs, value: Number.NaN })), 19_000],
  ])("of %s is unknown", (_, points, nowMs) => {
    expect(holtForecast(points, 10_000, nowMs)).toBe("unknown");
  });
});

const replica = (service: string, region: string, n: number, state: Replica["state"]): Replica => ({
  ...{ id: `${service}.${region}.${n}`, service, region, state },
  ...{ cpu: null, memory: null, restarts: 0, version: "1" },
});
const two = (lyon: Replica["state"]): FailoverInput => ({
  lost: "paris",
  regions: ["paris", "lyon"],
  pools: ["paris", "lyon"].flatMap((region) => [
    { service: "obd2", region, replicas: 1, min: 1, max: 4 },
    { service: "nlp", region, replicas: 1, min: 1, max: 2 },
  ]),
  replicas: [
    replica("obd2", "paris", 1, "stopped"),
    replica("nlp", "paris", 1, "stopped"),
    replica("obd2", "lyon", 1, "ready"),
    replica("nlp", "lyon", 1, lyon),
  ],
  scaling: new Map(
    ["obd2", "nlp"].map((id) => [
      id,
      { min: 1, max: 4, target: 0.7, requestsPerS: 50, cpuCores: 1, memoryMb: 128 },
    ]),
  ),
  offeredPerS: () => 60,
});

describe("a failover", () => {
  test("adds what the other region lacks, then sends it everything", () => {
    expect(planFailover(two("ready"))).toEqual({
      ok: true,
      to: "lyon",
      changes: [
        { kind: "scale", service: "obd2", region: "lyon", replicas: 2 },
        { kind: "scale", service: "nlp", region: "lyon", replicas: 2 },
        { kind: "route", service: null, weights: { paris: 0, lyon: 100 } },
      ],
    });
  });

  test.each([
    ["the load is beyond it", { ...two("ready"), offeredPerS: () => 300 }, /nlp 2\/9/],
    ["a service is not ready there", two("unhealthy"), /nlp 0\/2/],
    ["nothing is ready there", { ...two("ready"), replicas: [] }, /No other region/],
  ])("is refused while %s", (_, input, says) => {
    const answer = planFailover(input);
    expect(answer.ok ? "" : answer.why.en).toMatch(says);
  });

  test("is for a region that has none ready, and nothing less", () => {
    const { regions, pools, replicas } = two("ready");
    const lost = regionStates(regions, pools, replicas).filter(isLost);
    expect(lost.map(({ region }) => region)).toEqual(["paris"]);
    expect(isLost({ region: "empty", wanted: 0, ready: 0 })).toBe(false);
  });
});
