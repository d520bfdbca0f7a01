/**
 * An agent, senders without numbers, the hub's pipeline and the store, ended at every await, by
 * kill and by power cut.
 *
 * Acknowledged = stored exactly once in the end; "stored" is never said of what is not there.
 */
import { expect, test } from "vitest";
import { encodeWriteRequest } from "../src/watch/collect/remote-write.ts";
import { seriesOf } from "../src/watch/collect/series.ts";
import { openSegmentLog } from "../src/io/log/segment-log.ts";
import { newDecoding } from "../src/watch/signal/log/decode-record.ts";
import { openPipeline, type Pipeline } from "../src/watch/signal/log/pipeline.flow.ts";
import type { KpiReadingRow } from "../src/watch/signal/signals.ts";
import { simDisk, type SimDisk } from "./disk.ts";
import { simMachine, type SimMachine, type SimProcess } from "./process.ts";
import { seeded } from "./random.ts";
import { simStore, type SimStore } from "./store.ts";

const NOON = Date.UTC(2026, 5, 1, 23, 59, 59, 500);
const BATCHES = 12;
const MAX_LIVES = 6;

type World = {
  readonly disk: SimDisk;
  readonly machine: SimMachine;
  readonly store: SimStore;
  readonly durability: "fsync" | "none";
  /** What the agent was told is accepted, by its own number. */
  accepted: number;
  toldStored: number;
  foreign: number;
  /** What was acknowledged to those who have no numbers, by the key of its row. */
  readonly acked: Set<string>;
  readonly wrong: string[];
};

/** Batch n has two samples; around batch 6 the day changes, so an insert has two parts. */
const keysOf = (seq: number): readonly string[] =>
  ["a", "b"].map((name) => `m_${name}@${NOON + seq * 100}`);
const bodyOf = (seq: number): Uint8Array =>
  encodeWriteRequest(
    ["a", "b"].map((name) => ({
      series: seriesOf([["__name__", `m_${name}`]]),
      value: seq,
      timeMs: NOON + seq * 100,
    })),
  );
const readingOf = (nth: number): KpiReadingRow => ({
  kpi: "k",
  atMs: NOON + nth,
  value: nth,
  verdict: "pass",
  reason: "",
  n: 1,
  freshnessMs: 0,
  formulaVersion: 1,
  planVersion: 1,
});

const atRest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const open = async (world: World, life: SimProcess): Promise<Pipeline> => {
  const log = await openSegmentLog({
    ...{ dir: "/log", maxSegmentBytes: 600, disk: world.disk.boot() },
    durability: world.durability,
  });
  return openPipeline({
    log,
    ...{ book: world.store.bookFor(life), sink: world.store.sinkFor(life) },
    ...newDecoding({ inflate: () => undefined }),
    spreadOf: () => "",
    now: () => NOON + 10_000,
    // The flusher hardly rests, so that batches of many sizes are on their way.
    sleep: atRest,
    ...{ stored: () => undefined, taken: () => undefined, say: () => undefined },
    broken: (fault) => void world.wrong.push(`broken: ${fault.message}`),
  });
};

/** A sender without numbers: what was not acknowledged goes under another name the next time. */
const sendForeign = async (world: World, { take }: Pipeline): Promise<void> => {
  world.foreign += 1;
  const name = `w_${world.foreign}`;
  const timeMs = NOON + world.foreign;
  const series = seriesOf([["__name__", name]]);
  const written = await take(
    { source: "shop", format: "remote-write", encoding: "identity" },
    encodeWriteRequest([{ series, value: 1, timeMs }]),
  );
  if (!written.ok) throw new Error(written.error.message);
  world.acked.add(`${name}@${timeMs}`);
  const spanId = world.foreign.toString(16).padStart(16, "0");
  const startTimeUnixNano = `${timeMs}000001`;
  const span = { traceId: "a".repeat(32), spanId, kind: 2, name: "GET /", startTimeUnixNano };
  const kept = await take(
    { source: "shop", format: "otlp-traces-json", encoding: "identity" },
    Buffer.from(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })),
  );
  if (!kept.ok || kept.value.taken !== 1) throw new Error(JSON.stringify(kept));
  world.acked.add(`span:${spanId}`);
};

const send = async (world: World, pipeline: Pipeline) => {
  const { agentState, ingest, appendReadings } = pipeline;
  const state = await agentState("agent");
  if (state.accepted < world.accepted) world.wrong.push(`forgot ${world.accepted}`);
  let { accepted } = state;
  while (accepted < BATCHES) {
    const seq = accepted + 1;
    const source = { agentId: "agent", seq, previous: accepted };
    const answer = await ingest(source, "identity", bodyOf(seq));
    if (!answer.ok) throw new Error(answer.error.message);
    ({ accepted } = answer.value);
    // The network brought it twice.
    if (seq % 2 === 0) await ingest(source, "identity", bodyOf(seq));
    world.accepted = Math.max(world.accepted, accepted);
    world.toldStored = Math.max(world.toldStored, answer.value.stored);
    checkStored(world);
    if (seq % 3 === 0) {
      await appendReadings([readingOf(seq)]);
      world.acked.add(`kpi:k@${NOON + seq}`);
      await sendForeign(world, pipeline);
    }
  }
};

const checkStored = ({ store, toldStored, wrong }: World): void => {
  const there = new Set(store.rows().map(({ key }) => key));
  for (let seq = 1; seq <= toldStored; seq += 1) {
    for (const key of keysOf(seq)) if (!there.has(key)) wrong.push(`${key} is said to be stored`);
  }
};

/** One life: resolves when everything was sent and stored, or when the process ended. */
const live = async (world: World): Promise<void> => {
  const life = world.machine.boot();
  const ended = (async () => {
    while (life.isAlive()) await atRest();
  })();
  const work = async (): Promise<void> => {
    const pipeline = await open(world, life);
    const stop = new AbortController();
    const flushing = pipeline.flusher.run(stop.signal);
    await send(world, pipeline);
    while (pipeline.flusher.pendingRecords() > 0) {
      if (!life.isAlive()) return;
      await atRest();
    }
    stop.abort();
    await flushing;
  };
  await Promise.race([work(), ended]);
};

/** The whole story with ends at the given awaits; what is wrong with its outcome. */
const story = async (options: {
  readonly endAt: ReadonlySet<number>;
  readonly kind: "kill" | "power";
  readonly window?: number;
  readonly durability?: "fsync" | "none";
  readonly seed: number;
}): Promise<{ readonly wrong: readonly string[]; readonly awaits: number }> => {
  const machine = simMachine((nth) => options.endAt.has(nth));
  const disk = simDisk(seeded(options.seed), () => (machine.tick() ? options.kind : undefined));
  const world: World = {
    ...{ disk, machine, store: simStore({ window: options.window ?? 1_000 }) },
    durability: options.durability ?? "fsync",
    ...{ accepted: 0, foreign: 0, toldStored: 0, acked: new Set(), wrong: [] },
  };
  let lives = 0;
  do {
    await live(world);
    machine.end();
    disk.crash(options.kind);
    lives += 1;
  } while (lives <= Math.max(MAX_LIVES, options.endAt.size + 1) && world.accepted < BATCHES);
  // One more life in peace brings in what is still on its way.
  options = { ...options, endAt: new Set() };
  await live(world);
  return { wrong: [...world.wrong, ...check(world)], awaits: machine.awaits() };
};

const check = ({ store, acked }: World): readonly string[] => {
  const times = new Map<string, number>();
  for (const { key } of store.rows()) times.set(key, (times.get(key) ?? 0) + 1);
  const expected = Array.from({ length: BATCHES }, (_, nth) => keysOf(nth + 1)).flat();
  return [...expected, ...acked].flatMap((key) => {
    const found = times.get(key) ?? 0;
    return found === 1 ? [] : [`${key} is there ${found} times`];
  });
};

test("without an end everything is stored once", async () => {
  const { wrong, awaits } = await story({ endAt: new Set(), kind: "kill", seed: 1 });
  expect(wrong).toEqual([]);
  expect(awaits).toBeGreaterThan(100);
});

test.each(["kill", "power"] as const)(
  "ended at any await by %s, what was acknowledged is stored once",
  async (kind) => {
    const { awaits } = await story({ endAt: new Set(), kind, seed: 1 });
    for (let at = 0; at < awaits; at += 1) {
      const { wrong } = await story({ endAt: new Set([at]), kind, seed: at });
      expect({ at, wrong }).toEqual({ at, wrong: [] });
    }
  },
);

test("ended again and again while it recovers, what was acknowledged is stored once", async () => {
  for (let seed = 0; seed < 150; seed += 1) {
    const random = seeded(seed);
    const endAt = new Set(Array.from({ length: 5 }, () => random.below(400)));
    const kind = random.chance(0.5) ? "kill" : "power";
    const { wrong } = await story({ endAt, kind, seed });
    expect({ seed, wrong }).toEqual({ seed, wrong: [] });
  }
});

test("also when the store has forgotten the tokens of its inserts", async () => {
  for (let seed = 0; seed < 100; seed += 1) {
    const random = seeded(seed);
    const endAt = new Set(Array.from({ length: 4 }, () => random.below(300)));
    const { wrong } = await story({ endAt, kind: "kill", window: 0, seed });
    expect({ seed, wrong }).toEqual({ seed, wrong: [] });
  }
});

test("control: a log that acknowledges before the disk has it loses, and this sees it", async () => {
  const { awaits } = await story({ endAt: new Set(), kind: "power", durability: "none", seed: 1 });
  const found: string[] = [];
  for (let at = 0; at < awaits; at += 1) {
    const one = { endAt: new Set([at]), kind: "power", durability: "none", seed: at } as const;
    found.push(...(await story(one)).wrong);
  }
  expect(found).not.toEqual([]);
});
