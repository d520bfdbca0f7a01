/**
 * Keeps the 1-minute tier up with the samples: an hour is made once it is over, and again after
 * samples that came late.
 *
 * Units:  ms.
 * Errors: none reach the caller: what fails is said once and tried again, for ever.
 */
import { rollHour, type RollupBook } from "./rollup.store.ts";
import type { Store } from "../../../io/clickhouse/client.ts";

export type RollupDeps = {
  readonly book: RollupBook;
  readonly store: Pick<Store, "command">;
  readonly now: () => number;
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  readonly say: (message: string, fields: Readonly<Record<string, unknown>>) => void;
};

const LOOK_MS = 60_000;
/** Samples are late by a batch on its way, and by agents that were cut off for a moment. */
const SETTLE_MS = 120_000;
/** Between two hours, so that catching up leaves the store to others. */
const PAUSE_MS = 200;

export const keepRolled = async (deps: RollupDeps, signal: AbortSignal): Promise<void> => {
  let isFaulty = false;
  while (!signal.aborted) {
    let delayMs = LOOK_MS;
    try {
      if (await rollOne(deps)) delayMs = PAUSE_MS;
      isFaulty = false;
    } catch (fault) {
      if (signal.aborted) return;
      if (!isFaulty) deps.say("an hour could not be rolled up yet", { fault });
      isFaulty = true;
    }
    await deps.sleep(delayMs, signal);
  }
};

/** Whether there was one. */
export const rollOne = async ({ book, store, now }: RollupDeps): Promise<boolean> => {
  const due = await book.due(now() - SETTLE_MS);
  if (due === undefined) return false;
  await rollHour(store, due.hourMs, now());
  await book.done(due);
  return true;
};
