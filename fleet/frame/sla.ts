/**
 * What a partner keeps of its promise: availability and latency over the last five minutes.
 *
 * Shape:  a window holds the last answers, calls and probes alike; old ones leave as new ones come.
 * Units:  ms; availability is a share, 0 to 1; `p95Ms` is of the answers, not of the failures.
 * Errors: none. With no answer in the window both are null: unknown is not zero and not one.
 */
export type Seen = { readonly at: number; readonly tookMs: number; readonly isGood: boolean };
export type Kept = {
  readonly calls: number;
  readonly availability: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
};

const WINDOW_MS = 5 * 60_000;
const MAX_SEEN = 1_000;
/** Below this share, over at least so many calls, a partner is asked second. */
const POOR_AVAILABILITY = 0.5;
const MIN_CALLS = 5;

export const look = (window: readonly Seen[], seen: Seen): readonly Seen[] =>
  [...window, seen].filter(({ at }) => at > seen.at - WINDOW_MS).slice(-MAX_SEEN);

export const kept = (window: readonly Seen[], now: number): Kept => {
  const live = window.filter(({ at }) => at > now - WINDOW_MS);
  const good = live.filter(({ isGood }) => isGood);
  const times = good.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  return {
    calls: live.length,
    availability: live.length === 0 ? null : good.length / live.length,
    p50Ms: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
  };
};

/** Nearest rank: a value that was really seen. */
const quantile = (sorted: readonly number[], q: number): number | null =>
  sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? null;

export const isPoor = ({ calls, availability }: Kept): boolean =>
  calls >= MIN_CALLS && availability !== null && availability < POOR_AVAILABILITY;
