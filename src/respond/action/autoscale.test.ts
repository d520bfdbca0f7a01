/** Scaling: Kubernetes' own cases, laws, and days of noisy load that must not flap. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { recommend, scaleTo, SCALE_MEMORY_MS, UP_PERIOD_MS, type ScaleInput } from "./autoscale.ts";
import { holtForecast } from "./forecast.ts";

/** From the documentation ("algorithm details") and the tests of Kubernetes' replica calculator. */
test.each([
  { title: "200m of 100m doubles", sum: 200, of: [1, 0, 0], target: 100, from: 1, to: 2 },
  { title: "50m of 100m halves", sum: 100, of: [2, 0, 0], target: 100, from: 2, to: 1 },
  { title: "within a tenth nothing changes", sum: 330, of: [3, 0, 0], target: 100, from: 3, to: 3 },
  { title: "up", sum: 1_500, of: [3, 0, 0], target: 300, from: 3, to: 5 },
  { title: "down", sum: 1_400, of: [5, 0, 0], target: 500, from: 5, to: 3 },
  { title: "up, less for one unready", sum: 1_200, of: [2, 1, 0], target: 300, from: 3, to: 4 },
  { title: "not up for two unready", sum: 400, of: [1, 2, 0], target: 300, from: 3, to: 3 },
  { title: "missing, equal", sum: 1_000, of: [1, 0, 1], target: 1_000, from: 2, to: 2 },
  { title: "missing, above", sum: 1_900, of: [1, 0, 1], target: 1_000, from: 2, to: 2 },
  { title: "missing, below", sum: 600, of: [1, 0, 1], target: 1_000, from: 2, to: 2 },
])("the HPA formula: $title", ({ sum, of, target, from, to }) => {
  const [ready = 0, unready = 0, missing = 0] = of;
  expect(recommend({ ready, unready, missing, total: sum, target }, from)).toBe(to);
});

const input = (more: Partial<ScaleInput> = {}): ScaleInput => ({
  ...{ nowMs: 1_000_000, replicas: 2, ready: 2, min: 1, max: 20, requestsPerS: 100, target: 0.7 },
  ...{ offeredPerS: 140, forecastPerS: null, scaled: [] },
  recommendations: [{ atMs: 0, replicas: 2 }],
  ...more,
});

test.each<{ title: string; more: Partial<ScaleInput>; replicas: number; direction: string }>([
  { title: "holds at its target", more: {}, replicas: 2, direction: "hold" },
  { title: "grows with the load", more: { offeredPerS: 280 }, replicas: 4, direction: "up" },
  {
    title: "grows by four or twofold at most",
    more: { offeredPerS: 2_000 },
    replicas: 6,
    direction: "up",
  },
  {
    title: "waits a period after it has grown as far as it may",
    more: {
      ...{ offeredPerS: 2_000, replicas: 6, ready: 6 },
      scaled: [{ atMs: 1_000_000 - UP_PERIOD_MS + 1, from: 2, to: 6 }],
    },
    replicas: 6,
    direction: "hold",
  },
  {
    title: "holds while nobody knows the load",
    more: { offeredPerS: null },
    replicas: 2,
    direction: "hold",
  },
  {
    title: "shrinks to the greatest recommendation of five minutes",
    more: {
      ...{ offeredPerS: 70, replicas: 5, ready: 5 },
      recommendations: [
        { atMs: 600_000, replicas: 5 },
        { atMs: 800_000, replicas: 3 },
        { atMs: 900_000, replicas: 2 },
      ],
    },
    replicas: 3,
    direction: "down",
  },
  {
    title: "does not shrink before it has seen five minutes",
    more: { offeredPerS: 7, replicas: 5, ready: 5, recommendations: [] },
    replicas: 5,
    direction: "hold",
  },
  {
    title: "grows on a forecast",
    more: { forecastPerS: 350 },
    replicas: 5,
    direction: "up",
  },
  {
    title: "never passes its greatest number",
    more: { max: 3, offeredPerS: 900 },
    replicas: 3,
    direction: "up",
  },
])("a service $title", ({ more, replicas, direction }) => {
  expect(scaleTo(input(more))).toMatchObject({ replicas, direction });
});

const inputs = fc.record({
  replicas: fc.integer({ min: 1, max: 20 }),
  ready: fc.integer({ min: 0, max: 20 }),
  offeredPerS: fc.double({ min: 0, max: 5_000, noNaN: true }),
  forecastPerS: fc.option(fc.double({ min: 0, max: 5_000, noNaN: true })),
  recommendations: fc.array(
    fc.record({
      atMs: fc.integer({ min: 600_000, max: 999_999 }),
      replicas: fc.integer({ min: 1, max: 20 }),
    }),
  ),
});
const made = (some: Partial<ScaleInput>): ScaleInput =>
  input({ ...some, ready: Math.min(some.ready ?? 0, some.replicas ?? 0) });

test("law: the answer stays between the least and the greatest number", () => {
  fc.assert(
    fc.property(inputs, (some) => {
      const answer = scaleTo(made(some));
      expect(answer.replicas).toBeGreaterThanOrEqual(1);
      expect(answer.replicas).toBeLessThanOrEqual(20);
    }),
  );
});

test("law: a forecast never lowers the answer", () => {
  fc.assert(
    fc.property(inputs, (some) => {
      const without = scaleTo(made({ ...some, forecastPerS: null }));
      expect(scaleTo(made(some)).replicas).toBeGreaterThanOrEqual(without.replicas);
    }),
  );
});

test("law: more load never asks for fewer instances", () => {
  fc.assert(
    fc.property(inputs, fc.double({ min: 0, max: 2_000, noNaN: true }), (some, more) => {
      const base = made(some);
      const higher = { ...base, offeredPerS: (base.offeredPerS ?? 0) + more };
      expect(scaleTo(higher).replicas).toBeGreaterThanOrEqual(scaleTo(base).replicas);
    }),
  );
});

test("law: without data nothing is taken away", () => {
  fc.assert(
    fc.property(inputs, (some) => {
      const answer = scaleTo(made({ ...some, offeredPerS: null }));
      expect(answer.replicas).toBe(some.replicas);
    }),
  );
});

// ── noise ─────────────────────────────────────────────────────────────────────────────────────

/** Two hours of load around a level, looked at every 15 s; how often the direction turned. */
const simulate = (seed: number, noise: number, decide: (given: ScaleInput) => number) => {
  let state = seed >>> 0;
  const dice = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  let replicas = 4;
  let recommendations: ScaleInput["recommendations"] = [];
  const points: { atMs: number; value: number }[] = [];
  const turns: number[] = [];
  const scaled: { atMs: number; from: number; to: number }[] = [];
  let last = 0;
  for (let nowMs = 0; nowMs <= 7_200_000; nowMs += 15_000) {
    // A daily curve is flat over two hours.
    const offeredPerS = 280 * (1 + noise * (dice() + dice() - 1));
    points.push({ atMs: nowMs, value: offeredPerS });
    const forecast = holtForecast(points.slice(-40), 50_000, nowMs);
    const forecastPerS = forecast === "unknown" ? null : forecast;
    const given = input({
      ...{ nowMs, replicas, ready: replicas, offeredPerS, forecastPerS, recommendations, scaled },
    });
    const to = decide(given);
    const { recommendation } = scaleTo(given);
    if (recommendation !== null) {
      const kept = recommendations.filter(({ atMs }) => atMs > nowMs - SCALE_MEMORY_MS);
      recommendations = [...kept, recommendation];
    }
    if (to !== replicas) {
      const direction = Math.sign(to - replicas);
      if (last !== 0 && direction !== last) turns.push(nowMs);
      last = direction;
      scaled.push({ atMs: nowMs, from: replicas, to });
      replicas = to;
    }
  }
  const within = (at: number): number =>
    turns.filter((turn) => turn >= at && turn < at + 600_000).length;
  return { worst: Math.max(0, ...turns.map(within)), turns: turns.length };
};

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);
const bare = ({ offeredPerS, replicas }: ScaleInput): number =>
  recommend(
    { ready: replicas, unready: 0, missing: 0, total: offeredPerS ?? 0, target: 70 },
    replicas,
  );
const held = (given: ScaleInput): number => scaleTo(given).replicas;

test("load that wanders by 15 % turns it at most once in ten minutes, over 20 seeds", () => {
  const worst = SEEDS.map((seed) => simulate(seed, 0.15, held).worst);
  expect(Math.max(...worst)).toBeLessThanOrEqual(1);
});

test("load that wanders by 25 % turns it less than once in ten minutes on average", () => {
  const turns = SEEDS.map((seed) => simulate(seed, 0.25, held).turns);
  expect(Math.max(...turns)).toBeLessThanOrEqual(12);
});

test("control: the formula alone, without windows, flaps on the same load", () => {
  const worst = SEEDS.map((seed) => simulate(seed, 0.15, bare).worst);
  expect(Math.min(...worst)).toBeGreaterThan(1);
});
