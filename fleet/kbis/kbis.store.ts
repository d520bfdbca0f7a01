/**
 * What KBIS Verification keeps: the registry's answers (a cache that every instance of either
 * region reads and writes) and the last verdict on each establishment.
 *
 * Errors: driver errors pass through.
 */
import type { Db } from "../../src/io/postgres/db.ts";
import type { Cache } from "./registry.flow.ts";
import type { Company, Verdict } from "./verdict.ts";

export const DDL = `CREATE TABLE IF NOT EXISTS kbis.company (
  siret text PRIMARY KEY,
  company jsonb,
  fetched_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS kbis.verification (
  siret text PRIMARY KEY,
  verdict text NOT NULL CHECK (verdict IN ('verified', 'refused', 'pending')),
  checks jsonb NOT NULL,
  checked_at timestamptz NOT NULL
)`;

export const companyCache = (db: Db): Cache => ({
  get: async (siret) => {
    const [row] = await db.query<{ company: Company | null; fetched_at: Date }>(
      "SELECT company, fetched_at FROM kbis.company WHERE siret = $1",
      [siret],
    );
    return row && { company: row.company, fetchedAt: row.fetched_at.getTime() };
  },
  put: async (siret, { company, fetchedAt }) => {
    // An answer that was under way for long must not replace a newer one.
    await db.query(
      `INSERT INTO kbis.company AS c VALUES ($1, $2, $3)
       ON CONFLICT (siret) DO UPDATE SET company = $2, fetched_at = $3 WHERE c.fetched_at < $3`,
      [siret, company === null ? null : JSON.stringify(company), new Date(fetchedAt)],
    );
  },
});

export type Verification = Verdict & { readonly siret: string; readonly checkedAt: number };

export const saveVerification = async (db: Db, one: Verification): Promise<void> => {
  await db.query(
    `INSERT INTO kbis.verification AS v VALUES ($1, $2, $3, $4)
     ON CONFLICT (siret) DO UPDATE SET verdict = $2, checks = $3, checked_at = $4
     WHERE v.checked_at <= $4`,
    [one.siret, one.verdict, JSON.stringify(one.checks), new Date(one.checkedAt)],
  );
};

export const verificationOf = async (db: Db, siret: string): Promise<Verification | undefined> => {
  const [row] = await db.query<{
    verdict: Verdict["verdict"];
    checks: Verdict["checks"];
    checked_at: Date;
  }>("SELECT verdict, checks, checked_at FROM kbis.verification WHERE siret = $1", [siret]);
  return row && { siret, ...row, checkedAt: row.checked_at.getTime() };
};
