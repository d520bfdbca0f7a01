/**
 * The smallest plan with one of everything a rule looks at, for tests that parse many plans, and
 * the customer's plan.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parsePlan, type ParsedPlan } from "../../src/launch/plan/parse.ts";

export const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest();

export const novaevoText = readFileSync(
  new URL("../../plans/novaevo.yaml", import.meta.url),
  "utf8",
);

/** The plan of a text that is known to be right. */
export const planOf = (text: string): ParsedPlan => {
  const parsed = parsePlan({ sha256 })(text, "plan.yaml");
  if (!parsed.ok)
    throw new Error(parsed.error.map((p) => `${p.line} ${p.path} ${p.message}`).join());
  return parsed.value;
};

/** A text with one passage replaced, which must be there exactly once unless `all` is asked for. */
export const edited = (text: string, from: string, to: string): string => {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`"${from}" stands ${parts.length - 1} times`);
  return parts.join(to);
};

const t = (word: string): string => `{ fr: ${word}, en: ${word} }`;

export const smallText = `# a small launch
schema: 1
id: small
name: ${t("Small")}
document:
  title: ${t("Small")}
  createdOn: 2025-01-01 # a fact: it never moves
  preamble: ${t("None")}
  principles:
    - { id: one, name: ${t("One")} }
  conclusion: ${t("None")}
timezone: Europe/Paris
start: 2025-01-06 # the first day
organisation:
  teams:
    - { id: crew, name: ${t("Crew")}, lead: lead }
  roles:
    - { id: lead, name: ${t("Lead")}, kind: person, teams: [crew] }
  channels:
    - { id: mail, name: ${t("Mail")}, kind: email }
  calendars:
    - id: week
      name: ${t("Week")}
      timezone: Europe/Paris
      workingDays: [mon, fri]
      hours: { from: "09:00", to: "18:00" }
      holidays:
        - { id: new-year, name: ${t("NewYear")}, rule: { kind: fixed, month: 1, day: 1 } }
      closed: [2025-01-02]
tools: []
services:
  - { id: web, name: ${t("Web")}, criticality: critical, owner: crew, group: platform, dependsOn: [db] }
  - { id: db, name: ${t("Db")}, criticality: standard, owner: crew, group: platform, dependsOn: [] }
measures:
  - id: latency
    name: ${t("Latency")}
    unit: ms
    direction: lower
    version: 1
    formula: ${t("Latency")}
    source: { kind: promql, expr: latency_ms, freshness: 15s }
relations: []
kpis:
  - id: speed
    name: ${t("Speed")}
    category: technical
    group: ${t("Speed")}
    description: ${t("Speed")}
    measure: latency
    window: 5m
    target: { op: "<", value: 100, text: "<100ms" }
    alert: { op: ">", value: 200, text: ">200ms", for: 0s, severity: error }
    frequency: realtime
    owner: crew
phases:
  - id: build
    order: 1
    name: ${t("Build")}
    shortName: ${t("Build")}
    description: ${t("Build")}
    start: 2025-01-06
    end: '2025-01-19'
    duration: { weeks: 2 }
    milestones:
      - id: ready
        name: ${t("Ready")}
        date: "2025-01-17"
        deliverables:
          - { id: code, name: ${t("Code")} }
          - { id: docs, name: ${t("Docs")} }
          - { id: tests, name: ${t("Tests")} }
        responsible: { name: ${t("Crew")}, teams: [crew] }
        resources:
          people: [{ count: 2, who: ${t("devs")}, discipline: dev }]
          budgetEur: 1000
    budget: { totalEur: 1000, infrastructureEur: 100 }
    team: { dev: 2, ops: 1, qa: 1 }
    gate: go
  - id: run
    order: 2
    name: ${t("Run")}
    shortName: ${t("Run")}
    description: ${t("Run")}
    start: 2025-01-20
    end: 2025-02-16
    duration: { weeks: 4 }
    milestones:
      - id: open
        name: ${t("Open")}
        date: 2025-01-20
        deliverables:
          - { id: door, name: ${t("Door")} }
          - { id: sign, name: ${t("Sign")} }
          - { id: band, name: ${t("Band")} }
        responsible: { name: ${t("Crew")}, teams: [crew] }
        resources: { people: [{ count: 1, who: ${t("ops")}, discipline: ops }], budgetEur: 500 }
    budget: { totalEur: 500, infrastructureEur: 100 }
    team: { dev: 2, ops: 1, qa: 1 }
gates:
  - id: go
    name: ${t("Go")}
    from: build
    to: run
    criteria:
      - { id: fast, name: ${t("Fast")}, text: ${t("Fast")}, kind: kpi, kpi: speed }
      - { id: signed, name: ${t("Signed")}, text: ${t("Signed")}, kind: approval, role: lead, quorum: 1 }
geography:
  zones: [{ id: here, name: ${t("Here")}, description: ${t("Here")} }]
  segments: [{ id: all, name: ${t("All")}, description: ${t("All")} }]
waves:
  - id: first
    order: 1
    name: ${t("First")}
    phase: run
    users: 100
    cap: 100
    zones: [here]
    segments: [all]
    start: 2025-01-20
    duration: { weeks: 1 }
    milestone: open
    gate: go
    guards: [speed]
dayPlans: []
programmes:
  - { id: care, name: ${t("Care")}, start: 2025-01-20, end: 2025-12-31 }
escalation:
  levels:
    - id: level-1
      level: 1
      severity: info
      name: ${t("Info")}
      label: ${t("info")}
      recipients: [lead]
      channels: [mail]
      response: { kind: within, within: 4h, text: "<4h" }
  triggers:
    - { id: odd, name: ${t("Odd")}, severity: info }
  workflow:
    - { id: seen, name: ${t("Seen")}, next: [] }
playbooks: []
risks: []
continuity: []
allocation: []
improvement:
  cycle: [{ id: measure, name: ${t("Measure")}, items: [{ id: collect, name: ${t("Collect")} }] }]
  loops:
    - { id: daily, name: ${t("Daily")}, level: ${t("Low")}, frequency: daily, activities: [{ id: meet, name: ${t("Meet")} }], responsible: { name: ${t("Lead")}, roles: [lead] } }
  sources: [{ id: logs, name: ${t("Logs")}, items: [{ id: errors, name: ${t("Errors")} }] }]
tiers: []
scalingPrinciples: []
monitoring: []
observability:
  dashboards: [{ id: main, name: ${t("Main")}, items: [{ id: panel, name: ${t("Panel")} }] }]
  layers: [{ id: base, name: ${t("Base")}, items: [{ id: server, name: ${t("Server")} }] }]
  agents: [{ id: one, level: 1, name: ${t("One")}, duties: [{ id: look, name: ${t("Look")} }] }]
  panels: [{ id: state, name: ${t("State")} }]
  rules: [{ id: load, name: ${t("Load")}, alert: { op: ">", value: 0.85, text: ">85%" }, severity: error }]
capacity: []
`;
