/**
 * Latencies in few bytes: counts in buckets whose width grows with the value.
 *
 * Units:  ms; a quantile is off by at most 1/64 of itself; 0.01 ms to 10 minutes.
 * Errors: none; what is longer counts as the longest.
 */
const SUB = 64;
const LEAST_MS = 0.01;
const OCTAVES = 26;

export type Latencies = {
  readonly add: (ms: number) => void;
  readonly count: () => number;
  /** null while nothing was added. */
  readonly quantile: (share: number) => number | null;
};

export const newLatencies = (): Latencies => {
  const counts = new Uint32Array(OCTAVES * SUB);
  let total = 0;
  return {
    add: (ms) => {
      counts[bucketOf(ms)]! += 1;
      total += 1;
    },
    count: () => total,
    quantile: (share) => {
      if (total === 0) return null;
      const rank = Math.max(1, Math.ceil(share * total));
      let seen = 0;
      for (let nth = 0; nth < counts.length; nth += 1) {
        seen += counts[nth]!;
        if (seen >= rank) return middleOf(nth);
      }
      return middleOf(counts.length - 1);
    },
  };
};

const bucketOf = (ms: number): number => {
  const nth = Math.floor(Math.log2(Math.max(ms, LEAST_MS) / LEAST_MS) * SUB);
  return Math.min(nth, OCTAVES * SUB - 1);
};

const middleOf = (nth: number): number => LEAST_MS * 2 ** ((nth + 0.5) / SUB);
