/** Rows of KPI states: the verdict in force, since when, and the last period that was closed. */
import type { Sql, Tx } from "../../io/postgres/db.ts";
import type { UnknownWhy } from "./reading.ts";

export type KpiState = {
  readonly kpi: string;
  readonly verdict: "pass" | "fail" | "unknown";
  readonly why: UnknownWhy | null;
  readonly sinceMs: number;
  readonly lastCloseMs: number | undefined;
};

export const loadStates = async (sql: Sql): Promise<ReadonlyMap<string, KpiState>> => {
  const rows = await sql.query<{
    kpi: string;
    verdict: KpiState["verdict"];
    why: UnknownWhy | null;
    since: Date;
    last_close: Date | null;
  }>("SELECT kpi, verdict, why, since, last_close FROM kpi_state");
  return new Map(
    rows.map((row) => [
      row.kpi,
      {
        kpi: row.kpi,
        verdict: row.verdict,
        why: row.why,
        sinceMs: row.since.getTime(),
        lastCloseMs: row.last_close?.getTime(),
      },
    ]),
  );
};

export const saveStates = async (
  tx: Tx,
  states: readonly KpiState[],
  planVersion: number,
): Promise<void> => {
  const time = (ms: number | undefined): string | null =>
    ms === undefined ? null : new Date(ms).toISOString();
  await tx.query(
    `INSERT INTO kpi_state (kpi, verdict, why, since, last_close, plan_version)
     SELECT *, $6::integer
     FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
     ON CONFLICT (kpi) DO UPDATE SET verdict = excluded.verdict, why = excluded.why,
       since = excluded.since, last_close = coalesce(excluded.last_close, kpi_state.last_close),
       plan_version = excluded.plan_version`,
    [
      states.map(({ kpi }) => kpi),
      states.map(({ verdict }) => verdict),
      states.map(({ why }) => why),
      states.map(({ sinceMs }) => time(sinceMs)),
      states.map(({ lastCloseMs }) => time(lastCloseMs)),
      planVersion,
    ],
  );
};
