/**
 * A store that takes nothing: the log fills, senders are told to come again, nothing that was
 * acknowledged is lost, and all goes on when the store does.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { compress } from "snappy";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore, type Store } from "../../src/io/clickhouse/client.ts";
import { StoreFault } from "../../src/io/clickhouse/fault.ts";
import { systemClock } from "../../src/io/clock.ts";
import { newInflate } from "../../src/io/inflate.ts";
import { openSegmentLog } from "../../src/io/log/segment-log.ts";
import { encodeWriteRequest } from "../../src/watch/collect/remote-write.ts";
import { seriesOf } from "../../src/watch/collect/series.ts";
import { openSignals } from "../../src/watch/signal/signal.flow.ts";
import type { Signals } from "../../src/watch/signal/signals.ts";
import { testDb, type TestDb } from "../postgres.ts";
import { PASSWORD, startStore, type StoreProcess } from "../store/process.ts";

const PATIENCE = { timeout: 60_000, interval: 50 };
const LOG_BYTES = 64 * 1024;
const BODY_SAMPLES = 200;
/** Long before so many the log is full. */
const MAX_BODIES = 10_000;

let root: string;
let process: StoreProcess;
let store: Store;
let db: TestDb;
let signals: Signals;
let isStuck = false;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "novaevo-stuck-"));
  process = await startStore(path.join(root, "store"));
  store = openStore({ url: process.url, user: "novaevo", password: PASSWORD });
  db = await testDb();
  signals = await openSignals({
    ...{ clock: systemClock, db, logName: "stuck" },
    store: {
      ...store,
      insert: async (...insert) => {
        if (isStuck) throw new StoreFault("it takes nothing", undefined);
        await store.insert(...insert);
      },
    },
    log: await openSegmentLog({
      ...{ dir: path.join(root, "log"), maxBytes: LOG_BYTES, maxSegmentBytes: LOG_BYTES / 8 },
    }),
    sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }).catch(() => undefined),
    ...{ inflate: newInflate(), say: () => undefined, broken: () => undefined },
  });
  isStuck = true;
});
afterAll(async () => {
  await signals.close();
  await Promise.all([store.close(), db.close()]);
  await process.stop();
  await rm(root, { recursive: true, force: true });
});

const startMs = Date.now() - 60_000;
const bodyOf = (metric: string, nth: number): Uint8Array => {
  const series = seriesOf([["__name__", metric]]);
  return encodeWriteRequest(
    Array.from({ length: BODY_SAMPLES }, (_, i) => {
      const k = nth * BODY_SAMPLES + i;
      return { series, value: k, timeMs: startMs + k };
    }),
  );
};

/** Sends until it is told to wait; how many bodies were acknowledged. */
const fill = async (send: (nth: number) => Promise<unknown>): Promise<number> => {
  for (let nth = 0; nth < MAX_BODIES; nth += 1) {
    const answer = await send(nth);
    if ((answer as { ok: boolean }).ok) continue;
    expect(answer).toMatchObject({ error: { code: "unavailable", retryAfterMs: 5_000 } });
    return nth;
  }
  throw new Error("the log took everything");
};

const held = async (metric: string): Promise<number> => {
  const [row] = await store.rows<{ n: string }>(
    `SELECT uniqExact(ts) AS n FROM samples
      WHERE id IN (SELECT id FROM series WHERE metric = {metric: String})`,
    { metric },
  );
  return Number(row?.n);
};

test("senders wait, what was acknowledged is kept, and all goes on with the store", async () => {
  const head = { source: "shop", format: "remote-write", encoding: "snappy" } as const;
  const byWrite = async (nth: number) =>
    signals.take(head, await compress(Buffer.from(bodyOf("written", nth))));
  const byAgent = (nth: number) =>
    signals.ingest(
      { agentId: "a", seq: nth + 1, previous: nth },
      "identity",
      bodyOf("shipped", nth),
    );
  const written = await fill(byWrite);
  const shipped = await fill(byAgent);
  expect(written).toBeGreaterThan(1);
  // What is refused for want of room is known as such: an agent keeps it.
  expect(await signals.agentState("a")).toEqual({ accepted: shipped, stored: 0 });
  await expect
    .poll(() => signals.status(), PATIENCE)
    .toMatchObject({ storeFault: "it takes nothing" });
  expect((await signals.status()).logBytes).toBeLessThanOrEqual(LOG_BYTES);

  isStuck = false;
  await expect.poll(() => held("written"), PATIENCE).toBe(written * BODY_SAMPLES);
  await expect
    .poll(async () => (await byAgent(shipped)) as object, PATIENCE)
    .toMatchObject({
      ok: true,
      value: { accepted: shipped + 1 },
    });
  await expect.poll(() => held("shipped"), PATIENCE).toBe((shipped + 1) * BODY_SAMPLES);
  const [answer] = await signals.queryMany([
    { expr: "count_over_time(written[5m])", timeMs: Date.now() },
  ]);
  expect(answer).toMatchObject({
    value: { value: { samples: [{ v: written * BODY_SAMPLES }] } },
  });
});
