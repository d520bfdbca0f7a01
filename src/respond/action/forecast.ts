/**
 * What load will be in a moment: Holt's linear trend, and how far it was off until now.
 *
 * Shape:  points → the value that is not passed nine times in ten at `horizonMs`, or unknown.
 * Units:  requests per second; ms.
 * Errors: unknown for too few points, a newest one that is old, or what is no number.
 * Source: Holt 1957 (double exponential smoothing); the 0.9 quantile of a normal error.
 */
export type Point = { readonly atMs: number; readonly value: number };

/** The port: a better forecast takes this one's place. */
export type Forecast = (
  points: readonly Point[],
  horizonMs: number,
  nowMs: number,
) => number | "unknown";

const LEVEL_GAIN = 0.3;
const TREND_GAIN = 0.1;
const MIN_POINTS = 12;
const MAX_AGE_MS = 30_000;
const Q90 = 1.2816;

export const holtForecast: Forecast = (points, horizonMs, nowMs) => {
  const usable = points.filter(({ value }) => Number.isFinite(value));
  const [first, ...rest] = usable;
  const last = usable.at(-1);
  if (first === undefined || last === undefined || usable.length < MIN_POINTS) return "unknown";
  if (nowMs - last.atMs > MAX_AGE_MS) return "unknown";
  const stepMs = (last.atMs - first.atMs) / (usable.length - 1);
  if (!(stepMs > 0)) return "unknown";
  let level = first.value;
  let trend = 0;
  let squares = 0;
  let atMs = first.atMs;
  for (const point of rest) {
    const steps = Math.max(0, point.atMs - atMs) / stepMs;
    const expected = level + trend * steps;
    const error = point.value - expected;
    squares += error * error;
    const before = level;
    level = expected + LEVEL_GAIN * error;
    if (steps > 0) trend += TREND_GAIN * ((level - before) / steps - trend);
    atMs = point.atMs;
  }
  const ahead = Math.max(0, horizonMs) / stepMs;
  const spread = Math.sqrt(squares / rest.length);
  return Math.max(0, level + trend * ahead + Q90 * spread);
};
