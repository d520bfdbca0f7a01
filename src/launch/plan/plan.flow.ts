/**
 * Applies a plan: the file is a proposal, the newest row in PostgreSQL is the plan in force.
 *
 * Shape:  parse → lock → compare → version and ledger entry, in one transaction. A plan whose
 *         digest is that of the plan in force changes nothing, however often it is applied.
 * Errors: `PlanProblem[]` of the text. Faults of the database pass through.
 */
import type { JsonObject } from "../../kernel/canonical.ts";
import type { Clock } from "../../kernel/clock.ts";
import { ok, type Result } from "../../kernel/result.ts";
import type { Db, Sql, Tx } from "../../io/postgres/db.ts";
import { NO_CHANGES, planDiff, type PlanDiff } from "./diff.ts";
import { parsePlan, type ParsedPlan, type PlanProblem, type Sha256 } from "./parse.ts";
import type { Plan } from "./schema/whole.ts";
import { insertPlanVersion, latestPlanVersion, lockPlan, type PlanVersion } from "./plan.store.ts";

/** The ledger's `record`, inside the transaction that changes the state. */
type Record = (
  tx: Tx,
  entry: {
    readonly kind: string;
    readonly actor: string;
    readonly subject: string;
    readonly body: JsonObject;
  },
) => Promise<unknown>;

/** What a ledger entry names; the version's row holds all of it, and the digest binds the plan. */
const MAX_LEDGERED = 200;

const named = (list: readonly { readonly code: string; readonly path: string }[]): JsonObject[] =>
  list.slice(0, MAX_LEDGERED).map(({ code, path }) => ({ code, path }));

export type AppliedPlan = ParsedPlan & {
  readonly version: number;
  /** False when the plan in force is this one already. */
  readonly applied: boolean;
  readonly diff: PlanDiff;
};

export const applyPlan =
  (deps: {
    readonly db: Pick<Db, "tx">;
    readonly record: Record;
    readonly clock: Pick<Clock, "now">;
    readonly sha256: Sha256;
  }) =>
  async (input: {
    readonly text: string;
    readonly file: string;
    readonly actor: string;
  }): Promise<Result<AppliedPlan, readonly PlanProblem[]>> => {
    const parsed = parsePlan(deps)(input.text, input.file);
    if (!parsed.ok) return parsed;
    const { plan, digest, warnings } = parsed.value;
    return deps.db.tx(async (tx) => {
      await lockPlan(tx);
      const previous = await latestPlanVersion(tx);
      if (previous?.digest === digest) {
        const { version } = previous;
        return ok({ ...parsed.value, version, applied: false, diff: NO_CHANGES });
      }
      const diff = diffFrom(deps.sha256, previous, plan);
      const version = (previous?.version ?? 0) + 1;
      await insertPlanVersion(tx, {
        version,
        planId: plan.id,
        schema: plan.schema,
        digest,
        sourceText: input.text,
        sourceFile: input.file,
        appliedAtMs: deps.clock.now(),
        appliedBy: input.actor,
        diff,
        warnings,
      });
      await deps.record(tx, {
        kind: "plan.applied",
        actor: input.actor,
        subject: `plan:${plan.id}`,
        body: {
          version,
          digest,
          previousDigest: previous?.digest ?? null,
          schema: plan.schema,
          changes: diff.changes.length,
          warnings: named(warnings),
          diffWarnings: named(diff.warnings),
        },
      });
      return ok({ ...parsed.value, version, applied: true, diff });
    });
  };

const diffFrom = (sha256: Sha256, previous: PlanVersion | undefined, plan: Plan): PlanDiff => {
  if (previous === undefined) return NO_CHANGES;
  const before = parsePlan({ sha256 })(previous.sourceText, previous.sourceFile);
  if (before.ok) return planDiff(before.value.plan, plan);
  const message = `version ${previous.version} is not readable by this NovaEvo, so nothing is compared`;
  return { changes: [], warnings: [{ code: "previous-unreadable", path: "", message }] };
};

export type PlanInForce = ParsedPlan & { readonly version: number; readonly appliedAtMs: number };

/** The plan in force, or `undefined` before the first. */
export const planInForce =
  (deps: { readonly db: Sql; readonly sha256: Sha256 }) =>
  async (): Promise<Result<PlanInForce | undefined, readonly PlanProblem[]>> => {
    const latest = await latestPlanVersion(deps.db);
    if (latest === undefined) return ok(undefined);
    const parsed = parsePlan(deps)(latest.sourceText, latest.sourceFile);
    if (!parsed.ok) return parsed;
    const { version, appliedAtMs } = latest;
    return ok({ ...parsed.value, version, appliedAtMs });
  };
