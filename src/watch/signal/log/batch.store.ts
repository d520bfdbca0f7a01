/**
 * What of the body log is in ClickHouse, as PostgreSQL remembers it.
 *
 * Shape:  a batch is a fixed range of one log: "open" before its rows are sent, "stored" once they
 *         are known to be there. At most one is open, so whatever follows a crash is decided by it.
 */
import type { Db } from "../../../io/postgres/db.ts";
import type { BatchBook, OpenBatch } from "./flush.flow.ts";
import { touchHours } from "../store/rollup.store.ts";

/** Finished batches that are kept for whoever looks into a fault. */
const KEPT_BATCHES = 200;
const COLUMNS =
  "batch, from_index, to_index, samples, readings, spans, from_time, to_time, attempt";

type Row = {
  readonly batch: string;
  readonly from_index: string;
  readonly to_index: string;
  readonly samples: string;
  readonly readings: string;
  readonly spans: string;
  readonly from_time: Date | null;
  readonly to_time: Date | null;
  readonly attempt: number;
};

const parse = (row: Row): OpenBatch => ({
  batch: Number(row.batch),
  from: Number(row.from_index),
  to: Number(row.to_index),
  samples: Number(row.samples),
  readings: Number(row.readings),
  spans: Number(row.spans),
  fromMs: row.from_time?.getTime() ?? null,
  toMs: row.to_time?.getTime() ?? null,
  attempt: row.attempt,
});

const instant = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

export const batchBook = (db: Db, log: string): BatchBook => ({
  watermark: async () => {
    const [row] = await db.query<{ to: string | null }>(
      "SELECT max(to_index) AS to FROM signal_batch WHERE log = $1 AND state = 'stored'",
      [log],
    );
    return Number(row?.to ?? 0);
  },
  agents: async () => {
    const rows = await db.query<{ agent: string; stored_seq: string }>(
      "SELECT agent, stored_seq FROM signal_agent",
    );
    return new Map(rows.map(({ agent, stored_seq: seq }) => [agent, Number(seq)]));
  },
  open: async () => {
    const [row] = await db.query<Row>(
      `SELECT ${COLUMNS} FROM signal_batch WHERE log = $1 AND state = 'open'`,
      [log],
    );
    return row === undefined ? undefined : parse(row);
  },
  begin: async (range, content) => {
    const [row] = await db.query<Row>(
      `INSERT INTO signal_batch
         (log, from_index, to_index, samples, readings, spans, from_time, to_time, state)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open')
       RETURNING ${COLUMNS}`,
      [
        ...[log, range.from, range.to, content.samples, content.readings, content.spans],
        ...[instant(content.fromMs), instant(content.toMs)],
      ],
    );
    return parse(row!);
  },
  countAttempt: async (batch) => {
    const [row] = await db.query<{ attempt: number }>(
      "UPDATE signal_batch SET attempt = attempt + 1 WHERE batch = $1 RETURNING attempt",
      [batch],
    );
    return row!.attempt;
  },
  finish: (batch, { agents, hours }) =>
    db.tx(async (tx) => {
      await tx.query(
        `UPDATE signal_batch SET state = 'stored', stored_at = now()
          WHERE batch = $1 AND state = 'open'`,
        [batch],
      );
      await tx.query(
        `INSERT INTO signal_agent (agent, stored_seq)
         SELECT * FROM unnest($1::text[], $2::bigint[])
         ON CONFLICT (agent) DO UPDATE
           SET stored_seq = greatest(signal_agent.stored_seq, excluded.stored_seq),
               updated_at = now()`,
        [[...agents.keys()], [...agents.values()]],
      );
      await touchHours(tx, hours);
      await tx.query(
        "DELETE FROM signal_batch WHERE log = $1 AND state = 'stored' AND batch < $2",
        [log, batch - KEPT_BATCHES],
      );
    }),
});
