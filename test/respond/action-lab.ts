/**
 * A platform in memory behind the actuator's port, and the orchestration on a PostgreSQL of its own
 * with a clock that tests move. Any call can be the last one of the process.
 */
import type { Principal } from "../../src/account/principal.ts";
import type { AppliedPlan } from "../../src/launch/plan/applied.ts";
import { record } from "../../src/ledger/record.store.ts";
import { openActions, type Actions } from "../../src/respond/action/action.flow.ts";
import type { Forecast } from "../../src/respond/action/forecast.ts";
import {
  ActuatorFault,
  type Actuator,
  type Applied,
  type Change,
  type FaultCode,
  type Observed,
  type Replica,
  type Wanted,
} from "../../src/respond/action/port.ts";
import { isOrdinary, targetOf } from "../../src/respond/action/run.ts";
import type { Traffic } from "../../src/respond/action/traffic.ts";
import { openAlerts, type Alerts } from "../../src/respond/alert/alert.flow.ts";
import type { ServiceSignals } from "../../src/respond/alert/service-rules.ts";
import { novaevoText, planOf } from "../plan/small-plan.ts";
import type { TestDb } from "../postgres.ts";

export const T0 = Date.UTC(2026, 10, 25, 9);
export const person = (id: string, role: Principal["role"] = "approver"): Principal => ({
  ...{ id: `account:${id}`, name: id, role, via: "session" },
});

export type World = {
  replicas: Replica[];
  pools: Observed["pools"][number][];
  inForce: Change[];
  signals: Map<string, ServiceSignals>;
  traffic: Traffic;
  /** What a change does beside what it says: the cure, or nothing. */
  onChange: (change: Change) => void;
  /** Every change that was carried out, by its order's id; a repeated order is not one. */
  readonly done: { readonly id: string; readonly change: Change }[];
  readonly asked: string[];
  fault: { readonly code: FaultCode; readonly isDone: boolean } | undefined;
};

const WELL: ServiceSignals = { up: null, cpu: null, memory: null, errorRate: 0, latencyP95: 20 };
export const replica = (id: string, more: Partial<Replica> = {}): Replica => {
  const [service = "", region = ""] = id.split(".");
  return {
    ...{ id, service, region, state: "ready", cpu: 0.3, memory: 0.3, restarts: 0, version: "1" },
    ...more,
  };
};

export const newWorld = (services = ["obd2", "parts-finder"]): World => ({
  replicas: services.flatMap((service) =>
    ["paris", "lyon"].flatMap((at) => [1, 2].map((n) => replica(`${service}.${at}.${n}`))),
  ),
  pools: services.flatMap((service) =>
    ["paris", "lyon"].map((region) => ({ service, region, replicas: 2, min: 1, max: 4 })),
  ),
  ...{ inForce: [], traffic: [], done: [], asked: [], fault: undefined },
  signals: new Map(services.map((id) => [id, WELL])),
  onChange: () => undefined,
});

/** Carries a change out at most once per id, as every actuator must. */
export const actuatorOn = (world: World, now: () => number): Actuator => {
  const answers = new Map<string, Applied>();
  const epochs = { newest: 0 };
  const apply = async ({ id, epoch, change }: Wanted): Promise<Applied> => {
    world.asked.push(id);
    if (epoch < epochs.newest) throw new ActuatorFault("stale_epoch", "a newer hub");
    epochs.newest = epoch;
    const { fault } = world;
    const before = answers.get(id);
    if (fault !== undefined && (before !== undefined || !fault.isDone)) {
      throw new ActuatorFault(fault.code, "no answer");
    }
    if (before !== undefined) return { ...before, isFirst: false };
    const answer: Applied = { isFirst: true, effect: change.kind, undo: undoOf(world, change) };
    carryOut(world, change);
    world.done.push({ id, change });
    answers.set(id, answer);
    if (fault !== undefined) throw new ActuatorFault(fault.code, "no answer");
    return answer;
  };
  return {
    name: "lab",
    can: () => true,
    preview: async (change) => ({ effect: change.kind, undo: undoOf(world, change) }),
    apply,
    observe: async () => ({
      atMs: now(),
      pools: [...world.pools],
      replicas: [...world.replicas],
      inForce: [...world.inForce],
    }),
  };
};

const undoOf = (world: World, change: Change): Change | null => {
  switch (change.kind) {
    case "scale": {
      const pool = world.pools.find(
        (one) => one.service === change.service && one.region === change.region,
      );
      if (pool === undefined) throw new ActuatorFault("unknown_target", "no such pool");
      return { ...change, replicas: pool.replicas };
    }
    case "circuit":
      return { ...change, state: "auto" };
    case "fallback":
      return { ...change, mode: "auto" };
    case "throttle":
      return { ...change, ratePerS: null };
    case "shed":
      return { kind: "shed", level: 0 };
    case "queue":
      return { kind: "queue", maxActive: null, perMinute: null };
    case "premium":
      return { kind: "premium", share: 0 };
    case "route":
      return { ...change, weights: null };
    case "version": {
      const version = world.replicas.find(({ service }) => service === change.service)?.version;
      return version === undefined ? null : { ...change, version };
    }
    case "restart":
    case "drain":
    case "release":
      return null;
  }
};

const carryOut = (world: World, change: Change): void => {
  if (change.kind === "scale") {
    const { service, region, replicas } = change;
    world.pools = world.pools.map((one) =>
      one.service === service && one.region === region ? { ...one, replicas } : one,
    );
    const others = world.replicas.filter((one) => one.service !== service || one.region !== region);
    const own = Array.from({ length: replicas }, (_, i) => `${service}.${region}.${i + 1}`);
    world.replicas = [
      ...others,
      ...own.map((id) => world.replicas.find((one) => one.id === id) ?? replica(id)),
    ];
  } else if (change.kind === "restart") {
    world.replicas = world.replicas.map((one) =>
      one.id === change.instance ? { ...one, state: "ready", restarts: one.restarts + 1 } : one,
    );
  } else if (change.kind === "version") {
    world.replicas = world.replicas.map((one) =>
      one.service === change.service ? { ...one, version: change.version } : one,
    );
  } else {
    const target = targetOf(change);
    world.inForce = world.inForce.filter((one) => targetOf(one) !== target);
    if (!isOrdinary(change)) world.inForce.push(change);
  }
  world.onChange(change);
};

// ── the hub ───────────────────────────────────────────────────────────────────────────────────

export class Killed extends Error {
  override readonly name = "Killed";
}

/** Counts calls; at the given one, before or after its work, the process is gone for good. */
export const newFate = (at = Number.POSITIVE_INFINITY) => {
  let calls = 0;
  let isDead = false;
  const point = (): void => {
    if (isDead || calls === at) {
      isDead = true;
      throw new Killed();
    }
    calls += 1;
  };
  const mortal =
    <A extends readonly unknown[], T>(work: (...given: A) => Promise<T>) =>
    async (...given: A): Promise<T> => {
      point();
      const value = await work(...given);
      point();
      return value;
    };
  return { mortal, isDead: () => isDead, calls: () => calls };
};
export type Fate = ReturnType<typeof newFate>;

export type Hub = { readonly actions: Actions; readonly alerts: Alerts };
export type Time = { now: number };

export const { plan, digest } = planOf(novaevoText);

export const openHub = async (
  db: TestDb,
  world: World,
  time: Time,
  more: {
    readonly epoch?: number;
    readonly fate?: Fate;
    readonly actuator: Actuator;
    readonly forecast?: Forecast;
    readonly applied?: AppliedPlan;
  },
): Promise<Hub> => {
  const { fate = newFate(), actuator } = more;
  const mortalDb: TestDb = { ...db, tx: (work) => fate.mortal(() => db.tx(work))() };
  const clock = { now: () => time.now, monotonic: () => time.now };
  const applied = (): AppliedPlan => more.applied ?? { plan, version: 1, digest, warnings: [] };
  const fence = async (): Promise<boolean> => true;
  const alerts = await openAlerts({ db: mortalDb, clock, applied, record, fence });
  const actions = await openActions({
    ...{ db: mortalDb, clock, applied, record, fence, alerts, epoch: more.epoch ?? 1 },
    log: { warn: () => undefined },
    actuators: [
      {
        ...actuator,
        apply: fate.mortal(actuator.apply),
        preview: fate.mortal(actuator.preview),
        observe: fate.mortal(actuator.observe),
      },
    ],
    traffic: () => world.traffic,
    telemetry: async () => world.signals,
    promql: async () => null,
    forecast: more.forecast ?? (() => "unknown"),
    onChange: () => undefined,
  });
  return { actions, alerts };
};

/** Turns of one second each. */
export const pass = async (hub: Hub, time: Time, seconds: number): Promise<void> => {
  for (let second = 0; second < seconds; second += 1) {
    time.now += 1_000;
    await hub.actions.turn();
  }
};

export const hurt = (world: World, service: string, signals: Partial<ServiceSignals>): void => {
  world.signals.set(service, { ...(world.signals.get(service) ?? WELL), ...signals });
};

export const runsOf = ({ actions }: Hub) =>
  [...actions.desk.runs.values()].map(({ id, playbook, target, origin, life }) => ({
    ...{ id, playbook, target, origin, state: life.state },
  }));
