/**
 * Rate by key: the generic cell rate algorithm, one number a key.
 *
 * Shape:  a call conforms when it is not earlier than its theoretical arrival time less the
 *         tolerance; then that time moves on by one interval. `burst` calls at once conform, where
 *         the tolerance is (burst − 1) intervals. Keys over the limit forget the longest unused,
 *         which starts afresh: that can only let more through, never less.
 * Units:  ms; calls per second.
 * Source: ITU-T I.371 annex A, virtual scheduling.
 */
import { newLru } from "./lru.ts";

export const MAX_KEYS = 100_000;

export type Rate = { readonly ratePerS: number; readonly burst: number };

export type Gcra = {
  /** 0: it conforms and is counted; otherwise ms until it would. */
  readonly take: (key: string, rate: Rate, nowMs: number) => number;
  readonly size: () => number;
};

const MS_PER_S = 1_000;

export const newGcra = (maxKeys: number = MAX_KEYS): Gcra => {
  const arrivals = newLru<string, number>(maxKeys);
  return {
    take: (key, { ratePerS, burst }, nowMs) => {
      const intervalMs = MS_PER_S / ratePerS;
      const dueMs = Math.max(arrivals.get(key) ?? nowMs, nowMs);
      const earlyMs = dueMs - nowMs - intervalMs * (burst - 1);
      // Sums of fractions are never exact: a millionth of an interval is no early call.
      if (earlyMs > intervalMs * EXACTNESS) return earlyMs;
      arrivals.set(key, dueMs + intervalMs);
      return 0;
    },
    size: arrivals.size,
  };
};
const EXACTNESS = 1e-6;
