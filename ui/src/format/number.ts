/**
 * Figures with their unit, by Intl only: decimal comma, U+202F thousands, U+00A0 before a unit.
 *
 * Units: those of the plan (`ms`, `minutes`, `hours`, `ratio`, `quotient`, `count`, `eur`,
 *        `score5`, `nps`) and of panels (`s`, `ratio`). A unit nobody knows follows the figure.
 */
import type { Lang } from "./text.ts";

export const MISSING = "–";
const LOCALE = { fr: "fr-FR", en: "en-GB" } as const;
const NBSP = "\u00A0";

const cache = new Map<string, Intl.NumberFormat>();
const formatter = (lang: Lang, options: Intl.NumberFormatOptions): Intl.NumberFormat => {
  const key = `${lang}${JSON.stringify(options)}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = new Intl.NumberFormat(LOCALE[lang], options);
  cache.set(key, made);
  return made;
};

export const localeOf = (lang: Lang): string => LOCALE[lang];

export const number = (
  lang: Lang,
  value: number,
  maximumFractionDigits = 2,
  notation: "standard" | "compact" = "standard",
): string => formatter(lang, { maximumFractionDigits, notation }).format(value);

export const percent = (lang: Lang, share: number, maximumFractionDigits = 0): string =>
  formatter(lang, { style: "percent", maximumFractionDigits }).format(share);

const withUnit = (lang: Lang, value: number, unit: string, digits: number): string =>
  lang === "en" && unit in ENGLISH
    ? `${number(lang, value, digits)}${NBSP}${ENGLISH[unit]}`
    : formatter(lang, {
        style: "unit",
        unit,
        unitDisplay: "short",
        maximumFractionDigits: digits,
      })
        .format(value)
        .replace(UNIT_GAP, NBSP);
/** Intl binds some units narrowly, « 4,2ms » to the eye, and others not: one space for all. */
const UNIT_GAP = /[ \u202F](?=\p{L})/u;
/** The international symbols, where English Intl writes "mins" and "hrs". */
const ENGLISH: Readonly<Record<string, string>> = { minute: "min", hour: "h", day: "d" };

/** Three figures say enough of a measured duration; a whole number stays whole. */
const digitsFor = (value: number): number => {
  const size = Math.abs(value);
  return size >= 100 ? 0 : size >= 10 ? 1 : 2;
};

export const quantity = (lang: Lang, value: number | null, unit: string): string => {
  if (value === null || !Number.isFinite(value)) return MISSING;
  switch (unit) {
    case "ms":
      return withUnit(lang, value, "millisecond", digitsFor(value));
    case "s":
      return Math.abs(value) < 1
        ? withUnit(lang, value * 1_000, "millisecond", digitsFor(value * 1_000))
        : withUnit(lang, value, "second", digitsFor(value));
    case "minutes":
      return withUnit(lang, value, "minute", digitsFor(value));
    case "hours":
      return withUnit(lang, value, "hour", digitsFor(value));
    case "days":
      return withUnit(lang, value, "day", digitsFor(value));
    case "ratio":
      return percent(lang, value, 2);
    case "quotient":
      return `${number(lang, value)}:1`;
    case "score5":
      return `${number(lang, value)}/5`;
    case "eur":
      return formatter(lang, {
        style: "currency",
        currency: "EUR",
        minimumFractionDigits: Number.isInteger(value) ? 0 : 2,
        maximumFractionDigits: 2,
      }).format(value);
    case "count":
    case "nps":
    case "":
      return number(lang, value);
    default:
      return `${number(lang, value)}${NBSP}${unit}`;
  }
};

const SIGN = { "<": "<", "<=": "≤", ">": ">", ">=": "≥", "=": "=" } as const;
export type Comparison = { readonly op: keyof typeof SIGN; readonly value: number };

export const comparison = (lang: Lang, { op, value }: Comparison, unit: string): string =>
  `${SIGN[op]}${NBSP}${quantity(lang, value, unit)}`;

/** Comparisons inside a sentence of the plan, `< 99.9%`, set as the page sets figures. */
export const figures = (lang: Lang, text: string): string =>
  text.replace(COMPARED, (_, sign: string, figure: string, unit = "") => {
    const value = number(lang, Number(figure.replace(",", ".")), 4);
    const op = sign === "<=" ? "≤" : sign === ">=" ? "≥" : sign;
    const joined = unit === "" || /^[:/]/.test(unit) || (unit === "%" && lang === "en");
    return `${op}${NBSP}${value}${joined ? "" : NBSP}${unit}`;
  });
const COMPARED =
  /([<>]=?|[=≤≥])\s*(-?\d+(?:[.,]\d+)?)(?:\s*(ms|min|[sh€%]|:1|\/5)(?![\p{L}\d]))?/gu;
