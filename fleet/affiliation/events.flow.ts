/**
 * Order events become commissions and clawbacks, once each however often they are sent.
 *
 * Shape:  in one transaction, under the order's lock: the event's answer if it was here before,
 *         else the decision, its lines, its movements and the event itself.
 * Units:  cents, ms.
 * Errors: 409 `event_reused` (same id, other content) and `already_paid`; 404 a refund of an order
 *         nobody paid (to be sent again later); 422 what is refunded beyond what was paid, an order
 *         of another time.
 */
import type { Db, Tx } from "../../src/io/postgres/db.ts";
import { ok, type Result } from "../../src/kernel/result.ts";
import { refuse, type Refusal } from "../frame/route.ts";
import * as store from "./affiliation.store.ts";
import { attribute, WINDOW_MS } from "./attribution.ts";
import { clawback, earned, tierOf, type Tier } from "./commission.ts";
import { monthBefore } from "./statement.ts";

/** Clocks differ a little. */
const MAX_AHEAD_MS = 5 * 60_000;

export type OrderEvent =
  | {
      readonly type: "order_paid";
      readonly id: string;
      readonly order: string;
      readonly buyer: string;
      readonly at: number;
      readonly lines: readonly { readonly cents: number }[];
    }
  | {
      readonly type: "order_refunded";
      readonly id: string;
      readonly order: string;
      readonly lines: readonly { readonly nth: number; readonly cents: number }[];
    };
type Effect = {
  readonly order: string;
  readonly affiliate: string | null;
  readonly why: string;
  readonly tier: Tier["id"] | null;
  /** Earned positive, clawed back negative. */
  readonly cents: number;
  readonly lines: readonly number[];
};
export type Applied = Effect & { readonly repeated: boolean };
type Deps = { readonly db: Db; readonly now: () => number };

export const applyEvent =
  ({ db, now }: Deps) =>
  async (event: OrderEvent): Promise<Result<Applied, Refusal>> => {
    const said = JSON.stringify(event);
    const reused = refuse("event_reused", 409, `id: ${event.id} was another event`, "id");
    try {
      return await store.onOrder(db, event.order, async (tx) => {
        const before = await store.eventOf(tx, event.id);
        if (before !== undefined)
          return before.said === said
            ? ok({ ...(before.answer as Effect), repeated: true })
            : reused;
        const done =
          event.type === "order_paid"
            ? await pay(tx, event, now())
            : await refund(tx, event, now());
        if (!done.ok) return done;
        await store.saveEvent(tx, event.id, said, done.value);
        return ok({ ...done.value, repeated: false });
      });
    } catch (fault) {
      // The same id at the same time for another order, whose lock is another.
      if (store.isEventReused(fault)) return reused;
      throw fault;
    }
  };

const pay = async (
  tx: Tx,
  event: OrderEvent & { readonly type: "order_paid" },
  now: number,
): Promise<Result<Effect, Refusal>> => {
  if (event.at > now + MAX_AHEAD_MS)
    return refuse("future", 422, "at: is more than 5 minutes ahead", "at");
  if (event.at < now - WINDOW_MS)
    return refuse("too_old", 422, "at: is more than 30 days ago", "at");
  const known = await store.purchaseOf(tx, event.order);
  if (known !== undefined)
    return refuse("already_paid", 409, `order: ${event.order} has its commission`, "order");
  const { affiliate, why } = attribute(await store.touchesOf(tx, event.buyer), event);
  const cents = event.lines.map((line) => line.cents);
  const tier =
    affiliate === null ? undefined : tierOf(await store.netSales(tx, affiliate, monthBefore(now)));
  const lines = tier === undefined ? cents.map(() => 0) : earned(cents, tier.rateBps);
  const total = lines.reduce((sum, commission) => sum + commission, 0);
  const one = { id: event.order, buyer: event.buyer, affiliate, why, tier: tier?.id ?? null };
  const saved = cents.map((amount, nth) => ({ cents: amount, commission: lines[nth]! }));
  await store.savePurchase(tx, one, saved, now);
  if (affiliate !== null && total > 0)
    await store.record(tx, affiliate, {
      ...{ order: event.order, kind: "earned", cents: total, at: now },
    });
  return ok({ order: event.order, affiliate, why, tier: one.tier, cents: total, lines });
};

const refund = async (
  tx: Tx,
  event: OrderEvent & { readonly type: "order_refunded" },
  now: number,
): Promise<Result<Effect, Refusal>> => {
  const found = await store.purchaseOf(tx, event.order);
  if (found === undefined)
    return refuse("not_paid", 404, `order: ${event.order} was not paid yet`, "order");
  const { purchase } = found;
  const lines = [...found.lines];
  const taken: number[] = [];
  for (const [index, { nth, cents }] of event.lines.entries()) {
    const field = `lines[${index}]`;
    const line = lines[nth];
    if (line === undefined)
      return refuse("no_line", 422, `${field}.nth: the order has ${lines.length} lines`, field);
    const left = line.cents - line.refunded;
    if (cents > left)
      return refuse("over_refund", 422, `${field}.cents: at most ${left} are left of it`, field);
    const clawedBack = clawback(line, cents);
    lines[nth] = {
      ...line,
      refunded: line.refunded + cents,
      clawedBack: line.clawedBack + clawedBack,
    };
    taken.push(-clawedBack);
  }
  // Nothing is written before every line was looked at: a refusal leaves no half.
  for (const [index, { nth, cents }] of event.lines.entries())
    await store.refundLine(tx, event.order, nth, { cents, clawedBack: -taken[index]! });
  const total = taken.reduce((sum, cents) => sum + cents, 0);
  if (purchase.affiliate !== null && total < 0)
    await store.record(tx, purchase.affiliate, {
      ...{ order: event.order, kind: "clawed_back", cents: total, at: now },
    });
  const { affiliate, tier } = purchase;
  return ok({ order: event.order, affiliate, why: "refund", tier, cents: total, lines: taken });
};
