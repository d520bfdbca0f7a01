/**
 * The waiting list of a garage's day, and the last known standing of garages.
 *
 * Shape:  who waits is offered a hold, first come first served; an offer and its hold commit
 *         together. One wait per user, garage, service and day.
 * Errors: driver errors pass through.
 */
import type { Sql, Tx } from "../../src/io/postgres/db.ts";

export const WAITING_STATES = ["waiting", "offered", "closed"] as const;
export type Waiting = {
  readonly id: string;
  readonly user: string;
  readonly garage: string;
  readonly service: string;
  readonly day: string;
  readonly state: (typeof WAITING_STATES)[number];
  readonly booking: string | null;
};

const COLUMNS = `id, user_ref AS "user", garage, service, day, state, booking`;
const MAX_LISTED = 100;

/** Joining twice is one wait; one that was closed begins anew, at the end. */
export const join = async (sql: Sql, one: Waiting, now: number): Promise<Waiting> => {
  const [row] = await sql.query<Waiting>(
    `INSERT INTO scheduling.waiting AS w VALUES ($1, $2, $3, $4, $5, 'waiting', NULL, $6)
     ON CONFLICT ON CONSTRAINT waiting_once DO UPDATE SET
       id = CASE WHEN w.state = 'waiting' THEN w.id ELSE $1 END,
       created_at = CASE WHEN w.state = 'waiting' THEN w.created_at ELSE $6 END,
       booking = NULL, state = 'waiting'
     RETURNING ${COLUMNS}`,
    [one.id, one.user, one.garage, one.service, one.day, new Date(now)],
  );
  return row!;
};

export const leave = async (sql: Sql, id: string, user: string): Promise<Waiting | undefined> =>
  (
    await sql.query<Waiting>(
      `UPDATE scheduling.waiting SET state = 'closed' WHERE id = $1 AND user_ref = $2
       RETURNING ${COLUMNS}`,
      [id, user],
    )
  )[0];

export const waitsOf = (sql: Sql, user: string): Promise<readonly Waiting[]> =>
  sql.query<Waiting>(
    `SELECT ${COLUMNS} FROM scheduling.waiting WHERE user_ref = $1
     ORDER BY created_at DESC LIMIT ${MAX_LISTED}`,
    [user],
  );

/** The days on which somebody waits, oldest wait first; days that are over are closed. */
export const daysWaitedFor = async (
  sql: Sql,
  today: string,
  limit: number,
): Promise<readonly { garage: string; day: string }[]> => {
  await sql.query(
    "UPDATE scheduling.waiting SET state = 'closed' WHERE state = 'waiting' AND day < $1",
    [today],
  );
  return sql.query<{ garage: string; day: string }>(
    `SELECT garage, day FROM scheduling.waiting WHERE state = 'waiting'
     GROUP BY garage, day ORDER BY min(created_at) LIMIT $1`,
    [limit],
  );
};

/** Locked, so that two processes do not offer to the same person. */
export const nextWaiting = (
  tx: Tx,
  garage: string,
  day: string,
  limit: number,
): Promise<readonly Waiting[]> =>
  tx.query<Waiting>(
    `SELECT ${COLUMNS} FROM scheduling.waiting
     WHERE garage = $1 AND day = $2 AND state = 'waiting'
     ORDER BY created_at, id LIMIT $3 FOR UPDATE SKIP LOCKED`,
    [garage, day, limit],
  );

export const offered = async (tx: Tx, id: string, booking: string): Promise<void> => {
  await tx.query("UPDATE scheduling.waiting SET state = 'offered', booking = $2 WHERE id = $1", [
    id,
    booking,
  ]);
};

export type Standing = { readonly verdict: string; readonly checkedAt: number };

export const standingOf = async (sql: Sql, siret: string): Promise<Standing | undefined> => {
  const [row] = await sql.query<{ verdict: string; checked_at: Date }>(
    "SELECT verdict, checked_at FROM scheduling.standing WHERE siret = $1",
    [siret],
  );
  return row && { verdict: row.verdict, checkedAt: row.checked_at.getTime() };
};

export const saveStanding = async (sql: Sql, siret: string, one: Standing): Promise<void> => {
  await sql.query(
    `INSERT INTO scheduling.standing AS s VALUES ($1, $2, $3)
     ON CONFLICT (siret) DO UPDATE SET verdict = $2, checked_at = $3 WHERE s.checked_at < $3`,
    [siret, one.verdict, new Date(one.checkedAt)],
  );
};

/** Garages that are known to be refused are not worth showing. */
export const refusedAmong = async (
  sql: Sql,
  sirets: readonly string[],
): Promise<ReadonlySet<string>> => {
  const rows = await sql.query<{ siret: string }>(
    "SELECT siret FROM scheduling.standing WHERE siret = ANY($1) AND verdict <> 'verified'",
    [sirets],
  );
  return new Set(rows.map(({ siret }) => siret));
};
