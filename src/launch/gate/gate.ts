/**
 * A gate lets a phase end: PASS only if every criterion passes, FAIL if one fails, else HOLD.
 *
 * Shape:  criterion → finding (pass | fail | unknown with the reason); findings → verdict.
 * Errors: none. Absence of evidence is unknown, and unknown never passes.
 * Source: the roadmap's exit criteria, §1.2.3 to §1.4.3.
 */
import type { Criterion, Gate } from "../plan/plan.ts";
import { reasonOf, type Reading, type Words } from "../kpi/reading.ts";

export type GateVerdict = "pass" | "fail" | "hold";

export type Finding = {
  readonly criterion: Criterion;
  readonly reading: Reading;
  /** What was asked, so that anybody can ask again. */
  readonly source: string;
  readonly unit: string | null;
};

export type Judgement = {
  readonly verdict: GateVerdict;
  readonly reason: Words;
  readonly passed: number;
};

export const judge = (findings: readonly Finding[]): Judgement => {
  const count = (verdict: Reading["verdict"]): number =>
    findings.filter(({ reading }) => reading.verdict === verdict).length;
  const passed = count("pass");
  const failing = findings.find(({ reading }) => reading.verdict === "fail");
  if (failing !== undefined) {
    return { verdict: "fail", passed, reason: about(failing, "non tenu", "not met") };
  }
  const waiting = findings.find(({ reading }) => reading.verdict === "unknown");
  if (waiting !== undefined) {
    const { reason } = waiting.reading;
    return { verdict: "hold", passed, reason: about(waiting, lower(reason.fr), lower(reason.en)) };
  }
  if (findings.length === 0) {
    const reason = { fr: "Aucun critère", en: "No criterion" };
    return { verdict: "hold", passed, reason };
  }
  const reason = { fr: "Tous les critères sont tenus", en: "Every criterion is met" };
  return { verdict: "pass", passed, reason };
};

/** A criterion of approval or document before anybody has signed or attested. */
export const unattested = (
  criterion: Extract<Criterion, { kind: "approval" | "document" }>,
  atMs: number,
): Reading => ({
  atMs,
  value: null,
  verdict: "unknown",
  why: "no_data",
  reason:
    criterion.kind === "approval"
      ? { fr: "Aucune approbation enregistrée", en: "No approval recorded" }
      : { fr: "Aucun document attesté", en: "No document attested" },
  n: null,
  freshnessMs: null,
});

/** A criterion whose KPI or measure has not been read yet. */
export const unread = (atMs: number): Reading => ({
  atMs,
  value: null,
  verdict: "unknown",
  why: "no_data",
  reason: reasonOf("no_data"),
  n: null,
  freshnessMs: null,
});

/** The gate that is in force: the first, in the plan's order, that has not been left behind. */
export const currentGate = (
  gates: readonly Gate[],
  passedGates: ReadonlySet<string>,
): Gate | undefined => gates.find(({ id }) => !passedGates.has(id));

const about = ({ criterion }: Finding, fr: string, en: string): Words => ({
  fr: `${criterion.name.fr} : ${fr}`,
  en: `${criterion.name.en}: ${en}`,
});

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
