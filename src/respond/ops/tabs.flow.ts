/**
 * The infrastructure and application tabs, asked of the telemetry engine.
 *
 * Shape:  a tab is read once per `KEPT_MS`, however many look at it; nobody looks, nothing is read.
 * Errors: none; where the engine does not answer, `why` says so and the tables are empty.
 */
import type { Application } from "../../contract/application.ts";
import type { Infrastructure } from "../../contract/infrastructure.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Result } from "../../kernel/result.ts";
import type { AppliedPlan } from "../../launch/plan/applied.ts";
import type { Answer, Signals } from "../../watch/signal/signals.ts";
import { applicationTables } from "./application.ts";
import {
  infrastructureTables,
  TREND_MS,
  TREND_STEP_MS,
  type TrendSeries,
} from "./infrastructure.ts";
import { limitsOf } from "./ops.flow.ts";
import type { Answers, Sample } from "./rows.ts";
import { APPLICATION, INFRASTRUCTURE, TRENDS } from "./tab-queries.ts";

const KEPT_MS = 2_000;

export type TabDeps = {
  readonly clock: Clock;
  readonly applied: () => AppliedPlan;
  readonly signals: Pick<Signals, "queryMany" | "queryRange">;
};

export type Tabs = {
  readonly infrastructure: () => Promise<Infrastructure>;
  readonly application: () => Promise<Application>;
};

export const openTabs = (deps: TabDeps): Tabs => ({
  infrastructure: keptFor(deps.clock, () => readInfrastructure(deps)),
  application: keptFor(deps.clock, () => readApplication(deps)),
});

const keptFor = <T>(clock: Clock, read: () => Promise<T>): (() => Promise<T>) => {
  let kept: { readonly atMs: number; readonly answer: Promise<T> } | undefined;
  return () => {
    const nowMs = clock.monotonic();
    if (kept === undefined || nowMs - kept.atMs >= KEPT_MS) kept = { atMs: nowMs, answer: read() };
    return kept.answer;
  };
};

const readInfrastructure = async (deps: TabDeps): Promise<Infrastructure> => {
  const atMs = deps.clock.now();
  const endMs = Math.floor(atMs / TREND_STEP_MS) * TREND_STEP_MS;
  const startMs = endMs - TREND_MS;
  const [{ answers, fault }, cpu, memory] = await Promise.all([
    askMany(deps, INFRASTRUCTURE, atMs),
    askTrend(deps, TRENDS.cpu, startMs, endMs),
    askTrend(deps, TRENDS.memory, startMs, endMs),
  ]);
  const tables = infrastructureTables(answers, { cpu, memory }, startMs);
  const why = fault ?? (tables.hosts.length === 0 ? "no_data" : null);
  return { at: new Date(atMs).toISOString(), ...tables, why };
};

const readApplication = async (deps: TabDeps): Promise<Application> => {
  const atMs = deps.clock.now();
  const { answers, fault } = await askMany(deps, APPLICATION, atMs);
  const tables = applicationTables(answers, limitsOf(deps.applied()));
  const isEmpty = tables.apis.length === 0 && !tables.hasSpans;
  return {
    at: new Date(atMs).toISOString(),
    ...tables,
    why: fault ?? (isEmpty ? "no_data" : null),
  };
};

type Asked<Q extends string> = {
  readonly answers: Answers<Q>;
  readonly fault: "refilling" | "query_failed" | null;
};

const askMany = async <Q extends string>(
  { signals }: TabDeps,
  questions: Readonly<Record<Q, string>>,
  timeMs: number,
): Promise<Asked<Q>> => {
  const named = Object.entries(questions) as [Q, string][];
  const results = await signals.queryMany(named.map(([, expr]) => ({ expr, timeMs })));
  const answers = Object.fromEntries(named.map(([name], i) => [name, samplesOf(results[i])]));
  const failed = results.find((one) => !one.ok);
  const fault =
    failed === undefined
      ? null
      : failed.error.code === "unavailable"
        ? "refilling"
        : "query_failed";
  return { answers: answers as Answers<Q>, fault };
};

const samplesOf = (answer: Result<Answer> | undefined): readonly Sample[] =>
  answer?.ok === true && answer.value.value.type === "vector" ? answer.value.value.samples : [];

const askTrend = async (
  { signals }: TabDeps,
  expr: string,
  startMs: number,
  endMs: number,
): Promise<readonly TrendSeries[]> => {
  const answer = await signals.queryRange({ expr, startMs, endMs, stepMs: TREND_STEP_MS });
  return answer.ok && answer.value.value.type === "matrix" ? answer.value.value.series : [];
};
