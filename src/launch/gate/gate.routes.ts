/** Gates over HTTP: each criterion with its evidence. */
import type { Criterion as CriterionView, Gate as GateView, GateList } from "../../contract/kpi.ts";
import type { Serving } from "../../io/http/handlers.ts";
import { ok, problem } from "../../kernel/result.ts";
import type { AppliedPlan } from "../plan/applied.ts";
import { readingView } from "../kpi/kpi.routes.ts";
import { currentGate, type Finding } from "./gate.ts";
import type { JudgedGate } from "./gate.flow.ts";

export type GateRouteDeps = {
  readonly applied: () => AppliedPlan;
  readonly judged: () => readonly JudgedGate[];
};

export const gateList = (deps: GateRouteDeps): GateList => {
  const { plan } = deps.applied();
  // Until a go is decided by people, no gate has been left behind: the first one is in force.
  const current = currentGate(plan.gates, new Set())?.id;
  return { items: deps.judged().map((one) => gateView(deps.applied(), one, current)) };
};

const gateView = (applied: AppliedPlan, judged: JudgedGate, current?: string): GateView => {
  const { gate, judgement, findings, atMs } = judged;
  const named = (id: string) =>
    [...applied.plan.phases, ...applied.plan.waves].find((one) => one.id === id)?.name ?? {
      fr: id,
      en: id,
    };
  const phase = applied.plan.phases.find(({ id }) => id === gate.from);
  return {
    id: gate.id,
    name: gate.name,
    from: named(gate.from),
    to: named(gate.to),
    due: phase === undefined ? null : `${phase.end}T00:00:00Z`,
    verdict: judgement.verdict,
    reason: judgement.reason,
    evaluatedAt: new Date(atMs).toISOString(),
    passed: judgement.passed,
    current: gate.id === current,
    criteria: findings.map(criterionView),
  };
};

const criterionView = ({ criterion, reading, source, unit }: Finding): CriterionView => {
  const { verdict, why, reason, value, n, freshnessMs } = readingView(reading);
  const { id, name, kind } = criterion;
  const target = criterion.text.fr;
  return { id, name, kind, target, verdict, why, reason, value, unit, n, freshnessMs, source };
};

export const gateRoutes = (deps: GateRouteDeps): Serving<"GET gates" | "GET gate"> => ({
  "GET gates": async () => ok(gateList(deps)),
  "GET gate": async ({ params }) => {
    const gate = gateList(deps).items.find(({ id }) => id === params.id);
    return gate === undefined
      ? problem("not_found", `no gate "${params.id}" in the plan`)
      : ok(gate);
  },
});
