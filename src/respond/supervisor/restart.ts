/**
 * When a process that died is started again, and when it is given up.
 *
 * Shape:  the first restart at once, then later and later with full jitter; what was healthy for
 *         long enough begins anew. More restarts than `maxRestarts` within `windowMs` are a crash
 *         loop: no further one, somebody has to look.
 * Units:  ms; dice 0 to 1.
 * Errors: none.
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (full jitter).
 */
export type Policy = {
  readonly readyWithinMs: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** Healthy for as long, and what was before is forgotten. */
  readonly steadyMs: number;
  readonly windowMs: number;
  readonly maxRestarts: number;
};

export const POLICY: Policy = {
  readyWithinMs: 15_000,
  baseMs: 500,
  capMs: 30_000,
  steadyMs: 60_000,
  windowMs: 60_000,
  maxRestarts: 5,
};

export type RestartRecord = {
  /** All there were, for people. */
  readonly restarts: number;
  /** Restarts since it was last healthy for long. */
  readonly attempts: number;
  /** Deaths within the window, oldest first. */
  readonly diedMs: readonly number[];
  readonly healthySinceMs: number | null;
};

export const FRESH: RestartRecord = { restarts: 0, attempts: 0, diedMs: [], healthySinceMs: null };

export type Verdict = { readonly record: RestartRecord } & (
  | { readonly verdict: "restart"; readonly delayMs: number }
  | { readonly verdict: "quarantine"; readonly deaths: number }
);

export const died = (
  policy: Policy,
  before: RestartRecord,
  nowMs: number,
  dice: number,
): Verdict => {
  const { healthySinceMs } = before;
  const wasSteady = healthySinceMs !== null && nowMs - healthySinceMs >= policy.steadyMs;
  const attempts = wasSteady ? 0 : before.attempts;
  const recent = wasSteady ? [] : before.diedMs.filter((at) => nowMs - at < policy.windowMs);
  const diedMs = [...recent, nowMs];
  const record = { ...before, attempts: attempts + 1, diedMs, healthySinceMs: null };
  // Each death before this one had its restart.
  if (recent.length >= policy.maxRestarts) {
    return { record, verdict: "quarantine", deaths: diedMs.length };
  }
  const most = attempts === 0 ? 0 : Math.min(policy.capMs, policy.baseMs * 2 ** (attempts - 1));
  return { record, verdict: "restart", delayMs: Math.round(most * dice) };
};
