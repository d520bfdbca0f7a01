/**
 * The age of a Kbis extract: accepted while it is less than three months old.
 *
 * Shape:  months are calendar months, added to the day of issue. Where the third month has no such
 *         day, its last one counts: issued on 30 November, three months end on 28 (or 29) February.
 *         That day itself is too late; the day before is the last one. Days are those of Paris.
 * Errors: a day of issue in the future, or one that the calendar does not have, says so.
 */
import { Temporal } from "temporal-polyfill";
import { err, ok, type Result } from "../../src/kernel/result.ts";

const MAX_AGE_MONTHS = 3;
const ZONE = "Europe/Paris";

export type DocumentAge = {
  readonly isFresh: boolean;
  readonly ageDays: number;
  /** `YYYY-MM-DD`, the last day on which it is accepted. */
  readonly lastDay: string;
  /** The arithmetic, for whoever has to explain it. */
  readonly why: string;
};

export const documentAge = (issuedOn: string, now: number): Result<DocumentAge, string> => {
  const issued = dayOf(issuedOn);
  if (issued === undefined) return err(`"${issuedOn.slice(0, 20)}" is no day of the calendar`);
  const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(ZONE).toPlainDate();
  const ageDays = issued.until(today, { largestUnit: "days" }).days;
  if (ageDays < 0) return err(`issued on ${issuedOn}, which is ${-ageDays} days in the future`);
  const end = issued.add({ months: MAX_AGE_MONTHS }, { overflow: "constrain" });
  const lastDay = end.subtract({ days: 1 });
  const isFresh = Temporal.PlainDate.compare(today, end) < 0;
  const isClamped = end.day !== issued.day;
  const clamp = isClamped ? ` (that month has no day ${issued.day})` : "";
  const why =
    `issued ${issued.toString()} + ${MAX_AGE_MONTHS} months = ${end.toString()}${clamp}; ` +
    `today ${today.toString()} is ${isFresh ? "before it" : "not before it"}`;
  return ok({ isFresh, ageDays, lastDay: lastDay.toString(), why });
};

const dayOf = (text: string): Temporal.PlainDate | undefined => {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return undefined;
  const [year, month, day] = text.split("-").map(Number) as [number, number, number];
  try {
    return Temporal.PlainDate.from({ year, month, day }, { overflow: "reject" });
  } catch {
    return undefined;
  }
};
