/** The plan over HTTP: what is in force, its versions, and applying a proposal. */
import type { PlanVersion as VersionView } from "../../contract/plan.ts";
import type { Serving } from "../../io/http/handlers.ts";
import type { Sql } from "../../io/postgres/db.ts";
import { ok, problem } from "../../kernel/result.ts";
import { planDiff } from "./diff.ts";
import { parsePlan, type Sha256 } from "./parse.ts";
import type { AppliedPlan } from "./applied.ts";
import type { applyPlan } from "./plan.flow.ts";
import { latestPlanVersion, planVersions, type PlanVersion } from "./plan.store.ts";
import { diffReport, problemLine } from "./report.ts";

export type PlanRouteDeps = {
  readonly sql: Sql;
  readonly sha256: Sha256;
  readonly applied: () => AppliedPlan;
  readonly apply: ReturnType<typeof applyPlan>;
  /** Called after a new version is in force. */
  readonly onApplied: () => Promise<void>;
};

const FILE = "(request)";
const MAX_PROBLEMS = 50;

export const planRoutes = (
  deps: PlanRouteDeps,
): Serving<"GET plan" | "POST plan" | "GET planVersions"> => ({
  "GET plan": async () => {
    const latest = await latestPlanVersion(deps.sql);
    if (latest === undefined) return problem("not_found", "no plan was applied yet");
    const { plan, warnings } = deps.applied();
    return ok({
      version: versionView(latest),
      name: plan.name,
      warnings: [...warnings],
      source: latest.sourceText,
    });
  },
  "POST plan": async ({ body, principal }) => {
    const parsed = parsePlan(deps)(body.source, FILE);
    if (!parsed.ok) return refused(parsed.error.map(problemLine));
    const warnings = parsed.value.warnings.map(problemLine);
    const diff = [...diffReport(planDiff(deps.applied().plan, parsed.value.plan)).lines];
    if (body.dryRun) return ok({ version: null, changed: diff.length > 1, diff, warnings });
    const actor = principal?.id ?? "system:hub";
    const done = await deps.apply({ text: body.source, file: FILE, actor });
    if (!done.ok) return refused(done.error.map(problemLine));
    await deps.onApplied();
    const latest = await latestPlanVersion(deps.sql);
    const version = latest === undefined ? null : versionView(latest);
    return ok({ version, changed: done.value.applied, diff, warnings });
  },
  "GET planVersions": async () => {
    const versions = await planVersions(deps.sql);
    return ok({
      items: versions.map((one) => ({
        version: one.version,
        digest: one.digest,
        appliedAt: new Date(one.appliedAtMs).toISOString(),
        appliedBy: one.appliedBy,
        warnings: one.warnings,
        diff: [],
      })),
    });
  },
});

const versionView = (version: PlanVersion): VersionView => ({
  version: version.version,
  digest: version.digest,
  appliedAt: new Date(version.appliedAtMs).toISOString(),
  appliedBy: version.appliedBy,
  warnings: version.warnings.length,
  diff: [...diffReport(version.diff).lines],
});

const refused = (lines: readonly string[]) => {
  const more = lines.length > MAX_PROBLEMS ? [`and ${lines.length - MAX_PROBLEMS} more`] : [];
  const message = [...lines.slice(0, MAX_PROBLEMS), ...more].join("\n");
  return problem("bad_request", message, { field: "body.source" });
};
