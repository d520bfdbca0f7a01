/**
 * What is not served so that the rest is: optional features first, restored last.
 *
 * Shape:  level 0 serves all, 1 no optional, 2 no standard either, 3 critical only. The reflex of a
 *         service rises one level per `raiseMs` while calls wait longer than `highMs`, and falls
 *         one level per `holdMs` once they wait less than `lowMs`. It never sheds the criticality
 *         that matters most in its service: that one has the queue.
 * Units:  ms.
 * Errors: none; unknown waiting (nobody called) is no overload, and lets a level fall.
 */
import { CRITICALITIES, rankOf, type Criticality } from "./queue.ts";

export type ShedLevel = 0 | 1 | 2 | 3;
export const MAX_SHED_LEVEL = 3;

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
   * `leastWaitMs`: the shortest wait of any call since the last look, as CoDel takes it: a burst
   * that drains is no overload. True when the level changed.
   */
  readonly look: (leastWaitMs: number, nowMs: number) => boolean;
};

export const newReflex = (
  served: readonly Criticality[],
  limits: ReflexLimits = REFLEX_LIMITS,
): Reflex => {
  const best = Math.min(...served.map(rankOf), CRITICALITIES.length);
  const highest = Math.max(0, Math.min(MAX_SHED_LEVEL, CRITICALITIES.length - 1 - best));
  let level = 0;
  let highSinceMs = Number.NaN;
  let lowSinceMs = Number.NaN;
  return {
    level: () => level,
    look: (leastWaitMs, nowMs) => {
      if (leastWaitMs > limits.highMs) {
        lowSinceMs = Number.NaN;
        if (Number.isNaN(highSinceMs)) highSinceMs = nowMs;
        if (level >= highest || nowMs - highSinceMs < limits.raiseMs) return false;
        highSinceMs = nowMs;
        level += 1;
        return true;
      }
      highSinceMs = Number.NaN;
      if (leastWaitMs > limits.lowMs) {
        lowSinceMs = Number.NaN;
        return false;
      }
      if (Number.isNaN(lowSinceMs)) lowSinceMs = nowMs;
      if (level === 0 || nowMs - lowSinceMs < limits.holdMs) return false;
      lowSinceMs = nowMs;
      level -= 1;
      return true;
    },
  };
};
