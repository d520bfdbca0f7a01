/** What the hub knows of its engines, refreshed once a second: for ribbon, /readyz and /metrics. */
import type { HubMetrics } from "../../io/http/metrics.ts";
import { isAnswering, type Db } from "../../io/postgres/db.ts";
import { countEntries } from "../../ledger/tree.store.ts";
import type { Signals } from "../../watch/signal/signals.ts";

export type Status = {
  readonly refresh: () => Promise<void>;
  readonly lastSampleMs: () => number | null;
  readonly ledger: () => { readonly size: number; readonly pending: number };
  readonly waiting: () => Promise<readonly string[]>;
};

export const openStatus = (deps: {
  readonly db: Db;
  readonly signals: Signals;
  readonly metrics: HubMetrics;
}): Status => {
  const { db, signals, metrics } = deps;
  let lastSampleMs: number | null = null;
  let ledger = { size: 0, pending: 0 };
  return {
    lastSampleMs: () => lastSampleMs,
    ledger: () => ledger,
    refresh: async () => {
      const status = await signals.status();
      lastSampleMs = status.lastSampleMs;
      for (const what of [
        "series",
        "samples",
        "windowBytes",
        "logBytes",
        "logRecordsPending",
      ] as const) {
        metrics.signals.set({ what }, status[what]);
      }
      ledger = await countEntries(db);
    },
    waiting: async () => {
      const waiting: string[] = [];
      if (!(await isAnswering(db))) waiting.push("postgres");
      const status = await signals.status();
      if (status.storeFault !== null) waiting.push("store");
      if (!status.refilled) waiting.push("recent window");
      return waiting;
    },
  };
};
