/**
 * Bookings in PostgreSQL. That no bay is booked twice is the primary key of `occupied`: one row per
 * garage, bay and slot, written with the booking in one transaction, by whichever process.
 *
 * Shape:  a hold's rows carry `until`; once past it they are in nobody's way, and whoever wants
 *         their slots or the sweep takes them out. Rows go in by slot in order, so that two
 *         overlapping bookings wait for each other and never deadlock.
 * Units:  instants in ms; slots of 15 minutes.
 * Errors: `taken` when the key refuses, `repeated` when the idempotency key was used; other
 *         driver errors pass through.
 */
import type { Db, Sql, Tx } from "../../src/io/postgres/db.ts";
import { err, ok, type Result } from "../../src/kernel/result.ts";
import type { Taken } from "./book.ts";
import type { Span } from "./slots.ts";

export const BOOKING_STATES = ["held", "booked", "cancelled", "expired"] as const;
export type Booking = {
  readonly id: string;
  readonly user: string;
  readonly garage: string;
  readonly service: string;
  readonly bay: number;
  readonly first: number;
  readonly slots: number;
  readonly state: (typeof BOOKING_STATES)[number];
  readonly heldUntil: number | null;
  /** What was asked for under the idempotency key, in one line. */
  readonly asked: string;
};
export type NewBooking = Booking & { readonly key: string; readonly createdAt: number };

export const DDL = `CREATE TABLE IF NOT EXISTS scheduling.booking (
  id uuid PRIMARY KEY,
  user_ref text NOT NULL,
  key text NOT NULL,
  asked text NOT NULL,
  garage text NOT NULL,
  service text NOT NULL,
  bay int NOT NULL,
  first int NOT NULL,
  slots int NOT NULL,
  state text NOT NULL CHECK (state IN ('held', 'booked', 'cancelled', 'expired')),
  held_until timestamptz CHECK ((state = 'held') = (held_until IS NOT NULL)),
  created_at timestamptz NOT NULL,
  CONSTRAINT booking_key UNIQUE (user_ref, key)
);
CREATE TABLE IF NOT EXISTS scheduling.occupied (
  garage text NOT NULL,
  bay int NOT NULL,
  slot int NOT NULL,
  booking uuid NOT NULL REFERENCES scheduling.booking (id),
  until timestamptz,
  CONSTRAINT occupied_once PRIMARY KEY (garage, bay, slot)
);
CREATE INDEX IF NOT EXISTS occupied_by ON scheduling.occupied (booking);
CREATE INDEX IF NOT EXISTS occupied_until ON scheduling.occupied (until) WHERE until IS NOT NULL;
CREATE TABLE IF NOT EXISTS scheduling.standing (
  siret text PRIMARY KEY,
  verdict text NOT NULL,
  checked_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS scheduling.waiting (
  id uuid PRIMARY KEY,
  user_ref text NOT NULL,
  garage text NOT NULL,
  service text NOT NULL,
  day text NOT NULL,
  state text NOT NULL CHECK (state IN ('waiting', 'offered', 'closed')),
  booking uuid REFERENCES scheduling.booking (id),
  created_at timestamptz NOT NULL,
  CONSTRAINT waiting_once UNIQUE (user_ref, garage, service, day)
);
CREATE INDEX IF NOT EXISTS waiting_next ON scheduling.waiting (garage, day, created_at)
  WHERE state = 'waiting'`;

const DEADLOCK = "40P01";
const COLUMNS = `id, user_ref AS "user", garage, service, bay, first, slots, state, asked,
  (extract(epoch FROM held_until) * 1000)::float8 AS "heldUntil"`;

type Clash = "taken" | "repeated";

/** One attempt: the booking and all its slots, or nothing. */
export const place = (db: Db, one: NewBooking): Promise<Result<Booking, Clash>> =>
  clashing(db.tx((tx) => placeWithin(tx, one)));

export const placeWithin = async (tx: Tx, one: NewBooking): Promise<Booking> => {
  const { id, user, key, asked, garage, service, bay, first, slots, state } = one;
  const heldUntil = one.heldUntil === null ? null : new Date(one.heldUntil);
  await tx.query(
    `INSERT INTO scheduling.booking VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [id, user, key, asked, garage, service, bay, first, slots, state, heldUntil, at(one.createdAt)],
  );
  await occupy(tx, one, one.createdAt);
  return one;
};

const at = (ms: number): Date => new Date(ms);

const occupy = async (tx: Tx, one: Booking, now: number): Promise<void> => {
  const heldUntil = one.heldUntil === null ? null : at(one.heldUntil);
  await tx.query(
    `WITH gone AS (
       DELETE FROM scheduling.occupied
       WHERE garage = $1 AND bay = $2 AND slot >= $3 AND slot < $4 AND until <= $5
       RETURNING booking)
     UPDATE scheduling.booking SET state = 'expired', held_until = NULL
     WHERE state = 'held' AND id IN (SELECT booking FROM gone)`,
    [one.garage, one.bay, one.first, one.first + one.slots, at(now)],
  );
  await tx.query(
    `INSERT INTO scheduling.occupied (garage, bay, slot, booking, until)
     SELECT $1, $2, slot, $5, $6 FROM generate_series($3::int, $4::int) AS slot ORDER BY slot`,
    [one.garage, one.bay, one.first, one.first + one.slots - 1, one.id, heldUntil],
  );
};

const clashing = async (work: Promise<Booking>): Promise<Result<Booking, Clash>> => {
  try {
    return ok(await work);
  } catch (fault) {
    if (isClash(fault)) return err("taken");
    if (constraintOf(fault) === "booking_key") return err("repeated");
    throw fault;
  }
};

const constraintOf = (fault: unknown): unknown =>
  fault instanceof Error && "constraint" in fault ? fault.constraint : undefined;

/** Somebody else has a slot of it, or holds what this waits for. */
export const isClash = (fault: unknown): boolean =>
  constraintOf(fault) === "occupied_once" ||
  (fault instanceof Error && "code" in fault && fault.code === DEADLOCK);

/** What lies across a span, in several garages; holds that are over are not in the way. */
export const takenIn = async (
  sql: Sql,
  garages: readonly string[],
  { first, end }: Span,
  now: number,
): Promise<ReadonlyMap<string, readonly Taken[]>> => {
  const rows = await sql.query<{ garage: string; bay: number; first: number; end: number }>(
    `SELECT b.garage, b.bay, b.first, b.first + b.slots AS "end" FROM scheduling.booking b
     WHERE b.id IN (
       SELECT booking FROM scheduling.occupied
       WHERE garage = ANY($1) AND slot >= $2 AND slot < $3 AND (until IS NULL OR until > $4))
     ORDER BY b.first, b.bay`,
    [garages, first, end, at(now)],
  );
  return Map.groupBy(rows, ({ garage }) => garage);
};

export const byKey = async (sql: Sql, user: string, key: string): Promise<Booking | undefined> =>
  (
    await sql.query<Booking>(
      `SELECT ${COLUMNS} FROM scheduling.booking WHERE user_ref = $1 AND key = $2`,
      [user, key],
    )
  )[0];

export const bookingOf = async (
  sql: Sql,
  id: string,
  user: string,
  { lock = false } = {},
): Promise<Booking | undefined> =>
  (
    await sql.query<Booking>(
      `SELECT ${COLUMNS} FROM scheduling.booking WHERE id = $1 AND user_ref = $2
       ${lock ? "FOR UPDATE" : ""}`,
      [id, user],
    )
  )[0];

const MAX_LISTED = 100;
export const bookingsOf = (sql: Sql, user: string): Promise<readonly Booking[]> =>
  sql.query<Booking>(
    `SELECT ${COLUMNS} FROM scheduling.booking WHERE user_ref = $1
     ORDER BY created_at DESC, id LIMIT ${MAX_LISTED}`,
    [user],
  );

export const confirm = async (tx: Tx, id: string): Promise<void> => {
  await tx.query(
    "UPDATE scheduling.booking SET state = 'booked', held_until = NULL WHERE id = $1",
    [id],
  );
  await tx.query("UPDATE scheduling.occupied SET until = NULL WHERE booking = $1", [id]);
};

export const cancel = async (tx: Tx, id: string): Promise<void> => {
  await tx.query("DELETE FROM scheduling.occupied WHERE booking = $1", [id]);
  await tx.query(
    "UPDATE scheduling.booking SET state = 'cancelled', held_until = NULL WHERE id = $1",
    [id],
  );
};

/** Out of the old slots and into the new ones, or neither. */
export const move = (
  db: Db,
  from: Booking,
  to: Booking,
  now: number,
): Promise<Result<Booking, Clash>> =>
  clashing(
    db.tx(async (tx) => {
      // As it was when it was read, or somebody else changed it meanwhile.
      const [same] = await tx.query(
        `UPDATE scheduling.booking SET bay = $2, first = $3, slots = $4
         WHERE id = $1 AND state = $5 AND bay = $6 AND first = $7 RETURNING id`,
        [from.id, to.bay, to.first, to.slots, from.state, from.bay, from.first],
      );
      if (same === undefined) throw Object.assign(new Error("changed"), { code: DEADLOCK });
      await tx.query("DELETE FROM scheduling.occupied WHERE booking = $1", [from.id]);
      await occupy(tx, to, now);
      return to;
    }),
  );

const SWEEP_AT_ONCE = 500;
/** Holds that are over, taken out; says how many. */
export const sweep = (db: Db, now: number): Promise<number> =>
  db.tx(async (tx) => {
    const over = await tx.query<{ id: string }>(
      `SELECT id FROM scheduling.booking WHERE id IN (
         SELECT booking FROM scheduling.occupied WHERE until <= $1 LIMIT ${SWEEP_AT_ONCE})
       AND state = 'held' FOR UPDATE SKIP LOCKED`,
      [at(now)],
    );
    const ids = over.map(({ id }) => id);
    if (ids.length === 0) return 0;
    await tx.query("DELETE FROM scheduling.occupied WHERE booking = ANY($1)", [ids]);
    await tx.query(
      "UPDATE scheduling.booking SET state = 'expired', held_until = NULL WHERE id = ANY($1)",
      [ids],
    );
    return ids.length;
  });
