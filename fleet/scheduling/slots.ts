/**
 * Time of a garage: slots of 15 minutes, opening hours in Europe/Paris.
 *
 * Shape:  a slot is a number, the instant in ms divided by 900,000: Paris is always whole hours
 *         from UTC, so its quarters are UTC's. A span is `[first, end)` in slots. A day on which
 *         the clocks go forward has four slots fewer, one on which they go back four more.
 * Units:  slots; days as `YYYY-MM-DD` in Paris; local hours as minutes after midnight.
 * Errors: an instant without an offset, or off the quarter, says so.
 */
import { Temporal } from "temporal-polyfill";
import { err, ok, type Result } from "../../src/kernel/result.ts";

const SLOT_MS = 15 * 60_000;
const ZONE = "Europe/Paris";
const MINUTES_PER_HOUR = 60;

export type Span = { readonly first: number; readonly end: number };
/** By weekday, Monday first: local spans in minutes after midnight. */
export type Hours = {
  readonly week: readonly (readonly (readonly [from: number, to: number])[])[];
  readonly openOnHolidays: boolean;
};

export const slotAt = (ms: number): number => Math.floor(ms / SLOT_MS);
export const msOf = (slot: number): number => slot * SLOT_MS;

export const parseStart = (text: string): Result<number, string> => {
  try {
    const ms = Temporal.Instant.from(text).epochMilliseconds;
    return ms % SLOT_MS === 0 ? ok(ms / SLOT_MS) : err("is not on a quarter of an hour");
  } catch {
    return err("is no instant with an offset, such as 2026-12-01T09:00:00+01:00");
  }
};

const zoned = (slot: number): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(msOf(slot)).toZonedDateTimeISO(ZONE);

export const dayOf = (slot: number): string => zoned(slot).toPlainDate().toString();

/** With Paris's offset: "2026-12-01T09:00:00+01:00". */
export const localTime = (slot: number): string =>
  zoned(slot).toString({ timeZoneName: "never", smallestUnit: "second" });

/** The slot with which a day begins. */
export const midnight = (day: string): number => slotOf(Temporal.PlainDate.from(day), 0);

export const addDays = (day: string, days: number): string =>
  Temporal.PlainDate.from(day).add({ days }).toString();

export const parseDay = (text: string): Result<string, string> => {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return err("is no day, such as 2026-12-01");
  try {
    return ok(Temporal.PlainDate.from(text, { overflow: "reject" }).toString());
  } catch {
    return err("is no day of the calendar");
  }
};

/** The spans of one day in which the garage is open, in order. */
export const openOn = (hours: Hours, day: string): readonly Span[] => {
  const date = Temporal.PlainDate.from(day);
  if (!hours.openOnHolidays && isHoliday(date)) return [];
  return (hours.week[date.dayOfWeek - 1] ?? []).flatMap(([from, to]) => {
    const span = { first: slotOf(date, from), end: slotOf(date, to) };
    // An opening that falls into the hour that is left out has nothing of it.
    return span.first < span.end ? [span] : [];
  });
};

/** A local time in the hour left out is the instant of the change; a repeated one, its first. */
const slotOf = (date: Temporal.PlainDate, minutes: number): number => {
  const [hour, minute] = [Math.floor(minutes / MINUTES_PER_HOUR), minutes % MINUTES_PER_HOUR];
  const local =
    hour === 24 ? date.add({ days: 1 }).toPlainDateTime() : date.toPlainDateTime({ hour, minute });
  const earlier = local.toZonedDateTime(ZONE, { disambiguation: "earlier" });
  const isSkipped = !earlier.toPlainDateTime().equals(local);
  const at = isSkipped ? earlier.getTimeZoneTransition("next")! : earlier;
  return at.epochMilliseconds / SLOT_MS;
};

/** Spans that touch become one: a garage that never closes works past midnight. */
export const merge = (spans: readonly Span[]): readonly Span[] => {
  const merged: Span[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last !== undefined && last.end === span.first)
      merged[merged.length - 1] = { first: last.first, end: span.end };
    else merged.push(span);
  }
  return merged;
};

const FIXED_HOLIDAYS = new Set([
  ...["01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25"],
]);
/** Easter Monday, Ascension, Whit Monday: days after Easter. */
const AFTER_EASTER = [1, 39, 50];

const isHoliday = (date: Temporal.PlainDate): boolean => {
  if (FIXED_HOLIDAYS.has(date.toString().slice(5))) return true;
  const easter = easterOf(date.year);
  return AFTER_EASTER.some((days) => easter.add({ days }).equals(date));
};

/** Gregorian computus, in the form of Meeus. */
const easterOf = (year: number): Temporal.PlainDate => {
  const [a, b, c] = [year % 19, Math.floor(year / 100), year % 100];
  const f = Math.floor((b + 8) / 25);
  const g = Math.floor((b - f + 1) / 3);
  const h = (19 * a + b - Math.floor(b / 4) - g + 15) % 30;
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const n = h + l - 7 * m + 114;
  return Temporal.PlainDate.from({ year, month: Math.floor(n / 31), day: (n % 31) + 1 });
};
