/**
 * Suppliers' offers as every instance of either region last heard them.
 *
 * Errors: driver errors pass through.
 */
import type { Db } from "../../src/io/postgres/db.ts";
import type { OfferCache, Supplier } from "./offers.flow.ts";

export const DDL = `CREATE TABLE IF NOT EXISTS parts_finder.offer (
  reference text PRIMARY KEY,
  price_cents integer NOT NULL CHECK (price_cents > 0),
  stock integer NOT NULL CHECK (stock >= 0),
  lead_days integer NOT NULL CHECK (lead_days >= 0),
  supplier text NOT NULL,
  fetched_at timestamptz NOT NULL
)`;

type Row = {
  readonly reference: string;
  readonly price_cents: number;
  readonly stock: number;
  readonly lead_days: number;
  readonly supplier: Supplier;
  readonly fetched_at: Date;
};

export const offerCache = (db: Db): OfferCache => ({
  get: async (references) => {
    const rows = await db.query<Row>(
      "SELECT * FROM parts_finder.offer WHERE reference = ANY($1::text[])",
      [references],
    );
    return rows.map((row) => ({
      ...{ reference: row.reference, priceCents: row.price_cents, stock: row.stock },
      ...{ leadDays: row.lead_days, supplier: row.supplier, fetchedAt: row.fetched_at.getTime() },
    }));
  },
  put: async (offers) => {
    // In one order for all, or two instances lock each other out; a newer answer is not replaced.
    const sorted = offers.toSorted((a, b) => (a.reference < b.reference ? -1 : 1));
    await db.query(
      `INSERT INTO parts_finder.offer AS o
       SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::text[],
                            $6::timestamptz[])
       ON CONFLICT (reference) DO UPDATE
       SET price_cents = excluded.price_cents, stock = excluded.stock,
           lead_days = excluded.lead_days, supplier = excluded.supplier,
           fetched_at = excluded.fetched_at
       WHERE o.fetched_at < excluded.fetched_at`,
      [
        sorted.map(({ reference }) => reference),
        sorted.map(({ priceCents }) => priceCents),
        sorted.map(({ stock }) => stock),
        sorted.map(({ leadDays }) => leadDays),
        sorted.map(({ supplier }) => supplier),
        sorted.map(({ fetchedAt }) => new Date(fetchedAt)),
      ],
    );
  },
});
