/**
 * Slows down whoever guesses: after a few free attempts each one waits twice as long as the last.
 *
 * Shape:  an attempt counts when it is made, not when it fails, so that a thousand at once are a
 *         thousand; a success takes it back. At most `maxKeys` are remembered, the least recently
 *         used go first; a key that was quiet for `forgetMs` starts anew.
 * Units:  ms on a clock that does not jump.
 */
export type ThrottlePolicy = {
  readonly freeAttempts: number;
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
  readonly forgetMs: number;
  readonly maxKeys: number;
};

export type Throttle = {
  /** 0 when the attempt may be made (and is counted), else how long to wait. */
  readonly attempt: (key: string, nowMs: number) => number;
  /** The last attempt was genuine. */
  readonly takeBack: (key: string) => void;
  readonly forget: (key: string) => void;
  readonly size: () => number;
};

type Guesses = { readonly count: number; readonly lastMs: number; readonly blockedUntilMs: number };

export const createThrottle = (policy: ThrottlePolicy): Throttle => {
  // A Map keeps the order of insertion, so the first key is the least recently used.
  const guesses = new Map<string, Guesses>();
  const keep = (key: string, value: Guesses): void => {
    guesses.delete(key);
    guesses.set(key, value);
    const [oldest] = guesses.keys();
    if (guesses.size > policy.maxKeys && oldest !== undefined) guesses.delete(oldest);
  };
  return {
    attempt: (key, nowMs) => {
      const before = guesses.get(key);
      if (before !== undefined && nowMs < before.blockedUntilMs)
        return before.blockedUntilMs - nowMs;
      const quiet = before === undefined || nowMs - before.lastMs >= policy.forgetMs;
      const count = quiet ? 1 : before.count + 1;
      keep(key, { count, lastMs: nowMs, blockedUntilMs: nowMs + waitAfter(policy, count) });
      return 0;
    },
    takeBack: (key) => {
      const before = guesses.get(key);
      if (before === undefined) return;
      const count = before.count - 1;
      guesses.set(key, {
        ...before,
        count,
        blockedUntilMs: before.lastMs + waitAfter(policy, count),
      });
    },
    forget: (key) => guesses.delete(key),
    size: () => guesses.size,
  };
};

const waitAfter = (policy: ThrottlePolicy, count: number): number => {
  const beyond = count - policy.freeAttempts;
  return beyond < 0
    ? 0
    : Math.min(policy.firstWaitMs * 2 ** Math.min(beyond, 40), policy.maxWaitMs);
};
