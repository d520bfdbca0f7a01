/**
 * The rows of applied plans: one a version, never changed, the newest in force.
 */
import type { Sql, Tx } from "../../io/postgres/db.ts";
import type { PlanDiff } from "./diff.ts";
import type { PlanWarning } from "./parse.ts";

export type PlanVersion = {
  readonly version: number;
  readonly planId: string;
  readonly schema: number;
  readonly digest: string;
  readonly sourceText: string;
  readonly sourceFile: string;
  readonly appliedAtMs: number;
  readonly appliedBy: string;
  readonly diff: PlanDiff;
  readonly warnings: readonly PlanWarning[];
};

/** A version without what is long: for lists. */
export type PlanVersionSummary = Omit<PlanVersion, "sourceText" | "diff" | "warnings"> & {
  readonly changes: number;
  readonly warnings: number;
};

type Row = {
  version: number;
  plan_id: string;
  schema: number;
  digest: string;
  source_text: string;
  source_file: string;
  applied_at: Date;
  applied_by: string;
  diff: PlanDiff;
  warnings: readonly PlanWarning[];
};

/** Any constant will do; two applications of a plan wait for each other on it. */
const PLAN_LOCK = 4_600_004;

export const lockPlan = async (tx: Tx): Promise<void> => {
  await tx.query("SELECT pg_advisory_xact_lock($1)", [PLAN_LOCK]);
};

const fromRow = (row: Row): PlanVersion => ({
  version: row.version,
  planId: row.plan_id,
  schema: row.schema,
  digest: row.digest,
  sourceText: row.source_text,
  sourceFile: row.source_file,
  appliedAtMs: row.applied_at.getTime(),
  appliedBy: row.applied_by,
  diff: row.diff,
  warnings: row.warnings,
});

export const latestPlanVersion = async (sql: Sql): Promise<PlanVersion | undefined> => {
  const [row] = await sql.query<Row>("SELECT * FROM plan_version ORDER BY version DESC LIMIT 1");
  return row && fromRow(row);
};

export const planVersion = async (sql: Sql, version: number): Promise<PlanVersion | undefined> => {
  const [row] = await sql.query<Row>("SELECT * FROM plan_version WHERE version = $1", [version]);
  return row && fromRow(row);
};

const MAX_LISTED = 200;

/** Newest first. */
export const planVersions = async (sql: Sql): Promise<readonly PlanVersionSummary[]> => {
  const rows = await sql.query<Omit<Row, "diff" | "warnings"> & { c: number; w: number }>(
    `SELECT version, plan_id, schema, digest, source_file, applied_at, applied_by,
            jsonb_array_length(diff -> 'changes') AS c, jsonb_array_length(warnings) AS w
     FROM plan_version ORDER BY version DESC LIMIT $1`,
    [MAX_LISTED],
  );
  return rows.map((row) => ({
    version: row.version,
    planId: row.plan_id,
    schema: row.schema,
    digest: row.digest,
    sourceFile: row.source_file,
    appliedAtMs: row.applied_at.getTime(),
    appliedBy: row.applied_by,
    changes: row.c,
    warnings: row.w,
  }));
};

export const insertPlanVersion = async (tx: Tx, plan: PlanVersion): Promise<void> => {
  await tx.query(
    `INSERT INTO plan_version (version, plan_id, schema, digest, source_text, source_file,
                               applied_at, applied_by, diff, warnings)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      plan.version,
      plan.planId,
      plan.schema,
      plan.digest,
      plan.sourceText,
      plan.sourceFile,
      new Date(plan.appliedAtMs),
      plan.appliedBy,
      JSON.stringify(plan.diff),
      JSON.stringify(plan.warnings),
    ],
  );
};
