/**
 * Runs one collector on its ticks, for ever.
 *
 * Every collector has a loop of its own, so a slow target delays nobody. A look that outlives its
 * timeout is given up; while it still has not ended, the collector's next looks count as failed.
 */
import type { Collector } from "./collector.ts";
import type { Family } from "./family.ts";
import type { StampedSample } from "./remote-write.ts";
import { nextTick, readyRound, stampOf } from "./round.ts";
import type { Sample, Series } from "./series.ts";

export type CollectDeps = {
  /** The agent's timeline: never goes back. */
  readonly now: () => number;
  readonly monotonic: () => number;
  /** Ends early when the signal is aborted. */
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  readonly emit: (samples: readonly StampedSample[], families: readonly Family[]) => void;
  readonly count: CollectCounts;
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void;
};

export type CollectCounts = {
  readonly failed: (collector: string, why: string) => void;
  readonly missedTicks: (collector: string, ticks: number) => void;
  readonly refused: (samples: number) => void;
};

type Outcome = { readonly samples: readonly Sample[] } | { readonly why: string };

const MAX_WHY = 300;

const reasonOf = (fault: unknown): string =>
  (fault instanceof Error ? fault.message : String(fault)).slice(0, MAX_WHY);

/** Looks once, within the collector's timeout; `settled` tells when the look has really ended. */
const lookOnce = async (
  deps: CollectDeps,
  { collect, timeoutMs }: Collector,
  signal: AbortSignal,
): Promise<{ outcome: Outcome; settled: Promise<unknown> | undefined }> => {
  const look = new AbortController();
  const stop = (): void => look.abort();
  signal.addEventListener("abort", stop, { once: true });
  let isDone = false;
  const work = Promise.resolve()
    .then(() => collect({ signal: look.signal }))
    .then(
      (samples): Outcome => ({ samples }),
      (fault: unknown): Outcome => ({ why: reasonOf(fault) }),
    )
    .finally(() => (isDone = true));
  const timer = new AbortController();
  const late = deps.sleep(timeoutMs, timer.signal).then((): Outcome => {
    return { why: `no answer in ${timeoutMs} ms` };
  });
  const stopped = new Promise<Outcome>((resolve) => {
    look.signal.addEventListener("abort", () => resolve({ why: "stopping" }), { once: true });
  });
  const outcome = await Promise.race([work, late, stopped]);
  timer.abort();
  look.abort();
  signal.removeEventListener("abort", stop);
  return { outcome, settled: isDone ? undefined : work };
};

const sleepUntil = async (deps: CollectDeps, tickMs: number, signal: AbortSignal) => {
  for (let nowMs = deps.now(); nowMs < tickMs && !signal.aborted; nowMs = deps.now()) {
    await deps.sleep(tickMs - nowMs, signal);
  }
};

export const runCollector = async (
  deps: CollectDeps,
  collector: Collector,
  signal: AbortSignal,
): Promise<void> => {
  const { name, intervalMs } = collector;
  let live: ReadonlySet<Series> = new Set();
  let hanging: Promise<unknown> | undefined;
  let lastWhy: string | undefined;
  let tickMs = nextTick(deps.now(), intervalMs);
  for (;;) {
    await sleepUntil(deps, tickMs, signal);
    if (signal.aborted) break;
    const startedMs = deps.monotonic();
    const atMs = stampOf(tickMs, deps.now(), intervalMs);
    let outcome: Outcome = { why: "the look before has not ended" };
    if (hanging === undefined) {
      const look = await lookOnce(deps, collector, signal);
      outcome = look.outcome;
      hanging = look.settled?.finally(() => (hanging = undefined));
    }
    if (signal.aborted) break;
    let found: readonly Sample[];
    let families: readonly Family[] = [];
    if ("why" in outcome) {
      deps.count.failed(name, outcome.why);
      if (outcome.why !== lastWhy) deps.log("a look failed", { collector: name, why: outcome.why });
      found = collector.failed?.({ elapsedMs: deps.monotonic() - startedMs, ...outcome }) ?? [];
      lastWhy = outcome.why;
    } else {
      if (lastWhy !== undefined) deps.log("looks succeed again", { collector: name });
      found = outcome.samples;
      families = collector.families?.() ?? [];
      lastWhy = undefined;
    }
    const round = readyRound(found, live, atMs);
    live = round.live;
    if (round.refused > 0) deps.count.refused(round.refused);
    if (round.samples.length > 0) deps.emit(round.samples, families);
    const dueMs = nextTick(deps.now(), intervalMs);
    const missed = Math.max(0, Math.round((dueMs - tickMs) / intervalMs) - 1);
    if (missed > 0) deps.count.missedTicks(name, missed);
    tickMs = dueMs;
  }
  await collector.close?.();
};
