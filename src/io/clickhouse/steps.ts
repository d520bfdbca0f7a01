/**
 * ClickHouse's tables: named steps, idempotent, recorded in PostgreSQL once per store.
 *
 * Why:    a step is recorded under the store's own identity, so a store that was replaced (another
 *         disk, another server) gets its tables again.
 */
import { randomUUID } from "node:crypto";
import type { Sql } from "../postgres/db.ts";
import type { Store } from "./client.ts";

export type Step = { readonly name: string; readonly sql: string };

export const applySteps = async (
  deps: { readonly store: Pick<Store, "command" | "rows">; readonly sql: Sql },
  steps: readonly Step[],
): Promise<{ readonly storeId: string; readonly applied: readonly string[] }> => {
  const storeId = await identityOf(deps.store);
  const rows = await deps.sql.query<{ name: string }>(
    "SELECT name FROM clickhouse_step WHERE store = $1",
    [storeId],
  );
  const done = new Set(rows.map(({ name }) => name));
  const applied: string[] = [];
  for (const { name, sql } of steps) {
    if (done.has(name)) continue;
    await deps.store.command(sql);
    await deps.sql.query(
      "INSERT INTO clickhouse_step (store, name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
      [storeId, name],
    );
    applied.push(name);
  }
  return { storeId, applied };
};

/** The least id wins, so two programs that start at once agree. */
const identityOf = async (store: Pick<Store, "command" | "rows">): Promise<string> => {
  await store.command(
    "CREATE TABLE IF NOT EXISTS store_identity (id String) ENGINE = MergeTree ORDER BY id",
  );
  const read = async (): Promise<string | undefined> =>
    (await store.rows<{ id: string }>("SELECT id FROM store_identity ORDER BY id LIMIT 1"))[0]?.id;
  const known = await read();
  if (known !== undefined) return known;
  await store.command("INSERT INTO store_identity (id) VALUES ({id: String})", {
    id: randomUUID(),
  });
  return (await read())!;
};
