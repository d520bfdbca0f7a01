/**
 * One service with its places: what runs is brought to what is to run, and a change that fails is
 * undone.
 *
 * Errors: none; a disk that fails is said to `onFault`.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { ControlEvent } from "../control/messages.ts";
import type { CpuBound } from "./adapters/cpu-bound.ts";
import {
  firstDesired,
  instanceIdOf,
  reconciled,
  MEBIBYTE,
  type Decision,
  type ServiceDesired,
  type ServiceSettings,
  type Spec,
} from "./desired.ts";
import { hasProcess } from "./instance.ts";
import type { OrderBook } from "./order-book.flow.ts";
import { openPlace, type Place, type PlaceDeps } from "./place.flow.ts";
import { nextMoves, type Move, type Place as PlaceView, type PoolWanted } from "./rollout.ts";

export type ServiceDeps = Pick<PlaceDeps, "dice" | "policy" | "spawn" | "probe"> & {
  readonly clock: Clock;
  readonly book: OrderBook;
  readonly cpu: CpuBound;
  readonly emit: (event: Omit<ControlEvent, "seq" | "atMs">) => void;
  readonly onFault: (what: string, fault: unknown) => void;
  readonly onEnd: (place: Place, pid: number | undefined) => void;
  readonly onListening: (place: Place, url: string) => void;
  readonly onReady: (place: Place) => void;
  /** Something is different: the service is to be looked at. */
  readonly onChange: (service: Service) => void;
};

export type Service = {
  readonly settings: ServiceSettings;
  desired: ServiceDesired;
  readonly places: Map<string, Place>;
  /** Opened beyond the replicas. */
  readonly spares: Set<string>;
  /** Regions that a rehearsal holds down. */
  readonly held: Set<string>;
  /** Instances that a rehearsal runs a bad version of. */
  spoilt: ReadonlySet<string>;
};

export const BAD_SUFFIX = "-bad";
const MAX_WHY = 500;

export const serviceOf = (book: OrderBook, settings: ServiceSettings): Service => {
  const kept = book.desired(settings.id);
  return {
    settings,
    desired: kept === undefined ? firstDesired(settings) : reconciled(settings, kept),
    places: new Map(),
    spares: new Set(),
    held: new Set(),
    spoilt: new Set(),
  };
};

export const moveService = (deps: ServiceDeps, service: Service): void => {
  for (const move of nextMoves(poolsOf(service), viewsOf(service))) {
    carryOut(deps, service, move);
  }
};

/** What an order does with one instance. */
export const act = (
  service: Service,
  { kind, instance }: Exclude<Decision["act"], { kind: "none" }>,
  why: string,
): void => {
  const place = service.places.get(instance);
  if (place === undefined || service.held.has(place.region)) return;
  if (!hasProcess(place.life())) place.assign(startedWith(service, instance));
  place.send(kind === "release" ? { kind } : { kind, why });
};

const carryOut = (deps: ServiceDeps, service: Service, move: Move): void => {
  switch (move.kind) {
    case "open":
      return open(deps, service, move);
    case "start": {
      const place = service.places.get(move.id);
      if (place === undefined) return;
      if (!hasProcess(place.life())) place.assign(startedWith(service, move.id));
      return place.send({ kind: "start" });
    }
    case "close":
      return service.places.get(move.id)?.send({ kind: "stop", why: "no longer wanted" });
    case "forget":
      service.places.get(move.id)?.close();
      service.places.delete(move.id);
      service.spares.delete(move.id);
      return deps.onChange(service);
    case "replace": {
      const place = service.places.get(move.id);
      if (place === undefined) return;
      const why = replacedFor(service, place);
      place.assign(wantedOf(service, move.id));
      return place.send({ kind: "restart", why });
    }
    case "settled":
      return settle(deps, service);
  }
};

const open = (
  deps: ServiceDeps,
  service: Service,
  { region, nth, isSpare }: Extract<Move, { kind: "open" }>,
): void => {
  const { id: name } = service.settings;
  const id = instanceIdOf(name, region, nth);
  const spec = isSpare ? service.desired.spec : startedWith(service, id);
  const place = openPlace(placeDeps(deps, service), { id, service: name, region, nth }, spec);
  service.places.set(id, place);
  if (isSpare) service.spares.add(id);
  if (isParked(service, place)) deps.onChange(service);
  else place.send({ kind: "start" });
};

const placeDeps = (deps: ServiceDeps, service: Service): PlaceDeps => ({
  clock: deps.clock,
  dice: deps.dice,
  policy: deps.policy,
  probe: deps.probe,
  say: ({ id, region }, { event, why, evidence }) =>
    deps.emit({
      ...{ kind: event, service: service.settings.id, instance: id, region, why },
      evidence: { ...evidence },
    }),
  onChange: () => deps.onChange(service),
  onFailedStart: (place, why) => undoRoll(deps, service, place, why),
  onListening: deps.onListening,
  onReady: deps.onReady,
  onEnd: (place, pid) => {
    deps.cpu.release(place.id);
    deps.onEnd(place, pid);
  },
  spawn: (at, spec) => {
    const started = deps.spawn(at, spec);
    if (started.pid !== undefined) deps.cpu.bind(at.id, started.pid, spec.cpuCores);
    return started;
  },
});

// ── a change that goes through the places ───────────────────────────────────────────────────────

const settle = (deps: ServiceDeps, service: Service): void => {
  const { desired, settings } = service;
  if (desired.rollingFrom === null) return;
  keepOwn(deps, service, { ...desired, rollingFrom: null });
  const why = `every instance of ${settings.id} runs version ${desired.spec.version}`;
  deps.emit({ ...ofService(service), kind: "rolled_out", why, evidence: {} });
  deps.onChange(service);
};

const undoRoll = (deps: ServiceDeps, service: Service, place: Place, reason: string): void => {
  const { desired } = service;
  if (desired.rollingFrom === null || !isSame(place.assigned(), desired.spec)) return;
  const { spec, previousVersion } = desired.rollingFrom;
  keepOwn(deps, service, { ...desired, spec, previousVersion, rollingFrom: null });
  const why = `${place.id} did not get ready with ${desired.spec.version}: ${reason}`;
  deps.emit({
    ...{ ...ofService(service), kind: "rolled_back", why: why.slice(0, MAX_WHY), evidence: {} },
  });
  deps.onChange(service);
};

const keepOwn = (deps: ServiceDeps, service: Service, desired: ServiceDesired): void => {
  service.desired = desired;
  const kept = { epoch: deps.book.epoch(), desired: { service: service.settings.id, is: desired } };
  // It stands in memory; a restarted supervisor finds out once more.
  deps.book.keep(kept).catch((fault: unknown) => deps.onFault("the order book", fault));
};

export const ofService = ({ settings }: Service) => ({
  service: settings.id,
  instance: null,
  region: null,
});

// ── what a place is to run ──────────────────────────────────────────────────────────────────────

const wantedOf = ({ desired, spoilt }: Service, instance: string): Spec =>
  spoilt.has(instance)
    ? { ...desired.spec, version: `${desired.spec.version}${BAD_SUFFIX}` }
    : desired.spec;

/** In the middle of a change a place begins with what is known to work, and is replaced in turn. */
const startedWith = (service: Service, instance: string): Spec =>
  service.desired.rollingFrom?.spec ?? wantedOf(service, instance);

const isSame = (a: Spec, b: Spec): boolean =>
  a.version === b.version && a.cpuCores === b.cpuCores && a.memoryBytes === b.memoryBytes;

const isParked = ({ desired, held }: Service, { id, region }: Place): boolean =>
  held.has(region) || desired.drained.includes(id);

const replacedFor = (service: Service, place: Place): string => {
  const { phase, why } = place.life();
  if (phase.name === "unhealthy" && phase.isOver && why !== null) return why;
  const { version, memoryBytes } = wantedOf(service, place.id);
  return `to run version ${version} within ${Math.round(memoryBytes / MEBIBYTE)} MiB`;
};

const poolsOf = ({ settings, desired }: Service): readonly PoolWanted[] =>
  settings.pools.map(({ region, replicas, max }) => ({
    region,
    replicas: desired.replicas[region] ?? replicas,
    max,
  }));

const viewsOf = (service: Service): readonly PlaceView[] => {
  const replicasIn = new Map(poolsOf(service).map(({ region, replicas }) => [region, replicas]));
  return [...service.places.values()].map((place) => {
    const { phase } = place.life();
    return {
      id: place.id,
      region: place.region,
      nth: place.nth,
      phase: phase.name,
      isCurrent: isSame(place.assigned(), wantedOf(service, place.id)),
      isOver: phase.name === "unhealthy" && phase.isOver,
      isSpare: service.spares.has(place.id) && place.nth > (replicasIn.get(place.region) ?? 0),
      isParked: isParked(service, place),
    };
  });
};
