/** Scheduling over HTTP with a real PostgreSQL; 200 bookers over several processes. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { testDb, type TestDb } from "../../test/postgres.ts";
import { openApiFaults, startForTest, type Lab } from "../frame/lab.ts";
import { GARAGES } from "./garages.ts";
import { schedulingAt } from "./scheduling.flow.ts";
import { addDays, dayOf, localTime, midnight, msOf, slotAt } from "./slots.ts";

/** A gateway that only knows KBIS: what it says is the test's to set. */
const fakeKbis = async () => {
  let says: { status: number; body: unknown } = { status: 200, body: null };
  let calls = 0;
  const server: Server = createServer((_, response) => {
    calls += 1;
    response.writeHead(says.status, { "content-type": "application/json" });
    response.end(JSON.stringify(says.body));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    says: (verdict: string, source = "registry") =>
      void (says = { status: 200, body: { verdict, source, ageMs: 0 } }),
    fails: () => void (says = { status: 503, body: {} }),
    calls: () => calls,
    stop: () => new Promise((resolve) => void server.close(resolve)),
  };
};

const doing = (skills: readonly string[]): boolean => skills.includes("brakes");
const always = GARAGES.find(
  ({ hours, bays }) => hours.openOnHolidays && bays.filter(doing).length === 2,
)!;
/** One bay that does brakes, so that one start can be had once. */
const oneBay = GARAGES.find(
  ({ hours, bays }) => hours.openOnHolidays && bays.filter(doing).length === 1,
)!;
const NOON = slotAt(Date.parse("2026-12-01T11:00:00Z"));
const as = (user: string) => ({ "x-user": user });

describe("bookings", () => {
  let db: TestDb;
  let kbis: Awaited<ReturnType<typeof fakeKbis>>;
  let lab: Lab;
  let now = msOf(NOON);
  let key = 0;

  beforeAll(async () => {
    db = await testDb();
    kbis = await fakeKbis();
    lab = await startForTest(
      schedulingAt(() => now),
      {
        ...{ databaseUrl: db.connectionString, gatewayUrl: kbis.url },
      },
    );
    kbis.says("verified");
  });
  afterEach(async () => {
    now = msOf(NOON);
    kbis.says("verified");
    await db.query("TRUNCATE scheduling.booking, scheduling.standing CASCADE");
  });
  afterAll(async () => {
    await lab.stop();
    await kbis.stop();
    await db.close();
  });
  const body = (start: number, more: Record<string, unknown> = {}) => {
    key += 1;
    const asked = { key: `key-${1_000 + key}`, garage: oneBay.id, service: "brakes" };
    return { ...asked, start: localTime(start), ...more };
  };
  const book = (user: string, start: number, more: Record<string, unknown> = {}) =>
    lab.call("POST", "/scheduling/bookings", body(start, more), as(user));
  const act = (user: string, id: string, what: string, sent?: unknown) =>
    lab.call("POST", `/scheduling/bookings/${id}/${what}`, sent, as(user));

  test("a free start is found, booked, and found no more", async () => {
    const { id, commune } = oneBay;
    const search = `/scheduling/slots?commune=${commune.code}&service=brakes&radiusKm=1&limit=100`;
    const found = (await lab.call("GET", search)).body.items;
    const first = found.find((one: { garage: { id: string } }) => one.garage.id === id);
    expect(first.start).toBe("2026-12-01T12:15:00+01:00");
    const made = await book("user-a", NOON + 1);
    expect(made).toMatchObject({
      status: 201,
      body: {
        booking: { state: "booked", start: "2026-12-01T12:15:00+01:00", heldUntil: null },
        verification: { verdict: "verified", degraded: false },
      },
    });
    const after = (await lab.call("GET", search)).body.items;
    const next = after.find((one: { garage: { id: string } }) => one.garage.id === id);
    expect(next.start).toBe("2026-12-01T13:45:00+01:00");
    const one = await lab.call("GET", `/scheduling/bookings/${made.body.booking.id}`, undefined, {
      ...as("user-a"),
    });
    expect(one.body).toEqual(made.body.booking);
    const others = await lab.call(
      "GET",
      `/scheduling/bookings/${made.body.booking.id}`,
      undefined,
      {
        ...as("user-b"),
      },
    );
    expect(others.status).toBe(404);
  });

  test("an overlap is 409 and names bay, hours and the next free start", async () => {
    await book("user-a", NOON + 8);
    for (const start of [NOON + 3, NOON + 8, NOON + 13]) {
      const clash = await book("user-b", start);
      expect(clash).toMatchObject({ status: 409, body: { error: { code: "overlap" } } });
      expect(clash.body.error.message).toMatch(/bay \d is taken 14:00–15:30/);
      expect(clash.body.error.message).toContain("next free start 2026-12-01T12:15:00+01:00");
    }
    expect((await book("user-b", NOON + 2)).status).toBe(201);
    expect((await book("user-b", NOON + 14)).status).toBe(201);
  });

  test("the same key is the same booking; another request under it is refused", async () => {
    const asked = body(NOON + 4);
    const send = (more = {}) =>
      lab.call("POST", "/scheduling/bookings", { ...asked, ...more }, as("user-a"));
    const all = await Promise.all(Array.from({ length: 10 }, () => send()));
    expect(new Set(all.map((one) => one.body.booking.id)).size).toBe(1);
    expect(await send({ hold: true })).toMatchObject({
      ...{ status: 409, body: { error: { code: "key_reused", field: "key" } } },
    });
    const [{ n }] = (await db.query("SELECT count(*)::int AS n FROM scheduling.booking")) as any;
    expect(n).toBe(1);
  });

  test("a hold ends: confirmed in time it stays, else its slots are free", async () => {
    const kept = (await book("user-a", NOON + 20, { hold: true })).body.booking;
    const lost = (await book("user-a", NOON + 40, { hold: true })).body.booking;
    expect([kept.state, lost.heldUntil]).toEqual(["held", "2026-12-01T11:10:00.000Z"]);
    expect((await act("user-a", kept.id, "confirm")).body.state).toBe("booked");
    expect((await act("user-a", kept.id, "confirm")).status).toBe(200);
    expect((await book("user-b", NOON + 40)).status).toBe(409);
    now += 10 * 60_000;
    expect((await book("user-b", NOON + 40)).status).toBe(201);
    expect((await book("user-b", NOON + 20)).status).toBe(409);
    const late = await act("user-a", lost.id, "confirm");
    expect(late).toMatchObject({ status: 409, body: { error: { code: "hold_expired" } } });
    const all = await lab.call("GET", "/scheduling/bookings", undefined, as("user-a"));
    expect(all.body.items.map((one: { state: string }) => one.state).sort()).toEqual([
      ...["booked", "expired"],
    ]);
  });

  test("rescheduling moves whole or not at all, also onto part of itself", async () => {
    const mine = (await book("user-a", NOON + 8)).body.booking;
    await book("user-b", NOON + 20);
    const clash = await act("user-a", mine.id, "reschedule", { start: localTime(NOON + 18) });
    expect(clash.status).toBe(409);
    const where = `/scheduling/bookings/${mine.id}`;
    expect((await lab.call("GET", where, undefined, as("user-a"))).body).toEqual(mine);
    const moved = await act("user-a", mine.id, "reschedule", { start: localTime(NOON + 10) });
    expect(moved).toMatchObject({ status: 200, body: { start: localTime(NOON + 10) } });
    expect((await book("user-b", NOON + 4)).status).toBe(201);
    const rows = await db.query("SELECT slot FROM scheduling.occupied WHERE booking = $1", [
      ...[mine.id],
    ]);
    expect(rows.map((row) => Number(row["slot"])).sort((a, b) => a - b)).toEqual(
      [10, 11, 12, 13, 14, 15].map((n) => NOON + n),
    );
  });

  test("who waits is offered what comes free, first come first served", async () => {
    const mine = (await book("user-a", NOON + 4)).body.booking;
    // The rest of the day is taken too, so that nothing else is free.
    const day = dayOf(NOON);
    const end = midnight(addDays(day, 1));
    for (let slot = NOON + 10; slot + 6 <= end; slot += 6) await book("user-c", slot);
    const wait = { garage: oneBay.id, service: "brakes", day };
    for (const user of ["user-b", "user-d"]) {
      const joined = await lab.call("POST", "/scheduling/waiting", wait, as(user));
      expect(joined).toMatchObject({ status: 201, body: { state: "waiting" } });
      now += 1;
    }
    const gone = await lab.call(
      "DELETE",
      `/scheduling/bookings/${mine.id}`,
      undefined,
      as("user-a"),
    );
    expect(gone.body.state).toBe("cancelled");
    const of = async (user: string) =>
      (await lab.call("GET", "/scheduling/waiting", undefined, as(user))).body.items[0];
    expect(await of("user-d")).toMatchObject({ state: "waiting", booking: null });
    const offered = await of("user-b");
    expect(offered.state).toBe("offered");
    const held = await lab.call("GET", `/scheduling/bookings/${offered.booking}`, undefined, {
      ...as("user-b"),
    });
    expect(held.body).toMatchObject({ state: "held", start: localTime(NOON + 1) });
    expect((await act("user-b", offered.booking, "confirm")).body.state).toBe("booked");
  });

  test.each([
    ["past", NOON, 422, "past", "the first start is 2026-12-01T12:15:00+01:00"],
    ["beyond the horizon", NOON + 96 * 61, 422, "beyond_horizon", "60 days"],
  ])("a start that is %s says the limit", async (_, start, status, code, why) => {
    const answer = await book("user-a", start);
    expect(answer).toMatchObject({ status, body: { error: { code, field: "start" } } });
    expect(answer.body.error.message).toContain(why);
  });

  test("closed hours say when it is open", async () => {
    const garage = GARAGES.find(({ hours }) => !hours.openOnHolidays)!;
    const start = slotAt(Date.parse("2026-12-02T20:00:00Z"));
    const asked = { garage: garage.id, service: "diagnosis" };
    const answer = await book("user-a", start, asked);
    expect(answer).toMatchObject({ status: 422, body: { error: { code: "closed" } } });
    expect(answer.body.error.message).toMatch(/on 2026-12-02 it is open \d\d:\d\d–\d\d:\d\d/);
  });

  test.each([
    ["no offset", { start: "2026-12-01T15:00:00" }, 400, "start"],
    ["off the quarter", { start: "2026-12-01T15:07:00+01:00" }, 400, "start"],
    ["a key too short", { key: "1" }, 400, "key"],
    ["a garage with capitals", { garage: "Nowhere!" }, 400, "garage"],
    ["a field too many", { bay: 1 }, 400, "body"],
  ])("%s: %o is refused", async (_, more, status, field) => {
    const answer = await book("user-a", NOON + 8, more);
    expect(answer).toMatchObject({ status, body: { error: { field } } });
  });

  test("no user, no such garage, no such service", async () => {
    const anonymous = await lab.call("POST", "/scheduling/bookings", body(NOON + 8));
    expect(anonymous.status).toBe(401);
    expect((await book("user-a", NOON + 8, { garage: "00000-1" })).status).toBe(404);
    expect((await book("user-a", NOON + 8, { service: "haircut" })).status).toBe(404);
  });

  test.each([
    ["/scheduling/slots?service=brakes", 400],
    ["/scheduling/slots?service=brakes&department=75&commune=75056", 400],
    ["/scheduling/slots?service=brakes&department=99", 404],
    ["/scheduling/slots?service=brakes&commune=99999", 404],
    ["/scheduling/slots?service=brakes&department=75&days=15", 400],
    ["/scheduling/slots?service=brakes&department=75&from=2026-11-30", 422],
    ["/scheduling/slots?service=brakes&department=75&from=2027-03-01", 422],
    ["/scheduling/slots?service=brakes&department=75", 200],
    ["/scheduling/garages?department=2a", 200],
    ["/scheduling/services", 200],
  ])("GET %s is %i", async (where, status) => {
    expect((await lab.call("GET", where)).status).toBe(status);
  });

  test("KBIS away: the last known standing with its age; unknown never passes", async () => {
    kbis.fails();
    const unknown = await book("user-a", NOON + 4);
    expect(unknown).toMatchObject({ status: 503, body: { error: { code: "unavailable" } } });
    expect(unknown.headers.get("retry-after")).toBe("5");
    kbis.says("verified");
    await book("user-a", NOON + 4);
    const before = kbis.calls();
    await book("user-a", NOON + 12);
    expect(kbis.calls()).toBe(before);
    kbis.fails();
    now += 3_600_000;
    expect((await book("user-a", NOON + 30)).body.verification).toEqual({
      ...{ verdict: "verified", ageMs: 3_600_000, degraded: true },
    });
    now += 7 * 24 * 3_600_000;
    expect((await book("user-a", NOON + 96 * 10)).status).toBe(503);
  });

  test("KBIS that could ask nobody does not overwrite what was known", async () => {
    await book("user-a", NOON + 4);
    kbis.says("pending", "none");
    now += 3_600_000;
    const answer = await book("user-a", NOON + 30);
    expect(answer.body.verification).toMatchObject({ verdict: "verified", degraded: true });
  });

  test("a garage that is refused is neither booked nor shown", async () => {
    kbis.says("refused");
    const answer = await book("user-a", NOON + 4);
    expect(answer).toMatchObject({ status: 422, body: { error: { code: "garage_refused" } } });
    const { code } = oneBay.commune;
    const where = `/scheduling/slots?commune=${code}&service=brakes&radiusKm=1&limit=100`;
    const ids = (await lab.call("GET", where)).body.items.map(
      (one: { garage: { id: string } }) => one.garage.id,
    );
    expect(ids).not.toContain(oneBay.id);
  });

  test("OpenAPI is whole", async () => {
    expect(openApiFaults((await lab.call("GET", "/openapi.json")).body)).toEqual([]);
  });
});

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const BOOKERS = 200;
const PROCESSES = 3;

/** Whole processes, each with its own pool. */
const startProcess = async (nth: number, databaseUrl: string, gatewayUrl: string) => {
  const dataDir = await mkdtemp(path.join(tmpdir(), "novaevo-scheduling-"));
  const child: ChildProcess = spawn(process.execPath, [MAIN], {
    env: {
      ...{ PATH: process.env["PATH"], FLEET_SERVICE: "scheduling", FLEET_REGION: "paris" },
      ...{ FLEET_INSTANCE: `scheduling.paris.${nth}`, FLEET_VERSION: "1", FLEET_DATA_DIR: dataDir },
      ...{ FLEET_DATABASE_URL: databaseUrl, FLEET_GATEWAY_URL: gatewayUrl },
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout! });
  const [line] = (await once(lines, "line")) as [string];
  const { port } = JSON.parse(line) as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      const gone = once(child, "exit");
      child.stdin!.end();
      expect((await gone)[0]).toBe(0);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

describe(`${BOOKERS} bookers over ${PROCESSES} processes`, () => {
  let db: TestDb;
  let kbis: Awaited<ReturnType<typeof fakeKbis>>;
  let processes: Awaited<ReturnType<typeof startProcess>>[];
  const day = addDays(dayOf(slotAt(Date.now())), 3);
  const base = midnight(day) + 40;

  beforeAll(async () => {
    db = await testDb();
    kbis = await fakeKbis();
    kbis.says("verified");
    const start = (_: unknown, nth: number) => startProcess(nth, db.connectionString, kbis.url);
    processes = await Promise.all(Array.from({ length: PROCESSES }, start));
  });
  afterAll(async () => {
    await Promise.all(processes.map((one) => one.stop()));
    await kbis.stop();
    await db.close();
  });

  /** All at once, on starts that overlap: five starts within one job's length. */
  const rush = async (round: string): Promise<readonly number[]> => {
    const answers = Array.from({ length: BOOKERS }, async (_, n) => {
      const answer = await fetch(`${processes[n % PROCESSES]!.url}/scheduling/bookings`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-user": `user-${n}` },
        body: JSON.stringify({
          ...{ key: `${round}-${n}-rush`, garage: always.id, service: "brakes" },
          start: localTime(base + (n % 5)),
        }),
      });
      await answer.body?.cancel();
      return answer.status;
    });
    return Promise.all(answers);
  };
  /** Slots of a bay that two bookings have, by what the bookings themselves say. */
  const doubles = async (): Promise<number> => {
    const [row] = await db.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM scheduling.booking a JOIN scheduling.booking b
       ON a.garage = b.garage AND a.bay = b.bay AND a.id < b.id
       AND a.first < b.first + b.slots AND b.first < a.first + a.slots
       WHERE a.state = 'booked' AND b.state = 'booked'`,
    );
    return row!.n;
  };

  test("not one slot is booked twice, and whoever loses is told so", async () => {
    const statuses = await rush("first");
    const count = (status: number): number => statuses.filter((one) => one === status).length;
    const bays = always.bays.filter(doing).length;
    expect(await doubles()).toBe(0);
    expect(count(201)).toBe(bays);
    expect(count(409)).toBe(BOOKERS - bays);
  });

  test("control: without the key the same rush books slots twice", async () => {
    await db.query("TRUNCATE scheduling.booking CASCADE");
    await db.query("ALTER TABLE scheduling.occupied DROP CONSTRAINT occupied_once");
    await rush("control");
    expect(await doubles()).toBeGreaterThan(0);
  });
});
