/**
 * The labels of a time axis: at instants people name, in Paris, as close as they can be read.
 *
 * Units:  ms since the epoch.
 */
import { clock, clockSeconds, dayMonth, parisOffsetMs } from "../format/time.ts";
import type { Lang } from "../format/text.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const STEPS_MS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR_MS),
  ...[1, 2, 7, 14, 30, 90].map((n) => n * DAY_MS),
];
const LABEL_PX = 60;

export type TimeTicks = {
  readonly at: readonly number[];
  readonly format: (at: number) => string;
};

export const timeTicks = (lang: Lang, fromMs: number, toMs: number, widthPx: number): TimeTicks => {
  const most = Math.max(2, Math.floor(widthPx / LABEL_PX));
  const stepMs = STEPS_MS.find((one) => (toMs - fromMs) / one <= most) ?? STEPS_MS.at(-1)!;
  const at: number[] = [];
  // Counted on Paris's clock, so that a day starts at its midnight on both sides of a change.
  const offset = parisOffsetMs(fromMs);
  for (let wall = Math.ceil((fromMs + offset) / stepMs) * stepMs; ; wall += stepMs) {
    const instant = wall - parisOffsetMs(wall - offset);
    if (instant > toMs) break;
    if (instant >= fromMs) at.push(instant);
  }
  const isMidnight = (one: number): boolean => (one + parisOffsetMs(one)) % DAY_MS === 0;
  const format = (one: number): string => {
    if (stepMs >= DAY_MS || isMidnight(one)) return dayMonth(lang, one);
    return stepMs < MINUTE_MS ? clockSeconds(lang, one) : clock(lang, one);
  };
  return { at, format };
};
