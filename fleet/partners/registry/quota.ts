/**
 * The quota of a partner, by GCRA: so many requests a second, a burst of so many at once.
 *
 * Units:  ms; `tat` is the theoretical arrival time of the next request.
 * Errors: none; who is over gets how long to wait.
 * Source: ITU-T I.371, annex A.
 */
export type Quota = { readonly perSecond: number; readonly burst: number };
export type Taken =
  | { readonly isTaken: true; readonly tat: number }
  | { readonly isTaken: false; readonly tat: number; readonly retryAfterMs: number };

export const take = ({ perSecond, burst }: Quota, tat: number, now: number): Taken => {
  const intervalMs = 1_000 / perSecond;
  const toleranceMs = (burst - 1) * intervalMs;
  const due = Math.max(tat, now);
  const waitMs = due - now - toleranceMs;
  return waitMs > 1e-6
    ? { isTaken: false, tat, retryAfterMs: waitMs }
    : { isTaken: true, tat: due + intervalMs };
};
