/**
 * The words every part of a plan is written with: ids, texts, dates, durations, comparisons.
 *
 * Units:  dates are calendar days of the plan's time zone, `YYYY-MM-DD`; clock times are `HH:MM`;
 *         durations are written as in PromQL (`30s`, `5m`, `2w`) and stay text in the plan.
 * Errors: the message given to zod is what the user reads after the path; it says what is allowed.
 */
import * as z from "zod";
import { parseDuration } from "../../../kernel/duration.ts";
import { SEVERITIES } from "../../../kernel/severity.ts";

/** What a plan hands out never changes under the reader. */
export type Immutable<T> = T extends readonly (infer E)[]
  ? readonly Immutable<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Immutable<T[K]> }
    : T;

const MAX_ID_CHARS = 64;
const MAX_TEXT_CHARS = 4_000;
/** A query or formula longer than this is not something a person checks by eye. */
const MAX_EXPRESSION_CHARS = 4_000;
export const MAX_ITEMS = 500;

const DAY_MS = 86_400_000;

/** Days since 1970-01-01, or `undefined` for what is not a day of the calendar. */
export const dayNumber = (date: string): number | undefined => {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return undefined;
  const atMs = Date.parse(`${date}T00:00:00Z`);
  // Some engines roll 2025-02-30 over into March: only a date that reads back the same is one.
  if (!Number.isFinite(atMs) || new Date(atMs).toISOString().slice(0, 10) !== date)
    return undefined;
  return atMs / DAY_MS;
};

/** The `YYYY-MM-DD` of a day number. */
export const dateOfDay = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

const knowsTimeZone = (zone: string): boolean => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).format(0) !== "";
  } catch {
    return false;
  }
};

export const id = z
  .string()
  .max(MAX_ID_CHARS)
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, {
    error: 'is not an id; allowed: lower-case letters, digits and single hyphens ("phase-1")',
  })
  .describe("An immutable id, kebab-case.");

export const line = z.string().min(1).max(MAX_TEXT_CHARS);

export const text = z
  .strictObject({ fr: line, en: line })
  .describe("What people read, in French and in English.");

export const expression = z.string().min(1).max(MAX_EXPRESSION_CHARS);

export const date = z
  .string()
  .refine((value) => dayNumber(value) !== undefined, {
    error: "is not a day of the calendar; allowed: YYYY-MM-DD, quoted or not",
  })
  .meta({ format: "date", description: "A calendar day, YYYY-MM-DD." });

export const clockTime = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, {
  error: "is not a clock time; allowed: 00:00 to 23:59",
});

export const duration = z
  .string()
  .refine((value) => parseDuration(value) !== undefined, {
    error: 'is not a duration; allowed: a number and ms, s, m, h, d, w or y ("30s", "1h30m")',
  })
  .meta({ description: 'A duration such as "30s", "5m", "1h30m" or "2w".' });

export const timeZone = z.string().refine(knowsTimeZone, {
  error: 'is not a time zone; allowed: an IANA name such as "Europe/Paris"',
});

export const OPERATORS = ["<", "<=", ">", ">=", "="] as const;
export type Operator = (typeof OPERATORS)[number];
export const operator = z.enum(OPERATORS);

/** A figure to hold or to pass, with the words of the customer's document beside it. */
export const threshold = z.strictObject({ op: operator, value: z.number(), text: line });

export const severity = z.enum(SEVERITIES);

export const named = z.strictObject({ id, name: text });

/** Items that belong together under a heading, as the document's bullet lists. */
export const group = z.strictObject({
  id,
  name: text,
  items: z.array(named).min(1).max(MAX_ITEMS),
});

/** How often something is looked at. */
export const FREQUENCIES = [
  "realtime",
  "hourly",
  "daily",
  "weekly",
  "monthly",
  "quarterly",
  "per_incident",
  "per_deployment",
] as const;

export const frequency = z.enum(FREQUENCIES);

/** Length of a phase or a wave: exactly one of the three. */
export const span = z
  .strictObject({
    months: z.int().positive().max(120).optional(),
    weeks: z.int().positive().max(520).optional(),
    continuous: z.literal(true).optional(),
  })
  .refine((value) => Object.values(value).filter((part) => part !== undefined).length === 1, {
    error: "is no length; allowed: exactly one of months, weeks or continuous: true",
  });

export const euros = z.number().nonnegative();
export const headcount = z.int().nonnegative().max(1_000_000);
export const share = z.number().min(0).max(1);
export const many = <T extends z.ZodType>(item: T) => z.array(item).max(MAX_ITEMS);
export const some = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(MAX_ITEMS);
