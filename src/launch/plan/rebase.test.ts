import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { edited, novaevoText, planOf, smallText } from "../../../test/plan/small-plan.ts";
import { rebasePlan, type Rebased } from "./rebase.ts";
import { scheduledDates } from "./schedule.ts";
import { dateOfDay, dayNumber } from "./schema/words.ts";

const rebase = (text: string, start: string): Rebased => {
  const rebased = rebasePlan(text, "plan.yaml", start);
  if (!rebased.ok) throw new Error(rebased.error.map(({ message }) => message).join());
  return rebased.value;
};

const day = (date: string): number => dayNumber(date) ?? Number.NaN;
const daysOf = (text: string): number[] =>
  scheduledDates(planOf(text).plan).map((d) => day(d.date));

const layouts = {
  "block YAML": smallText,
  JSON: JSON.stringify(planOf(smallText).plan),
  "indented JSON": JSON.stringify(planOf(smallText).plan, null, 2),
} as const;

describe.each(Object.entries(layouts))("a plan in %s", (_, text) => {
  test("moves every promised date by the same number of days", () => {
    const moved = rebase(text, "2026-03-02");
    expect(moved.shiftDays).toBe(420);
    expect(daysOf(moved.text)).toEqual(daysOf(text).map((date) => date + 420));
    expect(moved.plan.baseline?.start).toBe("2025-01-06");
    expect(Object.keys(moved.plan.baseline?.dates ?? {})).toHaveLength(daysOf(text).length - 1);
  });

  test("law: there and back is the same text, and every duration stays", () => {
    fc.assert(
      fc.property(fc.integer({ min: -20_000, max: 200_000 }), (shift) => {
        const there = rebase(text, dateOfDay(day("2025-01-06") + shift));
        const before = daysOf(text);
        const after = daysOf(there.text);
        expect(after.map((date) => date - (after[0] ?? 0))).toEqual(
          before.map((date) => date - (before[0] ?? 0)),
        );
        expect(rebase(there.text, "2025-01-06").text).toBe(text);
      }),
      { numRuns: 12 },
    );
  });

  test("law: the baseline is the original, however often the plan moves", () => {
    const starts = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 2, maxLength: 3 });
    fc.assert(
      fc.property(starts, (shifts) => {
        const first = rebase(text, dateOfDay(day("2025-01-06") + (shifts[0] ?? 1)));
        const last = shifts.reduce(
          (now, shift) => rebase(now.text, dateOfDay(day("2025-01-06") + shift)),
          first,
        );
        expect(last.plan.baseline).toEqual(first.plan.baseline);
      }),
      { numRuns: 6 },
    );
  });
});

test("comments, quotes and facts stay as they were", () => {
  const { text } = rebase(smallText, "2025-01-13");
  expect(text).toContain("# a small launch");
  expect(text).toContain("start: 2025-01-13 # the first day");
  expect(text).toContain('date: "2025-01-24"');
  expect(text).toContain("end: '2025-01-26'");
  expect(text).toContain("createdOn: 2025-01-01 # a fact: it never moves");
  expect(text).toContain("closed: [2025-01-02]");
});

test("the same start changes nothing", () => {
  expect(rebase(smallText, "2025-01-06")).toMatchObject({
    text: smallText,
    shiftDays: 0,
    moved: [],
  });
});

test("a plan without a line end at its end comes back too", () => {
  const trimmed = smallText.trimEnd();
  const there = rebase(trimmed, "2025-02-06");
  expect(rebase(there.text, "2025-01-06").text).toBe(trimmed);
  const startLast = `${edited(trimmed, "start: 2025-01-06 # the first day\n", "")}\nstart: 2025-01-06`;
  expect(rebase(rebase(startLast, "2025-02-06").text, "2025-01-06").text).toBe(startLast);
});

test("a date that an alias shares moves once", () => {
  let text = edited(smallText, "start: 2025-01-06 # the", "start: &first 2025-01-06 # the");
  text = edited(text, "    start: 2025-01-06\n    end", "    start: *first\n    end");
  const { plan } = rebase(text, "2025-01-16");
  expect([plan.start, plan.phases[0]?.start]).toEqual(["2025-01-16", "2025-01-16"]);
});

test("a milestone that is added after a rebase keeps the baseline of the others", () => {
  const once = rebase(smallText, "2025-02-06").text;
  const more = edited(
    once,
    "programmes:\n",
    "programmes:\n  - { id: extra, name: { fr: E, en: E }, start: 2025-03-01, end: 2025-03-02 }\n",
  );
  const back = rebase(more, "2025-01-06");
  expect(back.plan.baseline).toEqual(planOf(once).plan.baseline);
});

test.each([
  ["2025-02-30", /"2025-02-30" is not a day; allowed: YYYY-MM-DD/],
  ["tomorrow", /"tomorrow" is not a day/],
  ["9999-12-31", /would leave the years 0000 to 9999/],
])("the start %s is refused", (start, says) => {
  const rebased = rebasePlan(smallText, "plan.yaml", start);
  expect(rebased.ok).toBe(false);
  expect(rebased.ok || rebased.error[0]?.message).toMatch(says);
});

test("a plan with problems is not moved, and its problems are said", () => {
  const rebased = rebasePlan("schema: 7\n", "plan.yaml", "2026-01-01");
  expect(rebased.ok || rebased.error[0]?.message).toMatch(/schema 7 is newer/);
});

test("the customer's plan moves to 2027 and back, to the byte", () => {
  const there = rebase(novaevoText, "2027-01-04");
  expect(there.moved).toHaveLength(31);
  expect(there.moved).toContainEqual({
    key: "milestones/national-launch",
    from: "2026-06-01",
    to: "2028-03-05",
  });
  expect(there.plan.document.createdOn).toBe("2025-04-10");
  expect(rebase(there.text, "2025-04-01").text).toBe(novaevoText);
});
