/**
 * One PostgreSQL server per test run, one database per test file, cloned from a migrated template.
 *
 * The server is the embedded one, or `TEST_DATABASE_URL` (CI runs the suite on Debian's 15 too).
 */
import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { openDb, type Db } from "../src/io/postgres/db.ts";

declare module "vitest" {
  // eslint-disable-next-line -- vitest's way to type what a global setup provides
  interface ProvidedContext {
    postgresUrl: string;
  }
}

export const TEMPLATE = "novaevo_template";

export type TestDb = Db & { readonly connectionString: string };

export const testDb = async (options: { readonly max?: number } = {}): Promise<TestDb> => {
  const url = new URL(inject("postgresUrl"));
  const admin = openDb({ connectionString: url.href, max: 1 });
  const name = `t_${randomBytes(6).toString("hex")}`;
  try {
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  } finally {
    await admin.close();
  }
  url.pathname = `/${name}`;
  const db = openDb({ connectionString: url.href, max: options.max ?? 10 });
  return { ...db, connectionString: url.href };
};
