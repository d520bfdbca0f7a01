/**
 * Range functions over long history: what ClickHouse computes on the grid is what we compute from
 * the samples, with resets, gaps, stale markers, odd values and repeated times, and the answer has
 * no seam where the window takes over.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore, type Store } from "../../src/io/clickhouse/client.ts";
import { encodeBlock } from "../../src/io/clickhouse/native.ts";
import { SAMPLE_COLUMNS, SERIES_COLUMNS } from "../../src/watch/signal/store/columns.ts";
import type { MatrixSeries } from "../../src/watch/signal/promql/evaluate.ts";
import { formatLabels } from "../../src/watch/signal/promql/print.ts";
import { openQueries } from "../../src/watch/signal/query/query.flow.ts";
import { isStaleAt, type Labels, writeStale } from "../../src/watch/signal/series.ts";
import { SIGNAL_STEPS } from "../../src/watch/signal/store/signal-tables.ts";
import { newWindow, type Window } from "../../src/watch/signal/window/window.ts";
import { PASSWORD, startStore, type StoreProcess } from "../store/process.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const T0_MS = Date.UTC(2026, 2, 1, 22);
const SPAN_MS = 6 * HOUR_MS;
const SEED = Number(process.env["PROMQL_SEED"] ?? 20_261_125);
const RUNS = Number(process.env["PROMQL_RUNS"] ?? 4);

type Line = {
  readonly id: bigint;
  readonly labels: Labels;
  readonly at: number[];
  readonly v: Float64Array;
};

let root: string;
let storeProcess: StoreProcess;
let store: Store;
const asked: string[] = [];

/** The same numbers every time: the tests say the seed. */
const newDice = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

/** What a sample may be, by the kind of its series. */
const KINDS: Readonly<Record<string, (before: number, dice: () => number) => number | "stale">> = {
  counter: (before, dice) => (dice() < 0.02 ? 0 : before + Math.floor(dice() * 50)),
  gauge: (before, dice) => before + (dice() - 0.5) * 10,
  ends: (before, dice) => (dice() < 0.05 ? "stale" : Math.floor(before + dice() * 5)),
  constant: () => 7,
  unknown: (_, dice) => (dice() < 0.2 ? NaN : Math.floor(dice() * 3)),
  endless: (_, dice) => (dice() < 0.01 ? Infinity : dice()),
  huge: (_, dice) => (dice() < 0.1 ? 1e308 : 1),
};

const makeLine = (nth: number): Line => {
  const kind = Object.keys(KINDS)[nth % 7]!;
  const dice = newDice(SEED + nth);
  const at: number[] = [];
  const values: (number | "stale")[] = [];
  let before = Math.floor(dice() * 100);
  // Some on whole steps, so that samples lie on the borders of ranges as well.
  const everyMs = [15_000, 15_000, 30_000, 60_000][nth % 4]!;
  for (let t = T0_MS + (nth % 2) * 123; t < T0_MS + SPAN_MS; t += everyMs) {
    if (dice() < 0.02) t += Math.floor(dice() * 30) * everyMs;
    const jitterMs = nth % 3 === 0 ? 0 : Math.floor(dice() * 900);
    const value = KINDS[kind]!(before, dice);
    at.push(t + jitterMs);
    values.push(value);
    if (value !== "stale") before = value;
  }
  const v = Float64Array.from(values, (value) => (value === "stale" ? 0 : value));
  for (const [i, value] of values.entries()) if (value === "stale") writeStale(v, i);
  const labels: Labels = [
    ["__name__", "m"],
    ["kind", kind],
    ["nth", String(nth)],
  ];
  return { id: 1_000n + BigInt(nth), labels, at, v };
};

const lines = Array.from({ length: 28 }, (_, nth) => makeLine(nth));
/** Of one line some times come a second time, with another value, in a later batch. */
const REPEATED = 1;

const insert = async (line: Line, batch: bigint, change: number): Promise<void> => {
  const rows = line.at.length;
  const halves = (value: bigint) => new Uint32Array(new BigUint64Array(rows).fill(value).buffer);
  const values = change === 0 ? line.v : line.v.map((value) => value + change);
  const block = encodeBlock(rows, [
    { name: "id", data: { type: "UInt64", halves: halves(line.id) } },
    { name: "ts", data: { type: "DateTime64(3)", ms: Float64Array.from(line.at) } },
    { name: "value", data: { type: "Float64", values } },
    { name: "batch", data: { type: "UInt64", halves: halves(batch) } },
  ]);
  await store.insert({ table: "samples", columns: SAMPLE_COLUMNS }, block);
};

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "novaevo-history-"));
  storeProcess = await startStore(path.join(root, "store"));
  store = openStore({ url: storeProcess.url, user: "novaevo", password: PASSWORD });
  for (const { sql } of SIGNAL_STEPS) await store.command(sql);
  // Old samples leave after so many days; these stay.
  await store.command("ALTER TABLE samples REMOVE TTL");
  await store.command("ALTER TABLE series REMOVE TTL");
  const days = [0, 1].map((day) => Math.floor(T0_MS / DAY_MS) + day);
  const all = days.flatMap((day) => lines.map((line) => ({ day, line })));
  const block = encodeBlock(all.length, [
    { name: "day", data: { type: "Date", days: Uint16Array.from(all, ({ day }) => day) } },
    { name: "metric", data: { type: "String", texts: all.map(() => "m") } },
    {
      name: "id",
      data: {
        type: "UInt64",
        halves: new Uint32Array(BigUint64Array.from(all, ({ line }) => line.id).buffer),
      },
    },
    {
      name: "labels",
      data: { type: "Map(String, String)", maps: all.map(({ line }) => line.labels) },
    },
  ]);
  await store.insert({ table: "series", columns: SERIES_COLUMNS }, block);
  for (const line of lines) await insert(line, 1n, 0);
  const { at, v, ...line } = lines[REPEATED]!;
  await insert({ ...line, at: at.slice(100, 200), v: v.slice(100, 200) }, 2n, 1_000);
});
afterAll(async () => {
  await store.close();
  await storeProcess.stop();
  await rm(root, { recursive: true, force: true });
});

const fill = (fromMs: number): Window => {
  const window = newWindow({ retentionMs: Infinity });
  for (const { labels, at, v } of lines) {
    const ref = window.intern(labels);
    if (!ref.ok) throw new Error(ref.error.message);
    for (const [i, t] of at.entries()) {
      if (t < fromMs) continue;
      if (isStaleAt(v, i)) window.appendStale(ref.value, t);
      else window.append(ref.value, t, v[i]!);
    }
  }
  return window;
};

const watchedStore: Pick<Store, "rows" | "blocks"> = {
  rows: (sql, params) => store.rows(sql, params),
  blocks: (sql, params) => {
    asked.push(sql);
    return store.blocks(sql, params);
  },
};

const engine = (window: Window, seamMs: number) =>
  openQueries({
    ...{ window, store: watchedStore, monotonic: () => 0, ready: () => true },
    seamMs: () => seamMs,
    oldestMs: () => T0_MS,
  });

type Range = { readonly startMs: number; readonly endMs: number; readonly stepMs: number };
type Answered = ReadonlyMap<string, number>;

const answerOf = async (
  queries: ReturnType<typeof engine>,
  expr: string,
  range: Range,
): Promise<{ readonly points: Answered; readonly newestMs: number | null }> => {
  const answer = await queries.queryRange({ expr, ...range });
  if (!answer.ok) throw new Error(answer.error.message);
  const { value, newestMs } = answer.value;
  if (value.type !== "matrix") throw new Error(value.type);
  const points = value.series.flatMap(({ labels, timestamps, values }: MatrixSeries) =>
    [...timestamps].map((t, i): [string, number] => [`${formatLabels(labels)} ${t}`, values[i]!]),
  );
  return { points: new Map(points), newestMs };
};

const TOLERANCE = 1e-9;

/** The first point that differs, in words. */
const difference = (a: Answered, b: Answered): string | undefined => {
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const [x, y] = [a.get(key), b.get(key)];
    if (x === undefined || y === undefined) return `${key}: ${x} and ${y}`;
    if (Object.is(x, y) || x === y) continue;
    if (Math.abs(x - y) <= TOLERANCE * Math.max(Math.abs(x), Math.abs(y), 1e-3)) continue;
    return `${key}: ${x} and ${y}`;
  }
  return undefined;
};

const FUNCTIONS = [
  ...["rate", "increase", "delta", "irate", "idelta", "changes", "resets", "last_over_time"],
  ...["count_over_time", "sum_over_time", "avg_over_time", "min_over_time", "max_over_time"],
  "present_over_time",
];
/** The store does not know them: computed by us, a slice of samples at a time. */
const OURS = ["deriv", "stddev_over_time", "first_over_time", "ts_of_max_over_time"];
const isPushed = (sql: string): boolean => /ToGrid\(|AS part,/.test(sql);
const isSliced = (sql: string): boolean => /AS hour,/.test(sql);

describe("a range function over hours of history", () => {
  const whole = engine(fill(-Infinity), -Infinity);
  const seamMs = T0_MS + SPAN_MS - HOUR_MS;
  const split = engine(fill(seamMs), seamMs);

  const SHAPES = [
    ...[...FUNCTIONS, ...OURS].map((func) => [func, `${func}(m[RANGE]OFFSET)`] as const),
    ["a selector", "mOFFSET"],
    ["a comparison", "mOFFSET >= 7"],
  ] as const;
  const isByStore = (title: string): boolean => !OURS.includes(title);

  test.each(SHAPES)(
    "law: %s of history is what we compute from all samples",
    async (title, shape) => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: -400, max: 5_000 }),
          fc.constantFrom(30_000, 60_000, 61_000, 90_001, 300_000, 900_000),
          fc.constantFrom(15_000, 60_000, 300_000, 451_337, 1_800_000),
          fc.integer({ min: 1, max: 90 }),
          fc.constantFrom("", " offset 7m", " offset -3m"),
          async (startS, stepMs, rangeMs, steps, offset) => {
            const startMs = T0_MS + startS * 1_000;
            const range = {
              startMs,
              endMs: startMs + Math.max(steps * stepMs, 2 * HOUR_MS),
              stepMs,
            };
            const expr = shape.replace("RANGE", `${rangeMs}ms`).replace("OFFSET", offset);
            asked.length = 0;
            const [here, there] = [
              await answerOf(whole, expr, range),
              await answerOf(split, expr, range),
            ];
            expect(difference(there.points, here.points)).toBeUndefined();
            expect(there.newestMs).toBe(here.newestMs);
            expect([asked.some(isSliced), asked.some(isPushed)]).toEqual([true, isByStore(title)]);
          },
        ),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );

  test("it may be any part of an expression, on the grid of a subquery as well", async () => {
    const range = { startMs: T0_MS + HOUR_MS, endMs: T0_MS + SPAN_MS, stepMs: 120_000 };
    for (const expr of [
      "sum by (kind) (rate(m[5m])) / on(kind) count by (kind) (count_over_time(m[5m]))",
      'topk(2, max_over_time(rate(m{kind="counter"}[4m])[30m:1m]))',
      'increase(m{nth=~"1|2|3"}[10m] offset 10m) > 20 or changes(m[3m])',
    ]) {
      asked.length = 0;
      const [here, there] = [
        await answerOf(whole, expr, range),
        await answerOf(split, expr, range),
      ];
      expect(difference(there.points, here.points)).toBeUndefined();
      expect(here.points.size).toBeGreaterThan(100);
      expect(asked.some(isPushed)).toBe(true);
    }
  });

  test("an answer from history alone says how new it is", async () => {
    const range = { startMs: T0_MS, endMs: T0_MS + 2 * HOUR_MS, stepMs: 60_000 };
    const expr = 'rate(m{nth="0"}[5m])';
    const newest = lines[0]!.at.findLast((t) => t <= range.endMs);
    expect((await answerOf(split, expr, range)).newestMs).toBe(newest);
  });

  test("control: a sample that is not the same on both sides is noticed", async () => {
    const window = fill(seamMs);
    const other = openQueries({
      ...{ window, monotonic: () => 0, ready: () => true, seamMs: () => seamMs },
      oldestMs: () => T0_MS,
      store: {
        rows: store.rows,
        blocks: (sql, params) =>
          store.blocks(sql.replaceAll("(ts, value)", "(ts, value + (id = 1000))"), params),
      },
    });
    const range = { startMs: T0_MS, endMs: T0_MS + 3 * HOUR_MS, stepMs: 60_000 };
    const expr = "last_over_time(m[5m])";
    const [here, there] = [await answerOf(whole, expr, range), await answerOf(other, expr, range)];
    expect(difference(there.points, here.points)).toMatch(/nth="0"/);
  });

  test("short history is read sample by sample", async () => {
    asked.length = 0;
    const range = { startMs: seamMs - HOUR_MS / 2, endMs: T0_MS + SPAN_MS, stepMs: 60_000 };
    const [here, there] = [
      await answerOf(whole, "rate(m[5m])", range),
      await answerOf(split, "rate(m[5m])", range),
    ];
    expect(difference(there.points, here.points)).toBeUndefined();
    expect(asked.filter(isPushed)).toEqual([]);
    expect(asked.length).toBe(1);
  });
});
