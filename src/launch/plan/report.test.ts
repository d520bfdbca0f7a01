import { describe, expect, test } from "vitest";
import { edited, novaevoText, planOf, sha256, smallText } from "../../../test/plan/small-plan.ts";
import { planDiff } from "./diff.ts";
import { planJsonSchema, type JsonSchema } from "./json-schema.ts";
import { parsePlan } from "./parse.ts";
import { rebasePlan } from "./rebase.ts";
import { checkReport, diffReport, rebaseReport, schemaReport } from "./report.ts";

const check = (text: string) => checkReport("p.yaml", parsePlan({ sha256 })(text, "p.yaml"));

describe("plan check", () => {
  test("names the place, the path, what is wrong and what is allowed, one line each", () => {
    const { ok, lines, json } = check(edited(smallText, "category: technical", "category: tech"));
    expect(ok).toBe(false);
    expect(lines).toEqual([
      'p.yaml:46:15 kpis[0].category: is "tech"; allowed: technical, user, business, operational',
      "1 problem",
    ]);
    expect(json).toMatchObject({ ok: false, problems: [{ line: 46, path: "kpis[0].category" }] });
  });

  test("lists the warnings of a plan that loads, and its digest", () => {
    const { ok, lines } = check(novaevoText);
    expect(ok).toBe(true);
    expect(lines).toHaveLength(19);
    expect(lines.at(-2)).toBe(
      "p.yaml: novaevo-national-launch loads: 27 KPIs, 4 phases, 16 milestones, 4 waves, 12 services; 17 warnings",
    );
    expect(lines.at(-1)).toMatch(/^digest [0-9a-f]{64}$/);
  });

  test("never sends a plan's control characters to a terminal", () => {
    const { lines } = check(`schema: 1\n"\\e[2Jx": 1\n`);
    expect(lines.join("\n")).toContain("\\u001b[2Jx");
    expect(lines.join("")).not.toMatch(/\p{Cc}/u);
  });
});

test("plan diff shows additions, removals, changes and warnings as lines", () => {
  let text = edited(smallText, "value: 100,", "value: 120,");
  text = edited(text, "- { id: docs,", "- { id: papers,");
  text = edited(text, "for: 0s,", "for: 0s, clear: 150,");
  const { lines } = diffReport(planDiff(planOf(smallText).plan, planOf(text).plan));
  expect(lines).toEqual([
    "~ kpis/speed/target/value: 100 → 120",
    "+ kpis/speed/alert/clear: 150",
    "~ phases/build/milestones/ready/deliverables: docs renamed to papers",
    expect.stringMatching(/^! phases.*\[id-renamed\]$/),
    "3 changes",
  ]);
  expect(
    diffReport({
      changes: [
        { kind: "reordered", path: "kpis" },
        { kind: "removed", path: "kpis/a" },
      ],
      warnings: [],
    }).lines,
  ).toEqual(["~ kpis: reordered", "- kpis/a", "2 changes"]);
  expect(diffReport({ changes: [], warnings: [] }).lines).toEqual(["no change"]);
});

const moved = (start: string) => rebaseReport("p.yaml", rebasePlan(smallText, "p.yaml", start));

test("plan rebase lists what moved", () => {
  expect(moved("2025-01-07").lines).toContain("milestones/ready: 2025-01-17 → 2025-01-18");
  expect(moved("2025-01-07").lines.at(-1)).toBe(
    "10 dates moved 1 day later; the plan starts on 2025-01-07",
  );
  expect(moved("2024-12-30").lines.at(-1)).toMatch(/moved 7 days earlier/);
  expect(moved("2025-01-06").lines.at(-1)).toMatch(/starts on 2025-01-06 already; nothing moved/);
  expect(moved("no").ok).toBe(false);
});

describe("plan schema", () => {
  test("is JSON Schema of the current draft, and its lines are its JSON", () => {
    const { lines, json } = schemaReport();
    expect(JSON.parse(lines.join("\n"))).toEqual(json);
    expect(json).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema" });
  });

  test("knows every key of the customer's plan and refuses others, everywhere", () => {
    const unknown: string[] = [];
    const walk = (value: unknown, schemas: readonly JsonSchema[], path: string): void => {
      const options = schemas.flatMap((schema) => schema.anyOf ?? schema.oneOf ?? [schema]);
      if (Array.isArray(value)) {
        for (const [index, item] of value.entries()) {
          walk(
            item,
            options.flatMap(({ items }): JsonSchema[] => (items ? [items] : [])),
            `${path}[${index}]`,
          );
        }
        return;
      }
      if (typeof value !== "object" || value === null) return;
      for (const [key, child] of Object.entries(value)) {
        const next = options.flatMap(({ properties }): readonly JsonSchema[] =>
          properties?.[key] ? [properties[key]] : [],
        );
        if (next.length === 0) unknown.push(`${path}.${key}`);
        walk(child, next, `${path}.${key}`);
      }
    };
    walk(planOf(novaevoText).plan, [planJsonSchema()], "");
    expect(unknown).toEqual([]);
    const open: string[] = [];
    const closed = (schema: JsonSchema, path: string): void => {
      if (schema.properties && schema["additionalProperties"] !== false) open.push(path);
      for (const [key, child] of Object.entries(schema.properties ?? {}))
        closed(child, `${path}.${key}`);
      for (const child of [schema.items ?? {}, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) {
        if (Object.keys(child).length > 0) closed(child, `${path}[]`);
      }
    };
    closed(planJsonSchema(), "");
    expect(open).toEqual([]);
  });
});
