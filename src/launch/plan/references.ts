/**
 * What the parts of a plan say about each other: ids are unique, every name exists, no cycles.
 *
 * Shape:  works on the unchecked value, so that these problems are reported together with those of
 *         the shape; whatever is not where it should be is left to the shape's check.
 * Source: `REFERENCES` is the whole table; a new reference is a new row.
 */
import type { Fault, Path, PlanDocument } from "./document.ts";
import { suggestion } from "./nearest.ts";

export type Found = { readonly path: Path; readonly value: unknown };

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Every value at a pattern such as `phases[].milestones[].id`. */
export const pick = (root: unknown, pattern: string): readonly Found[] => {
  let found: readonly Found[] = [{ path: [], value: root }];
  for (const part of pattern.split(".")) {
    const key = part.replace("[]", "");
    found = found.flatMap(({ path, value }): Found[] => {
      if (!isRecord(value) || !Object.hasOwn(value, key)) return [];
      const next = value[key];
      if (!part.endsWith("[]")) return [{ path: [...path, key], value: next }];
      if (!Array.isArray(next)) return [];
      return next.map((item: unknown, index) => ({ path: [...path, key, index], value: item }));
    });
  }
  return found;
};

const KINDS = {
  team: ["organisation.teams[].id"],
  role: ["organisation.roles[].id"],
  "team or role": ["organisation.teams[].id", "organisation.roles[].id"],
  channel: ["organisation.channels[].id"],
  calendar: ["organisation.calendars[].id"],
  tool: ["tools[].id"],
  service: ["services[].id"],
  measure: ["measures[].id"],
  kpi: ["kpis[].id"],
  phase: ["phases[].id"],
  milestone: ["phases[].milestones[].id"],
  gate: ["gates[].id"],
  "phase or wave": ["phases[].id", "waves[].id"],
  zone: ["geography.zones[].id"],
  segment: ["geography.segments[].id"],
  wave: ["waves[].id"],
  "day plan": ["dayPlans[].id"],
  playbook: ["playbooks[].id"],
  "alert rule": ["observability.rules[].id"],
  step: ["escalation.workflow[].id"],
} as const satisfies { readonly [kind: string]: readonly string[] };

type Kind = keyof typeof KINDS;

const REFERENCES: readonly (readonly [pattern: string, kind: Kind])[] = [
  ["organisation.teams[].lead", "role"],
  ["organisation.teams[].channel", "channel"],
  ["organisation.roles[].teams[]", "team"],
  ["organisation.channels[].tool", "tool"],
  ["services[].owner", "team"],
  ["services[].dependsOn[]", "service"],
  ["services[].backup.service", "service"],
  ["playbooks[].trigger[].rule", "alert rule"],
  ["measures[].partOf", "measure"],
  ["relations[].of", "measure"],
  ["relations[].numerator", "measure"],
  ["relations[].denominator", "measure"],
  ["relations[].mtbf", "measure"],
  ["relations[].mttr", "measure"],
  ["kpis[].measure", "measure"],
  ["kpis[].owner", "team"],
  ["phases[].gate", "gate"],
  ["phases[].milestones[].responsible.teams[]", "team"],
  ["gates[].from", "phase or wave"],
  ["gates[].to", "phase or wave"],
  ["gates[].criteria[].kpi", "kpi"],
  ["gates[].criteria[].measure", "measure"],
  ["gates[].criteria[].role", "role"],
  ["gates[].criteria[].attestedBy", "role"],
  ["waves[].phase", "phase"],
  ["waves[].zones[]", "zone"],
  ["waves[].segments[]", "segment"],
  ["waves[].milestone", "milestone"],
  ["waves[].gate", "gate"],
  ["waves[].guards[]", "kpi"],
  ["waves[].dayPlan", "day plan"],
  ["dayPlans[].wave", "wave"],
  ["dayPlans[].activities[].responsible.teams[]", "team"],
  ["dayPlans[].activities[].responsible.roles[]", "role"],
  ["dayPlans[].activities[].success.kpi", "kpi"],
  ["dayPlans[].activities[].success.measure", "measure"],
  ["dayPlans[].activities[].opensGate", "gate"],
  ["escalation.levels[].recipients[]", "team or role"],
  ["escalation.levels[].channels[]", "channel"],
  ["escalation.levels[].response.calendar", "calendar"],
  ["escalation.workflow[].next[].step", "step"],
  ["improvement.loops[].responsible.roles[]", "role"],
  ["capacity[].phase", "phase"],
  ["capacity[].goal.team", "team"],
  ["monitoring[].tool.ref", "tool"],
  ["monitoring[].measure", "measure"],
  ["monitoring[].responsible", "team"],
  ["observability.rules[].responsible", "team"],
  ["observability.rules[].playbook", "playbook"],
];

/** Ids that are one name space across several lists. */
const UNIQUE_TOGETHER: readonly (readonly string[])[] = [
  ["phases[].id", "waves[].id"],
  ["phases[].milestones[].id"],
  ["phases[].milestones[].deliverables[].id"],
];

/** Lists that must not lead back to where they started. */
const ACYCLIC = [
  { list: "services[]", through: "dependsOn" },
  { list: "measures[]", through: "partOf" },
] as const;

export const referenceFaults = (document: PlanDocument): readonly Fault[] => [
  ...duplicateFaults(document),
  ...REFERENCES.flatMap(([pattern, kind]) => danglingFaults(document, pattern, kind)),
  ...ACYCLIC.flatMap(({ list, through }) => cycleFaults(document, list, through)),
];

const duplicateFaults = (document: PlanDocument): Fault[] => {
  const scopes = [
    ...idsByList(document.value, []),
    ...UNIQUE_TOGETHER.map((patterns) => patterns.flatMap((at) => pick(document.value, at))),
  ];
  const faults = new Map<string, Fault>();
  for (const scope of scopes) {
    const first = new Map<unknown, Path>();
    for (const { path, value } of scope) {
      const earlier = first.get(value);
      if (earlier === undefined) first.set(value, path);
      else if (typeof value === "string") {
        const { line, column } = document.place(earlier);
        const message = `the id "${value}" stands at ${line}:${column} already; allowed: each once`;
        faults.set(path.join("."), { ...document.place(path), path, message });
      }
    }
  }
  return [...faults.values()];
};

/** The ids of each list of things with ids, wherever it stands. */
const idsByList = (value: unknown, path: Path): readonly (readonly Found[])[] => {
  if (Array.isArray(value)) {
    const ids = value.flatMap((item: unknown, index): Found[] =>
      isRecord(item) && "id" in item ? [{ path: [...path, index, "id"], value: item["id"] }] : [],
    );
    const inner = value.flatMap((item: unknown, index) => idsByList(item, [...path, index]));
    return ids.length > 0 ? [ids, ...inner] : inner;
  }
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, child]) => idsByList(child, [...path, key]));
};

const danglingFaults = (document: PlanDocument, pattern: string, kind: Kind): Fault[] => {
  const known = KINDS[kind]
    .flatMap((at) => pick(document.value, at))
    .flatMap(({ value }) => (typeof value === "string" ? [value] : []));
  return pick(document.value, pattern).flatMap(({ path, value }): Fault[] => {
    if (typeof value !== "string" || known.includes(value)) return [];
    const message = `there is no ${kind} "${value}"${suggestion(value, known)}`;
    return [{ ...document.place(path), path, message }];
  });
};

const cycleFaults = (document: PlanDocument, list: string, through: string): Fault[] => {
  const items = pick(document.value, list);
  const edges = new Map<string, { readonly path: Path; readonly to: readonly string[] }>();
  for (const { path, value } of items) {
    if (!isRecord(value) || typeof value["id"] !== "string") continue;
    const targets = value[through];
    const to = (Array.isArray(targets) ? targets : [targets]).filter((t) => typeof t === "string");
    edges.set(value["id"], { path: [...path, through], to });
  }
  const done = new Set<string>();
  const faults: Fault[] = [];
  const visit = (id: string, trail: readonly string[]): void => {
    const from = trail.indexOf(id);
    if (from >= 0) {
      const path = edges.get(trail.at(-1) ?? id)?.path ?? [];
      const round = [...trail.slice(from), id].join(" → ");
      faults.push({ ...document.place(path), path, message: `${round} leads back to itself` });
      return;
    }
    if (done.has(id)) return;
    for (const next of edges.get(id)?.to ?? []) visit(next, [...trail, id]);
    done.add(id);
  };
  for (const id of edges.keys()) visit(id, []);
  return faults;
};
