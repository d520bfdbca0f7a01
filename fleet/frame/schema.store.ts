/**
 * A service's own schema in the platform's PostgreSQL: made once, however many processes start.
 *
 * Shape:  `ddl` is idempotent (`CREATE … IF NOT EXISTS`) and names its tables with the schema,
 *         which is the service's id with `_` for `-`.
 */
import type { Db } from "../../src/io/postgres/db.ts";

export const schemaOf = (service: string): string => service.replaceAll("-", "_");

export const makeSchema = (db: Db, service: string, ddl: string): Promise<void> =>
  db.tx(async (tx) => {
    // `IF NOT EXISTS` alone fails where two processes make the same thing at the same time.
    await tx.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`fleet:${service}`]);
    await tx.query(`CREATE SCHEMA IF NOT EXISTS ${schemaOf(service)}`);
    await tx.query(ddl);
  });
