/**
 * When a child that died is started again: at once the first time, then later and later.
 *
 * Units:  ms. A child that lived for `STEADY_MS` has earned a fresh start.
 */
const FIRST_MS = 0;
const BASE_MS = 250;
const MAX_MS = 5_000;
export const STEADY_MS = 30_000;

export type Restart = { readonly delayMs: number; readonly attempts: number };

export const nextRestart = (attempts: number, livedMs: number): Restart => {
  if (attempts === 0 || livedMs >= STEADY_MS) return { delayMs: FIRST_MS, attempts: 1 };
  return { delayMs: Math.min(MAX_MS, BASE_MS * 2 ** (attempts - 1)), attempts: attempts + 1 };
};
