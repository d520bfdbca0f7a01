/** The customer's plan holds all of the roadmap: counts, and figures picked from every table. */
import { describe, expect, test } from "vitest";
import { novaevoText, planOf } from "../../../test/plan/small-plan.ts";
import { inventory } from "./report.ts";

const { plan } = planOf(novaevoText);

const find = <T extends { readonly id: string }>(list: readonly T[], id: string): T => {
  const found = list.find((item) => item.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
};

test("everything of the roadmap is there, counted", () => {
  expect(inventory(plan)).toMatchObject({
    kpis: 27,
    phases: 4,
    milestones: 16,
    deliverables: 48,
    exitCriteria: 15,
    waves: 4,
    dayPlanActivities: 10,
    monitoringRows: 8,
    severities: 4,
    triggers: 9,
    playbooks: 10,
    risks: 5,
    loops: 4,
    improvementSources: 12,
    tiers: 4,
    tools: 19,
  });
});

test("the roadmap's five automatic actions come first, with its own words", () => {
  expect(
    plan.playbooks.slice(0, 5).map(({ name, description }) => [name.fr, description.fr]),
  ).toEqual([
    ["Auto-scaling", "Augmentation automatique des ressources en cas de charge élevée"],
    ["Self-healing", "Redémarrage automatique des conteneurs défaillants"],
    ["Circuit breaker", "Isolation des services défaillants pour éviter les cascades d’erreurs"],
    ["Fallback", "Basculement automatique vers des services de secours"],
    ["Throttling", "Limitation automatique du trafic en cas de surcharge"],
  ]);
});

test("27 KPIs stand in four categories, as the four tables", () => {
  const counts = Object.groupBy(plan.kpis, ({ category }) => category);
  expect(Object.entries(counts).map(([name, kpis]) => [name, kpis.length])).toEqual([
    ["technical", 7],
    ["user", 7],
    ["business", 7],
    ["operational", 6],
  ]);
});

/** §2.1, row by row: target, alert and frequency as printed. */
const KPI_ROWS = [
  ["api-response-time", "<100ms (P95)", ">200ms", "realtime"],
  ["availability", ">99.95%", "<99.9%", "daily"],
  ["resource-usage", "<70%", ">85%", "realtime"],
  ["error-rate", "<0.1%", ">0.5%", "realtime"],
  ["deployment-time", "<15min", ">30min", "per_deployment"],
  ["vulnerabilities", "0 critiques", "≥1 critique", "daily"],
  ["vulnerability-resolution-time", "<24h (critiques)", ">48h", "per_incident"],
  ["dau-mau", ">30%", "<20%", "daily"],
  ["session-duration", ">8min", "<5min", "daily"],
  ["retention", ">65%", "<50%", "monthly"],
  ["conversion-rate", ">25%", "<15%", "weekly"],
  ["abandonment-rate", "<20%", ">30%", "daily"],
  ["nps", ">50", "<30", "monthly"],
  ["csat", ">4.2/5", "<3.8/5", "weekly"],
  ["mrr", "+8%/mois", "<5%/mois", "monthly"],
  ["arpu", ">25€", "<20€", "monthly"],
  ["ltv", ">350€", "<250€", "quarterly"],
  ["cac", "<120€", ">150€", "monthly"],
  ["infrastructure-cost-per-user", "<0.50€/mois", ">0.80€/mois", "monthly"],
  ["ltv-cac-ratio", ">3:1", "<2.5:1", "quarterly"],
  ["gross-margin", ">65%", "<55%", "monthly"],
  ["support-response-time", "<4h", ">8h", "daily"],
  ["first-contact-resolution", ">75%", "<60%", "weekly"],
  ["mttr", "<60min", ">120min", "per_incident"],
  ["mtbf", ">720h", "<360h", "monthly"],
  ["garage-conversion", ">35%", "<25%", "monthly"],
  ["partner-satisfaction", ">4.0/5", "<3.5/5", "quarterly"],
] as const;

test("KPIs stand in the order of the tables with target, alert and frequency as printed", () => {
  expect(
    plan.kpis.map(({ id, target, alert, frequency }) => [id, target.text, alert.text, frequency]),
  ).toEqual(KPI_ROWS);
});

test("the number of every threshold is the number that is printed", () => {
  const perUnit = { ratio: 100, count: 1, ms: 1, minutes: 1, hours: 1 } as Record<string, number>;
  for (const kpi of plan.kpis) {
    const { unit } = find(plan.measures, kpi.measure);
    for (const { value, op, text } of [kpi.target, kpi.alert]) {
      const printed = Number(/\d+(?:\.\d+)?/.exec(text)?.[0]);
      expect([kpi.id, value * (perUnit[unit] ?? 1)]).toEqual([kpi.id, expect.closeTo(printed, 9)]);
      const sign = { "<": "<", ">": ">", "≥": ">=", "+": ">=" }[text[0] ?? ""] ?? "=";
      expect([kpi.id, op]).toEqual([kpi.id, sign]);
    }
  }
});

test("four KPIs are live on real measurements, the others say why they are not", () => {
  const live = plan.kpis.filter(({ measure }) => {
    const { source, unavailable } = find(plan.measures, measure);
    return source.kind === "promql" && unavailable === undefined;
  });
  expect(live.map(({ id }) => id)).toEqual([
    "api-response-time",
    "availability",
    "resource-usage",
    "error-rate",
  ]);
  const silent = plan.measures.filter(
    ({ source, unavailable }) => source.kind !== "promql" && unavailable === undefined,
  );
  expect(silent).toEqual([]);
});

test("phases have the roadmap's dates, budgets and teams", () => {
  expect(
    plan.phases.map(({ start, end, duration, budget, team }) => {
      return [start, end, duration.months, budget.totalEur, budget.infrastructureEur, team];
    }),
  ).toEqual([
    ["2025-04-01", "2025-06-30", 3, 255_000, 120_000, { dev: 15, ops: 3, qa: 6 }],
    ["2025-07-01", "2025-09-30", 3, 240_000, 100_000, { dev: 12, ops: 5, qa: 8 }],
    ["2025-10-01", "2025-12-31", 3, 330_000, 180_000, { dev: 14, ops: 8, qa: 5 }],
    ["2026-01-01", "2026-06-30", 6, 800_000, 350_000, { dev: 18, ops: 12, qa: 8 }],
  ]);
});

test("milestones have the roadmap's dates and budgets, and three deliverables each", () => {
  const milestones = plan.phases.flatMap((phase) => phase.milestones);
  expect(milestones.map(({ date, resources }) => [date, resources.budgetEur / 1000])).toEqual([
    ["2025-04-15", 120],
    ["2025-04-30", 45],
    ["2025-05-15", 30],
    ["2025-05-31", 60],
    ["2025-06-15", 80],
    ["2025-07-01", 40],
    ["2025-07-31", 30],
    ["2025-08-31", 90],
    ["2025-09-15", 50],
    ["2025-09-30", 60],
    ["2025-10-15", 120],
    ["2025-11-15", 100],
    ["2026-01-15", 100],
    ["2026-02-01", 150],
    ["2026-04-01", 200],
    ["2026-06-01", 350],
  ]);
  expect(milestones.map(({ deliverables }) => deliverables.length)).toEqual(Array(16).fill(3));
  expect(milestones.at(0)?.resources.people.map(({ count }) => count)).toEqual([8, 2]);
  expect(milestones.at(15)?.resources.people).toMatchObject([{ count: 25, atLeast: true }]);
  expect(find(milestones, "beta-iteration").releases).toBe(3);
});

test("the beta admits 10,000 customers, and 500 of them as early adopters", () => {
  const { audience } = find(plan.phases, "phase-2");
  expect([audience?.cap, audience?.communities?.[0]?.cap]).toEqual([10_000, 500]);
});

describe("gates", () => {
  test("each phase is left by five criteria, with thresholds of their own", () => {
    const phaseGates = plan.phases.flatMap(({ gate }) => (gate ? [find(plan.gates, gate)] : []));
    expect(
      phaseGates.map(({ criteria }) =>
        criteria.map((c) => (c.kind === "measure" ? [c.measure, c.op, c.value] : c.kind)),
      ),
    ).toEqual([
      [
        ["test-success-rate", ">", 0.98],
        ["api-response-time", "<", 200],
        ["code-coverage", ">", 0.85],
        ["open-critical-major-bugs", "=", 0],
        "approval",
      ],
      [
        ["weekly-engagement", ">", 0.6],
        ["nps", ">", 40],
        ["trial-conversion", ">", 0.25],
        ["service-availability", ">", 0.999],
        ["substantial-feedbacks", ">=", 2000],
      ],
      [
        ["load-test-users", ">=", 1_000_000],
        ["load-test-response-time", "<", 150],
        ["load-test-error-rate", "<", 0.001],
        "approval",
        "document",
      ],
    ]);
  });
});

test("waves grow from 50,000 in Île-de-France to all of France, with their lengths", () => {
  expect(
    plan.waves.map(({ users, cap, start, duration, zones }) => {
      return [users, cap, start, duration, zones.at(-1)];
    }),
  ).toEqual([
    [50_000, 50_000, "2026-01-15", { weeks: 2 }, "ile-de-france"],
    [150_000, 150_000, "2026-02-01", { weeks: 6 }, "large-metropolises"],
    [500_000, 500_000, "2026-04-01", { weeks: 8 }, "medium-towns"],
    [1_000_000, null, "2026-06-01", { continuous: true }, "france"],
  ]);
});

test("the day plan of wave 1 runs from J-14 to J+14, deploying at 06:00 of day 0", () => {
  const [dayPlan] = plan.dayPlans;
  expect(dayPlan?.activities.map(({ day, untilDay, time }) => [day, untilDay, time])).toEqual([
    [-14, undefined, undefined],
    [-10, undefined, undefined],
    [-7, undefined, undefined],
    [-3, undefined, undefined],
    [0, undefined, "06:00"],
    [0, undefined, undefined],
    [0, 2, undefined],
    [3, undefined, undefined],
    [7, undefined, undefined],
    [14, undefined, undefined],
  ]);
  expect(dayPlan?.activities.at(-1)?.opensGate).toBe("gate-wave-2");
});

test("the escalation matrix has its answers, recipients, channels and nine triggers", () => {
  const { levels, triggers } = plan.escalation;
  expect(
    levels.map(({ severity, response, recipients, channels }) => {
      const due = response.kind === "within" ? response.within : response.kind;
      return [severity, due, recipients.length, channels.length];
    }),
  ).toEqual([
    ["info", "next_working_day", 1, 2],
    ["warning", "4h", 2, 2],
    ["error", "30m", 3, 3],
    ["critical", "5m", 4, 4],
  ]);
  const perSeverity = Object.groupBy(triggers, ({ severity }) => severity);
  expect(Object.values(perSeverity).map((list) => list.length)).toEqual([2, 2, 2, 3]);
});

test("risks keep their words and scores as given", () => {
  expect(plan.risks.map((risk) => [risk.probability, risk.impact, risk.score])).toEqual([
    ["high", "medium", 15],
    ["low", "high", 10],
    ["very_low", "very_high", 8],
    ["medium", "medium", 9],
    ["medium", "high", 12],
  ]);
  expect(plan.risks.map(({ preventive }) => preventive.length)).toEqual([3, 2, 3, 3, 3]);
  expect(plan.risks.map(({ contingency }) => contingency.length)).toEqual([3, 2, 3, 3, 3]);
});

test("the monitoring plan has thresholds, paces and tools of its own", () => {
  expect(
    plan.monitoring.map(({ tool, alert, pace, responsible }) => {
      const every = pace.kind === "every" ? pace.every : pace.frequency;
      return [tool.name, alert.text, every, responsible];
    }),
  ).toEqual([
    ["Datadog", "<99.9%", "realtime", "sre"],
    ["NewRelic", ">200ms (P95)", "realtime", "sre"],
    ["Sentry", ">0.5%", "realtime", "development"],
    ["Prometheus", ">80%", "5m", "infrastructure"],
    ["Custom Dashboard", "<95% réussite", "15m", "product"],
    ["Zendesk", "Score <4/5", "hourly", "support"],
    ["Mixpanel", "<20%", "daily", "marketing"],
    ["Google Analytics", ">130€", "daily", "marketing"],
  ]);
});

test("tiers, principles and capacities carry the scaling strategy", () => {
  expect(plan.tiers.map(({ users, objectives }) => [users, objectives.length])).toEqual([
    [50_000, 2],
    [200_000, 2],
    [500_000, 2],
    [1_000_000, 2],
  ]);
  expect(plan.scalingPrinciples).toHaveLength(5);
  expect(find(plan.capacity, "support-agents").goal).toMatchObject({ from: 5, to: 25 });
  expect(find(plan.capacity, "sre-engineers").goal).toMatchObject({ from: 3, to: 8 });
  expect(find(plan.capacity, "development-growth").goal?.to).toBe(0.3);
  expect(find(plan.capacity, "partner-garages").goal?.to).toBe(10_000);
  expect(find(plan.capacity, "parts-coverage").goal?.to).toBe(0.95);
});

test("continuity, allocation, loops and sources are whole", () => {
  expect(plan.continuity.map(({ items }) => items.length)).toEqual([4, 4, 4]);
  expect(plan.allocation.map(({ items }) => items.length)).toEqual([3, 3, 3]);
  expect(plan.improvement.cycle.map(({ items }) => items.length)).toEqual([2, 2, 2, 2]);
  expect(plan.improvement.loops.map(({ activities }) => activities.length)).toEqual([3, 3, 3, 3]);
  expect(plan.improvement.sources.map(({ items }) => items.length)).toEqual([3, 3, 3, 3]);
  expect(plan.observability.agents.map(({ duties }) => duties.length)).toEqual([4, 4, 4]);
});

test("the eight services of the dashboard and NovaEvo's own four are watched", () => {
  expect(plan.services.filter(({ group }) => group === "platform").map(({ id }) => id)).toEqual([
    "api-gateway",
    "obd2",
    "nlp",
    "parts-finder",
    "scheduling",
    "ecu-flash",
    "affiliation",
    "kbis",
  ]);
  expect(plan.services.filter(({ group }) => group === "novaevo")).toHaveLength(4);
});

test("French texts use the typographic apostrophe, and every text has both languages", () => {
  const texts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("fr" in value && typeof value.fr === "string") texts.push(value.fr);
    for (const child of Object.values(value)) walk(child);
  };
  walk(plan);
  expect(texts.length).toBeGreaterThan(300);
  expect(texts.filter((text) => text.includes("'"))).toEqual([]);
});
