/**
 * Circuit breaker: stops calling what fails, asks again carefully, and comes back when it is good.
 *
 * Shape:  closed → open → half_open → closed | open. Closed opens when at least `minCalls` of the
 *         last window failed or were slow by their shares, or after `maxConsecutive` connections in
 *         a row that could not be made. Half-open lets `trials` calls through at a time and closes
 *         after `goodToClose` good ones; one bad one opens it again for twice as long.
 * Units:  ms of any clock that does not go backwards; shares 0 to 1.
 * Errors: none; `record` says what changed and why, in the same call that decided it.
 * Source: Resilience4j's CircuitBreakerStateMachine (time-based window), Envoy's outlier detection.
 */
export type Circuit = "closed" | "open" | "half_open";
/** `unreached`: no connection. `failed`: an answer of 5xx, a timeout, a connection that broke. */
export type Outcome = "good" | "slow" | "failed" | "unreached";
export type Cause =
  | "failures"
  | "slowness"
  | "no_connection"
  | "trial_failed"
  | "waited"
  | "trials_good";

export type CircuitChange = {
  readonly to: Circuit;
  readonly why: string;
  readonly cause: Cause;
  readonly evidence: Readonly<Record<string, number>>;
};

export type BreakerLimits = {
  readonly bucketMs: number;
  readonly buckets: number;
  readonly minCalls: number;
  readonly failedShare: number;
  readonly slowShare: number;
  readonly maxConsecutive: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  /** ± of the time it stays open, so that many do not come back in one instant. */
  readonly jitter: number;
  readonly trials: number;
  readonly goodToClose: number;
};

export const BREAKER_LIMITS: BreakerLimits = {
  ...{ bucketMs: 1_000, buckets: 10, minCalls: 20, failedShare: 0.5, slowShare: 0.6 },
  ...{ maxConsecutive: 5, openMs: 5_000, maxOpenMs: 60_000, jitter: 0.2 },
  ...{ trials: 3, goodToClose: 5 },
};

export type Breaker = {
  readonly state: () => Circuit;
  /** Whether a call may go now; half-open it takes one of the trials, given back by `record`. */
  readonly acquire: (nowMs: number) => boolean;
  /** The same question without taking anything. */
  readonly mayCall: (nowMs: number) => boolean;
  readonly record: (
    outcome: Outcome,
    nowMs: number,
    startedMs: number,
  ) => CircuitChange | undefined;
  /** The call ended without saying anything about the callee: its client went away. */
  readonly release: (startedMs: number) => void;
  /** Moves by time alone: open → half_open when it has waited. */
  readonly tick: (nowMs: number) => CircuitChange | undefined;
  readonly openUntilMs: () => number;
  /** What was seen so far no longer speaks of what is called from now on. */
  readonly forget: () => void;
};

export const newBreaker = (
  random: () => number,
  limits: BreakerLimits = BREAKER_LIMITS,
  /** Asked before opening: false where too much of a pool would be out. */
  mayOpen: () => boolean = () => true,
): Breaker => {
  const now: Inner = {
    calls: newOutcomeWindow(limits),
    ...{ state: "closed", consecutive: 0, openUntilMs: 0, opened: 0 },
    ...{ trialsOut: 0, good: 0, halfOpenMs: 0 },
  };
  const open = (verdict: Verdict, nowMs: number): CircuitChange | undefined => {
    if (now.state === "closed" && !mayOpen()) return undefined;
    const plainMs = Math.min(limits.openMs * 2 ** now.opened, limits.maxOpenMs);
    const openMs = plainMs * (1 + limits.jitter * (2 * random() - 1));
    now.state = "open";
    now.openUntilMs = nowMs + openMs;
    now.opened += 1;
    const evidence = { ...verdict.evidence, openMs: Math.round(openMs) };
    return { to: "open", ...verdict, evidence };
  };
  const tick = (nowMs: number): CircuitChange | undefined => {
    if (now.state !== "open" || nowMs < now.openUntilMs) return undefined;
    now.state = "half_open";
    now.halfOpenMs = nowMs;
    now.trialsOut = 0;
    now.good = 0;
    const evidence = { trials: limits.trials };
    return { to: "half_open", cause: "waited", why: "it has waited, now it is tried", evidence };
  };
  /** A call that began before the trials holds none of them and says nothing new. */
  const isTrial = (startedMs: number): boolean =>
    now.state === "half_open" && startedMs >= now.halfOpenMs;

  return {
    state: () => now.state,
    openUntilMs: () => now.openUntilMs,
    tick,
    forget: () => forget(now),
    mayCall: (nowMs) => {
      if (now.state === "closed") return true;
      if (now.state === "open") return nowMs >= now.openUntilMs;
      return now.trialsOut < limits.trials;
    },
    acquire: (nowMs) => {
      if (now.state === "closed") return true;
      tick(nowMs);
      if (now.state !== "half_open" || now.trialsOut >= limits.trials) return false;
      now.trialsOut += 1;
      return true;
    },
    release: (startedMs) => {
      if (isTrial(startedMs)) now.trialsOut = Math.max(0, now.trialsOut - 1);
    },
    record: (outcome, nowMs, startedMs) => {
      switch (now.state) {
        case "open":
          return undefined;
        case "half_open":
          if (!isTrial(startedMs)) return undefined;
          now.trialsOut = Math.max(0, now.trialsOut - 1);
          if (outcome !== "good") return open(failedTrial(now, outcome), nowMs);
          now.good += 1;
          return now.good >= limits.goodToClose ? close(now) : undefined;
        case "closed": {
          now.consecutive = outcome === "unreached" ? now.consecutive + 1 : 0;
          now.calls.add(outcome, nowMs);
          if (outcome === "good") return undefined;
          const verdict = judge(now, limits, nowMs);
          return verdict === undefined ? undefined : open(verdict, nowMs);
        }
      }
    },
  };
};

type Inner = {
  readonly calls: OutcomeWindow;
  state: Circuit;
  consecutive: number;
  openUntilMs: number;
  /** Times in a row, without having been closed. */
  opened: number;
  trialsOut: number;
  good: number;
  halfOpenMs: number;
};
type Verdict = Pick<CircuitChange, "cause" | "why" | "evidence">;

const judge = (
  { calls, consecutive }: Inner,
  limits: BreakerLimits,
  nowMs: number,
): Verdict | undefined => {
  const { total, failed, slow } = calls.sum(nowMs);
  const evidence = { calls: total, failed, slow, consecutive };
  if (consecutive >= limits.maxConsecutive) {
    const why = `${consecutive} connections in a row could not be made`;
    return { cause: "no_connection", why, evidence };
  }
  if (total < limits.minCalls) return undefined;
  if (failed >= total * limits.failedShare)
    return { cause: "failures", why: `${failed} of ${total} calls failed`, evidence };
  if (slow >= total * limits.slowShare)
    return { cause: "slowness", why: `${slow} of ${total} calls were slow`, evidence };
  return undefined;
};

const failedTrial = ({ good }: Inner, outcome: Outcome): Verdict => ({
  cause: "trial_failed",
  why: `a trial call was ${outcome === "slow" ? "slow" : "not answered well"}`,
  evidence: { good },
});

const close = (now: Inner): CircuitChange => {
  now.state = "closed";
  now.opened = 0;
  forget(now);
  const evidence = { good: now.good };
  return { to: "closed", cause: "trials_good", why: "the trial calls were good", evidence };
};

const forget = (now: Inner): void => {
  now.consecutive = 0;
  now.calls.clear();
};

type OutcomeWindow = {
  readonly add: (outcome: Outcome, nowMs: number) => void;
  readonly sum: (nowMs: number) => { total: number; failed: number; slow: number };
  readonly clear: () => void;
};

/** Counts by buckets of time: what is older than the window is forgotten a bucket at a time. */
const newOutcomeWindow = ({ bucketMs, buckets }: BreakerLimits): OutcomeWindow => {
  const total = new Uint32Array(buckets);
  const failed = new Uint32Array(buckets);
  const slow = new Uint32Array(buckets);
  const sums = { total: 0, failed: 0, slow: 0 };
  let last = -1;
  const forget = (place: number): void => {
    sums.total -= total[place]!;
    sums.failed -= failed[place]!;
    sums.slow -= slow[place]!;
    total[place] = failed[place] = slow[place] = 0;
  };
  const advance = (nowMs: number): number => {
    const at = Math.floor(nowMs / bucketMs);
    const steps = last < 0 ? 0 : Math.min(at - last, buckets);
    for (let step = 0; step < steps; step += 1) forget((at - step) % buckets);
    last = Math.max(last, at);
    return last % buckets;
  };
  return {
    add: (outcome, nowMs) => {
      const place = advance(nowMs);
      total[place]! += 1;
      sums.total += 1;
      if (outcome === "slow") {
        slow[place]! += 1;
        sums.slow += 1;
      } else if (outcome !== "good") {
        failed[place]! += 1;
        sums.failed += 1;
      }
    },
    sum: (nowMs) => {
      advance(nowMs);
      return sums;
    },
    clear: () => {
      for (let place = 0; place < buckets; place += 1) forget(place);
    },
  };
};

/** How many of a pool may be out at once: never more than half, and never all of it. */
export const maxEjected = (poolSize: number): number => Math.floor(poolSize * MAX_EJECTED_SHARE);
const MAX_EJECTED_SHARE = 0.5;
