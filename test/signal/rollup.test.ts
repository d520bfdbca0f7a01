/**
 * The 1-minute tier on a real store and a real PostgreSQL: each minute holds what its samples say,
 * once, also after samples that came late or twice.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore, type Store } from "../../src/io/clickhouse/client.ts";
import { systemClock } from "../../src/io/clock.ts";
import { newInflate } from "../../src/io/inflate.ts";
import { openSegmentLog } from "../../src/io/log/segment-log.ts";
import { encodeWriteRequest } from "../../src/watch/collect/remote-write.ts";
import { seriesOf } from "../../src/watch/collect/series.ts";
import { rollOne } from "../../src/watch/signal/store/rollup.flow.ts";
import { rollupBook } from "../../src/watch/signal/store/rollup.store.ts";
import { openSignals } from "../../src/watch/signal/signal.flow.ts";
import type { Signals } from "../../src/watch/signal/signals.ts";
import { testDb, type TestDb } from "../postgres.ts";
import { PASSWORD, startStore, type StoreProcess } from "../store/process.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LOOK_MS = 60_000;
const NEVER_MS = 2 ** 30;
const PATIENCE = { timeout: 60_000, interval: 50 };

let root: string;
let process: StoreProcess;
let store: Store;
let db: TestDb;
let signals: Signals;

/** The engine's own turn never comes: the tests take it. */
const neverLong = (delayMs: number, signal: AbortSignal): Promise<void> =>
  delay(delayMs < LOOK_MS ? delayMs : NEVER_MS, undefined, { signal }).catch(() => undefined);

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "novaevo-rollup-"));
  process = await startStore(path.join(root, "store"));
  store = openStore({ url: process.url, user: "novaevo", password: PASSWORD });
  db = await testDb();
  signals = await openSignals({
    ...{ clock: systemClock, db, store, logName: "rollup" },
    log: await openSegmentLog({ dir: path.join(root, "log") }),
    sleep: neverLong,
    ...{ inflate: newInflate(), say: () => undefined, broken: () => undefined },
  });
});
afterAll(async () => {
  await signals.close();
  await Promise.all([store.close(), db.close()]);
  await process.stop();
  await rm(root, { recursive: true, force: true });
});

/** Two hours ago: over, so that no clock decides when it may be rolled up. */
const hourMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 2 * HOUR_MS;
let sent = 0;

const send = async (samples: readonly (readonly [atS: number, value: number | "stale"])[]) => {
  const series = seriesOf([["__name__", "queue"]]);
  sent += 1;
  const body = encodeWriteRequest(
    samples.map(([atS, value]) => ({
      series,
      timeMs: hourMs + atS * 1_000,
      ...(value === "stale" ? { value: 0, stale: true as const } : { value }),
    })),
  );
  await signals.ingest({ agentId: "a", seq: sent, previous: sent - 1 }, "identity", body);
  await expect.poll(async () => (await signals.agentState("a")).stored, PATIENCE).toBe(sent);
};

const roll = () =>
  rollOne({
    ...{ store, book: rollupBook(db, 90 * DAY_MS), now: () => Date.now() },
    ...{ sleep: async () => undefined, say: () => undefined },
  });

const minutes = () =>
  store.rows(
    `SELECT toFloat64(toUnixTimestamp(ts) - {hour: UInt32}) AS s, least, greatest, sum,
            toFloat64(count) AS n, last,
            toFloat64(toUnixTimestamp64Milli(last_ts)) / 1000 - {hour: UInt32} AS lastS
       FROM samples_1m FINAL ORDER BY ts`,
    { hour: hourMs / 1_000 },
  );

test("a minute holds what its samples say; late ones are added, those sent twice are not", async () => {
  await send([
    [1, 5],
    [31, 2],
    [59, 9],
    [60, 4],
    [61, "stale"],
  ]);
  expect(await roll()).toBe(true);
  const second = { s: 60, least: 4, greatest: 4, sum: 4, n: 1, last: 4, lastS: 60 };
  expect(await minutes()).toEqual([
    { s: 0, least: 2, greatest: 9, sum: 16, n: 3, last: 9, lastS: 59 },
    second,
  ]);
  // Nothing has come since: there is nothing to do.
  expect(await roll()).toBe(false);

  await send([
    [59, 9],
    [40, 1],
    [3_599, 7],
  ]);
  expect(await roll()).toBe(true);
  expect(await minutes()).toEqual([
    { s: 0, least: 1, greatest: 9, sum: 17, n: 4, last: 9, lastS: 59 },
    second,
    { s: 3_540, least: 7, greatest: 7, sum: 7, n: 1, last: 7, lastS: 3_599 },
  ]);
});

test("an hour that samples came for while it was made is due again", async () => {
  const book = rollupBook(db, 90 * DAY_MS);
  await send([[100, 1]]);
  const due = await book.due(Date.now());
  await send([[200, 1]]);
  await book.done(due!);
  expect(await book.due(Date.now())).toEqual({ hourMs, touched: due!.touched + 1 });
});

test("an hour that is not over is left alone", async () => {
  const book = rollupBook(db, 90 * DAY_MS);
  expect(await book.due(hourMs + HOUR_MS - 1)).toBeUndefined();
  expect(await book.due(hourMs + HOUR_MS)).toMatchObject({ hourMs });
});

test("what is older than the samples' retention is answered from the tier", async () => {
  while (await roll());
  await signals.close();
  const yearsLater = { ...systemClock, now: () => hourMs + 20 * DAY_MS };
  signals = await openSignals({
    ...{ clock: yearsLater, db, store, logName: "rollup" },
    log: await openSegmentLog({ dir: path.join(root, "log") }),
    sleep: neverLong,
    ...{ inflate: newInflate(), say: () => undefined, broken: () => undefined },
  });
  await expect.poll(async () => (await signals.status()).refilled, PATIENCE).toBe(true);
  const ask = async (expr: string, atS: number) => {
    const [answer] = await signals.queryMany([{ expr, timeMs: hourMs + atS * 1_000 }]);
    if (answer?.ok !== true) return answer?.error;
    const { value } = answer.value;
    return value.type === "vector" ? value.samples.map(({ v }) => v) : value;
  };
  // The last of each minute: 9 at 59 s, 4 at 60 s, 1 at 100 s (the same minute), 1 at 200 s.
  expect(await ask("queue", 59)).toEqual([9]);
  expect(await ask("count_over_time(queue[250s])", 250)).toEqual([3]);
  expect(await ask("max_over_time(queue[250s])", 250)).toEqual([9]);
  const range = { startMs: hourMs + 60_000, endMs: hourMs + 240_000, stepMs: 60_000 };
  const answer = await signals.queryRange({ expr: "changes(queue[5m])", ...range });
  const value = answer.ok ? answer.value.value : undefined;
  expect(value?.type === "matrix" ? [...value.series[0]!.values] : answer).toEqual([0, 1, 1, 1]);
});
