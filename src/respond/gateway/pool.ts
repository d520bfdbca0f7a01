/**
 * A service as the gateway sees it: its instances, their circuits, its limit and its queue's signal.
 *
 * Shape:  `pick` gives an instance that may be called, taking a trial where its circuit is half
 *         open; `began` and `ended` keep the books of one call. An instance that leaves the list
 *         keeps its running calls; one that comes back under its id keeps its circuit's history
 *         only if its address is the same: a new process starts with a clean sheet.
 * Units:  ms of a clock that does not go backwards.
 */
import { choose, regionsFor, type Weights } from "./balance.ts";
import { maxEjected, newBreaker, type Breaker, type CircuitChange } from "./breaker.ts";
import type { Circuit, Outcome } from "./breaker.ts";
import { newGradientLimit, type GradientLimit } from "./gradient.ts";
import { newBaseline, newLatency, type Baseline, type Latency } from "./latency.ts";
import { newReflex, type Reflex } from "./shed.ts";
import type { Criticality } from "./queue.ts";

export type Listed = {
  readonly id: string;
  readonly region: string;
  readonly url: string;
  readonly ready: boolean;
};
export type Backend = {
  readonly id: string;
  readonly region: string;
  readonly url: string;
  ready: boolean;
  inflight: number;
  /** By order; "auto" leaves it to the breaker. */
  forced: "auto" | "open" | "closed";
  readonly breaker: Breaker;
  readonly latency: Latency;
};
export type Changed = CircuitChange & {
  readonly instance: string | null;
  readonly region: string | null;
};

export type ServicePool = {
  readonly id: string;
  readonly latency: Latency;
  readonly limit: GradientLimit;
  readonly reflex: Reflex;
  readonly inflight: () => number;
  readonly backends: () => readonly Backend[];
  readonly update: (listed: readonly Listed[]) => void;
  readonly force: (instance: string | null, state: "auto" | "open" | "closed") => void;
  /** Whether the service as a whole may be called. */
  readonly mayCall: (nowMs: number) => boolean;
  readonly pick: (terms: PickTerms, nowMs: number) => Backend | undefined;
  readonly ended: (backend: Backend, call: Ended, nowMs: number) => void;
  /** Ended without a word about the callee. */
  readonly abandoned: (backend: Backend) => void;
  readonly tick: (nowMs: number) => void;
  readonly circuit: () => Circuit;
  readonly circuitOf: (backend: Backend) => Circuit;
};
export type PickTerms = {
  readonly home: string;
  readonly weights: Weights | undefined;
  /** Another region than home, where there is one. */
  readonly away: boolean;
  /** Tried already. */
  readonly except: Backend | undefined;
};
export type Ended = {
  readonly outcome: Outcome;
  readonly durationMs: number;
  readonly inflight: number;
};

const BASELINE_EVERY_MS = 10_000;

export const newServicePool = (
  id: string,
  deps: {
    readonly random: () => number;
    readonly served: readonly Criticality[];
    readonly onCircuit: (changed: Changed) => void;
  },
): ServicePool => {
  const { random, onCircuit } = deps;
  const latency = newLatency();
  const limit = newGradientLimit();
  const baseline = newBaseline();
  let backends: readonly Backend[] = [];
  let regions: readonly string[] = [];
  let forced: "auto" | "open" | "closed" = "auto";
  let inflight = 0;
  let learnedMs = 0;

  const ejected = (): number =>
    backends.filter(({ breaker }) => breaker.state() !== "closed").length;
  const mayEject = (): boolean => ejected() < maxEjected(backends.length);
  // While instances can still be put out one by one, the service as a whole stays.
  const whole = newBreaker(random, undefined, () => !mayEject());
  const tell = (changed: CircuitChange | undefined, backend: Backend | null): void => {
    if (changed === undefined) return;
    if (backend !== null && changed.to === "open") whole.forget();
    onCircuit({ ...changed, instance: backend?.id ?? null, region: backend?.region ?? null });
  };
  const circuitOf = ({ forced: by, breaker }: Backend): Circuit =>
    by === "auto" ? breaker.state() : by;
  const isAble = (backend: Backend, nowMs: number): boolean => {
    if (!backend.ready || backend.forced === "open") return false;
    return backend.forced === "closed" || backend.breaker.mayCall(nowMs);
  };

  return {
    ...{ id, latency, limit, reflex: newReflex(deps.served), circuitOf },
    inflight: () => inflight,
    backends: () => backends,
    circuit: () => (forced === "auto" ? whole.state() : forced),
    mayCall: (nowMs) => forced === "closed" || (forced === "auto" && whole.mayCall(nowMs)),
    force: (instance, state) => {
      if (instance === null) forced = state;
      else for (const backend of backends) if (backend.id === instance) backend.forced = state;
    },
    update: (listed) => {
      backends = listed.map((one) => {
        const before = backends.find((known) => known.id === one.id && known.url === one.url);
        if (before === undefined) return newBackend(one, random, mayEject);
        before.ready = one.ready;
        return before;
      });
      regions = [...new Set(backends.map(({ region }) => region))].sort();
    },
    pick: ({ home, weights, away, except }, nowMs) => {
      const able = backends.filter((one) => one !== except && isAble(one, nowMs));
      const order = regionsFor(regions, home, weights, random);
      const wanted = away
        ? [...order].sort((a, b) => Number(a === home) - Number(b === home))
        : order;
      const picked = choose(able, wanted, random);
      if (picked === undefined) return undefined;
      if (forced === "auto" && !acquire(whole, null, nowMs)) return undefined;
      if (picked.forced === "auto" && !acquire(picked.breaker, picked, nowMs)) {
        whole.release();
        return undefined;
      }
      picked.inflight += 1;
      inflight += 1;
      return picked;
    },
    ended: (backend, { outcome, durationMs, inflight: beside }, nowMs) => {
      backend.inflight -= 1;
      inflight -= 1;
      const isSlow = outcome === "good" && durationMs > baseline.slowFromMs();
      const judged = isSlow ? "slow" : outcome;
      if (outcome === "good") {
        backend.latency.time(durationMs, nowMs);
        latency.time(durationMs, nowMs);
      }
      limit.sample(durationMs, beside, outcome !== "good", nowMs);
      tell(backend.breaker.record(judged, nowMs), backend);
      tell(whole.record(judged, nowMs), null);
    },
    abandoned: (backend) => {
      backend.inflight -= 1;
      inflight -= 1;
      backend.breaker.release();
      whole.release();
    },
    tick: (nowMs) => {
      tell(whole.tick(nowMs), null);
      for (const backend of backends) tell(backend.breaker.tick(nowMs), backend);
      if (nowMs - learnedMs < BASELINE_EVERY_MS) return;
      learnedMs = nowMs;
      learn(baseline, latency, nowMs);
    },
  };

  function acquire(breaker: Breaker, backend: Backend | null, nowMs: number): boolean {
    tell(breaker.tick(nowMs), backend);
    return breaker.acquire(nowMs);
  }
};

const newBackend = (one: Listed, random: () => number, mayEject: () => boolean): Backend => ({
  ...one,
  inflight: 0,
  forced: "auto",
  breaker: newBreaker(random, undefined, mayEject),
  latency: newLatency(),
});

const learn = (baseline: Baseline, latency: Latency, nowMs: number): void =>
  baseline.learn(latency.quantile(0.95, nowMs), latency.timed(nowMs));
