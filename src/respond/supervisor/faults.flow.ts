/**
 * Faults of a rehearsal: brought about, kept in force, lifted.
 *
 * Shape:  only processes that this supervisor started can be hit, through their places. What is in
 *         force is in memory alone: a restarted supervisor starts clean. `stopAll` needs no answer
 *         from anybody: a process that cannot be asked is ended, and comes back without faults.
 * Units:  ms of wall time.
 * Errors: a refusal with a code; what was begun of it is taken back.
 */
import type { Clock } from "../../kernel/clock.ts";
import { err, ok, type Result } from "../../kernel/result.ts";
import { breaking, type Breaking, type Standing } from "./breaking.flow.ts";
import type { FaultDoor } from "./adapters/fault-door.ts";
import {
  outlivesProcess,
  planFault,
  type FaultInForce,
  type FaultPlan,
  type FaultRefusal,
  type FaultRequest,
} from "./fault.ts";
import type { ServiceDeps } from "./service.flow.ts";
import type { Rehearsal, RehearsalWatch } from "./supervisor.flow.ts";

export type Faults = {
  readonly inject: (request: FaultRequest) => Promise<Result<FaultInForce, FaultRefusal>>;
  readonly inForce: () => readonly FaultInForce[];
  /** False: no such fault is in force. */
  readonly lift: (id: string, why: string) => Promise<boolean>;
  readonly stopAll: (why: string) => Promise<readonly string[]>;
  readonly close: () => void;
};

const MAX_IN_FORCE = 100;

type Timed = Standing & { readonly timer: NodeJS.Timeout };

export const openFaults = (deps: {
  readonly clock: Clock;
  readonly rehearsal: Rehearsal;
  readonly door: FaultDoor;
  readonly emit: ServiceDeps["emit"];
}): Faults => {
  const { clock, rehearsal } = deps;
  const standing = new Map<string, Timed>();
  const broken = breaking({ ...deps, standing: () => standing.values() });
  let turn: Promise<unknown> = Promise.resolve();
  /** One at a time: a fault that is being lifted is not injected at the same time. */
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = turn.then(act);
    turn = mine.catch(() => undefined);
    return mine;
  };
  const say = (kind: "fault_began" | "fault_ended", request: FaultRequest, why: string): void => {
    const service = request.service === "*" ? null : request.service;
    deps.emit({
      ...{ kind, service, instance: null, why, evidence: {} },
      region: request.region ?? null,
    });
  };

  const inject = async (request: FaultRequest): Promise<Result<FaultInForce, FaultRefusal>> => {
    const known = standing.get(request.id);
    if (known !== undefined && JSON.stringify(known.request) === JSON.stringify(request)) {
      return ok(shown(known));
    }
    const planned = planAmong([...standing.values()], rehearsal, request);
    return planned.ok ? bringAbout(request, planned.value) : planned;
  };

  const bringAbout = async (
    request: FaultRequest,
    plan: FaultPlan,
  ): Promise<Result<FaultInForce, FaultRefusal>> => {
    const { means, instances, forMs } = plan;
    const sinceMs = clock.now();
    if (!(await broken.begin(request, plan))) {
      const message = "the fault door of an instance did not answer; nothing is in force";
      return refuse("unavailable", message);
    }
    say("fault_began", request, `${request.kind} on ${instances.join(", ")}`);
    const { id } = request;
    const untilMs = sinceMs + (forMs ?? 0);
    const one = { request, means, instances: new Set(instances), sinceMs, untilMs };
    if (forMs === null) return ok({ ...shown(one), untilMs: null });
    const timer = setTimeout(() => void lift(id, "its time is over"), forMs);
    standing.set(id, { ...one, timer });
    return ok(shown(one));
  };

  const end = async (one: Timed, why: string): Promise<void> => {
    const { request, timer } = one;
    clearTimeout(timer);
    standing.delete(request.id);
    await broken.end(one);
    say("fault_ended", request, `${request.kind}: ${why}`);
  };

  const lift = (id: string, why: string): Promise<boolean> =>
    inTurn(async () => {
      const one = standing.get(id);
      if (one !== undefined) await end(one, why);
      return one !== undefined;
    });

  rehearsal.watch(watchOf(broken, standing, (id, why) => void lift(id, why)));

  return {
    inject: (request) => inTurn(() => inject(request)),
    inForce: () => [...standing.values()].map(shown),
    lift,
    stopAll: (why) =>
      inTurn(async () => {
        const all = [...standing.values()];
        await Promise.all(all.map((one) => end(one, why)));
        return all.map(({ request }) => request.id);
      }),
    close: () => {
      for (const { timer } of standing.values()) clearTimeout(timer);
    },
  };
};

const planAmong = (
  standing: readonly Standing[],
  rehearsal: Rehearsal,
  request: FaultRequest,
): Result<FaultPlan, FaultRefusal> => {
  const { id, kind } = request;
  if (standing.some((other) => other.request.id === id)) {
    return refuse("conflict", `id: "${id}" is the id of another fault in force`, "id");
  }
  if (standing.length >= MAX_IN_FORCE) return refuse("conflict", `${MAX_IN_FORCE} are in force`);
  const targets = rehearsal.places().map((place) => {
    const { service, region } = place;
    return { id: place.id, service, region, isUp: place.url() !== null };
  });
  const planned = planFault(rehearsal.settings, targets, request);
  if (!planned.ok) return planned;
  const other = standing.find((one) => isSameDoing(one, request, planned.value));
  if (other === undefined) return planned;
  return refuse(
    "conflict",
    `kind: ${kind} is in force there already, "${other.request.id}"`,
    "kind",
  );
};

const watchOf = (
  broken: Breaking,
  standing: ReadonlyMap<string, Standing>,
  lift: (id: string, why: string) => void,
): RehearsalWatch => ({
  onListening: (place, url) => void broken.surround(place, url),
  onReady: (place) => {
    for (const { request, instances } of standing.values()) {
      if (request.kind === "crash" && instances.has(place.id)) place.signal("SIGKILL");
    }
  },
  onEnd: (place) => {
    for (const one of standing.values()) {
      if (!endsWithProcess(one) || !one.instances.delete(place.id)) continue;
      if (one.instances.size === 0) lift(one.request.id, "its last process ended");
    }
  },
  onVersion: (service) => {
    for (const { means, request } of standing.values()) {
      if (means.by === "version" && request.service === service) {
        lift(request.id, "another version was ordered");
      }
    }
  },
});

const refuse = (code: FaultRefusal["code"], message: string, field?: string) =>
  err({ code, message, ...(field === undefined ? {} : { field }) });

const shown = (one: Standing): FaultInForce => ({
  id: one.request.id,
  kind: one.request.kind,
  service: one.request.service,
  region: one.request.region ?? null,
  share: one.request.share ?? 1,
  instances: [...one.instances],
  sinceMs: one.sinceMs,
  untilMs: one.untilMs,
});

/** Cured by the end of the process: another one knows nothing of it. */
const endsWithProcess = ({ means, request }: Standing): boolean =>
  means.by === "process"
    ? !outlivesProcess(request.kind)
    : means.by === "signal" && means.signal === "SIGSTOP";

/** The same kind twice in one process would be one, and lifting one would lift both. */
const isSameDoing = (other: Standing, request: FaultRequest, plan: FaultPlan): boolean =>
  other.request.kind === request.kind &&
  (plan.instances.some((id) => other.instances.has(id)) ||
    (plan.means.by === "version" && other.request.service === request.service) ||
    (plan.means.by === "region" && other.request.region === request.region));
