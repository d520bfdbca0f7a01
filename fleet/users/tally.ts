/**
 * What a load run saw, and what it is worth as evidence.
 *
 * Shape:  every call is counted from when it was *meant* to leave, so that a stalled platform does
 *         not slow down those who measure it; session starts apart, because later calls of a
 *         session wait for earlier answers.
 * Units:  ms, requests per second; shares 0 to 1.
 * Errors: none. A run whose own lateness passes the bound is void, whatever it says.
 */
import { newLatencies, type Latencies } from "./latency.ts";

/** Beyond this the generator measured itself. */
export const MAX_LATENESS_MS = 50;
/** The busiest hour of a million users: 26 sessions a second, 20 calls each. */
export const NOMINAL_PER_S = 520;
/** So much less may be what the dice made of it. */
const NOMINAL_SLACK = 0.03;
/** A tenth of the hour: less is no look at it. */
const LEAST_MS = 360_000;

export type Outcome = "ok" | "refused" | "waiting" | "failed";

type Class = { readonly latencies: Latencies; readonly counts: Record<Outcome, number> };

export type Tally = {
  readonly call: (feature: string, isEssential: boolean, outcome: Outcome, ms: number) => void;
  readonly sessionStarted: (ms: number, outcome: Outcome) => void;
  readonly late: (ms: number) => void;
  readonly dropped: () => void;
  readonly report: (now: Now) => Report;
};

export type Now = {
  readonly elapsedMs: number;
  readonly distinctUsers: number;
  readonly registeredUsers: number;
  readonly sessions: number;
  readonly compression: number;
};

type Quantiles = {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
};
type Counted = Quantiles & Readonly<Record<Outcome, number>>;

export type Report = {
  readonly verdict: "valid" | "void" | "unknown";
  readonly why: string;
  readonly elapsedMs: number;
  readonly requests: number;
  readonly requestsPerS: number;
  readonly nominalPerS: number;
  readonly compression: number;
  readonly registeredUsers: number;
  readonly distinctUsers: number;
  readonly sessions: number;
  readonly errorShare: number | null;
  readonly latencyMs: Quantiles;
  readonly sessionStartMs: Quantiles;
  readonly latenessP99Ms: number | null;
  /** Calls the generator itself had no socket for. */
  readonly dropped: number;
  readonly essential: Counted;
  readonly nonEssential: Counted;
  readonly features: readonly (Counted & { readonly feature: string })[];
};

const newClass = (): Class => ({
  latencies: newLatencies(),
  counts: { ok: 0, refused: 0, waiting: 0, failed: 0 },
});

export const newTally = (): Tally => {
  const all = newClass();
  const starts = newClass();
  const byNeed = { essential: newClass(), nonEssential: newClass() };
  const features = new Map<string, Class>();
  const lateness = newLatencies();
  let dropped = 0;
  return {
    call: (feature, isEssential, outcome, ms) => {
      let own = features.get(feature);
      if (own === undefined) features.set(feature, (own = newClass()));
      for (const one of [all, own, isEssential ? byNeed.essential : byNeed.nonEssential]) {
        one.counts[outcome] += 1;
        one.latencies.add(ms);
      }
    },
    sessionStarted: (ms, outcome) => {
      starts.counts[outcome] += 1;
      starts.latencies.add(ms);
    },
    late: (ms) => lateness.add(Math.max(0, ms)),
    dropped: () => void (dropped += 1),
    report: (now) => {
      const requests = all.latencies.count();
      const requestsPerS = now.elapsedMs > 0 ? requests / (now.elapsedMs / 1_000) : 0;
      const latenessP99Ms = lateness.quantile(0.99);
      return {
        ...judged({ ...now, requestsPerS, latenessP99Ms, dropped, requests }),
        ...{ ...now, requests, requestsPerS, nominalPerS: NOMINAL_PER_S, latenessP99Ms, dropped },
        errorShare: requests === 0 ? null : all.counts.failed / requests,
        latencyMs: quantiles(all),
        sessionStartMs: quantiles(starts),
        essential: counted(byNeed.essential),
        nonEssential: counted(byNeed.nonEssential),
        features: [...features]
          .map(([feature, one]) => Object.assign({ feature }, counted(one)))
          .toSorted((a, b) => (a.feature < b.feature ? -1 : 1)),
      };
    },
  };
};

const quantiles = ({ latencies }: Class): Quantiles => ({
  p50: latencies.quantile(0.5),
  p95: latencies.quantile(0.95),
  p99: latencies.quantile(0.99),
});
const counted = (one: Class): Counted => ({ ...one.counts, ...quantiles(one) });

type Judged = Pick<Report, "verdict" | "why">;

/** Void says nothing about the platform, unknown nothing about the nominal load. */
const judged = (seen: {
  readonly elapsedMs: number;
  readonly requestsPerS: number;
  readonly requests: number;
  readonly latenessP99Ms: number | null;
  readonly dropped: number;
}): Judged => {
  const { requestsPerS, latenessP99Ms, dropped, requests, elapsedMs } = seen;
  if (latenessP99Ms !== null && latenessP99Ms > MAX_LATENESS_MS)
    return { verdict: "void", why: `the generator was ${latenessP99Ms.toFixed(0)} ms late (p99)` };
  if (dropped > 0) return { verdict: "void", why: `${dropped} calls found no socket` };
  if (requests === 0) return { verdict: "unknown", why: "nothing was asked yet" };
  if (requestsPerS < NOMINAL_PER_S * (1 - NOMINAL_SLACK))
    return {
      verdict: "unknown",
      why: `${requestsPerS.toFixed(0)} requests/s are below the nominal ${NOMINAL_PER_S}`,
    };
  if (elapsedMs < LEAST_MS)
    return { verdict: "unknown", why: `${(elapsedMs / 60_000).toFixed(1)} of 6 minutes` };
  return { verdict: "valid", why: "at the nominal load or above it, on time" };
};
