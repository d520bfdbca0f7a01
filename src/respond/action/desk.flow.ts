/**
 * What the orchestration has before it: the actions that are open or recent, the platform as it was
 * seen last, what services measure, and what holds automation back.
 *
 * Shape:  `openDesk` brings it back from PostgreSQL; `look` refreshes what is seen. What could not
 *         be seen stays as old as it is, and the guards hold on old sight.
 * Units:  ms since the epoch.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../io/log/json-log.ts";
import type { Db, Tx } from "../../io/postgres/db.ts";
import type { AppliedPlan } from "../../launch/plan/applied.ts";
import type { record } from "../../ledger/record.store.ts";
import type { Alerts } from "../alert/alert.flow.ts";
import {
  regionLooks,
  serviceLooks,
  type RuleLook,
  type ServiceSignals,
} from "../alert/service-rules.ts";
import {
  autonomyRows,
  loadFreezes,
  loadSwitch,
  recentRuns,
  type AutonomyRow,
  type RunRow,
  type SwitchRow,
} from "./action.store.ts";
import { isOver } from "./action.ts";
import { newCapacityBook, type CapacityBook } from "./capacity.ts";
import { regionStates } from "./failover.ts";
import type { Forecast } from "./forecast.ts";
import type { Past, Refused } from "./guardrail.ts";
import type { Actuator, Change, Observed } from "./port.ts";
import { newRunner, type Runner, type Seen } from "./run.flow.ts";
import type { Run } from "./run.ts";
import { totalOf, type Traffic } from "./traffic.ts";

export type ActionFlowDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Pick<Log, "warn">;
  readonly applied: () => AppliedPlan;
  readonly record: typeof record;
  readonly fence: (tx: Tx) => Promise<boolean>;
  readonly epoch: number;
  readonly actuators: readonly Actuator[];
  readonly traffic: () => Traffic;
  /** What the services' own signals say, by service. */
  readonly telemetry: () => Promise<ReadonlyMap<string, ServiceSignals>>;
  readonly promql: (expr: string) => Promise<number | null>;
  readonly alerts: Alerts;
  readonly forecast: Forecast;
  readonly onChange: () => void;
};

/** Why nothing is done about an alert for now. */
export type Held = {
  readonly playbook: string;
  /** A guard's, or that no precondition holds. */
  readonly refused: Omit<Refused, "guard"> & { readonly guard: Refused["guard"] | "precondition" };
  readonly atMs: number;
};

export type Desk = {
  readonly deps: ActionFlowDeps;
  readonly runner: Runner;
  readonly runs: Map<number, RunRow>;
  readonly capacity: CapacityBook;
  readonly autonomy: Map<string, AutonomyRow>;
  readonly freezes: Map<string, number>;
  readonly held: Map<number, Held>;
  /** By service: the version that ran before the present one. */
  readonly versions: Map<string, { readonly now: string; readonly before: string | null }>;
  readonly escalated: Map<string, { readonly run: number }>;
  switch: SwitchRow;
  observed: Observed | null;
  looks: readonly RuleLook[];
  isStorm: boolean;
  /** Actuators that were silent at the last look: said once, not twice a second. */
  readonly silent: Set<string>;
  scaledAtMs: number;
};

/** Guards look ten minutes back, scaling and people an hour. */
const KEPT_MS = 3_900_000;

export const openDesk = async (deps: ActionFlowDeps): Promise<Desk> => {
  const runs = new Map<number, RunRow>();
  for (const row of await recentRuns(deps.db, deps.clock.now() - KEPT_MS)) runs.set(row.id, row);
  const onCommitted = (run: RunRow): void => {
    runs.set(run.id, run);
    deps.onChange();
  };
  const rows = await autonomyRows(deps.db);
  return {
    ...{ deps, runs, runner: newRunner({ ...deps, onCommitted }), capacity: newCapacityBook() },
    autonomy: new Map(rows.map((row) => [row.playbook, row])),
    freezes: new Map(await loadFreezes(deps.db)),
    ...{ held: new Map(), versions: new Map(), escalated: new Map() },
    switch: await loadSwitch(deps.db),
    silent: new Set(),
    ...{ observed: null, looks: [], isStorm: false, scaledAtMs: Number.NEGATIVE_INFINITY },
  };
};

/** Looks at everything once; what does not answer is as it was. */
export const look = async (desk: Desk): Promise<void> => {
  const { deps } = desk;
  await observe(desk);
  const nowMs = deps.clock.now();
  const { plan } = deps.applied();
  const telemetry = await deps.telemetry();
  const signals = new Map(
    plan.services.map((service) => [
      service.id,
      signalsOf(desk, service.id, telemetry.get(service.id), nowMs),
    ]),
  );
  desk.looks = [
    ...serviceLooks(plan, signals, nowMs),
    ...regionLooks(plan, readyShares(desk), nowMs),
  ];
  await deps.alerts.watch(desk.looks);
  forget(desk, nowMs);
};

const observe = async (desk: Desk): Promise<void> => {
  const { deps } = desk;
  const seen = await Promise.all(
    deps.actuators.map(async (one) => {
      try {
        const found = await one.observe();
        desk.silent.delete(one.name);
        return found;
      } catch (fault) {
        if (!desk.silent.has(one.name)) {
          deps.log.warn("an actuator does not say what it sees", { actuator: one.name, fault });
        }
        desk.silent.add(one.name);
        return undefined;
      }
    }),
  );
  // One that is silent would make its part of the platform look empty: then all of it is old.
  if (seen.length === 0 || seen.includes(undefined)) return;
  const all = seen.flatMap((one) => one ?? []);
  desk.observed = {
    atMs: Math.min(...all.map(({ atMs }) => atMs)),
    pools: all.flatMap(({ pools }) => pools),
    replicas: all.flatMap(({ replicas }) => replicas),
    inForce: all.flatMap(({ inForce }) => inForce),
  };
  rememberVersions(desk, desk.observed);
};

/** What is measured at the door and by the supervisor is nearer than what services say of it. */
const signalsOf = (
  desk: Desk,
  service: string,
  told: ServiceSignals | undefined,
  nowMs: number,
): ServiceSignals => {
  const own = { up: null, cpu: null, memory: null, errorRate: null, latencyP95: null, ...told };
  const isFresh = isSeenWithin(desk, nowMs, FRESH_MS);
  const replicas = isFresh
    ? (desk.observed?.replicas.filter((one) => one.service === service) ?? [])
    : [];
  const ready = replicas.filter(({ state }) => state === "ready");
  const mean = (of: readonly (number | null)[]): number | null => {
    const known = of.flatMap((one) => one ?? []);
    return known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0) / known.length;
  };
  const traffic = totalOf(desk.deps.traffic(), service, nowMs);
  const isServed = traffic !== undefined && traffic.servedPerS > 0;
  // What has never been ready yet is not down: it begins.
  const isBeginning = replicas.every(
    ({ state, restarts }) => state === "starting" && restarts === 0,
  );
  return {
    isThin: isServed && traffic.servedPerS < THIN_PER_S,
    up: replicas.length === 0 ? own.up : ready.length > 0 ? 1 : isBeginning ? null : 0,
    cpu: mean(ready.map(({ cpu }) => cpu)) ?? own.cpu,
    memory: mean(ready.map(({ memory }) => memory)) ?? own.memory,
    errorRate: (isServed ? traffic.errorShare : null) ?? own.errorRate,
    latencyP95: (isServed ? traffic.p95Ms : null) ?? own.latencyP95,
  };
};
const FRESH_MS = 5_000;
/** Fewer than ten requests in ten seconds say nothing of errors and latency. */
const THIN_PER_S = 1;

export const isSeenWithin = ({ observed }: Desk, nowMs: number, ms: number): boolean =>
  observed !== null && nowMs - observed.atMs <= ms;

const readyShares = ({ observed, deps }: Desk): ReadonlyMap<string, number | null> => {
  const regions = (deps.applied().plan.regions ?? []).map(({ id }) => id);
  if (observed === null || deps.clock.now() - observed.atMs > FRESH_MS) return new Map();
  return new Map(
    regionStates(regions, observed.pools, observed.replicas).map(({ region, wanted, ready }) => [
      region,
      wanted === 0 ? null : ready / wanted,
    ]),
  );
};

const rememberVersions = (desk: Desk, { replicas }: Observed): void => {
  for (const service of new Set(replicas.map((one) => one.service))) {
    const versions = new Set(
      replicas.filter((one) => one.service === service).map(({ version }) => version),
    );
    const [now] = versions;
    // In the middle of a change of version both are there: the old one is not "before" yet.
    if (now === undefined || versions.size > 1) continue;
    const known = desk.versions.get(service);
    if (known?.now !== now) desk.versions.set(service, { now, before: known?.now ?? null });
  }
};

const forget = (desk: Desk, nowMs: number): void => {
  const firing = new Set(desk.deps.alerts.firing().map(({ id }) => id));
  for (const run of desk.runs.values()) {
    const isWanted = run.trigger.alert !== null && firing.has(run.trigger.alert);
    if (isOver(run.life) && !isWanted && run.proposedAtMs < nowMs - KEPT_MS) {
      desk.runs.delete(run.id);
    }
  }
  for (const alert of desk.held.keys()) if (!firing.has(alert)) desk.held.delete(alert);
};

/** What a run is watched by. */
export const seenBy = (desk: Desk): Seen => ({
  observed: desk.observed,
  promql: desk.deps.promql,
  ruleSignal: ({ verification }: Run) => {
    if (verification.kind !== "rule") return null;
    const found = desk.looks.find(
      (one) =>
        one.rule === verification.rule &&
        one.service === verification.service &&
        one.region === verification.region,
    );
    if (found === undefined) return null;
    const signal = found.signal === "between" ? "breach" : found.signal;
    return { signal, atMs: found.atMs };
  },
});

export const directionOf = (run: Pick<Run, "steps">): "up" | "down" | null => {
  const [first] = run.steps;
  if (first?.change.kind !== "scale" || first.undo?.kind !== "scale") return null;
  if (first.change.replicas === first.undo.replicas) return null;
  return first.change.replicas > first.undo.replicas ? "up" : "down";
};

const NOTHING: Change = { kind: "shed", level: 0 };

export const pastOf = (desk: Desk): readonly Past[] =>
  [...desk.runs.values()].map((run) => {
    const change = run.steps.at(-1)?.change ?? NOTHING;
    const direction = directionOf(run);
    return {
      ...{ playbook: run.playbook, target: run.target, service: run.service, region: run.region },
      ...{ origin: run.origin, change, direction, instances: "instance" in change ? 1 : 0 },
      ...{ life: run.life, startedAtMs: run.startedAtMs, proposedAtMs: run.proposedAtMs },
    };
  });
