/**
 * What is not served so that the rest is: optional features first, restored last.
 *
 * Shape:  level 0 serves all, 1 no optional, 2 no standard either, 3 critical only. The reflex of a
 *         service rises one level per `raiseMs` while calls that matter more than the next to be
 *         shed wait longer than `highMs`, and falls one per `holdMs` once whatever is served waits
 *         less than `lowMs`. What waits behind others is no reason to shed: the queue has it.
 *         So what matters most in its service is never shed.
 * Units:  ms.
 */
import { SHED_LEVELS } from "../control/messages.ts";
import { CRITICALITIES } from "./queue.ts";

const MAX_LEVEL = SHED_LEVELS.length - 1;

export const isShed = (rank: number, level: number): boolean =>
  rank >= CRITICALITIES.length - level;

export type ReflexLimits = {
  readonly highMs: number;
  readonly lowMs: number;
  readonly raiseMs: number;
  readonly holdMs: number;
};
export const REFLEX_LIMITS: ReflexLimits = {
  ...{ highMs: 100, lowMs: 20, raiseMs: 500, holdMs: 5_000 },
};

export type Reflex = {
  readonly level: () => number;
  /**
   * The shortest wait of any call of each rank since the last look, as CoDel takes it: a burst that
   * drains is no overload; 0 where none came. True when the level changed.
   */
  readonly look: (leastWaitsMs: readonly number[], nowMs: number) => boolean;
};

export const newReflex = (limits: ReflexLimits = REFLEX_LIMITS): Reflex => {
  let level = 0;
  let highSinceMs = Number.NaN;
  let lowSinceMs = Number.NaN;
  /** The longest among the ranks that are served at a level. */
  const longest = (waitsMs: readonly number[], at: number): number =>
    Math.max(0, ...waitsMs.slice(0, CRITICALITIES.length - at));
  const isDue = (sinceMs: number, forMs: number, nowMs: number): boolean =>
    nowMs - sinceMs >= forMs;
  return {
    level: () => level,
    look: (waitsMs, nowMs) => {
      if (level < MAX_LEVEL && longest(waitsMs, level + 1) > limits.highMs) {
        lowSinceMs = Number.NaN;
        if (Number.isNaN(highSinceMs)) highSinceMs = nowMs;
        if (!isDue(highSinceMs, limits.raiseMs, nowMs)) return false;
        highSinceMs = nowMs;
        level += 1;
        return true;
      }
      highSinceMs = Number.NaN;
      if (level === 0 || longest(waitsMs, level) >= limits.lowMs) {
        lowSinceMs = Number.NaN;
        return false;
      }
      if (Number.isNaN(lowSinceMs)) lowSinceMs = nowMs;
      if (!isDue(lowSinceMs, limits.holdMs, nowMs)) return false;
      lowSinceMs = nowMs;
      level -= 1;
      return true;
    },
  };
};
