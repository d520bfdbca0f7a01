/**
 * Affiliates, touches, orders and the ledger of movements in PostgreSQL.
 *
 * Shape:  an order has at most one commission: its id is the key. Movements are only ever inserted.
 *         All events of an order go one after the other, by a lock on its id.
 * Errors: driver errors pass through; `isEventReused` says that an event's id is another order's.
 */
import type { Db, Sql, Tx } from "../../src/io/postgres/db.ts";
import type { Touch } from "./attribution.ts";
import type { Line, Tier } from "./commission.ts";
import type { Month, Movement } from "./statement.ts";

export const DDL = `CREATE TABLE IF NOT EXISTS affiliation.affiliate (
  id uuid PRIMARY KEY,
  user_ref text NOT NULL UNIQUE,
  code text NOT NULL CONSTRAINT affiliate_code UNIQUE,
  created_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS affiliation.touch (
  buyer text NOT NULL,
  affiliate uuid NOT NULL REFERENCES affiliation.affiliate (id),
  at timestamptz NOT NULL,
  PRIMARY KEY (buyer, at, affiliate)
);
CREATE TABLE IF NOT EXISTS affiliation.purchase (
  id text PRIMARY KEY,
  buyer text NOT NULL,
  affiliate uuid REFERENCES affiliation.affiliate (id),
  why text NOT NULL,
  tier text,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS purchase_of ON affiliation.purchase (affiliate, recorded_at);
CREATE TABLE IF NOT EXISTS affiliation.line (
  purchase text NOT NULL REFERENCES affiliation.purchase (id),
  nth int NOT NULL,
  cents int NOT NULL CHECK (cents > 0),
  commission int NOT NULL CHECK (commission BETWEEN 0 AND cents),
  refunded int NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND cents),
  clawed_back int NOT NULL DEFAULT 0 CHECK (clawed_back BETWEEN 0 AND commission),
  PRIMARY KEY (purchase, nth)
);
CREATE TABLE IF NOT EXISTS affiliation.movement (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  affiliate uuid NOT NULL REFERENCES affiliation.affiliate (id),
  purchase text NOT NULL REFERENCES affiliation.purchase (id),
  kind text NOT NULL CHECK (kind IN ('earned', 'clawed_back')),
  cents int NOT NULL CHECK ((kind = 'earned') = (cents > 0) AND cents <> 0),
  at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS movement_of ON affiliation.movement (affiliate, at);
CREATE TABLE IF NOT EXISTS affiliation.event (
  id text CONSTRAINT event_once PRIMARY KEY,
  said text NOT NULL,
  answer jsonb NOT NULL
)`;

export type Affiliate = { readonly id: string; readonly code: string };

const at = (ms: number): Date => new Date(ms);

/** The same affiliate for the same user, whoever asks first; undefined where the code is taken. */
export const enrol = async (
  sql: Sql,
  one: Affiliate & { readonly user: string },
  now: number,
): Promise<Affiliate | undefined> => {
  await sql.query(
    `INSERT INTO affiliation.affiliate VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    [one.id, one.user, one.code, at(now)],
  );
  return affiliateOf(sql, one.user);
};

export const affiliateOf = async (sql: Sql, user: string): Promise<Affiliate | undefined> =>
  (
    await sql.query<Affiliate>("SELECT id, code FROM affiliation.affiliate WHERE user_ref = $1", [
      user,
    ])
  )[0];

export const byCode = async (
  sql: Sql,
  code: string,
): Promise<{ readonly id: string; readonly owner: string } | undefined> =>
  (
    await sql.query<{ id: string; owner: string }>(
      "SELECT id, user_ref AS owner FROM affiliation.affiliate WHERE code = $1",
      [code],
    )
  )[0];

const MAX_TOUCHES = 100;

/** All are kept, for an order may be told of late; of one buyer the newest hundred. */
export const touch = (db: Db, buyer: string, affiliate: string, now: number): Promise<void> =>
  db.tx(async (tx) => {
    await tx.query("INSERT INTO affiliation.touch VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", [
      ...[buyer, affiliate, at(now)],
    ]);
    await tx.query(
      `DELETE FROM affiliation.touch WHERE buyer = $1 AND at < (
         SELECT at FROM affiliation.touch WHERE buyer = $1
         ORDER BY at DESC OFFSET ${MAX_TOUCHES - 1} LIMIT 1)`,
      [buyer],
    );
  });

export const touchesOf = async (sql: Sql, buyer: string): Promise<readonly Touch[]> => {
  const rows = await sql.query<{ affiliate: string; owner: string; at: Date }>(
    `SELECT t.affiliate, a.user_ref AS owner, t.at FROM affiliation.touch t
     JOIN affiliation.affiliate a ON a.id = t.affiliate
     WHERE t.buyer = $1 ORDER BY t.at DESC LIMIT ${MAX_TOUCHES}`,
    [buyer],
  );
  return rows.map(({ affiliate, owner, at }) => ({ affiliate, owner, at: at.getTime() }));
};

/** One event of an order at a time; the lock ends with the transaction. */
export const onOrder = <T>(db: Db, order: string, work: (tx: Tx) => Promise<T>): Promise<T> =>
  db.tx(async (tx) => {
    await tx.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", [order]);
    return work(tx);
  });

export const eventOf = async (
  sql: Sql,
  id: string,
): Promise<{ readonly said: string; readonly answer: unknown } | undefined> =>
  (
    await sql.query<{ said: string; answer: unknown }>(
      "SELECT said, answer FROM affiliation.event WHERE id = $1",
      [id],
    )
  )[0];

export const saveEvent = async (
  tx: Tx,
  id: string,
  said: string,
  answer: unknown,
): Promise<void> => {
  await tx.query("INSERT INTO affiliation.event VALUES ($1, $2, $3)", [
    ...[id, said, JSON.stringify(answer)],
  ]);
};

export const isEventReused = (fault: unknown): boolean =>
  fault instanceof Error && "constraint" in fault && fault.constraint === "event_once";

export type Purchase = {
  readonly id: string;
  readonly buyer: string;
  readonly affiliate: string | null;
  readonly why: string;
  readonly tier: Tier["id"] | null;
};

export const purchaseOf = async (
  sql: Sql,
  id: string,
): Promise<{ readonly purchase: Purchase; readonly lines: readonly Line[] } | undefined> => {
  const [purchase] = await sql.query<Purchase>(
    "SELECT id, buyer, affiliate, why, tier FROM affiliation.purchase WHERE id = $1",
    [id],
  );
  if (purchase === undefined) return undefined;
  const lines = await sql.query<Line>(
    `SELECT cents, commission, refunded, clawed_back AS "clawedBack" FROM affiliation.line
     WHERE purchase = $1 ORDER BY nth`,
    [id],
  );
  return { purchase, lines };
};

export const savePurchase = async (
  tx: Tx,
  one: Purchase,
  lines: readonly Pick<Line, "cents" | "commission">[],
  now: number,
): Promise<void> => {
  await tx.query("INSERT INTO affiliation.purchase VALUES ($1, $2, $3, $4, $5, $6)", [
    ...[one.id, one.buyer, one.affiliate, one.why, one.tier, at(now)],
  ]);
  await tx.query(
    `INSERT INTO affiliation.line (purchase, nth, cents, commission)
     SELECT $1, (row_number() OVER () - 1)::int, cents, commission
     FROM unnest($2::int[], $3::int[]) AS l (cents, commission)`,
    [one.id, lines.map(({ cents }) => cents), lines.map(({ commission }) => commission)],
  );
};

export const refundLine = async (
  tx: Tx,
  purchase: string,
  nth: number,
  { cents, clawedBack }: { readonly cents: number; readonly clawedBack: number },
): Promise<void> => {
  await tx.query(
    `UPDATE affiliation.line SET refunded = refunded + $3, clawed_back = clawed_back + $4
     WHERE purchase = $1 AND nth = $2`,
    [purchase, nth, cents, clawedBack],
  );
};

export const record = async (tx: Tx, affiliate: string, one: Movement): Promise<void> => {
  await tx.query(
    `INSERT INTO affiliation.movement (affiliate, purchase, kind, cents, at)
     VALUES ($1, $2, $3, $4, $5)`,
    [affiliate, one.order, one.kind, one.cents, at(one.at)],
  );
};

/** Sales of a month, less what was refunded of them since. */
export const netSales = async (
  sql: Sql,
  affiliate: string,
  { from, to }: Month,
): Promise<number> => {
  const [row] = await sql.query<{ cents: string | null }>(
    `SELECT sum(l.cents - l.refunded) AS cents FROM affiliation.purchase p
     JOIN affiliation.line l ON l.purchase = p.id
     WHERE p.affiliate = $1 AND p.recorded_at >= $2 AND p.recorded_at < $3`,
    [affiliate, at(from), at(to)],
  );
  return Number(row?.cents ?? 0);
};

/** The sum of all movements, or of those before an instant. */
export const balanceOf = async (sql: Sql, affiliate: string, before?: number): Promise<number> => {
  const [row] = await sql.query<{ cents: string | null }>(
    `SELECT sum(cents) AS cents FROM affiliation.movement
     WHERE affiliate = $1 AND at < coalesce($2, 'infinity'::timestamptz)`,
    [affiliate, before === undefined ? null : at(before)],
  );
  return Number(row?.cents ?? 0);
};

export const movementsIn = async (
  sql: Sql,
  affiliate: string,
  { from, to }: Month,
): Promise<readonly Movement[]> => {
  const rows = await sql.query<Omit<Movement, "at"> & { at: Date }>(
    `SELECT purchase AS "order", kind, cents, at FROM affiliation.movement
     WHERE affiliate = $1 AND at >= $2 AND at < $3 ORDER BY id`,
    [affiliate, at(from), at(to)],
  );
  return rows.map(({ order, kind, cents, at }) => ({ order, kind, cents, at: at.getTime() }));
};
