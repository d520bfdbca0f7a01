/** Control door and orders: once each, in order of epochs, kept over restarts and damage. */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { AddressInfo } from "node:net";
import { request } from "undici";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { controlEvents, gatewayState, orderAnswer } from "../../src/respond/control/messages.ts";
import { openSegmentLog } from "../../src/io/log/segment-log.ts";
import { newControlDoor } from "../../src/respond/gateway/control.routes.ts";
import { openOrders } from "../../src/respond/gateway/orders.flow.ts";
import { newDir, ok, routeOf, startBackend, startGatewayWith, tokenOf } from "./started.ts";
import type { Started, TestBackend } from "./started.ts";

const TOKEN = "a control token of the tests, long enough";
const id = "parts-finder.paris.1";
const shed = { kind: "shed", level: 2 };
let dir: string;
let backend: TestBackend;
let running: { readonly close: () => Promise<void> }[] = [];

beforeEach(async () => {
  dir = await newDir();
  backend = await startBackend(ok);
});
afterEach(async () => {
  for (const one of running.toReversed()) await one.close();
  running = [];
  await backend.close();
  await rm(dir, { recursive: true, force: true });
});

type Door = Started & {
  readonly ask: (
    target: string,
    body?: unknown,
    token?: string,
  ) => Promise<{ status: number; body: unknown }>;
};
const start = async (): Promise<Door> => {
  const started = await startGatewayWith({
    routes: [
      routeOf({ static: { status: 200, body: "fixed" } }),
      routeOf({ prefix: "/parts-finder/tips", criticality: "optional" }),
      routeOf({ prefix: "/obd2", service: "obd2", criticality: "critical" }),
    ],
    backends: [
      [id, backend.url],
      ["obd2.paris.1", backend.url],
    ],
    dir,
  });
  const door = newControlDoor(started.gateway, TOKEN);
  await door.listen({ host: "127.0.0.1", port: 0 });
  const { port } = door.server.address() as AddressInfo;
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await door.close();
    await started.close();
  };
  running.push({ close });
  return {
    ...started,
    close,
    ask: async (target, body, token = TOKEN) => {
      const { statusCode, body: said } = await request(`http://127.0.0.1:${port}${target}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await said.text();
      return { status: statusCode, body: text.startsWith("{") ? JSON.parse(text) : text };
    },
  };
};

describe("the door", () => {
  test("answers state and events in the contract's words", async () => {
    const { ask } = await start();
    const { body } = await ask("/control/state");
    const state = gatewayState.parse(body);
    expect(state.services.map((one) => one.id)).toEqual(["parts-finder", "obd2"]);
    expect(controlEvents.parse((await ask("/control/events")).body)).toEqual({
      ...{ missed: false, items: [] },
    });
  });

  test("is shut without the token; health and metrics are not", async () => {
    const { ask } = await start();
    expect(await ask("/control/state", undefined, "wrong")).toMatchObject({ status: 401 });
    expect(await ask("/control/orders", {}, "wrong")).toMatchObject({ status: 401 });
    expect(await ask("/healthz", undefined, "wrong")).toMatchObject({ status: 200 });
    const metrics = await ask("/metrics", undefined, "wrong");
    expect(metrics.body).toContain('novaevo_gateway_limit{service="obd2"}');
  });

  test("waits for the next revision, and for the next event", async () => {
    const { ask, gateway } = await start();
    const { revision } = gateway.state();
    const next = ask(`/control/state?after=${revision}&waitMs=30000`);
    const event = ask(`/control/events?after=${gateway.events.last()}&waitMs=30000`);
    const order = { kind: "queue", maxActive: 1 };
    await ask("/control/orders", { id: "a", epoch: 1, order });
    expect(gatewayState.parse((await next).body).revision).toBeGreaterThan(revision);
    const { items } = controlEvents.parse((await event).body);
    expect(items.map(({ kind }) => kind)).toEqual(["queue_opened"]);
  });

  test.each([
    ["no order", { id: "a", epoch: 1 }, 400, "order"],
    [
      "a level there is not",
      { id: "a", epoch: 1, order: { kind: "shed", level: 4 } },
      400,
      "level",
    ],
    ["an id with a space", { id: "a b", epoch: 1, order: shed }, 400, "id"],
    [
      "an unknown service",
      { id: "a", epoch: 1, order: { kind: "fallback", service: "kbis", mode: "off" } },
      ...([404, "kbis"] as const),
    ],
    [
      "an unknown instance",
      {
        ...{ id: "a", epoch: 1 },
        order: { kind: "circuit", service: "obd2", instance: "obd2.paris.9", state: "open" },
      },
      ...([404, "obd2.paris.9"] as const),
    ],
    [
      "weights of nothing",
      { id: "a", epoch: 1, order: { kind: "route", service: null, weights: { paris: 0 } } },
      ...([422, "weights"] as const),
    ],
    [
      "an end in the past",
      { id: "a", epoch: 1, order: { ...shed, untilMs: 5 } },
      ...([422, "untilMs"] as const),
    ],
  ])("refuses %s, and names it", async (_, body, status, names) => {
    const { ask, gateway } = await start();
    const answer = await ask("/control/orders", body);
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.body)).toContain(names);
    expect(gateway.state().orders).toEqual([]);
  });
});

describe("an order", () => {
  test("is carried out once, and its repetition gets the first answer", async () => {
    const { ask, gateway } = await start();
    const first = orderAnswer.parse(
      (await ask("/control/orders", { id: "a", epoch: 1, order: shed })).body,
    );
    expect(first).toMatchObject({ applied: true, repeated: false });
    expect(first.undo).toMatchObject({ kind: "shed", level: 0 });
    const { revision } = gateway.state();
    const again = await ask("/control/orders", { id: "a", epoch: 1, order: shed });
    expect(again.body).toEqual({ ...first, repeated: true });
    expect(gateway.state().revision).toBe(revision);
    const other = await ask("/control/orders", { id: "a", epoch: 1, order: { ...shed, level: 3 } });
    expect(other.status).toBe(400);
    expect(gateway.state().shed.ordered).toBe(2);
  });

  test("of an older epoch is refused, also for what it would only look at", async () => {
    const { ask, gateway } = await start();
    await ask("/control/orders", { id: "a", epoch: 7, order: shed });
    const stale = { epoch: 6, order: { ...shed, level: 0 } };
    expect(await ask("/control/orders", { id: "b", ...stale })).toMatchObject({ status: 409 });
    expect(await ask("/control/orders", { id: "c", dryRun: true, ...stale })).toMatchObject({
      status: 409,
    });
    expect(gateway.state()).toMatchObject({ epoch: 7, shed: { ordered: 2 } });
  });

  test("that is only tried changes nothing and is not remembered", async () => {
    const { ask, gateway } = await start();
    const dry = await ask("/control/orders", { id: "a", epoch: 1, dryRun: true, order: shed });
    expect(dry.body).toMatchObject({ applied: false, repeated: false });
    expect(gateway.state()).toMatchObject({ epoch: 0, orders: [], shed: { ordered: 0 } });
    const wet = await ask("/control/orders", { id: "a", epoch: 1, order: shed });
    expect(wet.body).toMatchObject({ applied: true, repeated: false });
  });

  test("ends by itself, and says so", async () => {
    const { ask, gateway, clock, get } = await start();
    const untilMs = clock.ms + 60_000;
    await ask("/control/orders", { id: "a", epoch: 1, order: { ...shed, level: 1, untilMs } });
    expect(await get("/parts-finder/tips")).toMatchObject({ status: 503 });
    clock.ms += 59_999;
    gateway.step();
    expect(gateway.state().shed.ordered).toBe(1);
    clock.ms += 1;
    gateway.step();
    expect(gateway.state().shed.ordered).toBe(0);
    expect(gateway.events.after(0).items.map(({ kind }) => kind)).toContain("order_expired");
    expect(await get("/parts-finder/tips")).toMatchObject({ status: 200 });
  });

  test("undone by what its answer says, everything is as before", async () => {
    const { ask, gateway } = await start();
    const orders = [
      { kind: "circuit", service: "obd2", state: "open" },
      { kind: "circuit", service: "obd2", instance: "obd2.paris.1", state: "open" },
      { kind: "fallback", service: "obd2", mode: "static" },
      { kind: "throttle", service: "obd2", ratePerS: 5, burst: 2 },
      shed,
      { kind: "queue", maxActive: 100, perMinute: 60 },
      { kind: "premium", share: 0.4 },
      { kind: "route", service: null, weights: { paris: 1, lyon: 3 } },
    ];
    for (const [nth, order] of orders.entries()) {
      const answer = await ask("/control/orders", { id: `do-${nth}`, epoch: 1, order });
      expect(gateway.state().orders).toHaveLength(1);
      const { undo } = orderAnswer.parse(answer.body);
      await ask("/control/orders", { id: `undo-${nth}`, epoch: 1, order: undo });
      expect(gateway.state().orders).toEqual([]);
    }
  });
});

describe("what an order does", () => {
  test("shedding keeps the critical; throttling is per user; static words stand in", async () => {
    const { ask, get } = await start();
    await ask("/control/orders", { id: "a", epoch: 1, order: { ...shed, level: 3 } });
    expect(await get("/obd2/x")).toMatchObject({ status: 200 });
    expect(await get("/parts-finder/tips")).toMatchObject({ status: 503 });
    expect(await get("/parts-finder/x")).toMatchObject({ body: '"fixed"' });
    const order = { kind: "throttle", service: "obd2", ratePerS: 1, burst: 2 };
    await ask("/control/orders", { id: "b", epoch: 1, order });
    const statuses = async (sub: string) => {
      const all = [];
      for (let nth = 0; nth < 3; nth += 1)
        all.push((await get("/obd2/x", tokenOf({ sub }))).status);
      return all;
    };
    expect(await statuses("u-1")).toEqual([200, 200, 429]);
    expect(await statuses("u-2")).toEqual([200, 200, 429]);
  });

  test("an open circuit lets nothing through, a closed one everything", async () => {
    const { ask, get } = await start();
    const order = { kind: "circuit", service: "obd2", state: "open" };
    await ask("/control/orders", { id: "a", epoch: 1, order });
    const before = backend.seen.length;
    expect(await get("/obd2/x")).toMatchObject({ status: 503 });
    expect(backend.seen.length).toBe(before);
    await ask("/control/orders", { id: "b", epoch: 1, order: { ...order, state: "closed" } });
    expect(await get("/obd2/x")).toMatchObject({ status: 200 });
  });

  test("the waiting room keeps a place over a reconnect, in a page of two languages", async () => {
    const { ask, get, clock, gateway } = await start();
    await ask("/control/orders", { id: "a", epoch: 1, order: { kind: "queue", maxActive: 1 } });
    expect(await get("/parts-finder/x", tokenOf({ sub: "first" }))).toMatchObject({ status: 200 });
    const page = await get("/parts-finder/x", { accept: "text/html", "accept-language": "fr" });
    expect(page).toMatchObject({ status: 503 });
    expect(page.body).toContain("Vous êtes dans la file d’attente");
    expect(page.headers["content-security-policy"]).toContain("default-src 'none'");
    const [cookie = ""] = String(page.headers["set-cookie"]).split(";");
    const english = await get("/parts-finder/x", {
      accept: "text/html",
      "accept-language": "en-GB",
    });
    expect(english.body).toContain("You are in the queue");
    const place = async (headers: Readonly<Record<string, string>>) =>
      JSON.parse((await get("/waiting-room/status", headers)).body).position;
    expect(await place({ cookie })).toBe(1);
    expect(await place({ cookie: "novaevo_place=w1.forged.ticket" })).toBe(3);
    expect(await get("/obd2/x")).toMatchObject({ status: 200 });
    clock.ms += 60_001;
    gateway.step();
    expect(await get("/parts-finder/x", { cookie })).toMatchObject({ status: 200 });
    expect(await get("/parts-finder/x", tokenOf({ sub: "first" }))).toMatchObject({ status: 503 });
  });
});

describe("after a restart", () => {
  test("orders, epoch and answers are there; numbers go on rising", async () => {
    const before = await start();
    await before.ask("/control/orders", { id: "a", epoch: 7, order: shed });
    const { revision } = before.gateway.state();
    await before.close();
    const after = await start();
    expect(after.gateway.state()).toMatchObject({ epoch: 7, shed: { ordered: 2 } });
    expect(after.gateway.state().revision).toBeGreaterThan(revision);
    const again = await after.ask("/control/orders", { id: "a", epoch: 7, order: shed });
    expect(again.body).toMatchObject({ repeated: true });
    expect(await after.ask("/control/orders", { id: "b", epoch: 6, order: shed })).toMatchObject({
      status: 409,
    });
  });

  test("a torn file loses at most what was not acknowledged", async () => {
    const before = await start();
    await before.ask("/control/orders", { id: "a", epoch: 7, order: shed });
    await before.close();
    const folder = (await readdir(dir)).filter((name) => !name.includes("lock"));
    const last = path.join(dir, folder.toSorted().at(-1)!);
    const bytes = await readFile(last);
    const half = Buffer.from('{"is":"order","asked":{"id":"b","epo');
    await writeFile(last, Buffer.concat([bytes, Buffer.from([0x40, 0, 0, 0]), half]));
    const after = await start();
    expect(after.gateway.state()).toMatchObject({ epoch: 7, shed: { ordered: 2 } });
    const more = { id: "c", epoch: 7, order: { ...shed, level: 1 } };
    expect(await after.ask("/control/orders", more)).toMatchObject({ status: 200 });
  });

  test("control: an order that was not written down is gone", async () => {
    const log = await openSegmentLog({ dir, durability: "none" });
    const lost = { ...log, append: () => Promise.resolve(1), trim: () => Promise.resolve() };
    const orders = await openOrders({ log: lost, now: () => 0, say: () => undefined });
    const known = { hasService: () => true, hasInstance: () => true, hasRegion: () => true };
    const order = { kind: "shed", level: 2, untilMs: null } as const;
    const answer = await orders.carryOut({ id: "a", epoch: 7, dryRun: false, order }, known);
    expect(answer).toMatchObject({ ok: true, value: { applied: true } });
    await log.close();
    const { gateway } = await start();
    expect(gateway.state()).toMatchObject({ epoch: 0, shed: { ordered: 0 } });
  });

  test("a disk that takes nothing: the order is refused, and not in force", async () => {
    const log = await openSegmentLog({ dir });
    const full = { ...log, append: log.append };
    const orders = await openOrders({ log: full, now: () => 0, say: () => undefined });
    full.append = () => Promise.reject(new Error("no space"));
    const known = { hasService: () => true, hasInstance: () => true, hasRegion: () => true };
    const order = { kind: "shed", level: 2, untilMs: null } as const;
    const answer = await orders.carryOut({ id: "a", epoch: 7, dryRun: false, order }, known);
    expect(answer).toMatchObject({ ok: false, error: { code: "unavailable" } });
    expect(orders.books.inForce.size).toBe(0);
    await log.close();
  });
});
