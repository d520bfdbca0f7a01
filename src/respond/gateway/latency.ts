/**
 * What a service or an instance did in the last ten seconds: rates, shares and quantiles.
 *
 * Shape:  ten slots of one second, each with counts and a histogram whose buckets grow by a
 *         quarter: a quantile is at most 12 % off. The baseline is the p95 of quiet times, moved a
 *         tenth at a time; unknown until enough was seen.
 * Units:  ms; per second.
 */
const SLOT_MS = 1_000;
const SLOTS = 10;
const LEAST_MS = 0.1;
const GROWTH = 1.25;
/** Up to 0.1 ms × 1.25^79, more than an hour. */
const BUCKETS = 80;
const LOG_GROWTH = Math.log(GROWTH);

export const TALLIES = ["offered", "served", "shed", "fallback", "failed"] as const;
export type Tally = (typeof TALLIES)[number];

export type Latency = {
  readonly count: (tally: Tally, nowMs: number) => void;
  readonly time: (durationMs: number, nowMs: number) => void;
  readonly perS: (tally: Tally, nowMs: number) => number;
  /** null: nothing was timed. */
  readonly quantile: (q: number, nowMs: number) => number | null;
  readonly timed: (nowMs: number) => number;
};

export const newLatency = (): Latency => {
  const buckets = new Uint32Array(SLOTS * BUCKETS);
  const tallies = new Uint32Array(SLOTS * TALLIES.length);
  let last = -1;
  const slotAt = (nowMs: number): number => {
    const at = Math.floor(nowMs / SLOT_MS);
    if (at > last) {
      const steps = last < 0 ? 0 : Math.min(at - last, SLOTS);
      for (let step = 0; step < steps; step += 1) {
        const slot = (at - step) % SLOTS;
        buckets.fill(0, slot * BUCKETS, (slot + 1) * BUCKETS);
        tallies.fill(0, slot * TALLIES.length, (slot + 1) * TALLIES.length);
      }
      last = at;
    }
    return last % SLOTS;
  };
  const summed = (nowMs: number): Uint32Array => {
    slotAt(nowMs);
    const sums = new Uint32Array(BUCKETS);
    buckets.forEach((count, place) => {
      sums[place % BUCKETS]! += count;
    });
    return sums;
  };
  return {
    count: (tally, nowMs) => {
      tallies[slotAt(nowMs) * TALLIES.length + TALLIES.indexOf(tally)]! += 1;
    },
    time: (durationMs, nowMs) => {
      buckets[slotAt(nowMs) * BUCKETS + bucketOf(durationMs)]! += 1;
    },
    perS: (tally, nowMs) => {
      slotAt(nowMs);
      let sum = 0;
      const at = TALLIES.indexOf(tally);
      for (let slot = 0; slot < SLOTS; slot += 1) sum += tallies[slot * TALLIES.length + at]!;
      return (sum * 1_000) / (SLOTS * SLOT_MS);
    },
    timed: (nowMs) => summed(nowMs).reduce((sum, count) => sum + count, 0),
    quantile: (q, nowMs) => {
      const sums = summed(nowMs);
      const total = sums.reduce((sum, count) => sum + count, 0);
      if (total === 0) return null;
      let left = Math.ceil(q * total);
      const place = sums.findIndex((count) => (left -= count) <= 0);
      return LEAST_MS * GROWTH ** (Math.max(place, 0) + 0.5);
    },
  };
};

const bucketOf = (durationMs: number): number => {
  if (durationMs <= LEAST_MS) return 0;
  return Math.min(BUCKETS - 1, Math.floor(Math.log(durationMs / LEAST_MS) / LOG_GROWTH));
};

/** p95 of quiet times. A call of more than `SLOW_TIMES` of it is slow. */
export type Baseline = {
  readonly slowFromMs: () => number;
  /** Once per window, with what it saw. */
  readonly learn: (p95Ms: number | null, timed: number) => void;
};
const SLOW_TIMES = 3;
/** Three times one millisecond is noise, not slowness. */
const LEAST_SLOW_MS = 50;
const MIN_TIMED = 100;
const STEP = 0.1;

export const newBaseline = (): Baseline => {
  let p95 = Number.NaN;
  const slowFromMs = (): number =>
    Number.isNaN(p95) ? Infinity : Math.max(LEAST_SLOW_MS, SLOW_TIMES * p95);
  return {
    slowFromMs,
    learn: (p95Ms, timed) => {
      if (p95Ms === null || timed < MIN_TIMED) return;
      // A slow window does not teach what is normal.
      if (p95Ms > slowFromMs()) return;
      p95 = Number.isNaN(p95) ? p95Ms : p95 * (1 - STEP) + p95Ms * STEP;
    },
  };
};
