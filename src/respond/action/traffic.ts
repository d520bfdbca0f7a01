/**
 * What the gateways see of each service, region by region: load, errors, latency, limits.
 *
 * Shape:  one `Traffic` of all gateways; `loadOf` splits a service's load over regions.
 * Units:  requests per second over the last ten seconds; shares 0 to 1; ms.
 */
import type { Change, Observed } from "./port.ts";

export type ServiceTraffic = {
  readonly offeredPerS: number;
  readonly servedPerS: number;
  readonly shedPerS: number;
  readonly fallbackPerS: number;
  readonly errorShare: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly queued: number;
};
/** One gateway's view; `region` null where it serves them all. */
export type GatewayTraffic = {
  readonly atMs: number;
  readonly region: string | null;
  readonly services: ReadonlyMap<string, ServiceTraffic>;
};
export type Traffic = readonly GatewayTraffic[];

const MAX_AGE_MS = 10_000;
const fresh = (traffic: Traffic, nowMs: number): Traffic =>
  traffic.filter(({ atMs }) => nowMs - atMs <= MAX_AGE_MS);

/** All gateways' figures of a service as one; undefined where none sees it. */
export const totalOf = (
  traffic: Traffic,
  service: string,
  nowMs: number,
): ServiceTraffic | undefined => {
  const seen = fresh(traffic, nowMs).flatMap(({ services }) => services.get(service) ?? []);
  if (seen.length === 0) return undefined;
  const sum = (of: (one: ServiceTraffic) => number): number =>
    seen.reduce((all, one) => all + of(one), 0);
  const worst = (of: (one: ServiceTraffic) => number | null): number | null => {
    const known = seen.flatMap((one) => of(one) ?? []);
    return known.length === 0 ? null : Math.max(...known);
  };
  const served = sum(({ servedPerS }) => servedPerS);
  const errors = sum(({ servedPerS, errorShare }) => servedPerS * (errorShare ?? 0));
  const isMeasured = seen.some(({ errorShare }) => errorShare !== null);
  return {
    offeredPerS: sum(({ offeredPerS }) => offeredPerS),
    servedPerS: served,
    shedPerS: sum(({ shedPerS }) => shedPerS),
    fallbackPerS: sum(({ fallbackPerS }) => fallbackPerS),
    errorShare: !isMeasured ? null : served > 0 ? errors / served : worst((one) => one.errorShare),
    p50Ms: worst(({ p50Ms }) => p50Ms),
    p95Ms: worst(({ p95Ms }) => p95Ms),
    p99Ms: worst(({ p99Ms }) => p99Ms),
    queued: sum(({ queued }) => queued),
  };
};

/** What is asked of a service in a region; null where no gateway tells. */
export const loadOf = (
  traffic: Traffic,
  observed: Observed,
  at: { readonly service: string; readonly region: string },
  nowMs: number,
): number | null => {
  const total = totalOf(traffic, at.service, nowMs);
  if (total === undefined) return null;
  const weights = weightsOf(observed.inForce, at.service);
  if (weights !== null) {
    const all = Object.values(weights).reduce((sum, one) => sum + one, 0);
    return all > 0 ? (total.offeredPerS * (weights[at.region] ?? 0)) / all : null;
  }
  const views = fresh(traffic, nowMs);
  if (views.every(({ region }) => region !== null)) {
    const own = views.filter(({ region }) => region === at.region);
    if (own.length === 0) return 0;
    return own.reduce((sum, one) => sum + (one.services.get(at.service)?.offeredPerS ?? 0), 0);
  }
  // Gateways that serve every region share the load out among who is ready.
  const ready = observed.replicas.filter(
    ({ service, state }) => service === at.service && state === "ready",
  );
  if (ready.length === 0) return null;
  const here = ready.filter(({ region }) => region === at.region).length;
  return (total.offeredPerS * here) / ready.length;
};

const weightsOf = (
  inForce: readonly Change[],
  service: string,
): Readonly<Record<string, number>> | null => {
  const routes = inForce.flatMap((one) => (one.kind === "route" ? [one] : []));
  const own = routes.find((one) => one.service === service);
  return (own ?? routes.find((one) => one.service === null))?.weights ?? null;
};
