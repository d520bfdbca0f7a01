/** Rows of gate verdicts: the one in force, with the evidence it was taken on. */
import type { Sql, Tx } from "../../io/postgres/db.ts";
import type { GateVerdict } from "./gate.ts";

export const loadVerdicts = async (sql: Sql): Promise<ReadonlyMap<string, GateVerdict>> => {
  const rows = await sql.query<{ gate: string; verdict: GateVerdict }>(
    "SELECT gate, verdict FROM gate_state",
  );
  return new Map(rows.map(({ gate, verdict }) => [gate, verdict]));
};

export const saveVerdict = async (
  tx: Tx,
  row: {
    readonly gate: string;
    readonly verdict: GateVerdict;
    readonly sinceMs: number;
    readonly evidence: unknown;
    readonly planVersion: number;
  },
): Promise<void> => {
  await tx.query(
    `INSERT INTO gate_state (gate, verdict, since, evidence, plan_version)
     VALUES ($1, $2, to_timestamp($3 / 1000.0), $4, $5)
     ON CONFLICT (gate) DO UPDATE SET verdict = excluded.verdict, since = excluded.since,
       evidence = excluded.evidence, plan_version = excluded.plan_version`,
    [row.gate, row.verdict, row.sinceMs, JSON.stringify(row.evidence), row.planVersion],
  );
};
