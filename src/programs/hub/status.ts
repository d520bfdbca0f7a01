/** What the hub knows of its engines, refreshed once a second: for the ribbon, /readyz and /metrics. */
import type { HubMetrics } from "../../io/http/metrics.ts";
import type { Db } from "../../io/postgres/db.ts";
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
      const [row] = await db.query<{ size: string; pending: string }>(
        `SELECT (SELECT coalesce(max(seq) + 1, 0) FROM ledger_entry) AS size,
                (SELECT count(*) FROM ledger_entry WHERE seq IS NULL) AS pending`,
      );
      ledger = { size: Number(row?.size ?? 0), pending: Number(row?.pending ?? 0) };
    },
    waiting: async () => {
      const waiting: string[] = [];
      const answered = await db.query("SELECT 1").catch(() => undefined);
      if (answered === undefined) waiting.push("postgres");
      const status = await signals.status();
      if (!status.refilled) waiting.push("recent window");
      return waiting;
    },
  };
};
