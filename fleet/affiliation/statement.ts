/**
 * Monthly statements: what the ledger of movements says of one month.
 *
 * Shape:  a movement is never changed; it belongs to the month (Paris) in which it was recorded, so
 *         that a month that is over says the same for ever. Opening balance + earned − clawed back
 *         = closing balance = the opening balance of the next month.
 * Units:  integer cents, a clawback negative; ms.
 * Errors: a month that is none, says so.
 */
import { Temporal } from "temporal-polyfill";
import { err, ok, type Result } from "../../src/kernel/result.ts";

export const MOVEMENT_KINDS = ["earned", "clawed_back"] as const;
export type Movement = {
  readonly order: string;
  readonly kind: (typeof MOVEMENT_KINDS)[number];
  readonly cents: number;
  readonly at: number;
};
export type Month = { readonly name: string; readonly from: number; readonly to: number };
export type Statement = {
  readonly month: string;
  readonly openingCents: number;
  readonly earnedCents: number;
  readonly clawedBackCents: number;
  readonly closingCents: number;
  /** False while it may still grow. */
  readonly isFinal: boolean;
  readonly orders: readonly { readonly order: string; readonly cents: number }[];
};

const ZONE = "Europe/Paris";
/** What began before midnight is recorded by then. */
const SETTLE_MS = 5 * 60_000;

export const monthOf = (name: string): Result<Month, string> => {
  const found = /^(20\d\d)-(0[1-9]|1[0-2])$/.exec(name);
  if (found === null) return err("is no month, such as 2026-12");
  const first = new Temporal.PlainDate(Number(found[1]), Number(found[2]), 1);
  const at = (date: Temporal.PlainDate): number => date.toZonedDateTime(ZONE).epochMilliseconds;
  return ok({ name, from: at(first), to: at(first.add({ months: 1 })) });
};

export const monthBefore = (now: number): Month => {
  const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(ZONE);
  const name = today.toPlainDate().subtract({ months: 1 }).toString().slice(0, 7);
  const month = monthOf(name);
  if (!month.ok) throw new Error(`no month before ${now}: ${month.error}`);
  return month.value;
};

export const statementOf = (
  month: Month,
  openingCents: number,
  movements: readonly Movement[],
  now: number,
): Statement => {
  const within = movements.filter(({ at }) => at >= month.from && at < month.to);
  const sum = (some: readonly Movement[]): number =>
    some.reduce((all, { cents }) => all + cents, 0);
  const earnedCents = sum(within.filter(({ kind }) => kind === "earned"));
  const clawedBackCents = sum(within.filter(({ kind }) => kind === "clawed_back"));
  const orders = [...Map.groupBy(within, ({ order }) => order)].map(([order, some]) => {
    const cents = sum(some);
    return { order, cents };
  });
  return {
    ...{ month: month.name, openingCents, earnedCents, clawedBackCents, orders },
    closingCents: openingCents + earnedCents + clawedBackCents,
    isFinal: now >= month.to + SETTLE_MS,
  };
};
