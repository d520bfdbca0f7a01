/**
 * Measured values with a unit that fits their size, and axes whose labels share one.
 *
 * Units:  a value comes in its base unit and is shown in the multiple that reads best: 0,0042 s →
 *         « 4,2 ms ». Bytes are octets by 1,024 (Kio, Mio, Gio: KiB, MiB, GiB in English), as
 *         operating systems count memory and disks; bits per second are by 1,000, as networks do.
 * Source: IEC 80000-13 for octets and their binary prefixes, SI for the others.
 */
import { MISSING, number, percent } from "./number.ts";
import type { Lang } from "./text.ts";
import { full } from "./time.ts";

export const UNITS = [
  "number",
  "s",
  "ms",
  "By",
  "By/s",
  "bit/s",
  "ratio",
  "percent",
  "1/s",
  "req/s",
  "instant",
] as const;
export type Unit = (typeof UNITS)[number];
export const isUnit = (name: string): name is Unit => (UNITS as readonly string[]).includes(name);

const NBSP = "\u00A0";

/** A multiple of the base unit and how it is written. */
export type Step = { readonly size: number; readonly fr: string; readonly en: string };

const same = (size: number, name: string): Step => ({ size, fr: name, en: name });
const TIME: readonly Step[] = [
  same(1e-9, "ns"),
  same(1e-6, "µs"),
  same(1e-3, "ms"),
  same(1, "s"),
  same(60, "min"),
  same(3_600, "h"),
  { size: 86_400, fr: "j", en: "d" },
];
/** Below these a multiple is not yet taken: « 90 s » says more than « 1,5 min ». */
const TIME_FROM: Readonly<Record<number, number>> = { 60: 120, 3_600: 7_200, 86_400: 172_800 };
const OCTETS: readonly Step[] = ["", "K", "M", "G", "T", "P"].map((prefix, i) => ({
  size: 1_024 ** i,
  fr: prefix === "" ? "o" : `${prefix}io`,
  en: prefix === "" ? "B" : `${prefix}iB`,
}));
const BITS: readonly Step[] = ["", "k", "M", "G", "T"].map((prefix, i) =>
  same(1_000 ** i, `${prefix}bit/s`),
);
const perSecond = (steps: readonly Step[]): readonly Step[] =>
  steps.map(({ size, fr, en }) => ({ size, fr: `${fr}/s`, en: `${en}/s` }));

const STEPS: Readonly<Record<Unit, readonly Step[]>> = {
  number: [same(1, "")],
  s: TIME,
  ms: TIME.map(({ size, fr, en }) => ({ size: size * 1_000, fr, en })),
  By: OCTETS,
  "By/s": perSecond(OCTETS),
  "bit/s": BITS,
  ratio: [same(0.01, "%")],
  percent: [same(1, "%")],
  "1/s": [same(1, "/s")],
  "req/s": [{ size: 1, fr: "req/s", en: "req/s" }],
  instant: [same(1, "")],
};

/** The multiple in which a value of this size reads best. */
export const stepFor = (unit: Unit, size: number): Step => {
  const steps = STEPS[unit];
  const [smallest = same(1, "")] = steps;
  const abs = Math.abs(size);
  // Zero has no size: it is written in the base unit.
  if (abs === 0 || !Number.isFinite(abs)) return steps.find((step) => step.size === 1) ?? smallest;
  const base = unit === "ms" ? 1_000 : 1;
  const isReached = ({ size: one }: Step): boolean =>
    abs >= (unit === "s" || unit === "ms" ? (TIME_FROM[one / base] ?? one / base) * base : one);
  return steps.findLast(isReached) ?? smallest;
};

/** Three figures say enough. */
const digitsFor = (value: number): number => {
  const abs = Math.abs(value);
  if (abs === 0 || abs >= 100) return 0;
  if (abs >= 10) return 1;
  if (abs >= 1) return 2;
  return Math.min(9, 2 - Math.floor(Math.log10(abs)));
};

const FAINT = 0.01;

export const measure = (lang: Lang, value: number | null, unit: Unit): string => {
  if (value === null || Number.isNaN(value)) return MISSING;
  if (!Number.isFinite(value)) return value > 0 ? "+∞" : "−∞";
  if (unit === "instant") return instant(lang, value);
  const step = stepFor(unit, value);
  const shown = value / step.size;
  // A call in five minutes is 0,00333 req/s to a machine, and « hardly any » to a reader.
  const isFaint = unit === "req/s" && value > 0 && value < FAINT;
  if (isFaint) return `<${NBSP}${written(lang, FAINT, step[lang], 2)}`;
  return written(lang, shown, step[lang], digitsFor(shown));
};

/** What a calendar can hold, in seconds; beyond it there is only the figure. */
const LAST_INSTANT_S = 8.64e12;
const instant = (lang: Lang, value: number): string =>
  Math.abs(value) > LAST_INSTANT_S ? number(lang, value) : full(lang, value * 1_000);

const written = (lang: Lang, value: number, name: string, digits: number): string => {
  if (name === "%") return percent(lang, value / 100, digits);
  const figure = number(lang, value, digits);
  return name === "" ? figure : `${figure}${NBSP}${name}`;
};

/** Labels of an axis: one multiple for all, and as many digits as its steps need. */
export const axisFormat = (
  lang: Lang,
  unit: Unit,
  ticks: readonly number[],
): ((value: number) => string) => {
  const largest = Math.max(0, ...ticks.map(Math.abs));
  if (unit === "instant") return (value) => instant(lang, value);
  const step = stepFor(unit, largest);
  const gap = ((ticks[1] ?? largest) - (ticks[0] ?? 0)) / step.size;
  const digits = gap === 0 ? 0 : fractionDigits(gap);
  const isCompact = unit === "number" && largest >= 100_000;
  return (value) => {
    if (isCompact) return number(lang, value, 2, "compact");
    // Ticks of a logarithmic axis are too far apart to share a multiple.
    if (digits > MAX_SHARED_DIGITS) return measure(lang, value, unit);
    return written(lang, value / step.size, step[lang], digits);
  };
};

const MAX_SHARED_DIGITS = 3;
const MAX_DIGITS = 9;
const fractionDigits = (gap: number): number => {
  for (let digits = 0; digits < MAX_DIGITS; digits += 1) {
    const scaled = Math.abs(gap) * 10 ** digits;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * Math.max(1, scaled)) return digits;
  }
  return MAX_DIGITS;
};
