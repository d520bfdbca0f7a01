import * as fc from "fast-check";
import { expect, test } from "vitest";
import { edited, planOf, smallText } from "../../../test/plan/small-plan.ts";
import { planDiff, type PlanChange } from "./diff.ts";

const diff = (from: string, to: string) =>
  planDiff(planOf(smallText).plan, planOf(edited(smallText, from, to)).plan);

test("a plan and itself differ in nothing, whatever the layout", () => {
  const { plan } = planOf(smallText);
  expect(planDiff(plan, structuredClone(plan))).toEqual({ changes: [], warnings: [] });
});

test.each<{ title: string; from: string; to: string; changes: PlanChange[] }>([
  {
    title: "a changed figure is named by ids",
    from: "value: 100,",
    to: "value: 120,",
    changes: [{ kind: "changed", path: "kpis/speed/target/value", from: 100, to: 120 }],
  },
  {
    title: "a key that comes is added with its value",
    from: "for: 0s,",
    to: "for: 0s, clear: 150,",
    changes: [{ kind: "added", path: "kpis/speed/alert/clear", value: 150 }],
  },
  {
    title: "a list without ids is compared as a whole",
    from: "workingDays: [mon, fri]",
    to: "workingDays: [mon]",
    changes: [
      {
        kind: "changed",
        path: "organisation/calendars/week/workingDays",
        from: ["mon", "fri"],
        to: ["mon"],
      },
    ],
  },
  {
    title: "a thing put first leaves the others unchanged",
    from: "  - { id: web,",
    to: "  - { id: new, name: { fr: N, en: N }, criticality: standard, owner: crew, group: platform, dependsOn: [] }\n  - { id: web,",
    changes: [{ kind: "added", path: "services/new" }],
  },
])("$title", ({ from, to, changes }) => {
  expect(diff(from, to)).toEqual({ changes, warnings: [] });
});

test("an id that disappears is a warning", () => {
  const line = smallText.split("\n").find((text) => text.includes("id: odd"));
  const more = edited(
    smallText,
    `${line}\n`,
    `${line}\n    - { id: bad, name: { fr: B, en: B }, severity: info }\n`,
  );
  const gone = planDiff(planOf(more).plan, planOf(smallText).plan);
  expect(gone.changes).toEqual([{ kind: "removed", path: "escalation/triggers/bad" }]);
  expect(gone.warnings).toEqual([
    expect.objectContaining({ code: "id-removed", path: "escalation/triggers/bad" }),
  ]);
});

test("an id that became another is seen as a rename, and warned of", () => {
  const { changes, warnings } = diff("- { id: docs,", "- { id: papers,");
  const path = "phases/build/milestones/ready/deliverables";
  expect(changes).toEqual([{ kind: "renamed", path, from: "docs", to: "papers" }]);
  expect(warnings).toEqual([expect.objectContaining({ code: "id-renamed", path })]);
});

test("another order is a change of order and of nothing else", () => {
  const web = smallText.split("\n").find((text) => text.includes("id: web")) ?? "";
  const db = smallText.split("\n").find((text) => text.includes("id: db,")) ?? "";
  expect(diff(`${web}\n${db}`, `${db}\n${web}`).changes).toEqual([
    { kind: "reordered", path: "services" },
  ]);
});

const paths = (changes: readonly PlanChange[], kind: string): string[] =>
  changes
    .filter((change) => change.kind === kind)
    .map(({ path }) => path)
    .toSorted();

test("law: one way adds what the other way removes", () => {
  const thing = fc.record({ id: fc.constantFrom("a", "b", "c", "d"), size: fc.nat({ max: 3 }) });
  const list = fc.uniqueArray(thing, { selector: ({ id }) => id });
  fc.assert(
    fc.property(list, list, (before, after) => {
      const there = planDiff({ list: before }, { list: after }).changes;
      const back = planDiff({ list: after }, { list: before }).changes;
      expect(paths(there, "changed")).toEqual(paths(back, "changed"));
      expect(paths(there, "reordered")).toEqual(paths(back, "reordered"));
      expect(paths(there, "renamed").length).toBe(paths(back, "renamed").length);
      expect(paths(there, "added").length).toBe(paths(back, "removed").length);
      const same = JSON.stringify(before) === JSON.stringify(after);
      expect(there.length === 0).toBe(same);
    }),
  );
});
