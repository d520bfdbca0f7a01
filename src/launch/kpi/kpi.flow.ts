/**
 * Reads the KPIs that are due: load → ask → judge → commit changes of verdict → hand on.
 *
 * Every reading goes to the telemetry store before it is handed on; PostgreSQL gets a row only when
 * a verdict changes or a period closes. After a restart, states and closed periods come back from
 * there; a period that closed meanwhile is read at its own instant.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Db, Tx } from "../../io/postgres/db.ts";
import type { Kpi } from "../plan/plan.ts";
import type { AppliedPlan } from "../plan/applied.ts";
import { demands, dueKpis, questionOf, targetOf, type Ask, type Job } from "./board.ts";
import { loadStates, saveStates, type KpiState } from "./kpi.store.ts";
import { read, type Observation, type Reading } from "./reading.ts";

export type KpiReading = { readonly kpi: Kpi; readonly reading: Reading };

export type KpiFlowDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly applied: () => AppliedPlan;
  readonly ask: Ask;
  /** Resolves when the readings are durable. */
  readonly keep: (readings: readonly KpiReading[]) => Promise<void>;
  /** False when somebody else has taken over: then nothing is written. */
  readonly fence: (tx: Tx) => Promise<boolean>;
};

export type Kpis = {
  /** Reads what is due now; answers the readings taken. */
  readonly tick: () => Promise<readonly KpiReading[]>;
  /** Reads every KPI of an event's kind: an incident or a deployment has just closed. */
  readonly onEvent: (event: "per_incident" | "per_deployment") => Promise<readonly KpiReading[]>;
  readonly latest: () => ReadonlyMap<string, Reading>;
};

export const openKpis = async (deps: KpiFlowDeps): Promise<Kpis> => {
  const states = new Map(await loadStates(deps.db));
  const latest = new Map<string, Reading>();
  const lastReadMs = new Map<string, number>();
  const lastCloseMs = new Map<string, number>();
  const lacking = new Set<string>();
  for (const { kpi, lastCloseMs: closed } of states.values()) {
    if (closed !== undefined) lastCloseMs.set(kpi, closed);
  }

  const take = async (jobs: readonly Job[]): Promise<readonly KpiReading[]> => {
    if (jobs.length === 0) return [];
    const observed = await observe(deps.ask, jobs);
    const taken = jobs
      .map((job, i) => {
        const seen = observed[i] ?? { kind: "missing", why: "query_failed" };
        return { job, reading: read(seen, targetOf(job.kpi), demands(job.measure), job.atMs) };
      })
      // A period is closed by what was measured in it, not by an engine that is still starting.
      .filter(({ job, reading }) => job.closeMs === undefined || !isPassing(reading));
    await deps.keep(taken.map(({ job, reading }) => ({ kpi: job.kpi, reading })));
    await commitChanges(deps, states, taken);
    for (const { job, reading } of taken) {
      // What could not be asked yet is asked again at the next turn, not at the next period.
      if (isPassing(reading)) lastReadMs.delete(job.kpi.id);
      else lastReadMs.set(job.kpi.id, deps.clock.monotonic());
      if (isLacking(reading)) lacking.add(job.kpi.id);
      else lacking.delete(job.kpi.id);
      if (job.closeMs !== undefined) lastCloseMs.set(job.kpi.id, job.closeMs);
      const before = latest.get(job.kpi.id);
      // A close that is read late must not hide what is known of now.
      if (before === undefined || before.atMs <= reading.atMs) latest.set(job.kpi.id, reading);
    }
    return taken
      .filter(({ job }) => job.closeMs === undefined)
      .map(({ job, reading }) => ({ kpi: job.kpi, reading }));
  };

  return {
    latest: () => latest,
    tick: () => {
      const now = { wallMs: deps.clock.now(), monotonicMs: deps.clock.monotonic() };
      return take(dueKpis(deps.applied().plan, { lastReadMs, lastCloseMs, lacking }, now));
    },
    onEvent: (event) => {
      const { plan } = deps.applied();
      for (const kpi of plan.kpis) if (kpi.frequency === event) lastReadMs.delete(kpi.id);
      const now = { wallMs: deps.clock.now(), monotonicMs: deps.clock.monotonic() };
      const due = dueKpis(plan, { lastReadMs, lastCloseMs, lacking }, now);
      return take(due.filter(({ kpi }) => kpi.frequency === event));
    },
  };
};

const LACKS: ReadonlySet<Reading["why"]> = new Set(["no_data", "insufficient", "query_failed"]);
const isLacking = (reading: Reading): boolean => LACKS.has(reading.why);

const isPassing = (reading: Reading): boolean => reading.why === "refilling";

/** One round trip for all questions; a KPI without a question keeps its own reason. */
const observe = async (ask: Ask, jobs: readonly Job[]): Promise<readonly Observation[]> => {
  const asked = jobs.map(({ measure, atMs }) => questionOf(measure, atMs));
  const answers = await ask(asked.flatMap((one) => ("ask" in one ? [one.ask] : [])));
  let next = 0;
  return asked.map((one) => {
    if ("missing" in one) return one.missing;
    return answers[next++] ?? { kind: "missing", why: "query_failed" };
  });
};

const commitChanges = async (
  deps: KpiFlowDeps,
  states: Map<string, KpiState>,
  taken: readonly { readonly job: Job; readonly reading: Reading }[],
): Promise<void> => {
  const changed = new Map<string, KpiState>();
  for (const { job, reading } of taken) {
    const before = changed.get(job.kpi.id) ?? states.get(job.kpi.id);
    const same = before?.verdict === reading.verdict && before.why === reading.why;
    if (same && job.closeMs === undefined) continue;
    changed.set(job.kpi.id, {
      kpi: job.kpi.id,
      verdict: reading.verdict,
      why: reading.why,
      sinceMs: same ? before.sinceMs : reading.atMs,
      lastCloseMs: job.closeMs ?? before?.lastCloseMs,
    });
  }
  if (changed.size === 0) return;
  const rows = [...changed.values()];
  await deps.db.tx(async (tx) => {
    if (await deps.fence(tx)) await saveStates(tx, rows, deps.applied().version);
  });
  for (const row of rows) states.set(row.kpi, row);
};
