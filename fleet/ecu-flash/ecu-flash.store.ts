/**
 * Images, vehicles and jobs in PostgreSQL. A job is worked on by who holds its lease; its epoch
 * rises with each claim, and a note of an older epoch is not taken.
 *
 * Units:  milliseconds; leases are counted by the database's clock.
 */
import type { Db, Sql } from "../../src/io/postgres/db.ts";
import type { Manifest } from "./image.ts";
import type { JobState } from "./job.ts";

export const DDL = `
CREATE TABLE IF NOT EXISTS ecu_flash.images (
  id text PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  manifest jsonb NOT NULL,
  signature text NOT NULL,
  content bytea NOT NULL
);
CREATE TABLE IF NOT EXISTS ecu_flash.vehicles (
  vehicle text PRIMARY KEY,
  hardware text NOT NULL
);
CREATE TABLE IF NOT EXISTS ecu_flash.jobs (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  vehicle text NOT NULL REFERENCES ecu_flash.vehicles,
  image text NOT NULL REFERENCES ecu_flash.images,
  requested_by text,
  state text NOT NULL,
  next_block int NOT NULL DEFAULT 0,
  blocks int NOT NULL,
  why text,
  owner text,
  epoch int NOT NULL DEFAULT 0,
  lease_until timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS one_job_of_a_vehicle
  ON ecu_flash.jobs (vehicle) WHERE state IN ('queued', 'flashing');
CREATE INDEX IF NOT EXISTS jobs_open
  ON ecu_flash.jobs (lease_until) WHERE state IN ('queued', 'flashing');
`;

export type Image = {
  readonly id: string;
  readonly manifest: Manifest;
  readonly signature: string;
};

export const addImage = async (db: Sql, image: Image, content: Uint8Array): Promise<void> => {
  await db.query(
    `INSERT INTO ecu_flash.images (id, manifest, signature, content) VALUES ($1, $2, $3, $4)
     ON CONFLICT (id) DO NOTHING`,
    [image.id, JSON.stringify(image.manifest), image.signature, Buffer.from(content)],
  );
};

export const findImage = async (db: Sql, id: string): Promise<Image | undefined> => {
  const [row] = await db.query<Image>(
    "SELECT id, manifest, signature FROM ecu_flash.images WHERE id = $1",
    [id],
  );
  return row;
};

export const listImages = (db: Sql, limit: number): Promise<readonly Image[]> =>
  db.query<Image>(
    "SELECT id, manifest, signature FROM ecu_flash.images ORDER BY at DESC, id LIMIT $1",
    [limit],
  );

export const contentOf = async (db: Sql, id: string): Promise<Uint8Array> => {
  const [row] = await db.query<{ content: Buffer }>(
    "SELECT content FROM ecu_flash.images WHERE id = $1",
    [id],
  );
  if (row === undefined) throw new Error(`image ${id} of a job is gone`);
  return row.content;
};

export const hardwareOf = async (db: Sql, vehicle: string): Promise<string | undefined> => {
  const [row] = await db.query<{ hardware: string }>(
    "SELECT hardware FROM ecu_flash.vehicles WHERE vehicle = $1",
    [vehicle],
  );
  return row?.hardware;
};

/** `work` runs with the vehicle locked: two callers do not make its unit at the same time. */
export const withVehicle = <T>(
  db: Db,
  vehicle: string,
  hardware: string,
  work: (hardwareThere: string) => Promise<T>,
): Promise<T> =>
  db.tx(async (tx) => {
    await tx.query("INSERT INTO ecu_flash.vehicles VALUES ($1, $2) ON CONFLICT DO NOTHING", [
      ...[vehicle, hardware],
    ]);
    const [row] = await tx.query<{ hardware: string }>(
      "SELECT hardware FROM ecu_flash.vehicles WHERE vehicle = $1 FOR UPDATE",
      [vehicle],
    );
    return work(row!.hardware);
  });

export type Job = {
  readonly id: string;
  readonly vehicle: string;
  readonly image: string;
  readonly state: JobState;
  readonly nextBlock: number;
  readonly blocks: number;
  readonly why: string | null;
};
export type Claimed = Job & { readonly epoch: number };

const COLUMNS = `id, vehicle, image, state, next_block AS "nextBlock", blocks, why`;

/** False: the vehicle has a job that is not over. */
export const addJob = async (
  db: Sql,
  job: Pick<Job, "id" | "vehicle" | "image" | "blocks">,
  requestedBy: string | null,
): Promise<boolean> => {
  const rows = await db.query(
    `INSERT INTO ecu_flash.jobs (id, vehicle, image, blocks, requested_by, state)
     VALUES ($1, $2, $3, $4, $5, 'queued')
     ON CONFLICT (vehicle) WHERE state IN ('queued', 'flashing') DO NOTHING RETURNING id`,
    [job.id, job.vehicle, job.image, job.blocks, requestedBy],
  );
  return rows.length === 1;
};

export const findJob = async (
  db: Sql,
  id: string,
  requestedBy: string | null,
): Promise<Job | undefined> => {
  const [row] = await db.query<Job>(
    `SELECT ${COLUMNS} FROM ecu_flash.jobs
     WHERE id = $1 AND requested_by IS NOT DISTINCT FROM $2`,
    [id, requestedBy],
  );
  return row;
};

/** What this instance had in hand when it ended is free again at once. */
export const freeOwn = async (db: Sql, owner: string): Promise<void> => {
  await db.query(
    `UPDATE ecu_flash.jobs SET lease_until = now()
     WHERE owner = $1 AND state IN ('queued', 'flashing')`,
    [owner],
  );
};

export const claim = async (
  db: Sql,
  owner: string,
  leaseMs: number,
): Promise<Claimed | undefined> => {
  const [row] = await db.query<Claimed>(
    `UPDATE ecu_flash.jobs SET state = 'flashing', owner = $1, epoch = epoch + 1,
            lease_until = now() + $2 * interval '1 ms'
     WHERE id = (
       SELECT id FROM ecu_flash.jobs
       WHERE state IN ('queued', 'flashing') AND lease_until <= now()
       ORDER BY lease_until LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING ${COLUMNS}, epoch`,
    [owner, leaseMs],
  );
  return row;
};

/** False: another has the job by now, or it was canceled. */
export const noteProgress = async (
  db: Sql,
  job: Claimed,
  nextBlock: number,
  leaseMs: number,
): Promise<boolean> => {
  const rows = await db.query(
    `UPDATE ecu_flash.jobs SET next_block = $3, lease_until = now() + $4 * interval '1 ms'
     WHERE id = $1 AND epoch = $2 AND state = 'flashing' RETURNING id`,
    [job.id, job.epoch, nextBlock, leaseMs],
  );
  return rows.length === 1;
};

export const finish = async (
  db: Sql,
  job: Claimed,
  state: "done" | "failed",
  why: string | null,
): Promise<void> => {
  await db.query(
    `UPDATE ecu_flash.jobs SET state = $3, why = $4
     WHERE id = $1 AND epoch = $2 AND state = 'flashing'`,
    [job.id, job.epoch, state, why],
  );
};

/** Before its last block a job may be given up: the unit goes on with what it has. */
export const cancel = async (db: Sql, id: string): Promise<boolean> => {
  const rows = await db.query(
    `UPDATE ecu_flash.jobs SET state = 'canceled'
     WHERE id = $1 AND state IN ('queued', 'flashing') AND next_block < blocks RETURNING id`,
    [id],
  );
  return rows.length === 1;
};
