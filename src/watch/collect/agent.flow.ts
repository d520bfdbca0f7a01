/**
 * The agent: collectors → batches → buffer → hub. Each part goes on when another stands still.
 *
 * Stops in order: collectors, the last batch to disk, what can be shipped in a moment, the buffer.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { LogFault, SegmentLog } from "../../io/log/segment-log.ts";
import {
  countUp,
  noCounts,
  observeAgent,
  type AgentCounts,
  type AgentState,
} from "./agent-metrics.ts";
import { batcher, type Batcher } from "./buffer.flow.ts";
import { runCollector, type CollectDeps } from "./collect.flow.ts";
import type { Collector } from "./collector.ts";
import { familyBook } from "./family.ts";
import type { HubLink } from "./hub-link.ts";
import { sampler, type Observation } from "./observation.ts";
import { newestTimeMs } from "./remote-write.ts";
import { noProgress, runShipper } from "./ship.flow.ts";
import type { Quarantine } from "./quarantine.flow.ts";
import type { Stream } from "./stream.flow.ts";
import { advance, startTimeline } from "./timeline.ts";

export type AgentDeps = {
  readonly clock: Clock;
  readonly sleep: (delayMs: number, signal?: AbortSignal) => Promise<void>;
  readonly random: () => number;
  readonly compress: (bytes: Uint8Array) => Uint8Array;
  readonly decompress: (bytes: Uint8Array) => Uint8Array;
  readonly log: SegmentLog;
  readonly link: HubLink;
  readonly stream: Stream;
  readonly quarantine: Quarantine;
  readonly say: (message: string, fields: Readonly<Record<string, unknown>>) => void;
};

export type AgentOptions = {
  readonly host: string;
  readonly intervalMs: number;
  readonly maxBufferBytes: number;
  readonly collectors: readonly Collector[];
};

export type RunningAgent = {
  /** Resolves with the fault when the buffer's disk broke: nothing can be collected any more. */
  readonly broken: Promise<LogFault>;
  readonly stop: () => Promise<void>;
};

const COLLECTORS_STOP_MS = 500;
const LAST_SHIP_MS = 1_000;
const MAX_REMEMBERED_APPENDS = 100_000;

/** Wakes whoever waits, or lets him go after the delay. */
const bell = (sleep: AgentDeps["sleep"]) => {
  let ring: () => void = () => undefined;
  let rung = new Promise<void>((resolve) => (ring = resolve));
  return {
    ring: () => ring(),
    wait: async (delayMs: number, signal: AbortSignal): Promise<void> => {
      const stop = new AbortController();
      const giveUp = (): void => stop.abort();
      signal.addEventListener("abort", giveUp, { once: true });
      await Promise.race([rung, sleep(delayMs, stop.signal)]);
      stop.abort();
      signal.removeEventListener("abort", giveUp);
      rung = new Promise((resolve) => (ring = resolve));
    },
  };
};

/** How long ago the oldest record that the hub has not accepted was written. */
const lagWatch = (startedMs: number) => {
  let appends: { readonly index: number; readonly atMs: number }[] = [];
  return {
    appended: (index: number, atMs: number): void => {
      if (appends.length < MAX_REMEMBERED_APPENDS) appends.push({ index, atMs });
    },
    lagMs: (accepted: number, next: number, nowMs: number): number => {
      const done = appends.findIndex(({ index }) => index > accepted);
      appends = done === -1 ? [] : appends.slice(done);
      if (accepted + 1 >= next) return 0;
      const [oldest] = appends;
      // Older than this process: at least as old as its start.
      const isKnown = oldest !== undefined && oldest.index === accepted + 1;
      return nowMs - (isKnown ? oldest.atMs : startedMs);
    },
  };
};

/** The agent's timeline, and a word when the clock jumps. */
const timeKeeper = ({ clock, say }: Pick<AgentDeps, "clock" | "say">) => {
  let line = startTimeline(clock.now(), clock.monotonic());
  const aheadMs = (): number => line.nowMs - line.wallMs;
  return {
    now: (): number => {
      const { jumps } = line;
      line = advance(line, clock.now(), clock.monotonic());
      if (line.jumps > jumps) say("the clock jumped", { wall: line.wallMs, aheadMs: aheadMs() });
      return line.nowMs;
    },
    state: () => ({ jumps: line.jumps, aheadMs: aheadMs() }),
  };
};

/** A batcher that counts, and says once when samples begin to be dropped and once when they end. */
const openBatcher = (
  { log, compress, clock, sleep, say }: AgentDeps,
  counts: AgentCounts,
  on: { readonly appended: (index: number) => void; readonly broken: (fault: LogFault) => void },
): Batcher => {
  let isDropping = false;
  return batcher({
    log,
    compress,
    monotonic: clock.monotonic,
    sleep,
    appended: (index, samples) => {
      if (isDropping) say("the buffer takes batches again", { dropped: counts.droppedSamples });
      isDropping = false;
      counts.batchedSamples += samples;
      on.appended(index);
    },
    dropped: (samples, why) => {
      if (!isDropping) say("samples are dropped", { why });
      isDropping = true;
      counts.droppedSamples += samples;
    },
    broken: on.broken,
  });
};

/** The agent as one more target. */
const ownCollector = (
  { clock }: Pick<AgentDeps, "clock">,
  { host, intervalMs }: AgentOptions,
  observe: () => readonly Observation[],
): Collector => {
  const book = familyBook();
  const toSamples = sampler({ host, service: "novaevo-agent" }, book);
  const collect = async () => toSamples(observe());
  const families = () => book.due(clock.monotonic());
  return { name: "agent", intervalMs, timeoutMs: intervalMs, collect, families };
};

export const startAgent = (deps: AgentDeps, options: AgentOptions): RunningAgent => {
  const { clock, log, say } = deps;
  const startedMs = clock.monotonic();
  const startedAtMs = clock.now();
  const counts = noCounts();
  const lag = lagWatch(startedMs);
  const records = bell(deps.sleep);
  const ship = noProgress(log);
  const collecting = new AbortController();
  const shipping = new AbortController();
  const broken = Promise.withResolvers<LogFault>();

  const time = timeKeeper(deps);
  const batches = openBatcher(deps, counts, {
    appended: (index) => {
      lag.appended(index, clock.monotonic());
      records.ring();
    },
    broken: broken.resolve,
  });

  const stateOfAgent = (): AgentState => ({
    counts,
    ship,
    buffer: {
      bytes: log.bytes(),
      maxBytes: options.maxBufferBytes,
      pending: log.next() - 1 - ship.accepted,
      stats: log.stats(),
    },
    lagMs: lag.lagMs(ship.accepted, log.next(), clock.monotonic()),
    clock: time.state(),
    startedAtMs,
  });
  const own = ownCollector(deps, options, () => observeAgent(stateOfAgent()));
  const collectDeps: CollectDeps = {
    now: time.now,
    monotonic: clock.monotonic,
    sleep: deps.sleep,
    emit: batches.add,
    count: {
      failed: (collector) => countUp(counts.failedLooks, collector, 1),
      missedTicks: (collector, ticks) => countUp(counts.missedTicks, collector, ticks),
      refused: (samples) => (counts.refusedSamples += samples),
    },
    log: say,
  };
  const loops = [...options.collectors, own].map((collector) =>
    runCollector(collectDeps, collector, collecting.signal),
  );
  const shipper = runShipper(
    {
      ...deps,
      newestMs: (body) => newestTimeMs(deps.decompress(body)),
      waitForRecords: records.wait,
      progress: ship,
    },
    shipping.signal,
  );

  const stop = async (): Promise<void> => {
    collecting.abort();
    await Promise.race([Promise.allSettled(loops), deps.sleep(COLLECTORS_STOP_MS)]);
    await batches.flush();
    const deadlineMs = clock.monotonic() + LAST_SHIP_MS;
    while (ship.connected && ship.accepted < log.next() - 1 && clock.monotonic() < deadlineMs) {
      await deps.sleep(10);
    }
    shipping.abort();
    await shipper;
    deps.link.close();
    await log.close();
  };
  return { broken: broken.promise, stop };
};
