/**
 * The telemetry engine: body log → recent window and store, and PromQL over both.
 *
 * Shape:  `openSignals(deps)` starts at once: it acknowledges from the first moment, and answers
 *         queries once the window has what the store and the log hold of the last hour.
 * Units:  ms, bytes.
 * Errors: a store that is away stops no intake and no rule on recent data; a broken log disk ends
 *         the engine (`broken`).
 */
import { setInterval } from "node:timers";
import type { Db } from "../../io/postgres/db.ts";
import type { SegmentLog } from "../../io/log/segment-log.ts";
import type { Store } from "../../io/clickhouse/client.ts";
import { applySteps } from "../../io/clickhouse/steps.ts";
import type { Clock } from "../../kernel/clock.ts";
import { rememberedSpread, type CardinalityLimits } from "../intake/cardinality.ts";
import { batchBook } from "./log/batch.store.ts";
import { newDecoding, type Inflate } from "./log/decode-record.ts";
import type { Flusher } from "./log/flush.flow.ts";
import type { Content } from "./log/parts.ts";
import { openLabelQueries } from "./query/label-query.flow.ts";
import { newMetadataBook } from "./metadata.ts";
import { openPipeline } from "./log/pipeline.flow.ts";
import { openPrometheus } from "./prometheus/prometheus.flow.ts";
import { openQueries } from "./query/query.flow.ts";
import { refillWindow } from "./window/refill.flow.ts";
import { batchSink, oldestSampleMs, readReadings } from "./store/signal.store.ts";
import { DAY_MS } from "./store/columns.ts";
import { SPAN_METRICS_MS } from "./log/span-metrics.ts";
import { keepRolled } from "./store/rollup.flow.ts";
import { rollupBook } from "./store/rollup.store.ts";
import {
  MINUTE_RETENTION_DAYS,
  SAMPLE_RETENTION_DAYS,
  SIGNAL_STEPS,
} from "./store/signal-tables.ts";
import type { KpiReadingRow, Signals } from "./signals.ts";
import { feedWindow } from "./window/window-feed.ts";
import { newWindow, type Window } from "./window/window.ts";

export type SignalDeps = {
  readonly clock: Clock;
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  readonly db: Db;
  readonly store: Store;
  readonly log: SegmentLog;
  /** Names this life of the log: numbers mean something only within it. */
  readonly logName: string;
  readonly inflate: Inflate;
  readonly seriesLimits?: CardinalityLimits | undefined;
  readonly say: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly broken: (why: string) => void;
};

export const WINDOW_MS = 3_600_000;
/** How long queries wait for a store that is away before the window does without its history. */
const REFILL_PATIENCE_MS = 20_000;
const REFILL_RETRY_MS = 500;
const TICK_MS = 1_000;
/** The window follows the samples' clock, so that a jump of ours does not empty it. */
const QUIET_MS = 60_000;

type Engine = {
  readonly window: Window;
  /** The window is whole from here on, as far as refilling knows. */
  seamMs: number;
  oldestStoredMs: number | null;
  live: boolean;
  refilled: boolean;
  refillFault: string | null;
};

export const openSignals = async (deps: SignalDeps): Promise<Signals> => {
  const { clock, db, store, log, logName } = deps;
  const window = newWindow({ retentionMs: WINDOW_MS, maxAheadMs: Infinity });
  const engine: Engine = {
    window,
    seamMs: clock.now(),
    // Unknown is not none: until the store said what it has, whatever is older must be asked of it.
    oldestStoredMs: -Infinity,
    live: false,
    refilled: false,
    refillFault: null,
  };
  const metadata = newMetadataBook();
  const listeners = new Set<() => void>();
  const stopping = new AbortController();
  const backlog: Content[] = [];
  const pipeline = await openPipeline({
    ...newDecoding({
      inflate: deps.inflate,
      limits: deps.seriesLimits,
      onFamily: ({ name, ...said }) => metadata.note(name, said),
    }),
    ...{ log, now: clock.now, sleep: deps.sleep },
    spreadOf: rememberedSpread(window.labelsOfMetric, clock.monotonic),
    ...{ book: batchBook(db, logName), sink: batchSink(store, logName), say: deps.say },
    broken: (fault) => deps.broken(fault.message),
    stored: ({ fromMs }) => {
      if (fromMs === null) return;
      engine.oldestStoredMs = Math.min(engine.oldestStoredMs ?? Infinity, fromMs);
    },
    taken: (_index, content) => {
      if (content.kind !== "samples") return;
      if (!engine.live) return void backlog.push(content);
      feedWindow(window, content.samples);
      for (const listener of listeners) listener();
    },
  });
  const { flusher, writeSpanMetrics, ...doors } = pipeline;
  const reach = {
    ...{ window, store, monotonic: clock.monotonic },
    ready: () => engine.live,
    seamMs: () => Math.max(engine.seamMs, window.stats().completeFromMs ?? -Infinity),
    oldestMs: () => engine.oldestStoredMs,
    rawFromMs: () => rawFromMs(clock.now()),
  };
  const queries = openQueries(reach);
  const labels = openLabelQueries(reach);
  const background = runBackground(deps, engine, flusher, backlog, stopping.signal);
  background.catch((fault: unknown) => broken(fault));
  const broken = (fault: unknown): void => deps.broken(String(fault));
  const timers = [
    setInterval(() => advance(engine, clock.now()), TICK_MS),
    setInterval(() => void writeSpanMetrics().catch(broken), SPAN_METRICS_MS),
  ];
  return {
    ...doors,
    ...queries,
    prometheus: openPrometheus({ queries, labels, metadata }),
    readings: (ask) => readingsOf(deps, flusher, ask),
    status: async () => statusOf(deps, engine, flusher),
    onAdvance: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      await writeSpanMetrics();
      stopping.abort();
      await background;
      await log.close();
    },
  };
};

/** A day's samples leave together, when the last of them is over the retention. */
const rawFromMs = (nowMs: number): number =>
  Math.floor(nowMs / DAY_MS - SAMPLE_RETENTION_DAYS) * DAY_MS;

/** Tables, then the window, then batches for ever. */
const runBackground = async (
  deps: SignalDeps,
  engine: Engine,
  flusher: Flusher,
  backlog: Content[],
  signal: AbortSignal,
): Promise<void> => {
  const untilMs = deps.clock.monotonic() + REFILL_PATIENCE_MS;
  let isPrepared = false;
  const goLive = (): void => {
    if (engine.live) return;
    for (const content of backlog) {
      if (content.kind === "samples") feedWindow(engine.window, content.samples);
    }
    backlog.length = 0;
    engine.live = true;
    advance(engine, deps.clock.now());
  };
  while (!isPrepared && !signal.aborted) {
    try {
      await prepareStore(deps, engine);
      isPrepared = true;
      engine.refillFault = null;
    } catch (fault) {
      if (engine.refillFault === null) deps.say("the store does not answer yet", { fault });
      engine.refillFault = fault instanceof Error ? fault.message : String(fault);
      if (deps.clock.monotonic() >= untilMs) goLive();
      await deps.sleep(REFILL_RETRY_MS, signal);
    }
  }
  if (signal.aborted) return;
  goLive();
  engine.refilled = true;
  const { db, store, clock, sleep, say } = deps;
  const book = rollupBook(db, MINUTE_RETENTION_DAYS * DAY_MS);
  const rolling = keepRolled({ book, store, now: clock.now, sleep, say }, signal);
  await Promise.all([flusher.run(signal), rolling]);
};

const prepareStore = async (deps: SignalDeps, engine: Engine): Promise<void> => {
  const { store, db, clock } = deps;
  const { applied } = await applySteps({ store, sql: db }, SIGNAL_STEPS);
  if (applied.length > 0) deps.say("tables were made", { applied });
  engine.oldestStoredMs = await oldestSampleMs(store);
  // Once live, the window holds newer samples already: the store answers for what is older.
  if (engine.live) return;
  const toMs = clock.now() + QUIET_MS;
  const fromMs = toMs - QUIET_MS - WINDOW_MS;
  const startedMs = clock.monotonic();
  const { samples } =
    engine.oldestStoredMs === null
      ? { samples: 0 }
      : await refillWindow({ store, window: engine.window }, { fromMs, toMs });
  engine.seamMs = engine.oldestStoredMs === null ? -Infinity : fromMs;
  const tookMs = Math.round(clock.monotonic() - startedMs);
  deps.say("the window was refilled", { samples, tookMs });
};

const advance = ({ window }: Engine, nowMs: number): void => {
  const { lastSampleMs } = window.stats();
  if (lastSampleMs !== null) window.advance(Math.min(nowMs, lastSampleMs + QUIET_MS));
};

const readingsOf = async (
  { store }: Pick<SignalDeps, "store">,
  flusher: Flusher,
  ask: Parameters<Signals["readings"]>[0],
): Promise<readonly KpiReadingRow[]> => {
  const waiting = (): KpiReadingRow[] =>
    [...flusher.waiting()]
      .flatMap((content) => (content.kind === "readings" ? content.readings : []))
      .filter(({ kpi, atMs }) => kpi === ask.kpi && atMs >= ask.fromMs && atMs <= ask.toMs);
  // Taken before the store is asked: what is stored meanwhile is seen twice, never missed.
  const fresh = waiting();
  const stored = await readReadings(store, ask);
  const byTime = new Map(stored.map((reading) => [reading.atMs, reading]));
  for (const reading of fresh) byTime.set(reading.atMs, reading);
  return [...byTime.values()].toSorted((a, b) => a.atMs - b.atMs).slice(-ask.limit);
};

const statusOf = ({ log }: SignalDeps, engine: Engine, flusher: Flusher) => {
  const { series, samples, bytes, lastSampleMs } = engine.window.stats();
  return {
    series,
    samples,
    windowBytes: bytes,
    logBytes: log.bytes(),
    logRecordsPending: flusher.pendingRecords(),
    refilled: engine.live,
    lastSampleMs,
    storeFault: engine.refillFault ?? flusher.fault(),
  };
};
