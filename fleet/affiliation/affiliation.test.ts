/** Affiliation over HTTP with a real PostgreSQL: the ledger after events that repeat and race. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDb, type TestDb } from "../../test/postgres.ts";
import { openApiFaults, startForTest, type Lab } from "../frame/lab.ts";
import { affiliationAt } from "./affiliation.flow.ts";
import { WINDOW_MS } from "./attribution.ts";

const START = Date.parse("2026-11-25T12:00:00Z");
const as = (user: string) => ({ "x-user": user });

describe("affiliation", () => {
  let db: TestDb;
  let lab: Lab;
  let second: Lab;
  let now = START;
  let count = 0;
  let code = "";

  beforeAll(async () => {
    db = await testDb();
    lab = await startForTest(
      affiliationAt(() => now),
      { databaseUrl: db.connectionString },
    );
    second = await startForTest(
      affiliationAt(() => now),
      { databaseUrl: db.connectionString },
    );
    await enrol("user-a");
  });
  beforeEach(async () => {
    now = START;
    await db.query("TRUNCATE affiliation.affiliate, affiliation.event CASCADE");
    code = (await enrol("user-a")).body.code;
    await touch("buyer", code);
  });
  afterAll(async () => {
    await lab.stop();
    await second.stop();
    await db.close();
  });
  const enrol = (user: string) => lab.call("POST", "/affiliation/affiliates", undefined, as(user));
  const touch = (user: string, typed: string) =>
    lab.call("POST", "/affiliation/touches", { code: typed }, as(user));
  const send = (event: unknown, to = lab) => to.call("POST", "/affiliation/events", event);
  const paid = (order: string, amounts: readonly number[], more = {}) => {
    count += 1;
    const lines = amounts.map((cents) => ({ cents }));
    const at = new Date(now).toISOString();
    return { type: "order_paid", id: `e-${count}`, order, buyer: "buyer", at, lines, ...more };
  };
  const refunded = (order: string, lines: readonly { nth: number; cents: number }[]) => {
    count += 1;
    return { type: "order_refunded", id: `e-${count}`, order, lines };
  };
  const get = async (what: string) =>
    (await lab.call("GET", `/affiliation/${what}`, undefined, as("user-a"))).body;

  test("an affiliate is one, asked twice at once", async () => {
    const all = await Promise.all([enrol("user-b"), enrol("user-b"), enrol("user-b")]);
    expect(new Set(all.map(({ body }) => body.code)).size).toBe(1);
    expect(all[0].status).toBe(201);
  });

  test("an order earns, refunds take back, the statement sums to the ledger", async () => {
    const earned = await send(paid("o-1", [1_111, 1_111, 1_111]));
    expect(earned).toMatchObject({ status: 200, body: { why: "last_touch", cents: 100 } });
    expect(earned.body.lines).toEqual([34, 33, 33]);
    const part = await send(refunded("o-1", [{ nth: 0, cents: 500 }]));
    expect(part.body).toMatchObject({ cents: -15, tier: "bronze" });
    const rest = await send(
      refunded("o-1", [
        { nth: 0, cents: 611 },
        { nth: 1, cents: 1_111 },
      ]),
    );
    expect(rest.body.lines).toEqual([-19, -33]);
    expect(await get("balance")).toEqual({ cents: 33, tier: "bronze", rateBps: 300 });
    expect(await get("statements/2026-11")).toEqual({
      ...{ month: "2026-11", openingCents: 0, earnedCents: 100, clawedBackCents: -67 },
      ...{ closingCents: 33, isFinal: false, orders: [{ order: "o-1", cents: 33 }] },
    });
  });

  test("a refund of last month's order is this month's; the month that is over stays", async () => {
    await send(paid("o-1", [10_000]));
    now = Date.parse("2026-12-02T12:00:00Z");
    const november = await get("statements/2026-11");
    expect(november).toMatchObject({ closingCents: 300, isFinal: true });
    await send(refunded("o-1", [{ nth: 0, cents: 10_000 }]));
    expect(await get("statements/2026-11")).toEqual(november);
    expect(await get("statements/2026-12")).toMatchObject({
      ...{ openingCents: 300, clawedBackCents: -300, closingCents: 0 },
    });
  });

  test("last month's net sales make the tier", async () => {
    await send(paid("o-1", [600_000]));
    now = Date.parse("2026-12-02T12:00:00Z");
    expect((await send(paid("o-2", [10_000]))).body).toMatchObject({ tier: "silver", cents: 425 });
    await send(refunded("o-1", [{ nth: 0, cents: 200_000 }]));
    expect((await send(paid("o-3", [10_000]))).body).toMatchObject({ tier: "bronze", cents: 300 });
  });

  test("an event sent twenty times at once, to two processes, counts once", async () => {
    const event = paid("o-1", [10_000]);
    const back = refunded("o-1", [{ nth: 0, cents: 5_000 }]);
    for (const one of [event, back]) {
      const to = (n: number) => (n % 2 === 0 ? lab : second);
      const all = await Promise.all(Array.from({ length: 20 }, (_, n) => send(one, to(n))));
      expect(all.every(({ status }) => status === 200)).toBe(true);
      expect(all.filter(({ body }) => !body.repeated)).toHaveLength(1);
    }
    expect((await get("balance")).cents).toBe(150);
  });

  test("control: twenty events that are not the same earn twenty times", async () => {
    const all = Array.from({ length: 20 }, (_, n) => send(paid(`o-${n}`, [10_000])));
    await Promise.all(all);
    expect((await get("balance")).cents).toBe(6_000);
  });

  test("many orders and refunds at once: movements, lines and balance agree to the cent", async () => {
    const orders = Array.from({ length: 30 }, (_, n) => `o-${n}`);
    await Promise.all(orders.map((order, n) => send(paid(order, [997 + n, 1_003, 51]))));
    const refunds = orders.flatMap((order) => [
      refunded(order, [{ nth: 0, cents: 333 }]),
      refunded(order, [{ nth: 0, cents: 334 }]),
      refunded(order, [{ nth: 2, cents: 51 }]),
    ]);
    await Promise.all(refunds.map((one, n) => send(one, n % 2 === 0 ? lab : second)));
    const [row] = await db.query<{ moved: number; held: number }>(
      `SELECT (SELECT sum(cents) FROM affiliation.movement)::int AS moved,
              (SELECT sum(commission - clawed_back) FROM affiliation.line)::int AS held`,
    );
    expect(row!.moved).toBe(row!.held);
    const said = await get("statements/2026-11");
    expect(said.closingCents).toBe(row!.moved);
    expect((await get("balance")).cents).toBe(row!.moved);
  });

  test("one commission per order, and an event's id is its own", async () => {
    const event = paid("o-1", [10_000]);
    await send(event);
    expect(await send(paid("o-1", [10_000]))).toMatchObject({
      ...{ status: 409, body: { error: { code: "already_paid", field: "order" } } },
    });
    for (const changed of [
      { ...event, order: "o-2" },
      { ...event, lines: [{ cents: 1 }] },
    ])
      expect(await send(changed)).toMatchObject({
        ...{ status: 409, body: { error: { code: "event_reused", field: "id" } } },
      });
  });

  test("too much refunded leaves nothing half done", async () => {
    await send(paid("o-1", [1_000, 1_000]));
    const over = await send(
      refunded("o-1", [
        { nth: 0, cents: 400 },
        { nth: 0, cents: 601 },
      ]),
    );
    expect(over).toMatchObject({ status: 422, body: { error: { code: "over_refund" } } });
    expect(over.body.error.message).toBe("lines[1].cents: at most 600 are left of it");
    expect((await get("balance")).cents).toBe(60);
    const twice = [
      { nth: 0, cents: 400 },
      { nth: 0, cents: 600 },
    ];
    expect((await send(refunded("o-1", twice))).body.cents).toBe(-30);
  });

  test("a refund that comes before its order may be sent again", async () => {
    const back = refunded("o-1", [{ nth: 0, cents: 1_000 }]);
    expect(await send(back)).toMatchObject({ status: 404, body: { error: { code: "not_paid" } } });
    await send(paid("o-1", [1_000]));
    expect((await send(back)).body).toMatchObject({ cents: -30, repeated: false });
  });

  test("nobody brought it: no commission, and why", async () => {
    const stranger = await send(paid("o-1", [10_000], { buyer: "stranger" }));
    expect(stranger.body).toMatchObject({ affiliate: null, why: "no_touch", cents: 0 });
    now += WINDOW_MS + 1;
    expect((await send(paid("o-2", [10_000]))).body.why).toBe("too_old");
    expect((await send(refunded("o-1", [{ nth: 0, cents: 1 }]))).body.cents).toBe(0);
  });

  test("an order told of late has the touch it had", async () => {
    const event = paid("o-1", [10_000]);
    now += 1_000;
    const other = (await enrol("user-b")).body.code;
    await touch("buyer", other);
    const { id } = (await enrol("user-a")).body;
    expect((await send(event)).body.affiliate).toBe(id);
  });

  test.each([
    ["one's own code", "user-a", () => code, 422, "self_referral"],
    [
      "a wrong check sign",
      "buyer",
      () => `${code.slice(0, 7)}${code.endsWith("0") ? 1 : 0}`,
      400,
      "bad_code",
    ],
    ["a code nobody has", "buyer", () => "00000000", 404, "not_found"],
    ["a code too long", "buyer", () => "0".repeat(41), 400, "bad_request"],
  ])("%s", async (_, user, typed, status, error) => {
    const answer = await touch(user, typed());
    expect(answer).toMatchObject({ status, body: { error: { code: error, field: "code" } } });
  });

  test.each([
    ["no lines", { lines: [] }, 400, "lines"],
    ["101 lines", { lines: Array.from({ length: 101 }, () => ({ cents: 1 })) }, 400, "lines"],
    ["half a cent", { lines: [{ cents: 0.5 }] }, 400, "lines[0].cents"],
    ["too much", { lines: [{ cents: 10_000_001 }] }, 400, "lines[0].cents"],
    ["an order of last year", { at: "2025-11-25T12:00:00Z" }, 422, "at"],
    ["an order of tomorrow", { at: "2026-11-26T12:00:00Z" }, 422, "at"],
    ["no time", { at: "yesterday" }, 400, "at"],
    ["an unknown type", { type: "order_lost" }, 400, "type"],
  ])("%s is refused", async (_, more, status, field) => {
    expect(await send(paid("o-1", [1], more))).toMatchObject({
      ...{ status, body: { error: { field } } },
    });
  });

  test("who asks must be somebody, and an affiliate", async () => {
    expect((await lab.call("GET", "/affiliation/balance")).status).toBe(401);
    const other = await lab.call("GET", "/affiliation/balance", undefined, as("stranger"));
    expect(other.status).toBe(404);
    const wrong = await lab.call("GET", "/affiliation/statements/2026-13", undefined, {
      ...as("user-a"),
    });
    expect(wrong).toMatchObject({ status: 400, body: { error: { field: "month" } } });
  });

  test("OpenAPI is whole", async () => {
    expect(openApiFaults((await lab.call("GET", "/openapi.json")).body)).toEqual([]);
  });
});
