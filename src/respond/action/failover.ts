/**
 * Failover of a region: is one lost, can another serve all of it, and in which steps.
 *
 * Shape:  pools and load → regions with their ready share; a lost one and a healthy one → the
 *         instances to add first, then the route weights; or why not, with the services that are
 *         short.
 * Units:  requests per second.
 */
import type { Change, Pool, Replica } from "./port.ts";
import type { ServiceScaling } from "../../launch/plan/plan.ts";
import type { Words } from "../../launch/kpi/reading.ts";

export type RegionState = {
  readonly region: string;
  readonly wanted: number;
  readonly ready: number;
};

const FULL_WEIGHT = 100;

export const regionStates = (
  regions: readonly string[],
  pools: readonly Pool[],
  replicas: readonly Replica[],
): readonly RegionState[] =>
  regions.map((region) => ({
    region,
    wanted: sum(pools.filter((one) => one.region === region).map((one) => one.replicas)),
    ready: replicas.filter((one) => one.region === region && one.state === "ready").length,
  }));

/** Instances are wanted there, and none is ready. */
export const isLost = ({ wanted, ready }: RegionState): boolean => wanted > 0 && ready === 0;

export type FailoverInput = {
  readonly lost: string;
  readonly regions: readonly string[];
  readonly pools: readonly Pool[];
  readonly replicas: readonly Replica[];
  readonly scaling: ReadonlyMap<string, ServiceScaling>;
  /** Requests asked of each service, of both regions together; null where nobody knows. */
  readonly offeredPerS: (service: string) => number | null;
};

export type FailoverPlan =
  | { readonly ok: true; readonly to: string; readonly changes: readonly Change[] }
  | { readonly ok: false; readonly why: Words };

export const planFailover = (input: FailoverInput): FailoverPlan => {
  const states = regionStates(input.regions, input.pools, input.replicas);
  const [best] = states
    .filter((one) => one.region !== input.lost && one.ready > 0)
    .toSorted((a, b) => b.ready - a.ready);
  if (best === undefined) {
    return refuse("Aucune autre région n’est prête", "No other region is ready");
  }
  const served = new Set(
    input.pools.filter(({ region }) => region === input.lost).map(({ service }) => service),
  );
  const needs = [...served].map((service) => needOf(input, best.region, service));
  const short = needs.filter(({ possible, needed }) => possible < needed);
  if (short.length > 0) {
    const names = short.map((one) => `${one.service} ${one.possible}/${one.needed}`).join(", ");
    return refuse(`Capacité insuffisante : ${names}`, `Not enough capacity: ${names}`);
  }
  const grow = needs.flatMap(({ service, needed, replicas }): Change[] =>
    needed > replicas ? [{ kind: "scale", service, region: best.region, replicas: needed }] : [],
  );
  const weights = Object.fromEntries(
    input.regions.map((region) => [region, region === best.region ? FULL_WEIGHT : 0]),
  );
  return {
    ok: true,
    to: best.region,
    changes: [...grow, { kind: "route", service: null, weights }],
  };
};

/** Without a figure for load the other region must have as many as the lost one wanted. */
const needOf = (input: FailoverInput, region: string, service: string) => {
  const pool = (at: string): Pool | undefined =>
    input.pools.find((one) => one.service === service && one.region === at);
  const there = pool(region);
  const ready = input.replicas.filter(
    (one) => one.service === service && one.region === region && one.state === "ready",
  ).length;
  const scaling = input.scaling.get(service);
  const offered = input.offeredPerS(service);
  const needed =
    scaling === undefined || offered === null
      ? Math.max(1, pool(input.lost)?.replicas ?? 1)
      : Math.max(1, Math.ceil(offered / (scaling.requestsPerS * scaling.target)));
  // What is not ready now serves nobody: a service with none ready there cannot take over.
  const possible = ready === 0 ? 0 : (there?.max ?? 0);
  return { service, needed, possible, replicas: there?.replicas ?? 0 };
};

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
const refuse = (fr: string, en: string): FailoverPlan => ({ ok: false, why: { fr, en } });
