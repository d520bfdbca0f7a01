import { describe, expect, test } from "vitest";
import { faultRequest, planFault, type FaultRequest } from "./fault.ts";
import { parseScenario } from "./scenario.ts";

const SERVICES = ["nlp", "obd2"].map((id) => ({
  id,
  pools: [{ region: "paris" }, { region: "lyon" }],
}));
const target = (service: string, region: string, nth: number, isUp = true) => ({
  id: `${service}.${region}.${nth}`,
  ...{ service, region, isUp },
});
const TARGETS = [
  target("nlp", "paris", 1),
  target("nlp", "paris", 2, false),
  target("nlp", "lyon", 1),
  target("obd2", "lyon", 1),
];
const planned = (more: Partial<FaultRequest>) =>
  planFault(
    SERVICES,
    TARGETS,
    faultRequest.parse({ id: "f", kind: "crash", service: "nlp", ...more }),
  );

describe("whom a fault hits", () => {
  test.each<[string, Partial<FaultRequest>, string[]]>([
    ["those that are up", {}, ["nlp.lyon.1", "nlp.paris.1"]],
    ["of one region", { region: "paris" }, ["nlp.paris.1"]],
    ["a share of the instances", { share: 0.5 }, ["nlp.lyon.1"]],
    ["at least one", { share: 0.01 }, ["nlp.lyon.1"]],
    [
      "a share of the requests is of all",
      { kind: "errors", share: 0.1 },
      ["nlp.lyon.1", "nlp.paris.1"],
    ],
    [
      "a region, whether up or not",
      { kind: "region-loss", region: "paris" },
      ["nlp.paris.1", "nlp.paris.2"],
    ],
    [
      "a region with all that is there",
      { kind: "region-loss", region: "lyon", service: "*" },
      ["nlp.lyon.1", "obd2.lyon.1"],
    ],
  ])("%s", (_, request, instances) => {
    const plan = planned(request);
    expect(plan.ok && plan.value.instances).toEqual(instances);
  });

  test.each<[string, Partial<FaultRequest>, string]>([
    ["a service outside", { service: "postgres" }, "unknown_target"],
    ["a region outside", { region: "nice" }, "unknown_target"],
    ["every service, but by its loss", { service: "*" }, "bad_request"],
    ["a loss of no region", { kind: "region-loss" }, "bad_request"],
    ["half a loss", { kind: "region-loss", region: "lyon", share: 0.5 }, "bad_request"],
    ["what does not run", { service: "obd2", region: "paris" }, "not_running"],
  ])("refused: %s", (_, request, code) => {
    expect(planned(request)).toMatchObject({ ok: false, error: { code } });
  });

  test.each([
    { kind: "explode" },
    { share: 0 },
    { share: 1.1 },
    { share: "half" },
    { forMs: 0 },
    { forMs: 3_600_001 },
    { service: "../etc" },
    { pid: 1 },
    { id: "" },
  ])("not even read: %j", (more) => {
    const asked = { id: "f", kind: "crash", service: "nlp", ...more };
    expect(faultRequest.safeParse(asked).success).toBe(false);
  });
});

const file = (steps: string, until = "1m"): string =>
  `id: storm\nname: { fr: Tempête, en: Storm }\nuntil: ${until}\nsteps:\n${steps}`;

describe("a scenario's file", () => {
  test("is faults at their times, none beyond its end", () => {
    const parsed = parseScenario(
      file(
        "  - { at: 20s, inject: { service: nlp, kind: slow, share: 0.5, for: 10s } }\n" +
          "  - { at: 5s, inject: { service: nlp, kind: crash, region: paris } }\n" +
          "  - { at: 50s, inject: { service: nlp, kind: leak, for: 30s } }\n" +
          "  - { at: 55s, inject: { service: obd2, kind: errors } }",
      ),
    );
    expect(parsed.ok && parsed.value).toEqual({
      id: "storm",
      name: { fr: "Tempête", en: "Storm" },
      untilMs: 60_000,
      steps: [
        { atMs: 5_000, inject: { service: "nlp", kind: "crash", region: "paris" } },
        { atMs: 20_000, inject: { service: "nlp", kind: "slow", share: 0.5, forMs: 10_000 } },
        { atMs: 50_000, inject: { service: "nlp", kind: "leak", forMs: 10_000 } },
        { atMs: 55_000, inject: { service: "obd2", kind: "errors", forMs: 5_000 } },
      ],
    });
  });

  test.each([
    ["no YAML", "a: [", "is not YAML"],
    ["no step", file("  []"), "steps"],
    [
      "a time that is none",
      file("  - { at: soon, inject: { service: a, kind: slow } }"),
      "steps.0.at",
    ],
    ["after its end", file("  - { at: 2m, inject: { service: a, kind: slow } }"), "steps.0.at"],
    ["too long", file("  - { at: 1s, inject: { service: a, kind: slow } }", "2h"), "until"],
    [
      "a kind that is none",
      file("  - { at: 1s, inject: { service: a, kind: x } }"),
      "steps.0.inject.kind",
    ],
    [
      "an id of its own",
      file("  - { at: 1s, inject: { id: a, service: a, kind: slow } }"),
      "steps.0",
    ],
    ["aliases", `a: &a [1]\nb: [*a, *a]`, "YAML"],
    ["far too much", "#".repeat(70_000), "over 65536"],
  ])("refused: %s", (_, text, place) => {
    const parsed = parseScenario(text);
    expect(parsed.ok ? "" : parsed.error.join("\n")).toContain(place);
  });
});
