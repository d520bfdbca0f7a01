/**
 * France's day: how many sessions begin at each time of it.
 *
 * Shape:  `sessionsPerS(users, localMs)`: a curve through 24 hourly weights, one session a user and
 *         day, 2.25 times the mean in the busiest hour.
 * Units:  ms of the local day; sessions per second.
 * Errors: none.
 * Source: reference of the load model: peak = users / 86,400 × 2.25, times 20 requests a session.
 */
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Mean 1; drivers look before they leave, at noon, and most when they are home again. */
const HOURS = [
  ...[0.16, 0.09, 0.06, 0.05, 0.08, 0.22, 0.55, 1.05, 1.4, 1.25, 1.1, 1.3],
  ...[1.45, 1.2, 1.1, 1.15, 1.45, 1.95, 2.25, 2.1, 1.75, 1.25, 0.7, 0.34],
] as const;

export const REQUESTS_A_SESSION = 20;
export const PEAK_TO_MEAN = Math.max(...HOURS);
const MEAN_PER_USER = 1 / (DAY_MS / 1_000);

export const sessionsPerS = (users: number, localMs: number): number =>
  users * MEAN_PER_USER * weightAt(localMs);

export const peakSessionsPerS = (users: number): number => users * MEAN_PER_USER * PEAK_TO_MEAN;

/** At the middle of each hour its weight, a straight line between two. */
const weightAt = (localMs: number): number => {
  const hours = (((localMs % DAY_MS) + DAY_MS) % DAY_MS) / HOUR_MS - 0.5;
  const before = Math.floor(hours);
  const at = (hour: number): number => HOURS[(hour + 24) % 24]!;
  const share = hours - before;
  return at(before) * (1 - share) + at(before + 1) * share;
};
