/**
 * Whose turn it is between premium and standard, when both wait: premium gets its share of turns,
 * standard the rest, and who is alone gets all.
 *
 * Shape:  `pick` counts a turn. Over any run in which both wait, standard gets at least
 *         floor(turns × (1 − share)), spread evenly.
 * Units:  `share` 0 to 0.9.
 * Source: stride scheduling, of two clients.
 */
export type Tier = "premium" | "standard";
export const TIERS: readonly Tier[] = ["premium", "standard"];
/** Beyond it standard would wait for long: the order's own limit. */
export const MAX_PREMIUM_SHARE = 0.9;
export const DEFAULT_PREMIUM_SHARE = 0.75;

export type Turns = {
  readonly pick: (hasPremium: boolean, hasStandard: boolean, share: number) => Tier | undefined;
};

export const newTurns = (): Turns => {
  let credit = 0;
  return {
    pick: (hasPremium, hasStandard, share) => {
      if (!hasPremium) return hasStandard ? "standard" : undefined;
      if (!hasStandard) return "premium";
      credit += Math.min(share, MAX_PREMIUM_SHARE);
      if (credit < 1 - EXACTNESS) return "standard";
      credit -= 1;
      return "premium";
    },
  };
};
const EXACTNESS = 1e-9;
