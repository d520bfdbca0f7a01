/**
 * Commissions to the cent: what an order earns, what a refund takes back.
 *
 * Shape:  the commission is rounded once, on the whole order, half to even; the lines share it by
 *         largest remainder, so that they sum to it exactly. A refund takes back the part of a
 *         line's commission that belongs to what was refunded so far, less what was taken before:
 *         however a line is refunded in parts, the whole takes back the whole.
 * Units:  integer cents of a euro; rates in basis points (1/10,000).
 * Errors: none; within `MAX_LINE_CENTS` and `MAX_LINES` every product is exact.
 */
export const MAX_LINE_CENTS = 10_000_000;
export const MAX_LINES = 100;
const BASIS = 10_000;

export const TIER_IDS = ["bronze", "silver", "gold"] as const;
export type Tier = {
  readonly id: (typeof TIER_IDS)[number];
  /** Net sales of the calendar month before, from which it holds. */
  readonly fromCents: number;
  readonly rateBps: number;
};
const BRONZE: Tier = { id: "bronze", fromCents: 0, rateBps: 300 };
const TIERS: readonly Tier[] = [
  BRONZE,
  { id: "silver", fromCents: 500_000, rateBps: 425 },
  { id: "gold", fromCents: 2_500_000, rateBps: 550 },
];

export const tierOf = (lastMonthCents: number): Tier =>
  TIERS.findLast(({ fromCents }) => lastMonthCents >= fromCents) ?? BRONZE;

/** The commission of each line; their sum is that of the order. */
export const earned = (lines: readonly number[], rateBps: number): readonly number[] => {
  const total = lines.reduce((sum, cents) => sum + cents, 0);
  return distribute(divideHalfEven(total * rateBps, BASIS), lines);
};

export type Line = {
  readonly cents: number;
  readonly commission: number;
  readonly refunded: number;
  readonly clawedBack: number;
};

/** What a further refund of `cents` on a line takes back. */
export const clawback = (line: Line, cents: number): number =>
  divideHalfEven(line.commission * (line.refunded + cents), line.cents) - line.clawedBack;

/** Both at least 0, `by` above; the nearest integer, of two as near the even one. */
export const divideHalfEven = (amount: number, by: number): number => {
  const rest = amount % by;
  const down = (amount - rest) / by;
  const twice = rest * 2;
  if (twice === by) return down + (down % 2);
  return twice > by ? down + 1 : down;
};

/** Largest remainder: integers that sum to `total`, none a unit away from its exact share. */
export const distribute = (total: number, weights: readonly number[]): readonly number[] => {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  if (sum === 0) return weights.map((_, index) => (index === 0 ? total : 0));
  // Rest and product of the two largest stay below 2^53: 5.5 · 10^7 × 10^7.
  const parts = weights.map((weight, index) => {
    const rest = (total * weight) % sum;
    return { index, rest, whole: (total * weight - rest) / sum };
  });
  const left = total - parts.reduce((all, { whole }) => all + whole, 0);
  const first = parts.toSorted((a, b) => b.rest - a.rest || a.index - b.index).slice(0, left);
  const up = new Set(first.map(({ index }) => index));
  return parts.map(({ index, whole }) => whole + (up.has(index) ? 1 : 0));
};
