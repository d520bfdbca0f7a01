/**
 * Seeded randomness: the same seed plays the same day.
 *
 * Shape:  `newDice(seed)`; xoshiro128** with its state from splitmix32.
 * Errors: none.
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators".
 */
export type Dice = {
  /** In [0, 1). */
  readonly unit: () => number;
  /** Whole, in [0, below). */
  readonly below: (below: number) => number;
  readonly chance: (share: number) => boolean;
  /** Time to the next of a Poisson process, in the unit of 1 / rate. */
  readonly exponential: (rate: number) => number;
  /** Log-normal by its median and the deviation of its logarithm. */
  readonly logNormal: (median: number, sigma: number) => number;
  readonly pick: <T>(of: readonly T[]) => T;
};

const TWO_32 = 2 ** 32;

export const newDice = (seed: number): Dice => {
  const state = seeded(seed);
  const unit = (): number => next(state) / TWO_32;
  const below = (limit: number): number => Math.floor(unit() * limit);
  return {
    unit,
    below,
    chance: (share) => unit() < share,
    exponential: (rate) => -Math.log(1 - unit()) / rate,
    logNormal: (median, sigma) => median * Math.exp(sigma * normal(unit)),
    pick: (of) => of[below(of.length)]!,
  };
};

/** Box-Muller; one of the two is enough. */
const normal = (unit: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit());

const seeded = (seed: number): Uint32Array => {
  let at = seed >>> 0;
  return Uint32Array.from({ length: 4 }, () => {
    at = (at + 0x9e3779b9) >>> 0;
    let mixed = at ^ (at >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  });
};

const rotated = (bits: number, by: number): number => (bits << by) | (bits >>> (32 - by));

const next = (s: Uint32Array): number => {
  const result = Math.imul(rotated(Math.imul(s[1]!, 5), 7), 9) >>> 0;
  const shifted = s[1]! << 9;
  s[2]! ^= s[0]!;
  s[3]! ^= s[1]!;
  s[1]! ^= s[2]!;
  s[0]! ^= s[3]!;
  s[2]! ^= shifted;
  s[3] = rotated(s[3]!, 11);
  return result;
};
