/**
 * Judges every gate on the evidence of now, and ledgers each change of verdict with its evidence.
 *
 * A KPI criterion reads the KPI's latest reading; a criterion on a measure asks with its own
 * threshold; approvals and documents are unknown until somebody signs or attests them.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/canonical.ts";
import type { Db, Tx } from "../../io/postgres/db.ts";
import type { record } from "../../ledger/record.store.ts";
import type { AppliedPlan } from "../plan/applied.ts";
import type { Criterion, Gate, Measure } from "../plan/plan.ts";
import { demands, questionOf, sourceText, type Ask } from "../kpi/board.ts";
import { read, type Observation, type Reading } from "../kpi/reading.ts";
import { judge, unattested, unread, type Finding, type Judgement } from "./gate.ts";
import { loadVerdicts, saveVerdict } from "./gate.store.ts";

export type GateFlowDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly applied: () => AppliedPlan;
  readonly ask: Ask;
  readonly latest: () => ReadonlyMap<string, Reading>;
  readonly record: typeof record;
  readonly fence: (tx: Tx) => Promise<boolean>;
};

export type JudgedGate = {
  readonly gate: Gate;
  readonly judgement: Judgement;
  readonly findings: readonly Finding[];
  readonly atMs: number;
};

export type Gates = {
  /** Judges all gates; answers true when a verdict changed. */
  readonly tick: () => Promise<boolean>;
  readonly judged: () => readonly JudgedGate[];
};

export const openGates = async (deps: GateFlowDeps): Promise<Gates> => {
  const verdicts = new Map(await loadVerdicts(deps.db));
  let judged: readonly JudgedGate[] = [];
  return {
    judged: () => judged,
    tick: async () => {
      const atMs = deps.clock.now();
      const seen = await observeMeasures(deps, atMs);
      const { plan } = deps.applied();
      const next = plan.gates.map((gate) => {
        const findings = gate.criteria.map((one) => findingOf(deps, one, seen, atMs));
        return { gate, findings, judgement: judge(findings), atMs };
      });
      const changed = next.filter((one) => verdicts.get(one.gate.id) !== one.judgement.verdict);
      for (const one of changed) {
        await commitVerdict(deps, one);
        verdicts.set(one.gate.id, one.judgement.verdict);
      }
      judged = next;
      return changed.length > 0;
    },
  };
};

type Measured = { readonly measure: Measure; readonly seen: Observation };

const measureOf = (deps: GateFlowDeps, id: string): Measure => {
  const found = deps.applied().plan.measures.find((measure) => measure.id === id);
  if (found === undefined) throw new Error(`plan: no measure ${id}`);
  return found;
};

/** Asks each measure that a criterion reads once, whatever the number of gates that read it. */
const observeMeasures = async (
  deps: GateFlowDeps,
  atMs: number,
): Promise<ReadonlyMap<string, Measured>> => {
  const { plan } = deps.applied();
  const ids = plan.gates.flatMap(({ criteria }) =>
    criteria.flatMap((one) => (one.kind === "measure" ? [one.measure] : [])),
  );
  const wanted = [...new Set(ids)].map((id) => {
    const measure = measureOf(deps, id);
    return { measure, question: questionOf(measure, atMs) };
  });
  const asked = wanted.flatMap(({ question }) => ("ask" in question ? [question.ask] : []));
  const answers = await deps.ask(asked);
  let next = 0;
  return new Map(
    wanted.map(({ measure, question }): [string, Measured] => {
      const failed: Observation = { kind: "missing", why: "query_failed" };
      const seen = "ask" in question ? (answers[next++] ?? failed) : question.missing;
      return [measure.id, { measure, seen }];
    }),
  );
};

const findingOf = (
  deps: GateFlowDeps,
  criterion: Criterion,
  seen: ReadonlyMap<string, Measured>,
  atMs: number,
): Finding => {
  switch (criterion.kind) {
    case "kpi": {
      const kpi = deps.applied().plan.kpis.find(({ id }) => id === criterion.kpi);
      if (kpi === undefined) throw new Error(`plan: no KPI ${criterion.kpi}`);
      const measure = measureOf(deps, kpi.measure);
      const reading = deps.latest().get(kpi.id) ?? unread(atMs);
      return { criterion, reading, source: sourceText(measure), unit: measure.unit };
    }
    case "measure": {
      const found = seen.get(criterion.measure);
      if (found === undefined) throw new Error(`measure ${criterion.measure} was not asked`);
      const target = { op: criterion.op, value: criterion.value, text: criterion.text.fr };
      const reading = read(found.seen, target, demands(found.measure), atMs);
      const { measure } = found;
      return { criterion, reading, source: sourceText(measure), unit: measure.unit };
    }
    case "approval":
      return {
        criterion,
        reading: unattested(criterion, atMs),
        source: criterion.role,
        unit: null,
      };
    case "document": {
      const source = criterion.attestedBy;
      return { criterion, reading: unattested(criterion, atMs), source, unit: null };
    }
  }
};

const commitVerdict = async (deps: GateFlowDeps, judged: JudgedGate): Promise<void> => {
  const { gate, judgement, atMs } = judged;
  const evidence = judged.findings.map(({ criterion, reading, source }): JsonObject => {
    const { verdict, why, value, n, freshnessMs } = reading;
    return { criterion: criterion.id, verdict, why, value, n, freshnessMs, source };
  });
  const { version } = deps.applied();
  await deps.db.tx(async (tx) => {
    if (!(await deps.fence(tx))) throw new Error("another hub has taken over: nothing was written");
    await saveVerdict(tx, {
      gate: gate.id,
      verdict: judgement.verdict,
      sinceMs: atMs,
      evidence,
      planVersion: version,
    });
    await deps.record(tx, {
      kind: "gate.judged",
      actor: "system:hub",
      subject: `gate:${gate.id}`,
      body: {
        verdict: judgement.verdict,
        reason: judgement.reason.en,
        planVersion: version,
        evidence,
      },
    });
  });
};
