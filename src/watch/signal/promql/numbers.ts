/**
 * Arithmetic and comparison of two numbers, and functions of one, as Go's floats do them.
 */
import type { ArithmeticOperator, ComparisonOperator } from "./ast.ts";

/** C's pow: 1 to anything is 1, and -1 to an infinite power is 1. */
const power = (base: number, exponent: number): number => {
  if (base === 1) return 1;
  if (base === -1 && Math.abs(exponent) === Infinity) return 1;
  return base ** exponent;
};

export type NumberFunction = (a: number, b: number) => number;

export const ARITHMETIC: Readonly<Record<ArithmeticOperator, NumberFunction>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "^": power,
  atan2: (a, b) => Math.atan2(a, b),
};

export const COMPARISON: Readonly<Record<ComparisonOperator, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
};

const SECOND_MS = 1000;
const MAX_DATE_S = 8.64e12;
const dateOf = (seconds: number): Date | undefined =>
  Math.abs(seconds) <= MAX_DATE_S ? new Date(Math.floor(seconds) * SECOND_MS) : undefined;
const datePart =
  (part: (date: Date) => number): ((seconds: number) => number) =>
  (seconds) => {
    const date = dateOf(seconds);
    return date === undefined ? NaN : part(date);
  };

const DAY_MS = 86_400_000;
const dayOfYear = (date: Date): number =>
  Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
const daysInMonth = (date: Date): number =>
  new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();

/** Functions of seconds since the epoch; without an argument, of the evaluation time. */
export const DATE_FUNCTIONS: Readonly<Record<string, (seconds: number) => number>> = {
  minute: datePart((date) => date.getUTCMinutes()),
  hour: datePart((date) => date.getUTCHours()),
  day_of_week: datePart((date) => date.getUTCDay()),
  day_of_month: datePart((date) => date.getUTCDate()),
  day_of_year: datePart(dayOfYear),
  days_in_month: datePart(daysInMonth),
  month: datePart((date) => date.getUTCMonth() + 1),
  year: datePart((date) => date.getUTCFullYear()),
};

/** Functions of one value; further arguments are scalars. */
export const VALUE_FUNCTIONS: Readonly<
  Record<string, (value: number, a: number, b: number) => number>
> = {
  abs: Math.abs,
  ceil: Math.ceil,
  exp: Math.exp,
  floor: Math.floor,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sgn: Math.sign,
  sqrt: Math.sqrt,
  acos: Math.acos,
  acosh: Math.acosh,
  asin: Math.asin,
  asinh: Math.asinh,
  atan: Math.atan,
  atanh: Math.atanh,
  cos: Math.cos,
  cosh: Math.cosh,
  sin: Math.sin,
  sinh: Math.sinh,
  tan: Math.tan,
  tanh: Math.tanh,
  deg: (value) => (value * 180) / Math.PI,
  rad: (value) => (value * Math.PI) / 180,
  clamp: (value, low, high) => Math.max(low, Math.min(high, value)),
  clamp_max: (value, high) => Math.min(high, value),
  clamp_min: (value, low) => Math.max(low, value),
  // The inverse, because 1 / 0.1 is a whole number and 0.1 is not.
  round: (value, nearest) => {
    const inverse = 1 / nearest;
    return Math.floor(value * inverse + 0.5) / inverse;
  },
};
