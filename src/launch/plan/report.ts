/**
 * What `novaevo plan check | diff | rebase | schema` print: lines for people, JSON for programs.
 *
 * Errors: none; control characters of a plan's text are shown, never sent to the terminal.
 */
import type { JsonValue } from "../../kernel/canonical.ts";
import type { Result } from "../../kernel/result.ts";
import type { PlanChange, PlanDiff } from "./diff.ts";
import { planJsonSchema } from "./json-schema.ts";
import type { ParsedPlan, PlanProblem } from "./parse.ts";
import type { Rebased } from "./rebase.ts";
import type { Plan } from "./schema/whole.ts";

export type PlanReport = {
  /** False when there is a problem: exit code 1. */
  readonly ok: boolean;
  readonly lines: readonly string[];
  readonly json: JsonValue;
};

const safe = (line: string): string =>
  line.replace(/\p{Cc}/gu, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });

export const problemLine = ({ file, line, column, path, message }: PlanProblem): string =>
  safe(`${file}:${line}:${column}${path === "" ? "" : ` ${path}`}: ${message}`);

const count = (number: number, word: string): string =>
  `${number} ${word}${number === 1 ? "" : "s"}`;

export const checkReport = (
  file: string,
  parsed: Result<ParsedPlan, readonly PlanProblem[]>,
): PlanReport => {
  if (!parsed.ok) {
    const lines = parsed.error.map(problemLine);
    const json = { ok: false, file, problems: parsed.error };
    return { ok: false, lines: [...lines, count(parsed.error.length, "problem")], json };
  }
  const { plan, digest, warnings } = parsed.value;
  const lines = warnings.map((warning) => `${problemLine(warning)} [${warning.code}]`);
  const end = `${plan.id} loads: ${inventoryText(plan)}; ${count(warnings.length, "warning")}`;
  return {
    ok: true,
    lines: [...lines, safe(`${file}: ${end}`), `digest ${digest}`],
    json: { ok: true, file, plan: plan.id, digest, inventory: inventory(plan), warnings },
  };
};

/** How much of everything a plan holds. */
export const inventory = (plan: Plan): { readonly [what: string]: number } => {
  const milestones = plan.phases.flatMap((phase) => phase.milestones);
  const phaseIds = new Set(plan.phases.map(({ id }) => id));
  return {
    kpis: plan.kpis.length,
    measures: plan.measures.length,
    phases: plan.phases.length,
    milestones: milestones.length,
    deliverables: milestones.flatMap(({ deliverables }) => deliverables).length,
    gates: plan.gates.length,
    exitCriteria: plan.gates
      .filter(({ from }) => phaseIds.has(from))
      .flatMap(({ criteria }) => criteria).length,
    waves: plan.waves.length,
    services: plan.services.length,
    teams: plan.organisation.teams.length,
    dayPlanActivities: plan.dayPlans.flatMap(({ activities }) => activities).length,
    monitoringRows: plan.monitoring.length,
    severities: plan.escalation.levels.length,
    triggers: plan.escalation.triggers.length,
    playbooks: plan.playbooks.length,
    risks: plan.risks.length,
    loops: plan.improvement.loops.length,
    improvementSources: plan.improvement.sources.flatMap(({ items }) => items).length,
    tiers: plan.tiers.length,
    tools: plan.tools.length,
  };
};

const inventoryText = (plan: Plan): string => {
  const { kpis = 0, phases = 0, milestones = 0, waves = 0, services = 0 } = inventory(plan);
  const counts = [
    count(kpis, "KPI"),
    count(phases, "phase"),
    count(milestones, "milestone"),
    count(waves, "wave"),
    count(services, "service"),
  ];
  return counts.join(", ");
};

const MAX_SHOWN_CHARS = 60;

const shown = (value: JsonValue): string => {
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
};

const changeLine = (change: PlanChange): string => {
  switch (change.kind) {
    case "added":
    case "removed": {
      const value = change.value === undefined ? "" : `: ${shown(change.value)}`;
      return `${change.kind === "added" ? "+" : "-"} ${change.path}${value}`;
    }
    case "changed":
      return `~ ${change.path}: ${shown(change.from)} → ${shown(change.to)}`;
    case "renamed":
      return `~ ${change.path}: ${change.from} renamed to ${change.to}`;
    case "reordered":
    default:
      return `~ ${change.path}: reordered`;
  }
};

export const diffReport = (diff: PlanDiff): PlanReport => ({
  ok: true,
  lines: [
    ...diff.changes.map((change) => safe(changeLine(change))),
    ...diff.warnings.map(({ code, path, message }) => safe(`! ${path}: ${message} [${code}]`)),
    diff.changes.length === 0 ? "no change" : count(diff.changes.length, "change"),
  ],
  json: diff,
});

export const rebaseReport = (
  file: string,
  rebased: Result<Rebased, readonly PlanProblem[]>,
): PlanReport => {
  if (!rebased.ok) {
    const json = { ok: false, file, problems: rebased.error };
    return { ok: false, lines: rebased.error.map(problemLine), json };
  }
  const { shiftDays, moved, plan } = rebased.value;
  const by = count(Math.abs(shiftDays), "day");
  const way = shiftDays < 0 ? "earlier" : "later";
  const end =
    shiftDays === 0
      ? `the plan starts on ${plan.start} already; nothing moved`
      : `${count(moved.length, "date")} moved ${by} ${way}; the plan starts on ${plan.start}`;
  return {
    ok: true,
    lines: [...moved.map(({ key, from, to }) => `${key}: ${from} → ${to}`), end].map(safe),
    json: { ok: true, file, shiftDays, start: plan.start, moved },
  };
};

export const schemaReport = (): PlanReport => {
  const schema = planJsonSchema();
  return {
    ok: true,
    lines: JSON.stringify(schema, null, 2).split("\n"),
    json: schema as JsonValue,
  };
};
