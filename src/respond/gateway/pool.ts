/**
 * A service as the gateway sees it: its instances, their circuits, its limit.
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
  readonly abandoned: (backend: Backend, startedMs: number) => void;
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
  readonly startMs: number;
  readonly inflight: number;
};

const BASELINE_EVERY_MS = 10_000;

type Inner = {
  readonly id: string;
  readonly deps: PoolDeps;
  readonly latency: Latency;
  readonly limit: GradientLimit;
  readonly baseline: Baseline;
  /** Of the service as a whole. */
  readonly whole: Breaker;
  backends: readonly Backend[];
  regions: readonly string[];
  forced: Forced;
  inflight: number;
  learnedMs: number;
};
type Forced = Backend["forced"];
type PoolDeps = {
  readonly random: () => number;
  readonly onCircuit: (changed: Changed) => void;
};

export const newServicePool = (id: string, deps: PoolDeps): ServicePool => {
  const now: Inner = {
    ...{ id, deps, latency: newLatency(), limit: newGradientLimit(), baseline: newBaseline() },
    // While instances can still be put out one by one, the service as a whole stays.
    whole: newBreaker(deps.random, undefined, () => !mayEject(now)),
    ...{ backends: [], regions: [], forced: "auto", inflight: 0, learnedMs: 0 },
  };
  return {
    ...{ id, latency: now.latency, limit: now.limit, reflex: newReflex(), circuitOf },
    inflight: () => now.inflight,
    backends: () => now.backends,
    circuit: () => (now.forced === "auto" ? now.whole.state() : now.forced),
    mayCall: (nowMs) =>
      now.forced === "closed" || (now.forced === "auto" && now.whole.mayCall(nowMs)),
    force: (instance, state) => {
      if (instance === null) now.forced = state;
      else for (const one of now.backends) if (one.id === instance) one.forced = state;
    },
    update: (listed) => update(now, listed),
    pick: (terms, nowMs) => pick(now, terms, nowMs),
    ended: (backend, call, nowMs) => ended(now, backend, call, nowMs),
    abandoned: (backend, startedMs) => {
      backend.inflight -= 1;
      now.inflight -= 1;
      backend.breaker.release(startedMs);
      now.whole.release(startedMs);
    },
    tick: (nowMs) => {
      tell(now, now.whole.tick(nowMs), null);
      for (const backend of now.backends) tell(now, backend.breaker.tick(nowMs), backend);
      if (nowMs - now.learnedMs < BASELINE_EVERY_MS) return;
      now.learnedMs = nowMs;
      now.baseline.learn(now.latency.quantile(0.95, nowMs), now.latency.timed(nowMs));
    },
  };
};

const mayEject = ({ backends }: Inner): boolean =>
  backends.filter(({ breaker }) => breaker.state() !== "closed").length <
  maxEjected(backends.length);

const circuitOf = ({ forced, breaker }: Backend): Circuit =>
  forced === "auto" ? breaker.state() : forced;

const tell = (now: Inner, changed: CircuitChange | undefined, backend: Backend | null): void => {
  if (changed === undefined) return;
  // Without it the others are judged by what they did, not by what it did.
  if (backend !== null && changed.to === "open") now.whole.forget();
  const instance = backend?.id ?? null;
  now.deps.onCircuit({ ...changed, instance, region: backend?.region ?? null });
};

const update = (now: Inner, listed: readonly Listed[]): void => {
  const known = new Map(now.backends.map((backend) => [`${backend.id} ${backend.url}`, backend]));
  now.backends = listed.map((one) => {
    const before = known.get(`${one.id} ${one.url}`);
    if (before === undefined) return newBackend(one, now.deps.random, () => mayEject(now));
    before.ready = one.ready;
    return before;
  });
  now.regions = [...new Set(now.backends.map(({ region }) => region))].sort();
};

const isAble = ({ ready, forced, breaker }: Backend, nowMs: number): boolean =>
  ready && forced !== "open" && (forced === "closed" || breaker.mayCall(nowMs));

const pick = (now: Inner, terms: PickTerms, nowMs: number): Backend | undefined => {
  const { home, weights, away, except } = terms;
  const { random } = now.deps;
  const able = now.backends.filter((one) => one !== except && isAble(one, nowMs));
  const near = regionsFor(now.regions, home, weights, random);
  const order = away ? [...near].sort((a, b) => Number(a === home) - Number(b === home)) : near;
  const picked = choose(able, order, random);
  if (picked === undefined) return undefined;
  if (now.forced === "auto" && !acquire(now, now.whole, null, nowMs)) return undefined;
  if (picked.forced === "auto" && !acquire(now, picked.breaker, picked, nowMs)) {
    now.whole.release(nowMs);
    return undefined;
  }
  picked.inflight += 1;
  now.inflight += 1;
  return picked;
};

const acquire = (now: Inner, breaker: Breaker, backend: Backend | null, nowMs: number): boolean => {
  tell(now, breaker.tick(nowMs), backend);
  return breaker.acquire(nowMs);
};

const ended = (now: Inner, backend: Backend, call: Ended, nowMs: number): void => {
  const { outcome, startMs, inflight } = call;
  const durationMs = nowMs - startMs;
  backend.inflight -= 1;
  now.inflight -= 1;
  const isSlow = outcome === "good" && durationMs > now.baseline.slowFromMs();
  const judged = isSlow ? "slow" : outcome;
  if (outcome === "good") {
    backend.latency.time(durationMs, nowMs);
    now.latency.time(durationMs, nowMs);
  }
  now.limit.sample(durationMs, inflight, outcome !== "good", nowMs);
  tell(now, backend.breaker.record(judged, nowMs, startMs), backend);
  tell(now, now.whole.record(judged, nowMs, startMs), null);
};

const newBackend = (one: Listed, random: () => number, mayEject: () => boolean): Backend => ({
  ...one,
  inflight: 0,
  forced: "auto",
  breaker: newBreaker(random, undefined, mayEject),
  latency: newLatency(),
});
