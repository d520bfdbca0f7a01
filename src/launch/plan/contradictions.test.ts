import { describe, expect, test } from "vitest";
import { edited, novaevoText, planOf, smallText } from "../../../test/plan/small-plan.ts";

const warningsOf = (text: string): string[] =>
  planOf(text).warnings.map(({ code, path, message }) => `${code} ${path}: ${message}`);

const { warnings } = planOf(novaevoText);
const of = (code: string) => warnings.filter((warning) => warning.code === code);

describe("the customer's plan loads, and is told what cannot be true together", () => {
  test("LTV 350 € over CAC 120 € is 2.92:1 against more than 3:1", () => {
    const [found] = of("quotient-out-of-reach");
    expect(found?.message).toBe(
      "ltv > 350 € with cac < 120 € guarantees 2.92:1, the target of ltv-cac-ratio is > 3:1; it needs ltv 360 €, or cac 116.67 €",
    );
    expect(found?.figures).toMatchObject({ numerator: 350, denominator: 120, target: 3 });
  });

  test("720 h between failures and 60 min to repair is 99.86 % against 99.95 %", () => {
    const [found] = of("uptime-out-of-reach");
    expect(found?.message).toMatch(/guarantees 99\.86%, .* > 99\.95%; .* within 21\.61 min$/);
    expect(found?.figures["reached"]).toBeCloseTo(720 / 721, 12);
  });

  test("three milestones lie before their phase", () => {
    expect(
      of("milestone-outside-phase").map(({ figures }) => [figures.date, figures.days]),
    ).toEqual([
      ["2025-06-15", 16],
      ["2025-09-15", 16],
      ["2025-09-30", 1],
    ]);
  });

  test("the risk scores fit no scale, and each is shown beside the usual one", () => {
    const [found] = of("risk-scores-no-scale");
    expect(found?.message).toContain("peak-overload high × medium = 15 (12 on a scale of 1 to 5)");
    expect(found?.message).toContain("partner-api-failure medium × medium = 9,");
  });

  test("one measure has different alert thresholds in two tables", () => {
    expect(of("alert-threshold-differs").map(({ path, figures }) => [path, figures])).toEqual([
      ["monitoring[3].alert", { here: 0.8, kpi: 0.85 }],
      ["monitoring[5].alert", { here: 4, kpi: 3.8 }],
      ["monitoring[6].alert", { here: 0.2, kpi: 0.15 }],
      ["monitoring[7].alert", { here: 130, kpi: 150 }],
    ]);
  });

  test("gates ask for other figures than the KPIs' targets", () => {
    expect(of("target-differs").map(({ figures }) => figures)).toEqual([
      { here: 200, kpi: 100 },
      { here: 40, kpi: 50 },
      { here: 0.999, kpi: 0.9995 },
    ]);
  });

  test("tier 2 is larger than wave 2, and three tools are not in the stack", () => {
    expect(of("tier-differs-from-wave").map(({ figures }) => figures)).toEqual([
      { tier: 200_000, wave: 150_000 },
    ]);
    expect(of("tool-not-in-stack").map(({ figures }) => figures["tool"])).toEqual([
      "NewRelic",
      "Custom Dashboard",
      "Zendesk",
    ]);
  });

  test("every warning has a place, and there is none beside these", () => {
    expect(warnings).toHaveLength(17);
    const lines = novaevoText.split("\n");
    for (const { line, column } of warnings) {
      expect(lines[line - 1]?.slice(column - 1, column)).toMatch(/\S/);
    }
  });

  test("the date that a warning is about stands where the warning says", () => {
    const lines = novaevoText.split("\n");
    for (const { line, column, figures } of of("milestone-outside-phase")) {
      expect(lines[line - 1]?.slice(column - 1)).toBe(figures["date"]);
    }
  });
});

describe("nothing is known by heart: other figures, other warnings", () => {
  test("an LTV of 360 € is enough, and then nothing is said about it", () => {
    const text = edited(novaevoText, 'value: 350, text: ">350€"', 'value: 360, text: ">360€"');
    expect(warningsOf(text).filter((said) => said.startsWith("quotient"))).toEqual([]);
  });

  test("repairs within 21 minutes are enough for 99.95 %", () => {
    const text = edited(novaevoText, 'value: 60, text: "<60min"', 'value: 21, text: "<21min"');
    expect(warningsOf(text).filter((said) => said.startsWith("uptime"))).toEqual([]);
  });

  test("scores that are products of a scale fit it", () => {
    const text = [
      ["score: 15", "score: 12"],
      ["score: 10", "score: 8"],
      [
        "score: 8\n    preventive:\n      - { id: data-encryption",
        "score: 5\n    preventive:\n      - { id: data-encryption",
      ],
    ].reduce((all, [from = "", to = ""]) => edited(all, from, to), novaevoText);
    expect(warningsOf(text).filter((said) => said.startsWith("risk"))).toEqual([]);
  });
});

const secondWave = (start: string, users: number, cap: number | null): string => `geography:
  zones: [{ id: here, name: { fr: Here, en: Here }, description: { fr: H, en: H } }]
  segments: [{ id: all, name: { fr: All, en: All }, description: { fr: A, en: A } }]
waves:
  - id: second
    order: 2
    name: { fr: Second, en: Second }
    phase: run
    users: ${users}
    cap: ${cap}
    zones: [here]
    segments: [all]
    start: ${start}
    duration: { continuous: true }
    gate: go
    guards: []
`;

const withSecond = (start: string, cap: number | null): string =>
  smallText.replace(/geography:[\s\S]*?waves:\n/, secondWave(start, 200, cap));

describe("each rule, on the small plan", () => {
  test.each([
    {
      code: "budget-differs",
      from: "totalEur: 1000",
      to: "totalEur: 1200",
      says: "the milestones of build add up to 1,000 €, its budget is 1,200 €",
    },
    {
      code: "infrastructure-over-budget",
      from: "totalEur: 500, infrastructureEur: 100",
      to: "totalEur: 500, infrastructureEur: 501",
      says: "infrastructure of run costs 501 €, its whole budget is 500 €",
    },
    {
      code: "team-too-small",
      from: "[{ count: 2,",
      to: "[{ count: 3,",
      says: "milestone ready asks for 3 dev, build has 2",
    },
    {
      code: "alert-inside-target",
      from: 'value: 200, text: ">200ms"',
      to: 'value: 50, text: ">50ms"',
      says: "the alert (> 50 ms) fires while the target (< 100 ms) is met",
    },
    {
      code: "phase-length-differs",
      from: "duration: { weeks: 2 }",
      to: "duration: { weeks: 3 }",
      says: "build runs 14 days (2025-01-06 to 2025-01-19), its duration says 3 weeks",
    },
    {
      code: "milestone-outside-phase",
      from: '"2025-01-17"',
      to: '"2025-01-20"',
      says: "milestone ready on 2025-01-20 lies outside build (2025-01-06 to 2025-01-19), 1 day after it ends",
    },
    {
      code: "wave-start-differs",
      from: "    start: 2025-01-20\n    duration: { weeks: 1 }",
      to: "    start: 2025-01-21\n    duration: { weeks: 1 }",
      says: "first starts on 2025-01-21, its milestone is on 2025-01-20",
    },
    {
      code: "baseline-of-nothing",
      from: "timezone: Europe/Paris\nstart",
      to: "baseline: { start: 2025-01-01, dates: { milestones/gone: 2025-01-02 } }\ntimezone: Europe/Paris\nstart",
      says: "the baseline remembers milestones/gone, which the plan no longer has",
    },
  ])("$code", ({ code, from, to, says }) => {
    expect(warningsOf(edited(smallText, from, to))).toEqual([
      expect.stringMatching(new RegExp(`^${code} `)),
    ]);
    expect(warningsOf(edited(smallText, from, to))[0]).toContain(`: ${says}`);
  });

  test("waves that overlap, shrink or start outside their phase", () => {
    expect(warningsOf(withSecond("2025-01-27", 200))).toEqual([]);
    expect(warningsOf(withSecond("2025-01-26", 200))).toEqual([
      expect.stringContaining("waves-overlap waves[0].start: second starts on 2025-01-26"),
    ]);
    expect(warningsOf(withSecond("2025-01-27", 99))).toEqual([
      expect.stringContaining("caps-shrink waves[0].cap: second has a cap of 99"),
    ]);
    expect(warningsOf(withSecond("2025-02-17", null))).toEqual([
      expect.stringContaining("wave-outside-phase waves[0].start"),
    ]);
  });

  test("phases that overlap", () => {
    const text = edited(smallText, "'2025-01-19'", "'2025-01-20'");
    expect(warningsOf(text)).toEqual([
      expect.stringContaining("phase-length-differs"),
      expect.stringContaining(
        "phases-overlap phases[1].start: run starts on 2025-01-20, 1 day before build is over",
      ),
    ]);
  });

  test("a community larger than its phase's audience", () => {
    const text = edited(
      smallText,
      "    duration: { weeks: 4 }\n",
      "    duration: { weeks: 4 }\n    audience: { cap: 10, communities: [{ id: fans, name: { fr: F, en: F }, cap: 11 }] }\n",
    );
    expect(warningsOf(text)).toEqual([expect.stringContaining("community-over-cap")]);
  });

  test("a go/no-go that comes after the wave it decides on", () => {
    const text = withSecond("2025-01-27", 200)
      .replace("    gate: go\n    guards: []", "    gate: on\n    guards: []")
      .replace(
        "geography:",
        `  - id: on
    name: { fr: On, en: On }
    from: first
    to: second
    criteria: [{ id: ok, name: { fr: Ok, en: Ok }, text: { fr: Ok, en: Ok }, kind: document, attestedBy: lead }]
geography:`,
      )
      .replace(
        "dayPlans: []",
        `dayPlans:
  - id: days
    name: { fr: Days, en: Days }
    wave: first
    activities:
      - { id: decide, day: 8, name: { fr: D, en: D }, responsible: { name: { fr: C, en: C }, teams: [crew] }, success: { text: { fr: Ok, en: Ok } }, opensGate: on }`,
      );
    expect(warningsOf(text)).toEqual([
      expect.stringContaining("decide decides on on on 2025-01-28, second starts on 2025-01-27"),
    ]);
  });
});
