/**
 * Instants as people in Paris read them; UTC is told on hover.
 *
 * Units: instants are ISO 8601 strings or ms since the epoch; ages are ms.
 */
import { localeOf } from "./number.ts";
import type { Lang } from "./text.ts";

const ZONE = "Europe/Paris";
const DAY_MS = 86_400_000;
type Instant = string | number;

const cache = new Map<string, Intl.DateTimeFormat>();
const formatter = (lang: Lang, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
  const key = `${lang}${JSON.stringify(options)}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const all = { timeZone: ZONE, hourCycle: "h23", ...options } as const;
  const made = new Intl.DateTimeFormat(localeOf(lang), all);
  cache.set(key, made);
  return made;
};

const HM = { hour: "2-digit", minute: "2-digit" } as const;
const HMS = { ...HM, second: "2-digit" } as const;
const DAY = { day: "numeric", month: "short" } as const;

export const clock = (lang: Lang, at: Instant): string => formatter(lang, HM).format(new Date(at));

export const clockSeconds = (lang: Lang, at: Instant): string =>
  formatter(lang, HMS).format(new Date(at));

export const day = (lang: Lang, at: Instant): string =>
  formatter(lang, { ...DAY, year: "numeric" }).format(new Date(at));

/** The time alone on the same day in Paris, else the day too. */
export const since = (lang: Lang, at: Instant, nowMs: number): string =>
  day(lang, at) === day(lang, nowMs)
    ? clock(lang, at)
    : `${formatter(lang, DAY).format(new Date(at))} ${clock(lang, at)}`;

/** « 24 nov. » */
export const dayMonth = (lang: Lang, at: Instant): string =>
  unbroken(formatter(lang, DAY).format(new Date(at)));

/** How far Paris's clock is ahead of UTC at an instant. */
export const parisOffsetMs = (at: number): number => {
  const parts = formatter("en", PARTS).formatToParts(new Date(at));
  const [year, month, dayOf, hour, minute, second] = PART_NAMES.map((name) =>
    Number(parts.find(({ type }) => type === name)?.value),
  );
  const wall = Date.UTC(year!, month! - 1, dayOf, hour, minute, second);
  return wall - Math.floor(at / 1_000) * 1_000;
};
const PARTS = { ...HMS, year: "numeric", month: "2-digit", day: "2-digit" } as const;
const PART_NAMES = ["year", "month", "day", "hour", "minute", "second"] as const;

/** « 2026-11-24T13:02 » in Paris, as a field for dates takes it; and back. */
export const toParisField = (at: number): string =>
  new Date(at + parisOffsetMs(at)).toISOString().slice(0, 16);

export const fromParisField = (text: string): number => {
  const wall = Date.parse(`${text}:00Z`);
  if (Number.isNaN(wall)) return Number.NaN;
  return wall - parisOffsetMs(wall - parisOffsetMs(wall));
};

export const full = (lang: Lang, at: Instant): string =>
  formatter(lang, { ...DAY, year: "numeric", ...HMS }).format(new Date(at));

export const utc = (lang: Lang, at: Instant): string => {
  const options = { ...DAY, year: "numeric", ...HMS, timeZone: "UTC" } as const;
  return `${formatter(lang, options).format(new Date(at))} UTC`;
};

type Part = { readonly value: number; readonly unit: "second" | "minute" | "hour" | "day" };
const largest = (ageMs: number): Part => {
  const seconds = Math.max(0, Math.round(ageMs / 1_000));
  if (seconds < 60) return { value: seconds, unit: "second" };
  if (seconds < 3_600) return { value: Math.floor(seconds / 60), unit: "minute" };
  if (seconds < 172_800) return { value: Math.floor(seconds / 3_600), unit: "hour" };
  return { value: Math.floor(seconds / 86_400), unit: "day" };
};

const relative = {
  fr: new Intl.RelativeTimeFormat("fr-FR", { style: "short" }),
  en: new Intl.RelativeTimeFormat("en-GB", { style: "narrow" }),
};

/** « il y a 1 s ». */
export const ago = (lang: Lang, ageMs: number): string => {
  const { value, unit } = largest(ageMs);
  return unbroken(relative[lang].format(-value, unit));
};

/** « 12 s », « 3 min »: how old, without a sentence. */
export const age = (lang: Lang, ageMs: number): string => {
  const { value, unit } = largest(ageMs);
  const unitDisplay = lang === "fr" ? "short" : "narrow";
  const options = { style: "unit", unit, unitDisplay } as const;
  return unbroken(new Intl.NumberFormat(localeOf(lang), options).format(value));
};

/** « dans 3 j », « il y a 2 j »: whole days to a date. */
export const inDays = (lang: Lang, at: Instant, nowMs: number): string => {
  const days = Math.round((new Date(at).getTime() - nowMs) / DAY_MS);
  return unbroken(relative[lang].format(days, "day"));
};

const unbroken = (text: string): string => text.replaceAll(/[ \u202F]/g, "\u00A0");
