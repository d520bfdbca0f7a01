/**
 * The registered users: a few bytes each, so that a million fit in memory.
 *
 * Shape:  `user(nth)` unpacks one; `nextNth()` draws without putting back, so that as many users
 *         are distinct as sessions were begun, until everybody had his turn.
 * Units:  bytes; shares 0 to 1. 5 bytes a user and one bit for having been seen.
 * Errors: throws on a count that is not 1 to `MAX_USERS`.
 */
import { DEPARTMENTS, type Department } from "./departments.ts";
import type { Dice } from "./dice.ts";

export const MAX_USERS = 10_000_000;
/** What the launch plan hopes for: one subscriber in five. */
const PREMIUM_SHARE = 0.2;
export const CHANNELS = ["mobile", "web", "api"] as const;
export type Channel = (typeof CHANNELS)[number];
/** Most drive with their phone at hand; garages and fleets call the API. */
const CHANNEL_SHARES = [0.68, 0.24, 0.08] as const;
export const BATCHES = ["A24-01", "A24-02", "A24-03", "B25-01"] as const;
const FIRMWARES = ["1.3.2", "1.4.0", "1.4.1"] as const;

export type User = {
  readonly nth: number;
  /** As the platform knows him; of nobody. */
  readonly id: string;
  readonly department: Department;
  readonly isPremium: boolean;
  readonly channel: Channel;
  readonly dongle: { readonly id: string; readonly batch: string; readonly firmware: string };
};

export type Population = {
  readonly size: number;
  readonly bytes: number;
  readonly user: (nth: number) => User;
  /** Whose session begins next. */
  readonly nextNth: () => number;
  /** Users who had a session so far. */
  readonly distinct: () => number;
};

export const newPopulation = (size: number, dice: Dice): Population => {
  if (!Number.isInteger(size) || size < 1 || size > MAX_USERS)
    throw new Error(`users: ${size} is not 1 to ${MAX_USERS}`);
  const departments = new Uint8Array(size);
  const traits = new Uint8Array(size);
  const seen = new Uint8Array(Math.ceil(size / 8));
  const where = byWeight(DEPARTMENTS.map(({ thousands }) => thousands));
  const how = byWeight(CHANNEL_SHARES);
  for (let nth = 0; nth < size; nth += 1) {
    departments[nth] = where(dice.unit());
    const premium = dice.chance(PREMIUM_SHARE) ? 1 : 0;
    const batch = dice.below(BATCHES.length);
    const firmware = dice.below(FIRMWARES.length);
    traits[nth] = premium | (how(dice.unit()) << 1) | (batch << 3) | (firmware << 5);
  }
  const order = shuffled(size, dice);
  let turn = 0;
  let distinct = 0;
  return {
    size,
    bytes: departments.byteLength + traits.byteLength + seen.byteLength + order.bytes,
    user: (nth) => unpacked(nth, DEPARTMENTS[departments[nth]!]!, traits[nth]!),
    nextNth: () => {
      const nth = order.at(turn);
      turn = (turn + 1) % size;
      const bit = 1 << (nth & 7);
      if ((seen[nth >> 3]! & bit) === 0) {
        seen[nth >> 3]! |= bit;
        distinct += 1;
      }
      return nth;
    },
    distinct: () => distinct,
  };
};

const unpacked = (nth: number, department: Department, traits: number): User => ({
  nth,
  id: `user-${nth}`,
  department,
  isPremium: (traits & 1) === 1,
  channel: CHANNELS[(traits >> 1) & 3]!,
  dongle: {
    id: `dongle-${nth}`,
    batch: BATCHES[(traits >> 3) & 3]!,
    firmware: FIRMWARES[(traits >> 5) & 3]!,
  },
});

/** Index by a number in [0, 1): as often as its weight is of the whole. */
const byWeight = (weights: readonly number[]): ((unit: number) => number) => {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const until: number[] = [];
  weights.reduce((sum, weight) => {
    until.push((sum + weight) / total);
    return sum + weight;
  }, 0);
  return (unit) => {
    let low = 0;
    let high = until.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (until[middle]! <= unit) low = middle + 1;
      else high = middle;
    }
    return low;
  };
};

/** Every number below `size` once, in an order that looks like none: multiply by a coprime. */
const shuffled = (size: number, dice: Dice) => {
  let step = Math.max(1, Math.floor(size * (0.3 + dice.unit() * 0.4)) | 1);
  while (commonDivisor(step, size) !== 1) step += 2;
  const offset = dice.below(size);
  return { bytes: 0, at: (turn: number): number => (turn * step + offset) % size };
};

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
