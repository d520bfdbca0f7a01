/**
 * Durations as people write them: `500ms`, `1s`, `15m`, `1h30m`, `30d`, `2w`, `1y`.
 *
 * Units:  milliseconds out; a day is 24 h, a week 7 d and a year 365 d, as in PromQL. Calendar
 *         arithmetic (days of Europe/Paris) never goes through here.
 * Errors: `undefined` for anything else; callers name the field.
 */
const UNIT_MS = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};
const DURATION = /^(?:\d+(?:ms|[smhdwy]))+$/;
const PART = /(\d+)(ms|[smhdwy])/g;

export const parseDuration = (text: string): number | undefined => {
  if (text.length > 40 || !DURATION.test(text)) return undefined;
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(PART)) {
    totalMs += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  }
  return Number.isSafeInteger(totalMs) ? totalMs : undefined;
};
