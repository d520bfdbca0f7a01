import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { edited, planOf, sha256, smallText } from "../../../test/plan/small-plan.ts";
import { MAX_ALIASES, MAX_DEPTH, MAX_PLAN_BYTES } from "./document.ts";
import { parsePlan } from "./parse.ts";

const parse = parsePlan({ sha256 });
const problems = (text: string): string[] => {
  const parsed = parse(text, "p.yaml");
  if (parsed.ok) return [];
  return parsed.error.map((p) => `${p.line}:${p.column} ${p.path}: ${p.message}`);
};

type Case = {
  readonly title: string;
  readonly from: string;
  readonly to: string;
  /** What stands at the place that is named. */
  readonly at: string;
  readonly says: RegExp;
  /** What the same mistake makes wrong somewhere else. */
  readonly also?: RegExp;
};

/** Line and column, from 1, of the first place a passage stands at. */
const placeOf = (text: string, passage: string): string => {
  const before = text.slice(0, text.indexOf(passage)).split("\n");
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
};

const nest = (depth: number) => `schema: ${"[".repeat(depth)}${"]".repeat(depth)}`;

test("the small plan of these tests loads without a warning", () => {
  expect(problems(smallText)).toEqual([]);
  expect(planOf(smallText).warnings).toEqual([]);
});

describe("a value or key that is wrong is named with its place and what is allowed", () => {
  test.each([
    {
      title: "an unknown key, with the key that was meant",
      from: 'target: { op: "<", value: 100',
      to: 'targat: { op: "<", value: 100',
      at: "targat:",
      says: /^kpis\[0\]\.targat: unknown key "targat"; did you mean "target"\? allowed: id, name, /,
      also: /kpis\[0\]\.target: is missing; allowed: a map/,
    },
    {
      title: "an unknown key inside one alternative of a union",
      from: "expr: latency_ms, freshness: 15s",
      to: "expr: latency_ms, freshness: 15s, freshnes: 1s",
      at: "freshnes: 1s",
      says: /unknown key "freshnes"; did you mean "freshness"\? allowed: kind, expr, freshness, /,
    },
    {
      title: "an impossible date",
      from: "start: 2025-01-06 # the first day",
      to: "start: 2025-02-30 # the first day",
      at: "2025-02-30",
      says: /^start: "2025-02-30" is not a day of the calendar; allowed: YYYY-MM-DD/,
    },
    {
      title: "a wrong type",
      from: 'op: "<", value: 100',
      to: 'op: "<", value: fast',
      at: "fast",
      says: /^kpis\[0\]\.target\.value: is "fast"; allowed: a number$/,
    },
    {
      title: "a word that is not in the list",
      from: "category: technical",
      to: "category: tehnical",
      at: "tehnical",
      says: /is "tehnical"; did you mean "technical"\? allowed: technical, user, business, /,
    },
    {
      title: "an unknown alternative",
      from: "{ kind: promql, expr",
      to: "{ kind: promsql, expr",
      at: "promsql",
      says: /is "promsql"; did you mean "promql"\? allowed: promql, sql, state, connector, manual$/,
    },
    {
      title: "a missing alternative",
      from: "{ kind: promql, expr: latency_ms, freshness: 15s }",
      to: "{ expr: latency_ms }",
      at: "{ expr: latency_ms }",
      says: /source\.kind: is missing; allowed: promql, sql, /,
    },
    {
      title: "an id that is no id",
      from: "- { id: door,",
      to: "- { id: Front_Door,",
      at: "Front_Door",
      says: /deliverables\[0\]\.id: "Front_Door" is not an id; allowed: lower-case letters/,
    },
    {
      title: "a duration that is none",
      from: "window: 5m",
      to: "window: 5 minutes",
      at: "5 minutes",
      says: /"5 minutes" is not a duration; allowed: /,
    },
    {
      title: "a clock time that is none",
      from: 'from: "09:00"',
      to: 'from: "25:00"',
      at: '"25:00"',
      says: /"25:00" is not a clock time; allowed: 00:00 to 23:59/,
    },
    {
      title: "a time zone that does not exist",
      from: "timezone: Europe/Paris\nstart",
      to: "timezone: Europe/Pariss\nstart",
      at: "Europe/Pariss",
      says: /"Europe\/Pariss" is not a time zone; allowed: an IANA name/,
    },
    {
      title: "a length with two units",
      from: "duration: { weeks: 2 }",
      to: "duration: { weeks: 2, months: 1 }",
      at: "{ weeks: 2, months: 1 }",
      says: /a map is no length; allowed: exactly one of months, weeks or continuous: true/,
    },
    {
      title: "two deliverables instead of three",
      from: "          - { id: tests, name: { fr: Tests, en: Tests } }\n",
      to: "",
      at: "- { id: code",
      says: /deliverables: is a list of 2; allowed: exactly 3$/,
    },
    {
      title: "a share above one hundred per cent of nothing: a negative budget",
      from: "budgetEur: 1000",
      to: "budgetEur: -1",
      at: "-1\n",
      says: /budgetEur: is -1; allowed: at least 0$/,
    },
    {
      title: "an end before its start",
      from: "'2025-01-19'",
      to: "'2025-01-01'",
      at: "'2025-01-01'",
      says: /phases\[0\]\.end: 2025-01-01 comes before start 2025-01-06; allowed: start or later/,
    },
    {
      title: "a holiday on a day its month has not",
      from: "month: 1, day: 1",
      to: "month: 2, day: 30",
      at: "30 }",
      says: /month 2 has no day 30/,
    },
    {
      title: "two levels of one order",
      from: "id: run\n    order: 2",
      to: "id: run\n    order: 1",
      at: "1\n    name: { fr: Run",
      says: /phases\[1\]\.order: order 1 stands twice; allowed: each once/,
    },
    {
      title: "a gate that leaves another phase",
      from: "    from: build\n    to: run",
      to: "    from: first\n    to: run",
      at: "go\n  - id: run",
      says: /phases\[0\]\.gate: "go" leaves "first"; allowed: a gate from this phase/,
    },
  ] as readonly Case[])("$title", ({ from, to, at, says, also }) => {
    const text = edited(smallText, from, to);
    const found = problems(text);
    const [place, ...words] =
      found.find((line) => line.startsWith(placeOf(text, at)))?.split(" ") ?? [];
    expect(words.join(" ")).toMatch(says);
    expect(place).toBe(placeOf(text, at));
    expect(found).toHaveLength(also === undefined ? 1 : 2);
    expect(found.join("\n")).toMatch(also ?? "");
  });

  test("a missing value is named where its parent stands", () => {
    const text = edited(smallText, "    frequency: realtime\n", "");
    expect(problems(text)).toEqual([
      `${placeOf(text, "id: speed")} kpis[0].frequency: is missing; allowed: ${[
        "realtime, hourly, daily, weekly, monthly, quarterly, per_incident, per_deployment",
      ].join()}`,
    ]);
  });
});

describe("names that exist nowhere", () => {
  test.each([
    ["measure: latency", "measure: latencie", /no measure "latencie"; did you mean "latency"\?/],
    ["owner: crew\nphases", "owner: crews\nphases", /no team "crews"; did you mean "crew"\?/],
    ["kind: kpi, kpi: speed", "kind: kpi, kpi: sped", /no kpi "sped"; did you mean "speed"\?/],
    ["role: lead, quorum", "role: boss, quorum", /no role "boss"; allowed: lead$/],
    ["    gate: go\n    guards", "    gate: stop\n    guards", /no gate "stop"; allowed: go$/],
    ["dependsOn: [db]", "dependsOn: [bd]", /no service "bd"; allowed: web, db$/],
    ["guards: [speed]", "guards: [sped]", /waves\[0\]\.guards\[0\]: there is no kpi "sped"/],
    ["    to: run", "    to: runs", /no phase or wave "runs"; did you mean "run"\?/],
  ])("%s → %s", (from, to, says) => {
    const found = problems(edited(smallText, from, to));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(says);
  });

  test("an id that stands twice is named with the place of the first", () => {
    const text = edited(smallText, "- { id: docs,", "- { id: code,");
    expect(problems(text)).toEqual([
      expect.stringMatching(
        new RegExp(`the id "code" stands at ${placeOf(text, "code, name")} already`),
      ),
    ]);
  });

  test("deliverables of two phases share one name space", () => {
    expect(problems(edited(smallText, "- { id: door,", "- { id: code,"))).toEqual([
      expect.stringContaining('the id "code" stands at'),
    ]);
  });

  test("services that depend on each other in a circle are shown as the circle", () => {
    const text = edited(smallText, "dependsOn: []", "dependsOn: [web]");
    expect(problems(text)).toEqual([
      expect.stringContaining("web → db → web leads back to itself"),
    ]);
  });

  test("a service that depends on itself is a circle too", () => {
    const text = edited(smallText, "dependsOn: []", "dependsOn: [db]");
    expect(problems(text)).toEqual([expect.stringContaining("db → db leads back to itself")]);
  });
});

test("problems of shape, names and dates are all reported at once, in the order of the file", () => {
  let text = edited(smallText, "2025-01-06 # the first day", "2025-13-01 # the first day");
  text = edited(text, "category: technical", "categry: technical");
  text = edited(text, "measure: latency", "measure: lag");
  text = edited(text, "role: lead, quorum", "role: boss, quorum");
  const found = problems(text);
  expect(found.map((line) => line.split(" ")[1])).toEqual([
    "start:",
    "kpis[0].category:",
    "kpis[0].categry:",
    "kpis[0].measure:",
    "gates[0].criteria[1].role:",
  ]);
  expect(found.map((line) => line.split(" ")[0])).toContain(placeOf(text, "lag"));
});

describe("text that is no plan", () => {
  test.each([
    { title: "nothing", text: "", says: /a plan is a map/ },
    { title: "a list", text: "- 1\n", says: /a plan is a map/ },
    { title: "a text", text: "hello\n", says: /a plan is a map/ },
    { title: "no schema", text: "id: x\n", says: /schema: is missing; allowed: 1 to 1/ },
    { title: "schema 0", text: "schema: 0\n", says: /schema: is 0; allowed: 1 to 1/ },
    { title: "schema text", text: "schema: one\n", says: /schema: is "one"; allowed: 1 to 1/ },
    {
      title: "a newer schema",
      text: "schema: 2\n",
      says: /schema 2 is newer than this NovaEvo, which reads up to 1; upgrade NovaEvo/,
    },
    { title: "broken YAML", text: "a: [1, 2\nb: }", says: /not readable as YAML/ },
    { title: "binary", text: "\u0000\u0001\u0002", says: /not readable as YAML|a plan is a map/ },
    { title: "two documents", text: "schema: 1\n---\nschema: 1\n", says: /a second document/ },
    { title: "YAML 1.1", text: "%YAML 1.1\n---\nschema: 1\n", says: /YAML 1\.1 is asked for/ },
    {
      title: "a duplicate key",
      text: "schema: 1\nid: a\nid: b\n",
      says: /^3:1 : the key id stands twice/,
    },
    {
      title: "a tag of somebody's own",
      text: "schema: 1\nid: !!js/function x\n",
      says: /^2:5 : the tag !!js\/function .*is not known; allowed: plain YAML, no tags/,
    },
    { title: "a local tag", text: "schema: !mine 1\n", says: /^1:9 : the tag !mine.* not known/ },
    { title: "an alias of nothing", text: "schema: *one\n", says: /alias|Aliased/ },
    { title: "an alias inside itself", text: "schema: &a [*a]\n", says: /stands inside itself/ },
  ])("$title", ({ text, says }) => {
    const found = problems(text);
    expect(found.length).toBeGreaterThan(0);
    expect(found.join("\n")).toMatch(says);
  });

  test("a merge key is no key of a plan", () => {
    expect(problems(`${smallText}<<: { tools: [] }\n`)).toEqual([
      expect.stringContaining('unknown key "<<"'),
    ]);
  });

  test("several syntax errors are reported together", () => {
    expect(problems("a: 1\na: 2\nb: !x 1\nb: 3\n")).toHaveLength(3);
  });
});

describe("limits", () => {
  test("a text of two megabytes is refused before it is read", () => {
    const text = `# ${"x".repeat(2 * MAX_PLAN_BYTES)}\n${smallText}`;
    expect(problems(text)).toEqual([
      `1:1 : the plan has ${text.length} bytes; allowed: at most ${MAX_PLAN_BYTES}`,
    ]);
  });

  test("bytes count, not characters", () => {
    expect(problems(`# ${"é".repeat(MAX_PLAN_BYTES / 2)}\n`)[0]).toMatch(/allowed: at most/);
  });

  test.each([
    ["flow lists", "[".repeat(200_000)],
    ["flow maps", "{a: ".repeat(200_000)],
    ["block lists", "- ".repeat(400_000)],
    ["block maps", Array.from({ length: 900 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")],
  ])("nesting without end in %s is refused without recursion", (_, text) => {
    expect(problems(text)).toEqual([
      expect.stringContaining(`nested too deep; allowed: ${MAX_DEPTH} levels`),
    ]);
  });

  test("the deepest allowed nesting is read", () => {
    expect(problems(nest(MAX_DEPTH - 1)).join()).toMatch(/^1:9 schema: is \[/);
    expect(problems(nest(MAX_DEPTH)).join()).toMatch(/nested too deep/);
  });

  test("an alias bomb is refused without being expanded", () => {
    const levels = Array.from({ length: 20 }, (_, i) =>
      i === 0 ? "l0: &l0 [x, x]" : `l${i}: &l${i} [${`*l${i - 1}, `.repeat(9)}*l${i - 1}]`,
    );
    const startedMs = performance.now();
    expect(problems(`schema: 1\n${levels.join("\n")}\n`)).toEqual(
      expect.arrayContaining([expect.stringMatching(/aliases expand to \S+ values; allowed/)]),
    );
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  test("aliases that nest deeper than a text may are refused too", () => {
    const chain = Array.from({ length: 50 }, (_, i) =>
      i === 0 ? "l0: &l0 [x]" : `l${i}: &l${i} [*l${i - 1}]`,
    );
    expect(problems(`schema: 1\n${chain.join("\n")}\n`).join()).toMatch(
      /nested too deep with aliases; allowed: 32 levels/,
    );
  });

  test("more aliases than anybody needs are refused", () => {
    const text = `schema: 1\na: &a x\nb: [${"*a, ".repeat(MAX_ALIASES + 1)}]\n`;
    expect(problems(text).join()).toMatch(/1001 aliases; allowed: at most 1000/);
  });

  test("a problem inside an aliased value is named where the value is written", () => {
    let text = edited(smallText, "for: 0s, severity: error }", "for: 0s, severity: &s eror }");
    text = edited(text, 'text: ">85%" }, severity: error', 'text: ">85%" }, severity: *s');
    const at = placeOf(text, "&s eror").split(":")[0];
    const found = problems(text);
    expect(found).toHaveLength(2);
    for (const line of found) expect(line.startsWith(`${at}:`)).toBe(true);
  });
});

test("the digest ignores comments, layout and key order, and nothing else", () => {
  const { digest, plan } = planOf(smallText);
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(planOf(`# another comment\n${smallText}`).digest).toBe(digest);
  expect(planOf(JSON.stringify(plan)).digest).toBe(digest);
  const reversed = Object.fromEntries(Object.entries(plan).toReversed());
  expect(planOf(JSON.stringify(reversed)).digest).toBe(digest);
  expect(planOf(edited(smallText, "value: 100,", "value: 101,")).digest).not.toBe(digest);
});

test("law: whatever the text, the answer is a plan or problems, each with a place in the text", () => {
  const lines = smallText.split("\n");
  const damage = fc.record({
    line: fc.nat({ max: lines.length - 1 }),
    at: fc.nat({ max: 60 }),
    text: fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom("[", "{", "- ", "&a", "*a", "!x")),
  });
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
      const broken = [...lines];
      for (const { line, at, text } of damages) {
        const old = broken[line] ?? "";
        broken[line] = old.slice(0, at) + text + old.slice(at);
      }
      const text = broken.join("\n");
      const parsed = parse(text, "p.yaml");
      if (parsed.ok) return;
      expect(parsed.error.length).toBeGreaterThan(0);
      const count = text.split("\n").length;
      for (const { line, column, message } of parsed.error) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(count);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(message).not.toBe("");
      }
    }),
    { numRuns: 150 },
  );
});
