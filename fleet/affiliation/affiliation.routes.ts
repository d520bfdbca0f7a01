/**
 * Affiliation over HTTP: referral codes, touches, order events, balance and monthly statements.
 *
 * Units:  integer cents of a euro.
 * Errors: 401 where a user is needed; 400 and 422 name the field and the limit; 404 unknown codes.
 */
import * as z from "zod";
import { ok, problem, type Result } from "../../src/kernel/result.ts";
import type { Db } from "../../src/io/postgres/db.ts";
import { refuse, route, type Caller, type Refusal, type Route } from "../frame/route.ts";
import * as store from "./affiliation.store.ts";
import { newCode, parseCode, WINDOW_MS } from "./attribution.ts";
import { MAX_LINE_CENTS, MAX_LINES, TIER_IDS, tierOf } from "./commission.ts";
import { applyEvent } from "./events.flow.ts";
import { monthBefore, monthOf, statementOf } from "./statement.ts";

type Deps = {
  readonly db: Db;
  readonly now: () => number;
  readonly newId: () => string;
  readonly dice: (bytes: number) => Uint8Array;
};

const MAX_NEW_CODES = 5;
const DICE_BYTES = 16;
const ref = z.string().regex(/^[\w.:-]{1,64}$/, "1 to 64 of A-Z, a-z, 0-9, _, '.', ':' and -");
const cents = z.int().min(1).max(MAX_LINE_CENTS);
const event = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("order_paid"),
    ...{ id: ref, order: ref, buyer: ref },
    at: z.iso.datetime({ offset: true }),
    lines: z.array(z.strictObject({ cents })).min(1).max(MAX_LINES),
  }),
  z.strictObject({
    type: z.literal("order_refunded"),
    ...{ id: ref, order: ref },
    lines: z
      .array(
        z.strictObject({
          nth: z
            .int()
            .min(0)
            .max(MAX_LINES - 1),
          cents,
        }),
      )
      .min(1)
      .max(MAX_LINES),
  }),
]);
const tier = z.enum(TIER_IDS);
const effect = z.object({
  order: z.string(),
  affiliate: z.string().nullable(),
  why: z.string(),
  tier: tier.nullable(),
  cents: z.int(),
  lines: z.array(z.int()),
  repeated: z.boolean(),
});
const affiliate = z.object({ id: z.string(), code: z.string() });
const statement = z.object({
  month: z.string(),
  openingCents: z.int(),
  earnedCents: z.int(),
  clawedBackCents: z.int(),
  closingCents: z.int(),
  isFinal: z.boolean(),
  orders: z.array(z.object({ order: z.string(), cents: z.int() })),
});

export const affiliationRoutes = (deps: Deps): readonly Route[] => [
  ...referralRoutes(deps),
  route({
    method: "POST",
    path: "/events",
    summary: "An order was paid or refunded; sending it again changes nothing",
    body: event,
    answer: effect,
    refusals: {
      404: "A refund of an order that was not paid yet",
      409: "Another event of this id, or the order has its commission",
      422: "Too old, ahead, or more than was paid",
    },
    handler: async ({ body }) => {
      const said = body.type === "order_paid" ? { ...body, at: Date.parse(body.at) } : body;
      const applied = await applyEvent(deps)(said);
      return applied.ok ? ok({ ...applied.value, lines: [...applied.value.lines] }) : applied;
    },
  }),
  route({
    method: "GET",
    path: "/balance",
    summary: "What the caller is owed, and the tier of this month",
    answer: z.object({ cents: z.int(), tier, rateBps: z.int() }),
    refusals: { 401: "No user", 404: "No affiliate" },
    handler: ({ caller }) =>
      asAffiliate(deps, caller, async ({ id }) => {
        const sold = await store.netSales(deps.db, id, monthBefore(deps.now()));
        const { id: tier, rateBps } = tierOf(sold);
        const cents = await store.balanceOf(deps.db, id);
        return ok({ cents, tier, rateBps });
      }),
  }),
  route({
    method: "GET",
    path: "/statements/:month",
    summary: "The caller's statement of a month (Paris); final once the month is over",
    params: z.strictObject({ month: z.string().max(7).describe("YYYY-MM") }),
    answer: statement,
    refusals: { 401: "No user", 404: "No affiliate" },
    handler: ({ params, caller }) =>
      asAffiliate(deps, caller, async ({ id }) => {
        const month = monthOf(params.month);
        if (!month.ok) return refuse("bad_request", 400, `month: ${month.error}`, "month");
        const opening = await store.balanceOf(deps.db, id, month.value.from);
        const movements = await store.movementsIn(deps.db, id, month.value);
        const said = statementOf(month.value, opening, movements, deps.now());
        return ok({ ...said, orders: [...said.orders] });
      }),
  }),
];

const referralRoutes = (deps: Deps): readonly Route[] => [
  route({
    method: "POST",
    path: "/affiliates",
    summary: "Makes the caller an affiliate with a code; the same one when asked again",
    answer: affiliate,
    status: 201,
    refusals: { 401: "No user" },
    handler: ({ caller }) =>
      asUser(caller, async (user) => {
        // A code that is taken is drawn again: one in 34 billion, times the affiliates there are.
        for (let n = 0; n < MAX_NEW_CODES; n += 1) {
          const one = { id: deps.newId(), user, code: newCode(deps.dice(DICE_BYTES)) };
          const enrolled = await store.enrol(deps.db, one, deps.now());
          if (enrolled !== undefined) return ok(enrolled);
        }
        return problem("unavailable", "no free code was drawn, try again");
      }),
  }),
  route({
    method: "POST",
    path: "/touches",
    summary: "The caller came by a referral code",
    body: z.strictObject({ code: z.string().min(1).max(40) }),
    answer: z.object({ code: z.string(), until: z.string() }),
    status: 201,
    refusals: { 401: "No user", 404: "No such code", 422: "One's own code" },
    handler: ({ body, caller }) =>
      asUser(caller, async (user) => {
        const code = parseCode(body.code);
        if (!code.ok) return refuse("bad_code", 400, `code: ${code.error}`, "code");
        const found = await store.byCode(deps.db, code.value);
        if (found === undefined)
          return problem("not_found", `code: nobody has ${code.value}`, { field: "code" });
        if (found.owner === user) return refuse("self_referral", 422, "code: is your own", "code");
        const now = deps.now();
        await store.touch(deps.db, user, found.id, now);
        return ok({ code: code.value, until: new Date(now + WINDOW_MS).toISOString() });
      }),
  }),
];

const asUser = async <T>(
  { user }: Caller,
  work: (user: string) => Promise<Result<T, Refusal>>,
): Promise<Result<T, Refusal>> =>
  user === null ? problem("unauthenticated", "this needs a signed-in user") : work(user);

const asAffiliate = <T>(
  { db }: Deps,
  caller: Caller,
  work: (affiliate: store.Affiliate) => Promise<Result<T, Refusal>>,
): Promise<Result<T, Refusal>> =>
  asUser(caller, async (user) => {
    const found = await store.affiliateOf(db, user);
    return found === undefined ? problem("not_found", "you are no affiliate yet") : work(found);
  });
