/**
 * A database that may forget what it acknowledged is refused at start.
 *
 * Source: measured; `fsync = off` loses data at the first power cut, and nothing else shows it.
 */
import type { Sql } from "./db.ts";

const MUST_BE_ON = ["fsync", "full_page_writes", "synchronous_commit"] as const;
export const MINIMUM_VERSION = 150_000;

export type DatabaseSettings = {
  readonly version: string;
  readonly versionNumber: number;
  readonly settings: Readonly<Record<(typeof MUST_BE_ON)[number], string>>;
};

export const readSettings = async (sql: Sql): Promise<DatabaseSettings> => {
  const [row] = await sql.query<Record<string, string>>(
    `SELECT current_setting('server_version') AS version,
            current_setting('server_version_num') AS number,
            ${MUST_BE_ON.map((name) => `current_setting('${name}') AS ${name}`).join(", ")}`,
  );
  if (row === undefined) throw new Error("the database answered no settings");
  return {
    version: row["version"] ?? "?",
    versionNumber: Number(row["number"]),
    settings: {
      fsync: row["fsync"] ?? "?",
      full_page_writes: row["full_page_writes"] ?? "?",
      synchronous_commit: row["synchronous_commit"] ?? "?",
    },
  };
};

/** What forbids this database, in words; an empty list lets it through. */
export const durabilityFaults = (found: DatabaseSettings): readonly string[] => {
  const faults: string[] = MUST_BE_ON.filter((name) => found.settings[name] === "off").map(
    (name) => `PostgreSQL runs with ${name} = off: an acknowledged write could be lost`,
  );
  if (found.versionNumber < MINIMUM_VERSION) {
    faults.push(`PostgreSQL ${found.version} is older than 15`);
  }
  return faults;
};
