/**
 * Random queries to Debian's Prometheus and to our evaluator, on the same samples: the same
 * series, times and values, or a refusal by both.
 *
 * `PROMQL_QUERIES` asks more of them, `PROMQL_SEED` others. Prometheus 2.42 is older than the
 * semantics we follow (3.x). What it does, what 3.x does, and how the difference is kept out:
 * - ranges and lookback include their left border
 *   (left-open): samples at odd ms, queries that end on …7 s;
 * - metric names go at once
 *   (at the very end): one metric a selector, `or` without names;
 * - a counter near zero is extrapolated to a zero more than half a sample away
 *   (half at most): counters that start high, without gaps;
 * - durations need a unit; no `mad_over_time`, `limitk`, `double_exponential_smoothing`, …
 *   (there): not generated;
 * - stddev of one NaN or Inf is 0
 *   (NaN): stddev of samples only;
 * - `timestamp(x @ t offset d)` forgets the offset
 *   (we keep it): no shift in timestamp();
 * - sums without compensation
 *   (compensated): a tolerance of 1e-9.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seriesOf } from "../../src/watch/collect/series.ts";
import {
  evaluateInstant,
  evaluateRange,
  type Value,
} from "../../src/watch/signal/promql/evaluate.ts";
import { parsePromql } from "../../src/watch/signal/promql/parser.ts";
import type { Labels } from "../../src/watch/signal/series.ts";
import { isStaleAt, writeStale } from "../../src/watch/signal/series.ts";
import { newWindow } from "../../src/watch/signal/window.ts";
import { hasPrometheus, type Line, type Peer, startPrometheus } from "./promql-prometheus.ts";
import { queries } from "./promql-queries.ts";

const SEED = Number(process.env["PROMQL_SEED"] ?? 42);
const QUERIES = Number(process.env["PROMQL_QUERIES"] ?? 1_500);
const STEP_MS = 15_000;
const SAMPLES = 240;
/** A whole minute and seven seconds: queries are there and at tens of seconds from there. */
const T0_MS = 1_800_000_007_000;
const BOUNDS = ["0.1", "0.5", "1", "5", "+Inf"];

type Fake = Line & { readonly labels: Labels };

const newDice = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const lineOf = (
  names: Readonly<Record<string, string>>,
  seed: number,
  valueAt: (k: number, dice: () => number) => number | "stale" | "none",
): Fake => {
  const series = seriesOf(Object.entries(names));
  const dice = newDice(seed);
  const timesMs = new Float64Array(SAMPLES);
  const values = new Float64Array(SAMPLES);
  let count = 0;
  for (let k = 0; k < SAMPLES; k++) {
    const value = valueAt(k, dice);
    if (value === "none") continue;
    // Never on a whole second.
    timesMs[count] = T0_MS + k * STEP_MS + 101 + (seed % 13) * 1_000 + Math.floor(dice() * 800);
    if (value === "stale") writeStale(values, count);
    else values[count] = value;
    count++;
  }
  return { series, labels: series.labels, timesMs, values, count };
};

const fleet = (): readonly Fake[] => {
  const found: Fake[] = [];
  let seed = SEED;
  for (const host of ["a", "b", "c", "d", "e"]) {
    for (const kind of ["x", "y"]) {
      const zone = host < "c" ? "north" : "south";
      const on = { host, kind, zone };
      let level = 20 + (seed % 7);
      const walk = (dice: () => number): number => (level += (dice() - 0.5) * 8);
      const gone = (k: number): boolean => host === "d" && k > 80 && k < 140;
      found.push(
        lineOf({ __name__: "temperature", ...on }, ++seed, (k, dice) =>
          gone(k) ? (k === 81 ? "stale" : "none") : walk(dice),
        ),
        lineOf({ __name__: "queue_length", ...on }, ++seed, (_, dice) =>
          host === "e" && dice() < 0.3 ? "none" : Math.floor(dice() * 9) - (kind === "x" ? 0 : 3),
        ),
      );
      for (const name of ["requests_total", "errors_total"]) {
        if (name === "errors_total" && host === "b") continue;
        let total = 1e6;
        const grow = (dice: () => number): number => {
          total = dice() < 0.01 ? Math.floor(dice() * 20) + 5_000 : total + Math.floor(dice() * 90);
          return total;
        };
        found.push(lineOf({ __name__: name, ...on }, ++seed, (_, dice) => grow(dice)));
      }
    }
    const counts = BOUNDS.map(() => 1e6);
    const bucketSeed = ++seed;
    for (const [nth, le] of BOUNDS.entries()) {
      // All buckets of a host roll the same dice, so that they stay in order.
      found.push(
        lineOf({ __name__: "duration_seconds_bucket", host, le }, bucketSeed, (_, dice) => {
          const came = Math.floor(dice() * 100);
          return (counts[nth]! += Math.floor((came * (nth + 1)) / BOUNDS.length));
        }),
      );
    }
  }
  return found;
};

const lines = fleet();
const window = newWindow({ retentionMs: Infinity });
for (const { labels, timesMs, values, count } of lines) {
  const ref = window.intern(labels);
  if (!ref.ok) throw new Error(ref.error.message);
  for (let i = 0; i < count; i++) {
    if (isStaleAt(values, i)) window.appendStale(ref.value, timesMs[i]!);
    else window.append(ref.value, timesMs[i]!, values[i]!);
  }
}

/** Points by series and time, in seconds; undefined where the query was refused. */
type Answer = ReadonlyMap<string, number> | undefined;
type Times = { readonly startS: number; readonly endS: number; readonly stepS: number };

const keyOf = (labels: Labels, timeS: number): string =>
  `${labels
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .sort()
    .join(",")} @ ${timeS}`;

const pointsOf = (value: Value): ReadonlyMap<string, number> => {
  switch (value.type) {
    case "scalar":
      return new Map([[keyOf([], value.t / 1000), value.v]]);
    case "string":
      return new Map();
    case "vector":
      return new Map(value.samples.map(({ labels, t, v }) => [keyOf(labels, t / 1000), v]));
    case "matrix":
      return new Map(
        value.series.flatMap(({ labels, timestamps, values }) =>
          [...timestamps].map((t, i): [string, number] => [keyOf(labels, t / 1000), values[i]!]),
        ),
      );
    default:
      return value satisfies never;
  }
};

const ours = (expr: string, { startS, endS, stepS }: Times): Answer => {
  const parsed = parsePromql(expr);
  if (!parsed.ok) return undefined;
  const times = { startMs: startS * 1000, endMs: endS * 1000, stepMs: stepS * 1000 };
  const result =
    stepS > 0
      ? evaluateRange(parsed.value, times, window.select)
      : evaluateInstant(parsed.value, { timeMs: times.startMs }, window.select);
  return result.ok ? pointsOf(result.value) : undefined;
};

type Point = readonly [number, string];
type Reply = {
  readonly status: string;
  readonly data?: {
    readonly resultType: string;
    readonly result:
      | Point
      | readonly {
          readonly metric: Readonly<Record<string, string>>;
          readonly value?: Point;
          readonly values?: readonly Point[];
        }[];
  };
};

const floatOf = (text: string): number =>
  text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);

const theirs = async (url: string, expr: string, times: Times): Promise<Answer> => {
  const ask: Readonly<Record<string, string>> =
    times.stepS > 0
      ? { start: `${times.startS}`, end: `${times.endS}`, step: `${times.stepS}` }
      : { time: `${times.startS}` };
  const door = times.stepS > 0 ? "query_range" : "query";
  const response = await fetch(`${url}/api/v1/${door}`, {
    method: "POST",
    body: new URLSearchParams({ query: expr, ...ask }),
  });
  const { status, data } = (await response.json()) as Reply;
  if (status !== "success" || data === undefined) return undefined;
  if (data.resultType === "scalar" || data.resultType === "string") {
    const [timeS, value] = data.result as Point;
    return new Map([[keyOf([], timeS), floatOf(value)]]);
  }
  const found = new Map<string, number>();
  for (const one of data.result as Exclude<typeof data.result, Point>) {
    for (const [timeS, value] of one.values ?? [one.value!]) {
      found.set(keyOf(Object.entries(one.metric), timeS), floatOf(value));
    }
  }
  return found;
};

const TOLERANCE = 1e-9;

/** The first difference, in words; sizes are those of the answer, for what cancels out. */
const difference = (a: Answer, b: Answer): string | undefined => {
  if (a === undefined || b === undefined) {
    return a === b ? undefined : a === undefined ? "refused here" : "refused there";
  }
  const finite = [...a.values()].map(Math.abs).filter(Number.isFinite);
  const size = finite.reduce((most, value) => Math.max(most, value), 0);
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const [x, y] = [a.get(key), b.get(key)];
    if (x === undefined || y === undefined) return `${key}: ${x} here, ${y} there`;
    if (x === y || (x !== x && y !== y)) continue;
    if (Math.abs(x - y) <= TOLERANCE * Math.max(size, 1)) continue;
    return `${key}: ${x} here, ${y} there`;
  }
  return undefined;
};

const times: fc.Arbitrary<Times> = fc
  .record({
    fromTens: fc.integer({ min: -10, max: 380 }),
    stepS: fc.constantFrom(0, 0, 10, 20, 60, 170),
    steps: fc.integer({ min: 0, max: 40 }),
  })
  .map(({ fromTens, stepS, steps }) => {
    const startS = T0_MS / 1000 + fromTens * 10;
    return { startS, endS: startS + steps * stepS, stepS };
  });

describe.skipIf(!hasPrometheus())("random queries to Prometheus and to us", () => {
  let root: string;
  let peer: Peer;
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), "novaevo-promql-"));
    peer = await startPrometheus(root);
    await peer.fill(lines);
  });
  afterAll(async () => {
    await peer.stop();
    await rm(root, { recursive: true, force: true });
  });

  test("the same series, times and values, or a refusal by both", async () => {
    const seen = { points: 0, refused: 0, empty: 0 };
    await fc.assert(
      fc.asyncProperty(queries, times, async (expr, when) => {
        const [here, there] = [ours(expr, when), await theirs(peer.url, expr, when)];
        expect(difference(here, there)).toBeUndefined();
        seen.points += here?.size ?? 0;
        if (here === undefined) seen.refused++;
        if (here?.size === 0) seen.empty++;
      }),
      { numRuns: QUERIES, seed: SEED, endOnFailure: false },
    );
    process.stdout.write(`${QUERIES} queries: ${JSON.stringify(seen)}\n`);
    // Or it compared nothing with nothing.
    expect(seen.refused + seen.empty).toBeLessThan(QUERIES / 2);
    expect(seen.points).toBeGreaterThan(QUERIES * 10);
  });

  test.each([
    ["another range", "sum(rate(requests_total[5m]))", "sum(rate(requests_total[6m]))"],
    ["another function", "max_over_time(temperature[5m])", "min_over_time(temperature[5m])"],
    ["a lost name", "temperature", "temperature + 0"],
    ["a refusal", "temperature + requests_total", "temperature + on() requests_total"],
  ])("control: %s is a difference", async (_, mine, other) => {
    const when = { startS: T0_MS / 1000 + 1_200, endS: T0_MS / 1000 + 1_800, stepS: 60 };
    expect(difference(ours(mine, when), await theirs(peer.url, mine, when))).toBeUndefined();
    expect(difference(ours(mine, when), await theirs(peer.url, other, when))).toBeDefined();
  });

  test("control: one sample that is missing there is a difference", async () => {
    const when = { startS: T0_MS / 1000 + 1_200, endS: T0_MS / 1000 + 1_200, stepS: 0 };
    const all = ours("count_over_time(temperature[5m])", when);
    const fewer = new Map(
      [...all!].map(([key, value], nth) => [key, nth === 0 ? value - 1 : value]),
    );
    const there = await theirs(peer.url, "count_over_time(temperature[5m])", when);
    expect(difference(all, there)).toBeUndefined();
    expect(difference(fewer, there)).toMatch(/here, .* there/);
  });
});
