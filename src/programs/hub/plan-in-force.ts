/**
 * The plan the hub works by: the newest version in PostgreSQL, after the file was proposed.
 *
 * A file that does not load never takes the plan in force away: it is reported, and work goes on.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Log } from "../../io/log/json-log.ts";
import type { Db } from "../../io/postgres/db.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { AppliedPlan } from "../../launch/plan/applied.ts";
import { applyPlan, planInForce } from "../../launch/plan/plan.flow.ts";
import { problemLine } from "../../launch/plan/report.ts";
import { sha256 } from "../../ledger/adapters/node-crypto.ts";
import { record } from "../../ledger/record.store.ts";
import { Refusal } from "../data-dir.ts";

export type PlanHolder = {
  readonly applied: () => AppliedPlan;
  readonly apply: ReturnType<typeof applyPlan>;
  readonly reload: () => Promise<void>;
};

export const openPlan = async (deps: {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly planFile: string;
}): Promise<PlanHolder> => {
  const { db, clock, log, planFile } = deps;
  const apply = applyPlan({ db, clock, record, sha256 });
  const trouble = await propose(apply, planFile);
  const inForce = async (): Promise<AppliedPlan | undefined> => {
    const found = await planInForce({ db, sha256 })();
    if (!found.ok) throw new Refusal(found.error.map(problemLine).join("\n"));
    if (found.value === undefined) return undefined;
    const { plan, version, digest, warnings } = found.value;
    return { plan, version, digest, warnings: warnings.map(problemLine) };
  };
  const first = await inForce();
  if (first === undefined) throw new Refusal(trouble ?? `${planFile}: no plan was applied`);
  if (trouble !== undefined)
    log.error("the plan file was not applied; the one before stays", { trouble });
  let current: AppliedPlan = first;
  return {
    applied: () => current,
    apply,
    reload: async () => {
      current = (await inForce()) ?? current;
    },
  };
};

/** Why the file was not applied, or undefined. */
const propose = async (
  apply: ReturnType<typeof applyPlan>,
  planFile: string,
): Promise<string | undefined> => {
  const file = path.basename(planFile);
  try {
    const text = await readFile(planFile, "utf8");
    const done = await apply({ text, file, actor: "system:hub" });
    return done.ok ? undefined : done.error.map(problemLine).join("\n");
  } catch (fault) {
    if (
      fault instanceof Error &&
      "code" in fault &&
      typeof fault.code === "string" &&
      fault.code.startsWith("E")
    ) {
      return `${planFile}: cannot be read (${fault.code}); NOVAEVO_PLAN names the file`;
    }
    throw fault;
  }
};
