import fc from "fast-check";
import { expect, test } from "vitest";
import type { Criterion } from "../plan/plan.ts";
import type { Reading } from "../kpi/reading.ts";
import { currentGate, judge, unattested, unread, type Finding } from "./gate.ts";

const words = (text: string) => ({ fr: text, en: text });
const criterion: Criterion = {
  kind: "kpi",
  id: "c",
  kpi: "api-latency",
  name: words("Latence"),
  text: words("<200ms"),
};
const finding = (verdict: Reading["verdict"]): Finding => ({
  criterion,
  source: "q",
  unit: null,
  reading: { ...unread(0), verdict, why: verdict === "unknown" ? "stale" : null },
});

test.each([
  { verdicts: ["pass", "pass"], verdict: "pass", passed: 2 },
  { verdicts: ["pass", "unknown"], verdict: "hold", passed: 1 },
  { verdicts: ["unknown", "fail", "pass"], verdict: "fail", passed: 1 },
  { verdicts: [], verdict: "hold", passed: 0 },
] as const)("criteria $verdicts make a gate $verdict", ({ verdicts, verdict, passed }) => {
  expect(judge(verdicts.map(finding))).toMatchObject({ verdict, passed });
});

test("a gate that holds names the criterion it waits for", () => {
  expect(judge([finding("unknown")]).reason.fr).toBe("Latence : aucune donnée reçue");
});

test("an approval nobody gave is unknown, not failed", () => {
  const approval = {
    kind: "approval",
    id: "a",
    role: "r",
    quorum: 1,
    name: words("x"),
    text: words("y"),
  } as const;
  expect(unattested(approval, 5)).toMatchObject({ verdict: "unknown", value: null, atMs: 5 });
});

test("the current gate is the first that was not passed", () => {
  const gates = ["a", "b"].map((id) => ({
    id,
    name: words(id),
    from: "x",
    to: "y",
    criteria: [criterion],
  }));
  expect(currentGate(gates, new Set())?.id).toBe("a");
  expect(currentGate(gates, new Set(["a"]))?.id).toBe("b");
  expect(currentGate(gates, new Set(["a", "b"]))).toBeUndefined();
});

const verdicts = fc.array(fc.constantFrom("pass" as const, "fail" as const, "unknown" as const));

test("law: one unknown among passes never opens a gate", () => {
  fc.assert(
    fc.property(verdicts, (all) => {
      expect(judge([...all, "unknown" as const].map(finding)).verdict).not.toBe("pass");
    }),
  );
});

test("law: the order of criteria does not change the verdict", () => {
  fc.assert(
    fc.property(verdicts, (all) => {
      expect(judge(all.toReversed().map(finding)).verdict).toBe(judge(all.map(finding)).verdict);
    }),
  );
});
