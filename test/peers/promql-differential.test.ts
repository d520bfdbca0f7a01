/**
 * Random queries to Debian's Prometheus and to our evaluator, on the same samples: the same
 * series, times and values, or a refusal by both.
 *
 * `PROMQL_QUERIES` asks more of them, `PROMQL_SEED` others, `PROMQL_RECORD=file` keeps answers for
 * test/promql/recorded.test.ts. Prometheus 2.42 is older than the
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
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Answer,
  answerOf,
  difference,
  fleetOf,
  keyOf,
  T0_MS,
  type Times,
  windowOf,
} from "./promql-fleet.ts";
import { hasPrometheus, type Peer, startPrometheus } from "./promql-prometheus.ts";
import { queries } from "./promql-queries.ts";

const SEED = Number(process.env["PROMQL_SEED"] ?? 42);
const QUERIES = Number(process.env["PROMQL_QUERIES"] ?? 1_500);
/** Where to write what Prometheus says to so many instant queries. */
const RECORD = process.env["PROMQL_RECORD"];
const RECORDED = 300;

const lines = fleetOf(SEED);
const window = windowOf(lines);
const ours = (expr: string, when: Times): Answer => answerOf(window, expr, when);

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

  // No test of its own, which would be one that was skipped.
  afterAll(async () => {
    if (RECORD !== undefined) await record(peer, RECORD);
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

/** Their answers, for machines without them. */
const record = async (peer: Peer, file: string): Promise<void> => {
  const asked = fc.sample(queries, { numRuns: RECORDED, seed: SEED });
  const kept = [];
  for (const [nth, expr] of asked.entries()) {
    const startS = T0_MS / 1000 + (nth % 190) * 20;
    const when = { startS, endS: startS, stepS: 0 };
    const there = await theirs(peer.url, expr, when);
    const points = there === undefined ? null : [...there].map(([key, v]) => [key, String(v)]);
    kept.push({ expr, startS, points });
  }
  const { version } = peer;
  await writeFile(file, `${JSON.stringify({ version, seed: SEED, kept }, undefined, 1)}\n`);
};
