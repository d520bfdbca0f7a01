/**
 * HAProxy as an actuator: servers drained and taken out, weights, limits, shedding, priority.
 *
 * Shape:  look, refuse an older hub and a known order, remember, send, remember that it is done.
 *         Orders go one after the other. `reconcile` makes a backend's servers those of a list,
 *         also after a reload, which forgets servers that were added and states that were set.
 * Units:  ms since the epoch.
 * Errors: ActuatorFault. HAProxy writes nothing under a condition: between the last look at the
 *         epoch and the command lies one exchange over the socket, in which a newer hub's order can
 *         be overtaken; the hub's lease is what keeps two from acting at once.
 */
import { ActuatorFault, type Actuator, type Change, type Observed, type Wanted } from "../port.ts";
import {
  backendOf,
  planOf,
  regionOf,
  type Able,
  type Plan,
  type Present,
} from "./haproxy-changes.ts";
import type { HaproxyConfig } from "./haproxy-config.ts";
import {
  epochKey,
  fence,
  forgettable,
  inForce,
  lastOrders,
  oldEpochKeys,
  orderEntry,
  readMemory,
  type Memory,
  type Order,
} from "./haproxy-memory.ts";
import { reconcileServers, type Instance, type Reconciled } from "./haproxy-reconcile.ts";
import { openRuntime, type Runtime, type Server } from "./haproxy-socket.ts";

const ID = /^[A-Za-z0-9:._-]{1,96}$/;
const ABLE: ReadonlySet<string> = new Set([
  ...["drain", "release", "circuit", "route", "throttle", "shed", "premium", "queue"],
]);

type Deps = {
  readonly config: HaproxyConfig;
  readonly now: () => number;
  readonly sleep: (delayMs: number) => Promise<unknown>;
  /** Replaces a file whole and durably: a reload reads it. */
  readonly writeFile: (path: string, text: string) => Promise<void>;
};
type Wired = Deps & { readonly runtime: Runtime };
export type HaproxyActuator = Actuator & {
  readonly reconcile: (asked: {
    readonly epoch: number;
    readonly service: string;
    readonly instances: readonly Instance[];
  }) => Promise<Reconciled>;
  /** Brings back what orders with an end had changed, once it is past; says what. */
  readonly expire: (nowMs: number) => Promise<readonly string[]>;
};

export const haproxyActuator = (deps: Deps): HaproxyActuator => {
  const wired = { ...deps, runtime: openRuntime(deps.config) };
  const oneByOne = queueOf();
  return {
    name: "haproxy",
    can: isAble,
    preview: async (change) => {
      const { effect, undo } = planOf(deps.config, await look(wired), able(change));
      return { effect, undo };
    },
    apply: (wanted) => oneByOne(() => apply(wired, wanted)),
    observe: () => observe(wired),
    reconcile: (asked) =>
      oneByOne(async () => {
        const backend = backendOf(deps.config, asked.service);
        await claimEpoch(wired, asked.epoch);
        const done = await reconcileServers(wired, backend, asked.instances);
        await restore(wired);
        return done;
      }),
    expire: (nowMs) => oneByOne(() => expire(wired, nowMs)),
  };
};

const isAble = (change: Change): change is Able => ABLE.has(change.kind);

const able = (change: Change): Able => {
  if (isAble(change)) return change;
  throw new ActuatorFault("out_of_bounds", `haproxy: cannot carry out ${change.kind}`);
};

const queueOf = () => {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
};

// ── look ────────────────────────────────────────────────────────────────────────────────────────

const look = async ({ runtime, config }: Wired): Promise<Present> => {
  const servers = new Map<string, readonly Server[]>();
  for (const backend of Object.values(config.backends))
    servers.set(backend, await runtime.servers(backend));
  const { memory, features, limits, premium } = config.maps;
  return {
    servers,
    memory: readMemory(await runtime.showMap(memory)),
    maps: {
      features: await runtime.showMap(features),
      limits: await runtime.showMap(limits),
      premium: await runtime.showMap(premium),
    },
    maxconn: await runtime.frontendMaxconn(config.frontend),
  };
};

const observe = async (wired: Wired): Promise<Observed> => {
  const { servers, memory } = await look(wired);
  const replicas: Observed["replicas"][number][] = [];
  const counts = new Map<string, Observed["pools"][number]>();
  for (const [service, backend] of Object.entries(wired.config.backends))
    for (const server of servers.get(backend) ?? []) {
      const region = regionOf(server.name);
      const key = `${service}/${region}`;
      const count = (counts.get(key)?.replicas ?? 0) + 1;
      const size = { replicas: count, min: 0, max: count };
      counts.set(key, { service, region, ...size });
      const id = server.name;
      // HAProxy knows neither what runs there nor what it costs.
      const unknown = { cpu: null, memory: null, restarts: 0, version: "unknown" };
      replicas.push({ id, service, region, state: stateOf(server), ...unknown });
    }
  const pools = [...counts.values()];
  const changes = inForce(memory).map(({ change }) => change);
  return { atMs: wired.now(), pools, replicas, inForce: changes };
};

const stateOf = ({ mode, isUp }: Server): "ready" | "draining" | "stopped" | "unhealthy" => {
  if (mode !== "ready") return mode === "drain" ? "draining" : "stopped";
  return isUp ? "ready" : "unhealthy";
};

// ── change ──────────────────────────────────────────────────────────────────────────────────────

const apply = async (wired: Wired, { id, epoch, change, untilMs }: Wanted) => {
  if (!ID.test(id)) throw new ActuatorFault("out_of_bounds", `haproxy: id: ${JSON.stringify(id)}`);
  const wish = able(change);
  const present = await look(wired);
  fence(present.memory, epoch);
  const known = present.memory.orders.find((order) => order.id === id);
  if (known !== undefined && isOver(known, present.memory)) return again(known);

  const plan = planOf(wired.config, present, wish);
  await claimEpoch(wired, epoch);
  // Begun before and not ended: its way back leads to what was there then.
  const { effect, undo } = known ?? plan;
  const nth = known?.nth ?? 1 + Math.max(0, ...present.memory.orders.map((one) => one.nth));
  const order: Order = {
    ...{ id, nth, change, undo, effect, untilMs },
    slot: plan.slot,
    isDone: false,
  };
  fence(await remember(wired, order), epoch);
  await send(wired, plan);
  await forget(wired, await remember(wired, { ...order, isDone: true }));
  return { isFirst: true, effect, undo };
};

const again = ({ effect, undo }: Order) => ({ isFirst: false, effect, undo });

/** Done, or begun and overtaken by a later order for the same: that one stays. */
const isOver = (order: Order, memory: Memory): boolean =>
  order.isDone || !lastOrders(memory).includes(order);

const claimEpoch = async ({ runtime, config }: Wired, epoch: number): Promise<void> => {
  const map = config.maps.memory;
  const before = readMemory(await runtime.showMap(map));
  fence(before, epoch);
  if (before.epoch < epoch) await runtime.setMap(map, epochKey(epoch), "1");
  const entries = await runtime.showMap(map);
  fence(readMemory(entries), epoch);
  for (const key of oldEpochKeys(entries, epoch)) await runtime.deleteFromMap(map, key);
};

const remember = async (wired: Wired, order: Order): Promise<Memory> => {
  const { memory } = wired.config.maps;
  const [key, value] = orderEntry(order);
  await wired.runtime.setMap(memory, key, value);
  return readMemory(await keep(wired, memory));
};

const forget = async (wired: Wired, memory: Memory): Promise<void> => {
  const keys = forgettable(memory);
  for (const key of keys) await wired.runtime.deleteFromMap(wired.config.maps.memory, key);
  if (keys.length > 0) await keep(wired, wired.config.maps.memory);
};

const send = async (wired: Wired, { commands, map }: Plan): Promise<void> => {
  for (const command of commands) await wired.runtime.tell(command);
  if (map === undefined) return;
  const file = wired.config.maps[map.name];
  if (map.value === null) await wired.runtime.deleteFromMap(file, map.key);
  else await wired.runtime.setMap(file, map.key, map.value);
  await keep(wired, file);
};

/** The file becomes what HAProxy has, and so does HAProxy after a reload. */
const keep = async (
  { runtime, writeFile }: Wired,
  file: string,
): Promise<ReadonlyMap<string, string>> => {
  const entries = await runtime.showMap(file);
  const lines = [...entries].map(([key, value]) => `${key} ${value}\n`);
  try {
    await writeFile(file, lines.join(""));
  } catch (fault) {
    const said = `haproxy: ${file}: ${fault instanceof Error ? fault.message : String(fault)}`;
    throw new ActuatorFault("unavailable", said, { cause: fault });
  }
  return entries;
};

// ── restore and expire ──────────────────────────────────────────────────────────────────────────

/** Sends again what is in force: a reload forgets states, weights and the frontend's limit. */
const restore = async (wired: Wired): Promise<void> => {
  for (const { change } of inForce((await look(wired)).memory)) {
    try {
      await send(wired, planOf(wired.config, await look(wired), able(change)));
    } catch (fault) {
      // A server that has gone takes its state with it.
      if (!(fault instanceof ActuatorFault && fault.code === "unknown_target")) throw fault;
    }
  }
};

const expire = async (wired: Wired, nowMs: number): Promise<readonly string[]> => {
  const { memory } = await look(wired);
  const over = inForce(memory).filter(({ untilMs }) => untilMs !== null && untilMs <= nowMs);
  const effects: string[] = [];
  for (const { nth, undo } of over) {
    if (undo === null) continue;
    const id = `end:${nth}`;
    const { epoch } = memory;
    const { effect } = await apply(wired, { id, epoch, change: undo, untilMs: null });
    effects.push(effect);
  }
  return effects;
};
