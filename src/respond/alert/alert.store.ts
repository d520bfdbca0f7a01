/** Rows of alerts. At most one fires per fingerprint: the table itself says so. */
import type { Sql, Tx } from "../../io/postgres/db.ts";
import type { Severity } from "../../kernel/severity.ts";
import type { Words } from "../../launch/kpi/reading.ts";

export type AlertRow = {
  readonly id: number;
  readonly fingerprint: string;
  /** Null where a rule of the plan, or an action, and not a KPI stands behind it. */
  readonly kpi: string | null;
  readonly rule: string | null;
  readonly service: string | null;
  readonly title: Words;
  readonly severity: Severity;
  readonly state: "firing" | "resolved";
  readonly breachedAtMs: number;
  readonly startedAtMs: number;
  readonly resolvedAtMs: number | null;
  readonly value: number | null;
  readonly threshold: string;
  readonly unit: string;
  readonly owner: Words;
};

type Columns = {
  id: string;
  fingerprint: string;
  kpi: string | null;
  rule: string | null;
  service: string | null;
  title: Words;
  severity: Severity;
  state: "firing" | "resolved";
  breached_at: Date;
  started_at: Date;
  resolved_at: Date | null;
  value: number | null;
  threshold: string;
  unit: string;
  owner: Words;
};

const COLUMNS = `id, fingerprint, kpi, rule, service, title, severity, state, breached_at,
  started_at, resolved_at, value, threshold, unit, owner`;

const rowOf = (row: Columns): AlertRow => ({
  id: Number(row.id),
  fingerprint: row.fingerprint,
  kpi: row.kpi,
  rule: row.rule,
  service: row.service,
  title: row.title,
  severity: row.severity,
  state: row.state,
  breachedAtMs: row.breached_at.getTime(),
  startedAtMs: row.started_at.getTime(),
  resolvedAtMs: row.resolved_at?.getTime() ?? null,
  value: row.value,
  threshold: row.threshold,
  unit: row.unit,
  owner: row.owner,
});

export const insertAlert = async (
  tx: Tx,
  draft: Omit<AlertRow, "id" | "state" | "resolvedAtMs">,
  planVersion: number,
): Promise<AlertRow> => {
  const [row] = await tx.query<Columns>(
    `INSERT INTO alert (fingerprint, kpi, service, title, severity, state, breached_at, started_at,
       value, threshold, unit, owner, plan_version, rule)
     VALUES ($1, $2, $3, $4, $5, 'firing', to_timestamp($6 / 1000.0), to_timestamp($7 / 1000.0),
       $8, $9, $10, $11, $12, $13)
     RETURNING ${COLUMNS}`,
    [
      draft.fingerprint,
      draft.kpi,
      draft.service,
      JSON.stringify(draft.title),
      draft.severity,
      draft.breachedAtMs,
      draft.startedAtMs,
      draft.value,
      draft.threshold,
      draft.unit,
      JSON.stringify(draft.owner),
      planVersion,
      draft.rule,
    ],
  );
  if (row === undefined) throw new Error("an inserted alert came back as no row");
  return rowOf(row);
};

export const resolveAlert = async (
  tx: Tx,
  id: number,
  atMs: number,
  value: number | null,
): Promise<AlertRow | undefined> => {
  const [row] = await tx.query<Columns>(
    `UPDATE alert SET state = 'resolved', resolved_at = to_timestamp($2 / 1000.0), value = $3
     WHERE id = $1 AND state = 'firing' RETURNING ${COLUMNS}`,
    [id, atMs, value],
  );
  return row === undefined ? undefined : rowOf(row);
};

export const firingAlerts = async (sql: Sql): Promise<readonly AlertRow[]> =>
  (await sql.query<Columns>(`SELECT ${COLUMNS} FROM alert WHERE state = 'firing'`)).map(rowOf);

export const alertById = async (sql: Sql, id: number): Promise<AlertRow | undefined> => {
  const rows = await sql.query<Columns>(`SELECT ${COLUMNS} FROM alert WHERE id = $1`, [id]);
  return rows.map(rowOf)[0];
};

/** Newest first; `before` is the last id of the previous page. */
export const alertPage = async (
  sql: Sql,
  page: {
    readonly state: "firing" | "resolved" | "all";
    readonly limit: number;
    readonly before: number | undefined;
  },
): Promise<readonly AlertRow[]> => {
  const rows = await sql.query<Columns>(
    `SELECT ${COLUMNS} FROM alert
     WHERE ($1 = 'all' OR state = $1) AND ($2::bigint IS NULL OR id < $2)
     ORDER BY id DESC LIMIT $3`,
    [page.state, page.before ?? null, page.limit],
  );
  return rows.map(rowOf);
};
