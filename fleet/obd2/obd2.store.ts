/**
 * What the OBD-II service keeps: connection attempts of an hour, diagnoses of a day.
 *
 * Units:  instants in ms since the epoch. Errors: those of the driver pass through.
 */
import type { Sql } from "../../src/io/postgres/db.ts";

export const DDL = `
CREATE TABLE IF NOT EXISTS obd2.connections (
  at timestamptz NOT NULL,
  dongle text NOT NULL,
  batch text NOT NULL,
  firmware text NOT NULL,
  connected boolean NOT NULL,
  reason text
);
CREATE INDEX IF NOT EXISTS connections_at ON obd2.connections (at);
CREATE TABLE IF NOT EXISTS obd2.diagnoses (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  owner text,
  diagnosis jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS diagnoses_at ON obd2.diagnoses (at);
`;

export type Attempt = {
  readonly dongle: string;
  readonly batch: string;
  readonly firmware: string;
  readonly connected: boolean;
  readonly reason: string | null;
};

export const addAttempt = async (db: Sql, atMs: number, attempt: Attempt): Promise<void> => {
  const { dongle, batch, firmware, connected, reason } = attempt;
  await db.query("INSERT INTO obd2.connections VALUES ($1, $2, $3, $4, $5, $6)", [
    ...[new Date(atMs), dongle, batch, firmware, connected, reason],
  ]);
};

export type Row = {
  readonly batch: string;
  readonly firmware: string;
  readonly attempts: number;
  readonly connected: number;
  readonly dongles: number;
  readonly topReason: string | null;
};

/** The worst first; of the same rate, the one with more attempts. */
export const attemptsSince = (db: Sql, sinceMs: number, limit: number): Promise<readonly Row[]> =>
  db.query<Row>(
    `SELECT batch, firmware, count(*)::int AS attempts,
            count(*) FILTER (WHERE connected)::int AS connected,
            count(DISTINCT dongle)::int AS dongles,
            mode() WITHIN GROUP (ORDER BY reason) AS "topReason"
     FROM obd2.connections WHERE at >= $1
     GROUP BY batch, firmware
     ORDER BY count(*) FILTER (WHERE connected)::float8 / count(*), count(*) DESC, batch, firmware
     LIMIT $2`,
    [new Date(sinceMs), limit],
  );

export const totalSince = async (
  db: Sql,
  sinceMs: number,
): Promise<{ readonly attempts: number; readonly connected: number }> => {
  const [row] = await db.query<{ attempts: number; connected: number }>(
    `SELECT count(*)::int AS attempts, count(*) FILTER (WHERE connected)::int AS connected
     FROM obd2.connections WHERE at >= $1`,
    [new Date(sinceMs)],
  );
  return row ?? { attempts: 0, connected: 0 };
};

export const addDiagnosis = async (
  db: Sql,
  made: {
    readonly id: string;
    readonly atMs: number;
    readonly owner: string | null;
    readonly diagnosis: unknown;
  },
): Promise<void> => {
  await db.query("INSERT INTO obd2.diagnoses VALUES ($1, $2, $3, $4)", [
    ...[made.id, new Date(made.atMs), made.owner, JSON.stringify(made.diagnosis)],
  ]);
};

export const findDiagnosis = async (
  db: Sql,
  id: string,
  owner: string | null,
): Promise<unknown> => {
  const [row] = await db.query<{ diagnosis: unknown }>(
    "SELECT diagnosis FROM obd2.diagnoses WHERE id = $1 AND owner IS NOT DISTINCT FROM $2",
    [id, owner],
  );
  return row?.diagnosis;
};

export const forget = async (
  db: Sql,
  connectionsBeforeMs: number,
  diagnosesBeforeMs: number,
): Promise<void> => {
  await db.query("DELETE FROM obd2.connections WHERE at < $1", [new Date(connectionsBeforeMs)]);
  await db.query("DELETE FROM obd2.diagnoses WHERE at < $1", [new Date(diagnosesBeforeMs)]);
};
