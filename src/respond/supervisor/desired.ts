/**
 * What is to run, and how an order changes it.
 *
 * Shape:  `decide` answers the service as it is to be after the order, what is to be done with one
 *         instance besides, one line for people and the order that brings back what was there.
 * Units:  cores; bytes.
 * Errors: a fault with a code and a message that names the field and the limit.
 */
import { err, ok, type Result } from "../../kernel/result.ts";
import type { SupervisorOrder } from "../control/messages.ts";

/** What a process is started with. */
export type Spec = {
  readonly version: string;
  readonly cpuCores: number;
  readonly memoryBytes: number;
};

/** A service as it is configured. */
export type ServiceSettings = Spec & {
  readonly id: string;
  readonly maxCpuCores: number;
  readonly minMemoryBytes: number;
  readonly maxMemoryBytes: number;
  readonly pools: readonly PoolSettings[];
};
export type PoolSettings = {
  readonly region: string;
  readonly replicas: number;
  readonly min: number;
  readonly max: number;
};

export type ServiceDesired = {
  readonly spec: Spec;
  /** Set while processes are replaced: what an undo goes back to. */
  readonly rollingFrom: { readonly spec: Spec; readonly previousVersion: string | null } | null;
  /** What ran before the present version. */
  readonly previousVersion: string | null;
  readonly replicas: Readonly<Record<string, number>>;
  /** Instances that were drained by order and stay down. */
  readonly drained: readonly string[];
  /** The version of the configuration this was decided on. */
  readonly configured: string;
};

export type DecisionFault = {
  readonly code: "unknown_target" | "out_of_bounds";
  readonly message: string;
  readonly field: string;
};
export type Decision = {
  readonly service: string;
  readonly next: ServiceDesired;
  readonly act:
    | { readonly kind: "restart" | "release" | "stop"; readonly instance: string }
    | { readonly kind: "none" };
  readonly effect: string;
  readonly undo: SupervisorOrder | null;
};

export const MEBIBYTE = 1024 * 1024;

export const instanceIdOf = (service: string, region: string, nth: number): string =>
  `${service}.${region}.${nth}`;

export const firstDesired = (settings: ServiceSettings): ServiceDesired => ({
  spec: specOf(settings),
  rollingFrom: null,
  previousVersion: null,
  replicas: Object.fromEntries(settings.pools.map((pool) => [pool.region, pool.replicas])),
  drained: [],
  configured: settings.version,
});

/** What was kept, as far as the present configuration still allows it. */
export const reconciled = (settings: ServiceSettings, kept: ServiceDesired): ServiceDesired => {
  const within = (spec: Spec): Spec => ({
    version: spec.version,
    cpuCores: Math.min(spec.cpuCores, settings.maxCpuCores),
    memoryBytes: Math.min(
      Math.max(spec.memoryBytes, settings.minMemoryBytes),
      settings.maxMemoryBytes,
    ),
  });
  // A new version in the configuration is a later word than an order on the old one.
  const isNews = kept.configured !== settings.version;
  const replicas = settings.pools.map((pool) => {
    const wanted = kept.replicas[pool.region] ?? pool.replicas;
    return [pool.region, Math.min(Math.max(wanted, pool.min), pool.max)] as const;
  });
  const spec = within(kept.spec);
  return {
    ...kept,
    spec: isNews ? { ...spec, version: settings.version } : spec,
    rollingFrom: isNews || kept.rollingFrom === null ? null : kept.rollingFrom,
    replicas: Object.fromEntries(replicas),
    configured: settings.version,
  };
};

export const decide = (
  all: ReadonlyMap<
    string,
    { readonly settings: ServiceSettings; readonly desired: ServiceDesired }
  >,
  live: ReadonlyMap<string, { readonly service: string; readonly state: string }>,
  order: SupervisorOrder,
): Result<Decision, DecisionFault> => {
  if (order.kind === "restart" || order.kind === "drain" || order.kind === "release") {
    const found = live.get(order.instance);
    const service = found && all.get(found.service);
    if (found === undefined || service === undefined) {
      return unknown("order.instance", `no instance "${order.instance}" here`);
    }
    return ok(decideInstance(found.service, service.desired, order, found.state));
  }
  const service = all.get(order.service);
  if (service === undefined) return unknown("order.service", `no service "${order.service}" here`);
  switch (order.kind) {
    case "scale":
      return decideScale(service.settings, service.desired, order);
    case "version":
      return ok(decideVersion(service.desired, order));
    case "bounds":
      return decideBounds(service.settings, service.desired, order);
  }
};

type OrderOf<Kind extends SupervisorOrder["kind"]> = Extract<SupervisorOrder, { kind: Kind }>;

const NOTHING = { kind: "none" } as const;

const decideInstance = (
  service: string,
  desired: ServiceDesired,
  order: OrderOf<"restart"> | OrderOf<"drain"> | OrderOf<"release">,
  state: string,
): Decision => {
  const { instance } = order;
  const others = desired.drained.filter((id) => id !== instance);
  const wasDrained = others.length < desired.drained.length;
  switch (order.kind) {
    case "restart": {
      const next = { ...desired, drained: others };
      const effect = `${instance} is drained and started again (it was ${state})`;
      return { service, next, act: { kind: "restart", instance }, effect, undo: null };
    }
    case "drain": {
      const next = { ...desired, drained: [...others, instance] };
      const effect = wasDrained
        ? `${instance} is drained already`
        : `${instance} is drained and stays down until it is released (it was ${state})`;
      const undo = wasDrained ? null : ({ kind: "release", instance } as const);
      return { service, next, act: { kind: "stop", instance }, effect, undo };
    }
    case "release": {
      const next = { ...desired, drained: others };
      const effect = `${instance} is started (it was ${state})`;
      const undo = wasDrained ? ({ kind: "drain", instance } as const) : null;
      return { service, next, act: { kind: "release", instance }, effect, undo };
    }
  }
};

const decideScale = (
  settings: ServiceSettings,
  desired: ServiceDesired,
  { service, region, replicas }: OrderOf<"scale">,
): Result<Decision, DecisionFault> => {
  const pool = settings.pools.find((one) => one.region === region);
  if (pool === undefined) return unknown("order.region", `${service} has no region "${region}"`);
  if (replicas < pool.min || replicas > pool.max) {
    const allowed = `${pool.min} to ${pool.max} are allowed in ${region}`;
    return beyond("order.replicas", `${replicas} replicas of ${service}: ${allowed}`);
  }
  const before = desired.replicas[region] ?? pool.replicas;
  const drained = desired.drained.filter((id) => nthOf(id) <= replicas || regionOf(id) !== region);
  return ok({
    service,
    next: { ...desired, drained, replicas: { ...desired.replicas, [region]: replicas } },
    act: NOTHING,
    effect: `${service} in ${region}: ${before} → ${replicas} replicas`,
    undo: { kind: "scale", service, region, replicas: before },
  });
};

const decideVersion = (
  desired: ServiceDesired,
  { service, version }: OrderOf<"version">,
): Decision => {
  const before = desired.spec.version;
  const next: ServiceDesired =
    before === version
      ? desired
      : {
          ...desired,
          spec: { ...desired.spec, version },
          rollingFrom: backOf(desired),
          previousVersion: before,
        };
  return {
    service,
    next,
    act: NOTHING,
    effect: `${service}: version ${before} → ${version}, one instance at a time`,
    undo: { kind: "version", service, version: before },
  };
};

const decideBounds = (
  settings: ServiceSettings,
  desired: ServiceDesired,
  { service, cpuCores, memoryBytes }: OrderOf<"bounds">,
): Result<Decision, DecisionFault> => {
  const { minMemoryBytes, maxMemoryBytes, maxCpuCores } = settings;
  if (cpuCores > maxCpuCores) {
    return beyond("order.cpuCores", `${cpuCores} cores for ${service}: at most ${maxCpuCores}`);
  }
  if (memoryBytes < minMemoryBytes || memoryBytes > maxMemoryBytes) {
    const allowed = `${mib(minMemoryBytes)} to ${mib(maxMemoryBytes)} are allowed`;
    return beyond("order.memoryBytes", `${mib(memoryBytes)} for ${service}: ${allowed}`);
  }
  const { spec } = desired;
  const isSame = spec.cpuCores === cpuCores && spec.memoryBytes === memoryBytes;
  return ok({
    service,
    next: isSame
      ? desired
      : { ...desired, spec: { ...spec, cpuCores, memoryBytes }, rollingFrom: backOf(desired) },
    act: NOTHING,
    effect:
      `${service}: ${spec.cpuCores} → ${cpuCores} cores, ` +
      `${mib(spec.memoryBytes)} → ${mib(memoryBytes)} for each instance, one at a time`,
    undo: { kind: "bounds", service, cpuCores: spec.cpuCores, memoryBytes: spec.memoryBytes },
  });
};

const specOf = ({ version, cpuCores, memoryBytes }: Spec): Spec => ({
  version,
  cpuCores,
  memoryBytes,
});
/** An undo goes back to what last worked as a whole, not to a change that was under way. */
const backOf = ({ rollingFrom, spec, previousVersion }: ServiceDesired) =>
  rollingFrom ?? { spec, previousVersion };
const mib = (bytes: number): string => `${Math.round(bytes / MEBIBYTE)} MiB`;
const nthOf = (instance: string): number => Number(instance.split(".").at(-1));
const regionOf = (instance: string): string => instance.split(".").at(-2) ?? "";
const unknown = (field: string, message: string) =>
  err({ code: "unknown_target", message, field } as const);
const beyond = (field: string, message: string) =>
  err({ code: "out_of_bounds", message, field } as const);
