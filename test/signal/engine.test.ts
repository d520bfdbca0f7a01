/**
 * The telemetry engine on a real store and a real PostgreSQL: what was sent is what is answered,
 * wherever it lies: in the window, in the store, on both sides of the seam, also after a start.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { compressSync } from "snappy";
import { openStore, type Store } from "../../src/io/clickhouse/client.ts";
import { systemClock } from "../../src/io/clock.ts";
import { newInflate } from "../../src/io/inflate.ts";
import { openSegmentLog } from "../../src/io/log/segment-log.ts";
import { encodeWriteRequest } from "../../src/watch/collect/remote-write.ts";
import { seriesOf } from "../../src/watch/collect/series.ts";
import type { CardinalityLimits } from "../../src/watch/intake/cardinality.ts";
import { openSignals } from "../../src/watch/signal/signal.flow.ts";
import type { KpiReadingRow, Signals } from "../../src/watch/signal/signals.ts";
import { testDb, type TestDb } from "../postgres.ts";
import { PASSWORD, startStore, type StoreProcess } from "../store/process.ts";

const HOUR_MS = 3_600_000;
const STEP_MS = 10_000;
const PATIENCE = { timeout: 30_000, interval: 50 };

let root: string;
let process: StoreProcess;
let store: Store;
let db: TestDb;
let signals: Signals | undefined;
const say: string[] = [];

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "novaevo-signal-"));
  process = await startStore(path.join(root, "store"));
  store = openStore({ url: process.url, user: "novaevo", password: PASSWORD });
  db = await testDb();
});
afterEach(async () => {
  await signals?.close();
  signals = undefined;
});
afterAll(async () => {
  await Promise.all([store.close(), db.close()]);
  await process.stop();
  await rm(root, { recursive: true, force: true });
});

const open = async (name: string, seriesLimits?: CardinalityLimits): Promise<Signals> => {
  signals = await openSignals({
    seriesLimits,
    ...{ clock: systemClock, db, store, logName: name },
    log: await openSegmentLog({ dir: path.join(root, name) }),
    sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }).catch(() => undefined),
    inflate: newInflate(),
    say: (message) => void say.push(message),
    broken: (why) => void say.push(why),
  });
  const opened = signals;
  await expect.poll(async () => (await opened.status()).refilled, PATIENCE).toBe(true);
  return opened;
};

const numberOf = async (engine: Signals, expr: string, timeMs: number): Promise<unknown> => {
  const [answer] = await engine.queryMany([{ expr, timeMs }]);
  if (answer?.ok !== true) return answer?.error;
  const { value } = answer.value;
  return value.type === "vector" ? value.samples.map(({ v }) => v) : value;
};

/** One sample every ten seconds over three hours up to now, in order, as an agent that was away. */
const sendHistory = async (engine: Signals, agentId: string, metric: string, endMs: number) => {
  const series = seriesOf([["__name__", metric]]);
  const startMs = endMs - 3 * HOUR_MS;
  let seq = 0;
  for (let fromMs = startMs; fromMs < endMs; fromMs += HOUR_MS / 4) {
    const samples = [];
    for (let at = fromMs; at < fromMs + HOUR_MS / 4; at += STEP_MS) {
      samples.push({ series, value: (at - startMs) / STEP_MS, timeMs: at });
    }
    seq += 1;
    const answer = await engine.ingest(
      { agentId, seq, previous: seq - 1 },
      "identity",
      encodeWriteRequest(samples),
    );
    expect(answer).toMatchObject({ ok: true, value: { accepted: seq, duplicate: false } });
  }
  return seq;
};

test("three hours are answered whole, before and after a start, with no seam", async () => {
  const endMs = Math.floor(Date.now() / STEP_MS) * STEP_MS;
  const all = (3 * HOUR_MS) / STEP_MS;
  let engine = await open("seam");
  const seq = await sendHistory(engine, "a", "history", endMs);
  const isStored = async (): Promise<number> => (await engine.agentState("a")).stored;
  await expect.poll(isStored, PATIENCE).toBe(seq);
  const ask = () => numberOf(engine, "count_over_time(history[4h])", endMs);
  expect(await ask()).toEqual([all]);
  expect(await numberOf(engine, "changes(history[4h])", endMs)).toEqual([all - 1]);
  await engine.close();

  engine = await open("seam");
  expect(await ask()).toEqual([all]);
  expect(await numberOf(engine, "history offset 2h", endMs - 1)).toEqual([all / 3 - 1]);
  const range = await engine.queryRange({
    expr: "history",
    ...{ startMs: endMs - 3 * HOUR_MS, endMs: endMs - STEP_MS, stepMs: STEP_MS },
  });
  const value = range.ok ? range.value.value : undefined;
  const [line] = value?.type === "matrix" ? value.series : [];
  expect([...(line?.values ?? [])]).toEqual(Array.from({ length: all }, (_, nth) => nth));
});

test("what is only in the log is answered after a start, and comes into the store once", async () => {
  const nowMs = Math.floor(Date.now() / STEP_MS) * STEP_MS;
  let engine = await open("log");
  const body = encodeWriteRequest([
    { series: seriesOf([["__name__", "fresh"]]), value: 7, timeMs: nowMs - STEP_MS },
  ]);
  await engine.ingest({ agentId: "b", seq: 1, previous: 0 }, "identity", body);
  await engine.close();
  engine = await open("log");
  expect(await engine.agentState("b")).toMatchObject({ accepted: 1 });
  expect(await numberOf(engine, "fresh", nowMs)).toEqual([7]);
  const again = await engine.ingest({ agentId: "b", seq: 1, previous: 0 }, "identity", body);
  expect(again).toMatchObject({ ok: true, value: { duplicate: true } });
  await expect.poll(async () => (await engine.agentState("b")).stored, PATIENCE).toBe(1);
  const [row] = await store.rows<{ n: string | number }>(
    "SELECT count() AS n FROM samples WHERE id IN (SELECT id FROM series WHERE metric = 'fresh')",
  );
  expect(Number(row?.n)).toBe(1);
});

test("remote write: kept, answered, found after a start; out of bounds is said and left out", async () => {
  let engine = await open("foreign");
  const nowMs = Math.floor(Date.now() / STEP_MS) * STEP_MS;
  const body = (samples: readonly (readonly [string, number, number])[]): Uint8Array =>
    compressSync(
      Buffer.from(
        encodeWriteRequest(
          samples.map(([name, value, timeMs]) => ({
            series: seriesOf([["__name__", name]]),
            value,
            timeMs,
          })),
        ),
      ),
    );
  const head = { source: "shop", format: "remote-write", encoding: "snappy" } as const;
  const year = 365 * 24 * HOUR_MS;
  expect(await engine.take(head, body([["foreign", 1, nowMs - STEP_MS]]))).toEqual({
    ok: true,
    value: { taken: 1, rejected: 0, complaints: [] },
  });
  const mixed = await engine.take(
    head,
    body([
      ["foreign", 2, nowMs],
      ["foreign", 3, nowMs + year],
      ["foreign", 4, nowMs - year],
    ]),
  );
  expect(mixed).toMatchObject({
    value: {
      ...{ taken: 1, rejected: 2 },
      complaints: [
        "1 samples over 10 minutes ahead of this hub's clock",
        "1 samples older than 15 days",
      ],
    },
  });
  // A sender that saw no answer sends it again: a reader sees it once.
  await engine.take(head, body([["foreign", 2, nowMs]]));
  const ask = () => numberOf(engine, "sum_over_time(foreign[1m])", nowMs);
  expect(await ask()).toEqual([3]);
  await engine.close();
  engine = await open("foreign");
  expect(await ask()).toEqual([3]);
  expect(await engine.take(head, body([]).slice(1))).toMatchObject({
    error: { code: "bad_request", message: "body: is not snappy, as content-encoding says" },
  });
});

test("over a limit the answer says which labels explode; known series go on, after a start too", async () => {
  const limits = { maxSeriesPerMetric: 10, maxSeriesPerSource: 100 };
  let engine = await open("cardinality", limits);
  const nowMs = Math.floor(Date.now() / STEP_MS) * STEP_MS;
  const head = { source: "shop", format: "remote-write", encoding: "identity" } as const;
  const bodyOf = (users: readonly number[], timeMs: number): Uint8Array =>
    encodeWriteRequest(
      users.map((user) => ({
        series: seriesOf([
          ["__name__", "visits"],
          ["path", `/p${user % 2}`],
          ["user", `u${user}`],
        ]),
        ...{ value: user, timeMs },
      })),
    );
  const all = Array.from({ length: 14 }, (_, user) => user);
  await engine.take(head, bodyOf(all.slice(0, 8), nowMs - STEP_MS));
  expect(await engine.take(head, bodyOf(all, nowMs))).toEqual({
    ok: true,
    value: {
      ...{ taken: 10, rejected: 4 },
      complaints: [
        "4 samples of series over a limit: metric visits has 10 series, the limit of one metric; " +
          "its labels by number of values: user 10, path 2",
      ],
    },
  });
  const count = () => numberOf(engine, "count(visits)", nowMs);
  expect(await count()).toEqual([10]);
  await engine.close();
  engine = await open("cardinality", limits);
  expect(await count()).toEqual([10]);
  const again = await engine.take(head, bodyOf([0, 9, 13], nowMs + 1));
  expect(again).toMatchObject({ value: { taken: 2, rejected: 1 } });
});

test("a gap is not taken, and the answer says what is", async () => {
  const engine = await open("gap");
  const body = encodeWriteRequest([
    { series: seriesOf([["__name__", "gap"]]), value: 1, timeMs: Date.now() },
  ]);
  const answer = await engine.ingest({ agentId: "c", seq: 5, previous: 4 }, "identity", body);
  expect(answer).toMatchObject({ ok: true, value: { accepted: 0, samples: 0 } });
  const bad = await engine.ingest({ agentId: "c", seq: 1, previous: 0 }, "identity", body.slice(3));
  expect(bad).toMatchObject({ ok: false, error: { code: "bad_request" } });
});

test("readings are read back, those that wait and those that are stored, once each", async () => {
  const engine = await open("readings");
  const nowMs = Date.now();
  const reading = (nth: number): KpiReadingRow => ({
    ...{ kpi: "k", atMs: nowMs + nth, value: nth === 2 ? null : nth, n: nth, reason: "" },
    ...{ verdict: nth === 2 ? "unknown" : "pass", freshnessMs: 5 },
    ...{ formulaVersion: 1, planVersion: 3 },
  });
  const rows = [1, 2, 3].map(reading);
  await engine.appendReadings(rows);
  const ask = { kpi: "k", fromMs: nowMs, toMs: nowMs + 10, limit: 100 };
  expect(await engine.readings(ask)).toEqual(rows);
  await expect.poll(async () => (await engine.status()).logRecordsPending, PATIENCE).toBe(0);
  expect(await engine.readings(ask)).toEqual(rows);
});

test("a query that cannot be answered says why", async () => {
  const engine = await open("bad");
  const answers = await engine.queryMany([
    { expr: "sum(", timeMs: 0 },
    { expr: "x".repeat(20_000), timeMs: 0 },
  ]);
  expect(answers.map((one) => (one.ok ? "" : one.error.message))).toEqual([
    expect.stringMatching(/^query: character \d+: /),
    "query: 20000 characters, at most 16384",
  ]);
});
