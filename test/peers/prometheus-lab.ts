/**
 * The same samples, byte for byte, in Debian's Prometheus and in the hub's own doors, and the same
 * request to both.
 *
 * Shape:  three hours of samples every 30 s; the last is a little older than now. Ours lie partly
 *         in the window and partly in the store.
 * Units:  ms; `place.end` is a whole minute, off which every sample lies.
 */
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { compress } from "snappy";
import { expect, vi } from "vitest";
import { openStore } from "../../src/io/clickhouse/client.ts";
import { systemClock } from "../../src/io/clock.ts";
import { newInflate } from "../../src/io/inflate.ts";
import { openSegmentLog } from "../../src/io/log/segment-log.ts";
import { encodeWriteRequest, type StampedSample } from "../../src/watch/collect/remote-write.ts";
import { seriesOf } from "../../src/watch/collect/series.ts";
import { openSignals } from "../../src/watch/signal/signal.flow.ts";
import { openLab } from "../contract/lab.ts";
import { testDb } from "../postgres.ts";
import { PASSWORD, startStore } from "../store/process.ts";
import { startPrometheus } from "./promql-prometheus.ts";

const MINUTE_MS = 60_000;
const SPAN_MS = 180 * MINUTE_MS;
const STEP_MS = 30_000;
/** Samples lie off every boundary a query may have. */
const OFF_MS = 1_234;
const BODY_MS = 30 * MINUTE_MS;
const PATIENCE = { timeout: 60_000, interval: 100 };

export type Told = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
};

export type Peers = Awaited<ReturnType<typeof openPeers>>;

export const openPeers = async () => {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).toReversed()) await one();
  };
  try {
    return { ...(await peersOf((one) => closers.push(one))), close };
  } catch (fault) {
    await close();
    throw fault;
  }
};

const peersOf = async (onClose: (close: () => Promise<unknown>) => void) => {
  const root = await mkdtemp(path.join(tmpdir(), "novaevo-peers-"));
  onClose(() => rm(root, { recursive: true, force: true }));
  const prometheus = await startPrometheus(path.join(root, "prometheus"));
  onClose(prometheus.stop);
  const storeProcess = await startStore(path.join(root, "store"));
  onClose(storeProcess.stop);
  const store = openStore({ url: storeProcess.url, user: "novaevo", password: PASSWORD });
  onClose(store.close);
  const db = await testDb();
  onClose(db.close);
  const signals = await openSignals({
    ...{ clock: systemClock, db, store, logName: "peers", inflate: newInflate() },
    log: await openSegmentLog({ dir: path.join(root, "log") }),
    sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }).catch(() => undefined),
    say: () => undefined,
    broken: (why) => {
      throw new Error(why);
    },
  });
  onClose(signals.close);
  await vi.waitFor(async () => expect((await signals.status()).refilled).toBe(true), PATIENCE);
  const lab = await openLab({ signals });
  onClose(lab.close);
  await lab.server.listen({ host: "127.0.0.1", port: 0 });
  const { port } = lab.server.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const endMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - MINUTE_MS;
  for (const body of await bodiesUpTo(endMs)) {
    await write(prometheus.url, body, {});
    await write(url, body, lab.authorization("ingest"));
  }
  const isStored = async () => expect((await signals.status()).logRecordsPending).toBe(0);
  await vi.waitFor(isStored, PATIENCE);
  return {
    ...{ lab, endMs, startMs: endMs - SPAN_MS },
    ours: { url, headers: lab.authorization("viewer") },
    theirs: { url: prometheus.url, headers: {} },
  };
};

type Server = { readonly url: string; readonly headers: Readonly<Record<string, string>> };

export const ask = async (server: Server, at: string, more: RequestInit = {}): Promise<Told> => {
  const answer = await fetch(`${server.url}${at}`, {
    ...more,
    headers: { ...server.headers, ...(more.headers as Record<string, string> | undefined) },
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};

const write = async (
  url: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<void> => {
  const answer = await fetch(`${url}/api/v1/write`, {
    method: "POST",
    headers: {
      "content-type": "application/x-protobuf",
      "content-encoding": "snappy",
      "x-prometheus-remote-write-version": "0.1.0",
      ...headers,
    },
    body: new Uint8Array(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`);
};

type Kind = readonly [
  labels: readonly (readonly [string, string])[],
  at: (nth: number) => number | undefined,
];

/** Numbers every writer of JSON has met once. */
const ODD = [1e21, -1.25e21, 1e20, 1e-6, 1e-7, 5e-324, -0, Infinity, -Infinity, 0.1, 1e300];

const kinds = (): readonly Kind[] => [
  ...["a:9100", "b:9100", "c:9100"].map((instance, nth): Kind => [
    [
      ["__name__", "up"],
      ["instance", instance],
      ["job", nth < 2 ? "node" : "api"],
    ],
    (at) => Number(at % 7 !== nth),
  ]),
  ...["200", "404", "500"].flatMap((code, nth) =>
    ["a:9100", "b:9100"].map((instance): Kind => [
      [
        ["__name__", "requests_total"],
        ["code", code],
        ["instance", instance],
        ["job", "api"],
      ],
      (at) => (at % 200) * (3 - nth) + nth / 8,
    ]),
  ),
  ...["0.1", "0.5", "1", "+Inf"].map((le, nth): Kind => [
    [
      ["__name__", "latency_seconds_bucket"],
      ["job", "api"],
      ["le", le],
    ],
    (at) => at * (nth + 1),
  ]),
  ...ODD.map((value, nth): Kind => [
    [
      ["__name__", "odd"],
      ["nth", String(nth).padStart(2, "0")],
    ],
    () => value,
  ]),
  [
    [
      ["__name__", "texts"],
      ["text", 'é 💥 <b>&"\\ \n'],
    ],
    (at) => at,
  ],
  // Ended long before the window begins: only the store knows it.
  [
    [
      ["__name__", "old"],
      ["instance", "gone"],
    ],
    (at) => (at < 20 ? at : undefined),
  ],
];

const bodiesUpTo = async (endMs: number): Promise<readonly Uint8Array[]> => {
  const lines = kinds().map(([labels, at]) => ({ series: seriesOf(labels), at }));
  const bodies: Uint8Array[] = [];
  const startMs = endMs - SPAN_MS;
  for (let fromMs = startMs; fromMs < endMs; fromMs += BODY_MS) {
    const samples: StampedSample[] = [];
    for (let atMs = fromMs; atMs < fromMs + BODY_MS; atMs += STEP_MS) {
      const nth = (atMs - startMs) / STEP_MS;
      for (const { series, at } of lines) {
        const value = at(nth);
        if (value !== undefined) samples.push({ series, value, timeMs: atMs + OFF_MS });
      }
    }
    bodies.push(await compress(Buffer.from(encodeWriteRequest(samples))));
  }
  return bodies;
};
