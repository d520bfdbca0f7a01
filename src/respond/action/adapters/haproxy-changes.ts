/**
 * What one change is in HAProxy: the commands, what they do, and the way back from what is there.
 *
 * Shape:  every command sets something to a value, so that sending it twice does no harm. `slot` is
 *         the field that is changed. Maps are given with the value that they shall have.
 * Units:  requests per second; connections; ms; weights 0 to 100.
 * Errors: out_of_bounds for what HAProxy cannot do, with the reason; unknown_target.
 */
import { ActuatorFault, type Change } from "../port.ts";
import type { HaproxyConfig } from "./haproxy-config.ts";
import { inForce, type Memory } from "./haproxy-memory.ts";
import type { Server } from "./haproxy-socket.ts";

export const LEVEL_KEY = "level";
export const PREMIUM_KEY = "ms";
const MAX_WEIGHT = 100;
const MAX_LEVEL = 3;
const MAX_CONNECTIONS = 1_000_000;
const MAX_RATE = 1_000_000;
const MAX_SHARE = 0.9;

export type Able = Extract<
  Change,
  {
    kind: "drain" | "release" | "circuit" | "route" | "throttle" | "shed" | "premium" | "queue";
  }
>;
export type MapName = Exclude<keyof HaproxyConfig["maps"], "memory">;
/** What HAProxy has now. */
export type Present = {
  readonly memory: Memory;
  readonly servers: ReadonlyMap<string, readonly Server[]>;
  readonly maps: Readonly<Record<MapName, ReadonlyMap<string, string>>>;
  readonly maxconn: number;
};
export type Plan = {
  readonly slot: string;
  readonly effect: string;
  readonly undo: Change;
  readonly commands: readonly string[];
  /** null: the key goes. */
  readonly map?: { readonly name: MapName; readonly key: string; readonly value: string | null };
};

export const planOf = (config: HaproxyConfig, present: Present, change: Able): Plan => {
  switch (change.kind) {
    case "drain":
    case "release":
      return turn(config, present, change);
    case "circuit":
      return change.instance === null
        ? circuitOfAll(config, present, change)
        : turn(config, present, { ...change, instance: change.instance });
    case "route":
      return route(config, present, change);
    case "throttle":
      return throttle(config, present, change);
    case "shed":
      return shed(present, change);
    case "premium":
      return premium(config, present, change);
    case "queue":
      return queue(config, present, change);
  }
};

export const backendOf = (config: HaproxyConfig, service: string): string => {
  const backend = config.backends[service];
  if (backend !== undefined) return backend;
  throw new ActuatorFault("unknown_target", `haproxy: no backend is configured for ${service}`);
};

// ── servers ─────────────────────────────────────────────────────────────────────────────────────

type Circuit = Extract<Able, { kind: "circuit" }>;
type Turn =
  | Extract<Able, { kind: "drain" | "release" }>
  | (Circuit & { readonly instance: string });
const ADMIN = { ready: "in service", drain: "drained", maint: "out of service" } as const;

const turn = (config: HaproxyConfig, { servers }: Present, change: Turn): Plan => {
  const { service, instance } = change;
  const backend = backendOf(config, service);
  const server = servers.get(backend)?.find(({ name }) => name === instance);
  if (server === undefined)
    throw new ActuatorFault("unknown_target", `haproxy: ${backend} has no server ${instance}`);
  const was = isForced(server) ? "forced into service" : ADMIN[server.mode];
  return {
    slot: `state:${backend}/${instance}`,
    effect: `server ${backend}/${instance}: ${was} → ${wordOf(change)}`,
    undo: turnTo(server, change),
    commands: commandsOf(backend, server, change),
  };
};

const wordOf = (change: Turn | Circuit): string => {
  if (change.kind === "drain") return ADMIN.drain;
  if (change.kind === "release" || change.state === "auto") return ADMIN.ready;
  return change.state === "open" ? ADMIN.maint : "forced into service";
};

/** The change that makes it what it is now. */
const turnTo = (server: Server, { kind, service, instance }: Turn): Change => {
  if (server.mode === "drain") return { kind: "drain", service, instance };
  if (server.mode === "maint") return { kind: "circuit", service, instance, state: "open" };
  if (isForced(server)) return { kind: "circuit", service, instance, state: "closed" };
  if (kind === "circuit") return { kind: "circuit", service, instance, state: "auto" };
  return { kind: "release", service, instance };
};

const isForced = ({ mode, hasCheck, isChecked }: Server): boolean =>
  mode === "ready" && hasCheck && !isChecked;

const commandsOf = (backend: string, server: Server, change: Turn | Circuit): readonly string[] => {
  const it = `${backend}/${server.name}`;
  if (change.kind === "drain") return [`set server ${it} state drain`];
  if (change.kind === "circuit" && change.state === "open") return [`set server ${it} state maint`];
  const ready = `set server ${it} state ready`;
  if (!server.hasCheck) return [ready];
  if (change.kind === "release" || change.state === "auto") return [`enable health ${it}`, ready];
  return [ready, `disable health ${it}`, `set server ${it} health up`];
};

/** Drained servers stay drained, and who was taken out alone stays out. */
const circuitOfAll = (config: HaproxyConfig, present: Present, change: Circuit): Plan => {
  const { service } = change;
  const backend = backendOf(config, service);
  const slot = `state:${backend}/*`;
  const orders = inForce(present.memory);
  const alone = new Set(orders.map((one) => one.slot));
  const servers = (present.servers.get(backend) ?? []).filter(
    ({ name, mode }) => mode !== "drain" && !alone.has(`state:${backend}/${name}`),
  );
  const before = orders.find((one) => one.slot === slot)?.change;
  const said = `${servers.length} servers of ${backend}`;
  return {
    slot,
    effect: `${said}: ${wordOf(change)}`,
    undo: before ?? { kind: "circuit", service, instance: null, state: "auto" },
    commands: servers.flatMap((server) => commandsOf(backend, server, change)),
  };
};

type Route = Extract<Able, { kind: "route" }>;

const route = (config: HaproxyConfig, present: Present, change: Route): Plan => {
  const { service, weights } = change;
  const backends = service === null ? Object.values(config.backends) : [backendOf(config, service)];
  const commands = backends.flatMap((backend) => {
    const servers = present.servers.get(backend) ?? [];
    const given = weights === null ? null : serverWeights(servers, weights, backend);
    return servers.map(({ name }) => {
      const weight = given === null ? "100%" : String(given.get(name) ?? 0);
      return `set weight ${backend}/${name} ${weight}`;
    });
  });
  const slot = `route:${service ?? "*"}`;
  const before = inForce(present.memory).find((one) => one.slot === slot)?.change;
  const all = backends.flatMap((backend) => present.servers.get(backend) ?? []);
  return {
    slot,
    effect: `${service ?? "every service"}: ${weightWords(weights)}`,
    undo: before ?? { kind: "route", service, weights: presentWeights(all) },
    commands,
  };
};

const weightWords = (weights: Route["weights"]): string =>
  weights === null
    ? "servers at their own weights"
    : `regions at ${Object.entries(weights)
        .map(([region, weight]) => `${region} ${weight}`)
        .join(", ")}`;

/** A region's weight is shared by its servers; the heaviest server has 100, none rounds to 0. */
export const serverWeights = (
  servers: readonly Pick<Server, "name">[],
  weights: Readonly<Record<string, number>>,
  backend: string,
): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const { name } of servers) counts.set(regionOf(name), (counts.get(regionOf(name)) ?? 0) + 1);
  const each = servers.map(({ name }) => {
    const region = regionOf(name);
    return [name, (weights[region] ?? 0) / (counts.get(region) ?? 1)] as const;
  });
  const top = Math.max(0, ...each.map(([, weight]) => weight));
  const isSound = Object.values(weights).every((one) => one >= 0 && one <= MAX_WEIGHT);
  if (!isSound) throw outOfBounds(`weights: each is 0 to ${MAX_WEIGHT}`);
  if (top === 0) throw outOfBounds(`weights: no server of ${backend} would get anything`);
  const scaled = (weight: number): number =>
    weight === 0 ? 0 : Math.max(1, Math.round((weight / top) * MAX_WEIGHT));
  return new Map(each.map(([name, weight]) => [name, scaled(weight)]));
};

/** null: every server has its own weight. */
const presentWeights = (servers: readonly Server[]): Record<string, number> | null => {
  if (servers.every(({ weight, initialWeight }) => weight === initialWeight)) return null;
  const sums: Record<string, number> = {};
  for (const { name, weight } of servers)
    sums[regionOf(name)] = (sums[regionOf(name)] ?? 0) + weight;
  const top = Math.max(...Object.values(sums));
  const share = (sum: number): number => (top === 0 ? 0 : (sum / top) * MAX_WEIGHT);
  return Object.fromEntries(Object.entries(sums).map(([region, sum]) => [region, share(sum)]));
};

/** Of `<service>.<region>.<nth>`. */
export const regionOf = (instance: string): string => instance.split(".")[1] ?? "";

// ── maps and the frontend ───────────────────────────────────────────────────────────────────────

const throttle = (
  config: HaproxyConfig,
  { maps }: Present,
  { service, ratePerS, burst }: Extract<Able, { kind: "throttle" }>,
): Plan => {
  const key = backendOf(config, service);
  const limit = ratePerS === null ? null : Math.floor(ratePerS);
  if (limit !== null && !(limit >= 1 && limit <= MAX_RATE))
    throw outOfBounds(`ratePerS ${ratePerS}: HAProxy counts whole requests, 1 to ${MAX_RATE}`);
  const was = Number(maps.limits.get(key) ?? "0");
  const tight = limit !== null && burst > limit ? `; bursts of ${burst} are not let through` : "";
  return {
    slot: `throttle:${key}`,
    effect: `${key}: ${limit === null ? "no limit" : `${limit} requests/s per user`}${tight}`,
    undo: { kind: "throttle", service, ratePerS: was === 0 ? null : was, burst: 1 },
    commands: [],
    map: { name: "limits", key, value: limit === null ? null : String(limit) },
  };
};

const shed = ({ maps }: Present, { level }: Extract<Able, { kind: "shed" }>): Plan => {
  if (!Number.isInteger(level) || level < 0 || level > MAX_LEVEL)
    throw outOfBounds(`level ${level} is not one of 0 to ${MAX_LEVEL}`);
  const was = Number(maps.features.get(LEVEL_KEY) ?? "0");
  return {
    slot: "shed",
    effect: `shedding level ${was} → ${level}`,
    undo: { kind: "shed", level: was },
    commands: [],
    map: { name: "features", key: LEVEL_KEY, value: String(level) },
  };
};

const premium = (
  { queueMs }: HaproxyConfig,
  { maps }: Present,
  { share }: Extract<Able, { kind: "premium" }>,
): Plan => {
  if (!(share >= 0 && share <= MAX_SHARE)) throw outOfBounds(`share ${share} is not 0 to 0.9`);
  const was = Number(maps.premium.get(PREMIUM_KEY) ?? "0");
  const ms = Math.round(share * queueMs);
  return {
    slot: "premium",
    effect: `in the queue, premium overtakes who waits up to ${was} ms → ${ms} ms`,
    undo: { kind: "premium", share: Math.min(MAX_SHARE, was / queueMs) },
    commands: [],
    map: { name: "premium", key: PREMIUM_KEY, value: String(ms) },
  };
};

const queue = (
  { frontend, frontendMaxconn }: HaproxyConfig,
  { maxconn }: Present,
  { maxActive, perMinute }: Extract<Able, { kind: "queue" }>,
): Plan => {
  if (perMinute !== null) throw outOfBounds("perMinute: HAProxy has no such limit");
  const next = maxActive ?? frontendMaxconn;
  if (!Number.isInteger(next) || next < 1 || next > MAX_CONNECTIONS)
    throw outOfBounds(`maxActive ${next} is not 1 to ${MAX_CONNECTIONS}`);
  const was = maxconn === frontendMaxconn ? null : maxconn;
  return {
    slot: "queue",
    effect: `frontend ${frontend}: ${maxconn} → ${next} connections, the others wait`,
    undo: { kind: "queue", maxActive: was, perMinute: null },
    commands: [`set maxconn frontend ${frontend} ${next}`],
  };
};

const outOfBounds = (said: string): ActuatorFault =>
  new ActuatorFault("out_of_bounds", `haproxy: ${said}`);
