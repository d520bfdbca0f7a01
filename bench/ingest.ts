/**
 * CPU of the hub's pipeline per million samples: remote-write bodies in, fsynced, windowed, stored.
 *
 * Shape:  `node bench/ingest.ts [batches=2000]`; bodies of 1,000 series each, one sample a series,
 *         through the hub's own intake, body log (fsync on), recent window and flusher, in one
 *         process. Two ways: a sink that does nothing, and the hub's own sink, which encodes
 *         blocks for ClickHouse, over a connection that takes them and does nothing; what
 *         ClickHouse, PostgreSQL, HTTP and zstd cost is in neither.
 * Units:  CPU-s of the whole process, its threads for disk and garbage included; bodies are made
 *         beforehand, at most `BODIES_AT_ONCE` at a time, and do not count.
 *         Samples/s leaves out the flusher's rest before the last, smaller batch.
 * Errors: throws unless the store was given every sample that was sent.
 */
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openSegmentLog } from "../src/io/log/segment-log.ts";
import { encodeWriteRequest } from "../src/watch/collect/remote-write.ts";
import { seriesOf } from "../src/watch/collect/series.ts";
import { newDecoding } from "../src/watch/signal/log/decode-record.ts";
import type { BatchBook, BatchSink, OpenBatch } from "../src/watch/signal/log/flush.flow.ts";
import { openPipeline, type Pipeline } from "../src/watch/signal/log/pipeline.flow.ts";
import { batchSink } from "../src/watch/signal/store/signal.store.ts";
import { feedWindow } from "../src/watch/signal/window/window-feed.ts";
import { newWindow } from "../src/watch/signal/window/window.ts";
import { removed, temporary } from "../test/programs/lab.ts";

const SERIES = 1_000;
const STEP_MS = 1_000;
/** As `novaevo up` keeps it: so many batches of one second are whole in the window. */
const WINDOW_MS = 3_600_000;
const BODIES_AT_ONCE = 100;
/** Senders at once: their records share an fsync, as those of a fleet do. */
const AGENTS = 4;
const POLL_MS = 20;
/** From here on the flusher stores at once; fewer wait for its clock. */
const FLUSH_ROWS = 250_000;

const main = async (batches: number): Promise<void> => {
  const perAgent = Math.ceil(batches / AGENTS);
  const rounds = [
    { title: "sink does nothing", encodes: false },
    { title: "blocks encoded", encodes: true },
  ];
  console.log(`${SERIES} series a body, ${perAgent * AGENTS} bodies, ${AGENTS} senders`);
  console.log(`${"".padEnd(24)}CPU-s / 1 M samples   samples/s`);
  for (const { title, encodes } of rounds) {
    const { cpuS, wallS, samples } = await run(perAgent, encodes);
    const perMillion = (cpuS / (samples / 1e6)).toFixed(2).padStart(19);
    console.log(`${title.padEnd(24)}${perMillion}${(samples / wallS).toFixed(0).padStart(12)}`);
  }
};

type Cost = { readonly cpuS: number; readonly wallS: number; readonly samples: number };

const run = async (perAgent: number, encodes: boolean): Promise<Cost> => {
  const root = await temporary("novaevo-bench-");
  const window = newWindow({ retentionMs: WINDOW_MS, maxAheadMs: Infinity });
  const sink = countingSink(encodes);
  const log = await openSegmentLog({ dir: path.join(root, "log") });
  const stop = new AbortController();
  const pipeline = await openPipeline({
    ...newDecoding({ inflate: () => undefined }),
    ...{ log, sink, book: bookInMemory(), now: () => Date.now(), spreadOf: () => "" },
    sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
    taken: (_index, content) => {
      if (content.kind === "samples") feedWindow(window, content.samples);
    },
    ...{ stored: () => undefined, say: (message, fields) => console.error(message, fields) },
    broken: (fault) => {
      throw fault;
    },
  });
  const flushing = pipeline.flusher.run(stop.signal);
  const startMs = Date.now() - perAgent * STEP_MS;
  let cpuS = 0;
  let wallS = 0;
  try {
    for (let from = 0; from < perAgent; from += BODIES_AT_ONCE / AGENTS) {
      const until = Math.min(perAgent, from + BODIES_AT_ONCE / AGENTS);
      const bodies = bodiesOf(startMs, from, until);
      const cost = await measured(async () => {
        await Promise.all(bodies.map((mine, agent) => send(pipeline, agent, from, mine)));
        // What is left at the very end waits for the flusher's own clock.
        while (pipeline.flusher.pendingRecords() * SERIES >= FLUSH_ROWS) await delay(POLL_MS);
      });
      cpuS += cost.cpuS;
      wallS += cost.wallS;
    }
    const last = await measured(async () => {
      while (pipeline.flusher.pendingRecords() > 0) await delay(POLL_MS);
    });
    cpuS += last.cpuS;
  } finally {
    stop.abort();
    await flushing;
    await log.close();
    await removed(root);
  }
  const samples = perAgent * AGENTS * SERIES;
  if (sink.taken() !== samples) throw new Error(`${sink.taken()} of ${samples} were stored`);
  if (window.stats().samples !== samples) throw new Error("the window missed samples");
  return { cpuS, wallS, samples };
};

/** Bodies of rounds `from` to `until`, by sender. */
const bodiesOf = (startMs: number, from: number, until: number): Uint8Array[][] =>
  fleet.map((all) =>
    Array.from({ length: until - from }, (_, nth) => {
      const round = from + nth;
      const timeMs = startMs + round * STEP_MS;
      return encodeWriteRequest(
        all.map((series, i) => ({ series, timeMs, value: 0.5 + ((round * 7 + i) % 50) / 100 })),
      );
    }),
  );

const fleet = Array.from({ length: AGENTS }, (_, agent) =>
  Array.from({ length: SERIES }, (__, i) =>
    seriesOf([
      ["__name__", `http_requests_${i % 40}_total`],
      ["cluster", "eu-west-3-production"],
      ["instance", `10.0.${agent}.${i % 25}:9100`],
      ["job", `service-${agent}`],
      ["status", String(200 + Math.floor(i / 25) * 5)],
    ]),
  ),
);

const send = async (
  { ingest }: Pick<Pipeline, "ingest">,
  agent: number,
  from: number,
  bodies: readonly Uint8Array[],
): Promise<void> => {
  for (const [nth, body] of bodies.entries()) {
    const seq = from + nth + 1;
    const source = { agentId: `agent-${agent}`, seq, previous: seq - 1 };
    const answer = await ingest(source, "identity", body);
    if (!answer.ok) throw new Error(answer.error.message);
    if (answer.value.samples !== SERIES) throw new Error(`${answer.value.samples} were taken`);
  }
};

const measured = async (work: () => Promise<void>): Promise<Omit<Cost, "samples">> => {
  const before = process.cpuUsage();
  const startMs = performance.now();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { cpuS: (user + system) / 1e6, wallS: (performance.now() - startMs) / 1000 };
};

const countingSink = (encodes: boolean): BatchSink & { readonly taken: () => number } => {
  let taken = 0;
  const nothing = async (): Promise<void> => undefined;
  const real = batchSink({ insert: nothing, command: nothing, rows: async () => [] }, "bench");
  return {
    taken: () => taken,
    insert: async (open, contents) => {
      if (encodes) await real.insert(open, contents);
      taken += open.samples;
    },
    count: async () => ({ samples: 0, readings: 0, spans: 0 }),
    remove: nothing,
  };
};

/** What PostgreSQL remembers, for a process that is never ended midway. */
const bookInMemory = (): BatchBook => {
  let last = 0;
  let open: OpenBatch | undefined;
  return {
    watermark: async () => 0,
    agents: async () => new Map(),
    open: async () => open,
    begin: async (range, { samples, readings, spans, fromMs, toMs }) => {
      last += 1;
      const counts = { samples, readings, spans };
      open = { batch: last, ...range, ...counts, fromMs, toMs, attempt: 1 };
      return open;
    },
    countAttempt: async () => 1,
    finish: async () => {
      open = undefined;
    },
  };
};

await main(Number(process.argv[2] ?? 2000));
