/**
 * An expiring lease on a name, with a fencing epoch: work that must have one owner.
 *
 * Shape:  every new holder gets a higher epoch. The transaction that acts calls `fence` first: it
 *         locks the lease FOR SHARE and compares the epoch, so nobody can take over in the middle
 *         of it, and a holder that was stopped and replaced acts no more when it wakes up.
 * Units:  `ttlMs`; all times are the database's clock, so holders' clocks do not matter.
 * Errors: a lease that is held is `undefined`, one that was lost is `false`; database faults throw.
 */
import type { Sql, Tx } from "../postgres/db.ts";

export type Lease = { readonly name: string; readonly holder: string; readonly epoch: number };

/** Says in the transaction that acts whether its owner is still the owner. */
export type Fence = (tx: Tx) => Promise<boolean>;

/**
 * A process stopped in the middle of a fenced transaction keeps its lock on the lease: the server
 * must end that transaction, or nobody can ever take over.
 */
const MAX_IDLE_IN_FENCED_MS = 5_000;

export const acquireLease = async (
  sql: Sql,
  request: { readonly name: string; readonly holder: string; readonly ttlMs: number },
): Promise<Lease | undefined> => {
  const { name, holder, ttlMs } = request;
  // The plain read first: an upsert locks the row even when it then changes nothing.
  const [held] = await sql.query(
    `SELECT 1 FROM lease WHERE name = $1 AND holder <> $2 AND expires_at > clock_timestamp()`,
    [name, holder],
  );
  if (held !== undefined) return undefined;
  const [taken] = await sql.query<{ epoch: string }>(
    `INSERT INTO lease AS l (name, holder, epoch, expires_at)
     VALUES ($1, $2, 1, clock_timestamp() + $3 * interval '1 ms')
     ON CONFLICT (name) DO UPDATE
       SET holder = excluded.holder, epoch = l.epoch + 1,
           expires_at = clock_timestamp() + $3 * interval '1 ms'
       WHERE l.holder = excluded.holder OR l.expires_at <= clock_timestamp()
     RETURNING epoch`,
    [name, holder, ttlMs],
  );
  return taken === undefined ? undefined : { name, holder, epoch: Number(taken.epoch) };
};

/** False when somebody else has taken over since; an expired lease nobody took is renewed. */
export const renewLease = async (sql: Sql, lease: Lease, ttlMs: number): Promise<boolean> => {
  const rows = await sql.query(
    `UPDATE lease SET expires_at = clock_timestamp() + $3 * interval '1 ms'
     WHERE name = $1 AND epoch = $2 RETURNING epoch`,
    [lease.name, lease.epoch, ttlMs],
  );
  return rows.length === 1;
};

/** Lets the next holder in at once instead of after the rest of the time. */
export const releaseLease = async (sql: Sql, lease: Lease): Promise<void> => {
  await sql.query(`UPDATE lease SET expires_at = '-infinity' WHERE name = $1 AND epoch = $2`, [
    lease.name,
    lease.epoch,
  ]);
};

export const fenceOf =
  (lease: Lease): Fence =>
  async (tx) => {
    await tx.query(`SET LOCAL idle_in_transaction_session_timeout = ${MAX_IDLE_IN_FENCED_MS}`);
    const rows = await tx.query(`SELECT 1 FROM lease WHERE name = $1 AND epoch = $2 FOR SHARE`, [
      lease.name,
      lease.epoch,
    ]);
    return rows.length === 1;
  };
