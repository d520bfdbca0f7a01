/**
 * The 1-minute tier: what is due in PostgreSQL, its rows in ClickHouse.
 *
 * Shape:  a row per series and minute: least, greatest, sum and count of its samples, and the last
 *         one with its time. A minute that is made again replaces itself (`version`).
 * Units:  ms since the epoch; an hour is named by its beginning.
 * Errors: StoreFault, or the database's: the hour stays due.
 */
import type { Store } from "../../../io/clickhouse/client.ts";
import type { Sql } from "../../../io/postgres/db.ts";
import { HOUR_MS } from "../log/parts.ts";

export type DueHour = { readonly hourMs: number; readonly touched: number };

export type RollupBook = {
  /** The oldest hour that ended before this and has samples the tier does not know. */
  readonly due: (endedBeforeMs: number) => Promise<DueHour | undefined>;
  readonly done: (hour: DueHour) => Promise<void>;
};

export const rollupBook = (db: Sql, keptMs: number): RollupBook => ({
  due: async (endedBeforeMs) => {
    const [row] = await db.query<{ hour: Date; touched: string }>(
      `SELECT hour, touched FROM signal_rollup
        WHERE touched > done AND hour <= $1 ORDER BY hour LIMIT 1`,
      [new Date(endedBeforeMs - HOUR_MS)],
    );
    return row === undefined
      ? undefined
      : { hourMs: row.hour.getTime(), touched: Number(row.touched) };
  },
  done: async ({ hourMs, touched }) => {
    const hour = new Date(hourMs);
    await db.query("UPDATE signal_rollup SET done = greatest(done, $2) WHERE hour = $1", [
      ...[hour, touched],
    ]);
    await db.query("DELETE FROM signal_rollup WHERE hour < $1 AND touched = done", [
      new Date(hourMs - keptMs),
    ]);
  },
});

/** Hours that have samples now, in the transaction that says they are stored. */
export const touchHours = async (tx: Sql, hours: readonly number[]): Promise<void> => {
  if (hours.length === 0) return;
  await tx.query(
    `INSERT INTO signal_rollup (hour)
     SELECT to_timestamp(hour) FROM unnest($1::bigint[]) AS hour
     ON CONFLICT (hour) DO UPDATE SET touched = signal_rollup.touched + 1`,
    [hours.map((hour) => (hour * HOUR_MS) / 1_000)],
  );
};

/** Marks the end of a series; it is no value. */
const STALE_BITS = "9218868437227405314";
const SLICE_MS = 600_000;

/** Makes the minutes of an hour, in slices that bound its memory. */
export const rollHour = async (
  store: Pick<Store, "command">,
  hourMs: number,
  version: number,
): Promise<void> => {
  for (let fromMs = hourMs; fromMs < hourMs + HOUR_MS; fromMs += SLICE_MS) {
    // A sample that was sent twice counts once: the one that was stored first.
    await store.command(
      `INSERT INTO samples_1m (id, ts, least, greatest, sum, count, last, last_ts, version)
       SELECT id, toStartOfMinute(at) AS minute, min(v), max(v), sum(v), count(),
              argMax(v, at), max(at), {version: UInt64}
         FROM (SELECT id, ts AS at, argMin(value, batch) AS v FROM samples
                WHERE toStartOfHour(ts) = toStartOfHour(fromUnixTimestamp64Milli({from: Int64}))
                  AND ts >= fromUnixTimestamp64Milli({from: Int64})
                  AND ts < fromUnixTimestamp64Milli({to: Int64})
                GROUP BY toStartOfHour(ts), id, ts
                SETTINGS optimize_aggregation_in_order = 1)
        WHERE reinterpretAsUInt64(v) != ${STALE_BITS} AND NOT isNaN(v)
        GROUP BY id, minute`,
      { from: fromMs, to: fromMs + SLICE_MS, version },
    );
  }
};
