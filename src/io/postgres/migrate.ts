/**
 * Numbered SQL files, applied in order and forward only, each in a transaction, under one lock.
 *
 * Errors: throws when a file that was applied has since changed, or when the database is ahead of
 *         this program by a migration it does not know and that is not marked `-- expand`.
 */
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import type { Db, Sql } from "./db.ts";

/** The database and this program do not fit; starting again would not help. */
export class SchemaFault extends Error {
  override readonly name = "SchemaFault";
}

/** Any constant will do, as long as every version of NovaEvo uses the same. */
const MIGRATION_LOCK = 4_600_001;
const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;
export const MIGRATIONS_DIR = new URL("./migrations/", import.meta.url);

export type MigrationReport = { readonly applied: readonly string[]; readonly latest: string };

type Migration = {
  readonly name: string;
  readonly sql: string;
  readonly digest: string;
};

/** A first line of a migration that an older program can live with. */
const EXPAND = /^-- expand\b/m;

export const readMigrations = async (dir: URL = MIGRATIONS_DIR): Promise<readonly Migration[]> => {
  const names = (await readdir(dir)).filter((name) => FILE_NAME.test(name)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, dir), "utf8");
      return { name, sql, digest: createHash("sha256").update(sql).digest("hex") };
    }),
  );
};

export const migrate = async (
  db: Db,
  migrations?: readonly Migration[],
): Promise<MigrationReport> => {
  const wanted = migrations ?? (await readMigrations());
  return db.tx(async (tx) => {
    await tx.query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    await tx.query(`CREATE TABLE IF NOT EXISTS migration (
      name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    await tx.query(
      "ALTER TABLE migration ADD COLUMN IF NOT EXISTS expand boolean NOT NULL DEFAULT false",
    );
    const rows = await tx.query<Applied>(
      "SELECT name, digest, expand FROM migration ORDER BY name",
    );
    mustNotBeAhead(rows, wanted);
    const done = new Map(rows.map((row) => [row.name, row.digest]));
    const applied: string[] = [];
    for (const { name, sql, digest } of wanted) {
      const before = done.get(name);
      if (before === digest) continue;
      if (before !== undefined) {
        throw new SchemaFault(
          `migration ${name} was applied with other content; write a new one instead`,
        );
      }
      await tx.query(sql);
      await tx.query("INSERT INTO migration (name, digest, expand) VALUES ($1, $2, $3)", [
        ...[name, digest, EXPAND.test(sql)],
      ]);
      applied.push(name);
    }
    return { applied, latest: wanted.at(-1)?.name ?? "none" };
  });
};

type Applied = { readonly name: string; readonly digest: string; readonly expand: boolean };

const mustNotBeAhead = (rows: readonly Applied[], wanted: readonly Migration[]): void => {
  const latest = wanted.at(-1)?.name ?? "";
  const ahead = rows.filter(({ name, expand }) => name > latest && !expand);
  if (ahead.length === 0) return;
  throw new SchemaFault(
    `the database was migrated by a newer NovaEvo (${ahead.map(({ name }) => name).join(", ")}; ` +
      `this one knows up to ${latest}); use that version, or another database`,
  );
};

export type MigrationState = {
  readonly applied: readonly string[];
  /** Of this program, and not applied yet. */
  readonly pending: readonly string[];
  /** Applied with other content than this program's file has. */
  readonly changed: readonly string[];
  /** Applied by a later program. */
  readonly unknown: readonly string[];
};

/** Looks, and changes nothing. */
export const migrationState = async (sql: Sql): Promise<MigrationState> => {
  const wanted = await readMigrations();
  const [table] = await sql.query<{ there: boolean }>(
    "SELECT to_regclass('migration') IS NOT NULL AS there",
  );
  const rows =
    table?.there === true
      ? await sql.query<{ name: string; digest: string }>(
          "SELECT name, digest FROM migration ORDER BY name",
        )
      : [];
  const done = new Map(rows.map(({ name, digest }) => [name, digest]));
  const known = new Set(wanted.map(({ name }) => name));
  return {
    applied: rows.map(({ name }) => name),
    pending: wanted.filter(({ name }) => !done.has(name)).map(({ name }) => name),
    changed: wanted
      .filter(({ name, digest }) => (done.get(name) ?? digest) !== digest)
      .map(({ name }) => name),
    unknown: rows.filter(({ name }) => !known.has(name)).map(({ name }) => name),
  };
};
