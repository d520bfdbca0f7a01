/**
 * Autonomy is earned and lost: how often a playbook's actions were seen to help decides how much it
 * may do by itself. It falls by itself; only people raise it.
 *
 * Shape:  outcomes of the last runs, newest first → the level, and the figures it is taken on.
 * Source: the lower bound of Wilson's interval (1927) at 95 %.
 */
import type { Words } from "../../launch/kpi/reading.ts";

export const LEVELS = ["observe", "suggest", "auto"] as const;
export type Level = (typeof LEVELS)[number];

export const MAX_RUNS = 20;
/** With fewer than this one failure would decide. */
export const MIN_RUNS = 8;
const SUGGEST_BELOW = 0.4;
const OBSERVE_BELOW = 0.15;
const Z95 = 1.96;

export const wilsonLower = (good: number, of: number, z = Z95): number => {
  if (of <= 0) return 0;
  const rate = good / of;
  const zz = z * z;
  const spread = z * Math.sqrt((rate * (1 - rate)) / of + zz / (4 * of * of));
  return Math.max(0, (rate + zz / (2 * of) - spread) / (1 + zz / of));
};

export type Earned = {
  readonly level: Level;
  readonly isLowered: boolean;
  readonly runs: number;
  readonly fixed: number;
  readonly rate: number | null;
  readonly lower: number | null;
  readonly why: Words;
};

export const earned = (level: Level, outcomes: readonly boolean[]): Earned => {
  const last = outcomes.slice(0, MAX_RUNS);
  const runs = last.length;
  const fixed = last.filter((one) => one).length;
  const figures = {
    ...{ runs, fixed, rate: runs === 0 ? null : fixed / runs },
    lower: runs === 0 ? null : wilsonLower(fixed, runs),
  };
  if (runs < MIN_RUNS) {
    const why = { fr: `${runs} action(s) : trop peu pour juger`, en: `${runs} run(s): too few` };
    return { ...figures, level, isLowered: false, why };
  }
  const bound = wilsonLower(fixed, runs);
  const most: Level =
    bound < OBSERVE_BELOW ? "observe" : bound < SUGGEST_BELOW ? "suggest" : "auto";
  const said = `${fixed}/${runs}, ${Math.round(bound * 100)} %`;
  const isLowered = LEVELS.indexOf(most) < LEVELS.indexOf(level);
  const why = isLowered
    ? { fr: `Trop peu d’actions ont aidé (${said})`, en: `Too few actions helped (${said})` }
    : { fr: `Actions qui ont aidé : ${said}`, en: `Actions that helped: ${said}` };
  return { ...figures, level: isLowered ? most : level, isLowered, why };
};

/** The lowest of what the plan allows and what was earned. */
export const lowest = (a: Level, b: Level): Level =>
  LEVELS.indexOf(a) <= LEVELS.indexOf(b) ? a : b;
