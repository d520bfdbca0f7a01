/** What each change does to requests through Debian's HAProxy, and how it comes back. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { serverWeights } from "../../src/respond/action/adapters/haproxy-changes.ts";
import { haproxyConfig } from "../../src/respond/action/adapters/haproxy-config.ts";
import type { Change } from "../../src/respond/action/port.ts";
import {
  hasHaproxy,
  openHaproxyLab,
  page,
  wanted,
  type Backend,
  type HaproxyLab,
} from "./haproxy-lab.ts";

const isThere = hasHaproxy();
const P1 = "obd2.paris.1";
const P2 = "obd2.paris.2";
const L1 = "obd2.lyon.1";
let orders = 0;
const nextId = (): string => `o${(orders += 1)}`;
const of = (kind: "drain" | "release", instance: string): Change => ({
  ...{ kind, service: "obd2", instance },
});
const circuit = (instance: string | null, state: "auto" | "open" | "closed"): Change => ({
  ...{ kind: "circuit", service: "obd2", instance, state },
});
const route = (weights: Record<string, number> | null): Change => ({
  ...{ kind: "route", service: "obd2", weights },
});

describe.skipIf(!isThere)("before Debian's HAProxy (binary: haproxy)", () => {
  let lab: HaproxyLab;
  let backends: readonly Backend[];
  beforeAll(async () => {
    lab = await openHaproxyLab();
    backends = [await lab.backend(P1), await lab.backend(P2), await lab.backend(L1)];
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    for (const { is } of backends) Object.assign(is, { holding: false, ready: true });
    await lab.join(backends);
    const { inForce } = await lab.actuator.observe();
    if (inForce.length > 0) throw new Error(`left in force: ${JSON.stringify(inForce)}`);
  });

  const apply = (change: Change) => lab.actuator.apply(wanted(nextId(), change));
  const undo = async ({ undo: change }: { readonly undo: Change | null }): Promise<void> => {
    await apply(change!);
  };
  /** Who served `count` requests: names to numbers. */
  const shares = async (count: number): Promise<Readonly<Record<string, number>>> => {
    const counts: Record<string, number> = {};
    for (let nth = 0; nth < count; nth += 1) {
      const { status, body } = await lab.ask();
      const who = status === 200 ? body : String(status);
      counts[who] = (counts[who] ?? 0) + 1;
    }
    return counts;
  };
  const statuses = async (at: string): Promise<number> => (await lab.ask(at)).status;

  test("drain: a drained server gets nothing new; its undo brings it back", async () => {
    expect(await shares(12)).toEqual({ [P1]: 4, [P2]: 4, [L1]: 4 });
    const applied = await apply(of("drain", P1));
    expect(applied).toEqual({
      ...{ isFirst: true, undo: of("release", P1) },
      effect: "server obd2/obd2.paris.1: in service → drained",
    });
    expect(await shares(12)).toEqual({ [P2]: 6, [L1]: 6 });
    const { replicas, inForce } = await lab.actuator.observe();
    expect(replicas.find(({ id }) => id === P1)?.state).toBe("draining");
    expect(inForce).toEqual([of("drain", P1)]);
    await undo(applied);
    expect(Object.keys(await shares(12))).toContain(P1);
  });

  test("circuit: an open one stays open though its checks pass", async () => {
    const applied = await apply(circuit(P1, "open"));
    expect(applied.undo).toEqual(circuit(P1, "auto"));
    // Three checks of another: a server whose checks decide would be back long since.
    const { is } = backends[1]!;
    const before = is.checks;
    await lab.waitFor(() => expect(is.checks).toBeGreaterThanOrEqual(before + 3));
    expect(await shares(10)).toEqual({ [P2]: 5, [L1]: 5 });
    await undo(applied);
    expect(Object.keys(await shares(12))).toContain(P1);
  });

  test("circuit: a closed one serves though its checks fail; auto is as they say", async () => {
    const one = backends[0]!;
    const closed = await apply(circuit(P1, "closed"));
    expect(closed.undo).toEqual(circuit(P1, "auto"));
    one.is.ready = false;
    expect(Object.keys(await shares(12))).toContain(P1);
    const { undo: back } = await lab.actuator.preview(circuit(P1, "open"));
    expect(back).toEqual(circuit(P1, "closed"));
    await undo(closed);
    const state = async () => (await lab.actuator.observe()).replicas.find(({ id }) => id === P1);
    await lab.waitFor(async () => expect((await state())?.state).toBe("unhealthy"));
    expect(await shares(10)).toEqual({ [P2]: 5, [L1]: 5 });
    one.is.ready = true;
    await lab.waitFor(async () => expect((await state())?.state).toBe("ready"));
  });

  test("circuit of all: nobody serves; who was drained or out alone stays so", async () => {
    const drained = await apply(of("drain", P1));
    const alone = await apply(circuit(P2, "open"));
    const all = await apply(circuit(null, "open"));
    expect(await shares(3)).toEqual({ "503": 3 });
    expect(all.undo).toEqual(circuit(null, "auto"));
    await undo(all);
    expect(await shares(3)).toEqual({ [L1]: 3 });
    await undo(alone);
    await undo(drained);
    expect(await shares(12)).toEqual({ [P1]: 4, [P2]: 4, [L1]: 4 });
  });

  test("route: regions get their weights, whatever the number of their servers", async () => {
    const applied = await apply(route({ paris: 25, lyon: 75 }));
    expect(applied.undo).toEqual(route(null));
    const counts = await shares(80);
    expect(counts[L1]).toBeGreaterThanOrEqual(57);
    expect(counts[L1]).toBeLessThanOrEqual(63);
    const next = await apply(route({ paris: 100, lyon: 0 }));
    expect(next.undo).toEqual(route({ paris: 25, lyon: 75 }));
    expect(await shares(8)).toEqual({ [P1]: 4, [P2]: 4 });
    await undo(next);
    expect((await shares(80))[L1]).toBeGreaterThanOrEqual(57);
    await undo(applied);
    expect(await shares(12)).toEqual({ [P1]: 4, [P2]: 4, [L1]: 4 });
  });

  test("route: weights that somebody set are what comes back", async () => {
    for (const [id, weight] of [
      [P1, 20],
      [P2, 20],
      [L1, 80],
    ] as const)
      await lab.command(`set weight obd2/${id} ${weight}`);
    const { undo: back } = await lab.actuator.preview(route({ paris: 1 }));
    expect(back).toEqual(route({ paris: 50, lyon: 100 }));
    await apply(route(null));
  });

  test("control: half of weight 1 is no traffic, which is why servers start at 100", async () => {
    await lab.command("set weight obd2/obd2.paris.1 50%");
    expect(await lab.command("get weight obd2/obd2.paris.1")).toMatch(/^50 \(initial 100\)/);
    await lab.command("add server obd2/obd2.paris.9 127.0.0.1:9 weight 1");
    await lab.command("set weight obd2/obd2.paris.9 50%");
    expect(await lab.command("get weight obd2/obd2.paris.9")).toMatch(/^0 \(initial 1\)/);
    await apply(route(null));
  });

  test("throttle: per user; lifted, everything passes again", async () => {
    const burst = async (user: string): Promise<readonly number[]> => {
      const asked = Array.from({ length: 60 }, () => lab.ask("/obd2/x", { "x-user": user }));
      return (await Promise.all(asked)).map(({ status }) => status);
    };
    expect(new Set(await burst("ada"))).toEqual(new Set([200]));
    const throttle: Change = { kind: "throttle", service: "obd2", ratePerS: 5.9, burst: 1 };
    const applied = await apply(throttle);
    expect(applied).toMatchObject({ undo: { ...throttle, ratePerS: null }, isFirst: true });
    const limited = await burst("bob");
    expect(limited.filter((status) => status === 200).length).toBeGreaterThanOrEqual(5);
    expect(limited).toContain(429);
    expect((await lab.ask("/obd2/x", { "x-user": "eve" })).status).toBe(200);
    await undo(applied);
    expect(new Set(await burst("fay"))).toEqual(new Set([200]));
  });

  test.each([
    [0, [200, 200, 200, 200]],
    [1, [503, 200, 200, 200]],
    [2, [503, 503, 200, 200]],
    [3, [503, 503, 503, 200]],
  ])(
    "shed level %i: optional, standard, essential, critical answer %j",
    async (level, expected) => {
      const applied = await apply({ kind: "shed", level });
      const paths = ["/obd2/tips", "/obd2/x", "/obd2/book", "/obd2/flash"];
      expect(await Promise.all(paths.map(statuses))).toEqual(expected);
      await undo(applied);
      expect(await statuses("/obd2/tips")).toBe(200);
    },
  );

  test.each([
    ["premium overtakes who waits", 0.9, ["first", "premium", "one", "two"]],
    ["control: without it, who came first", 0, ["first", "one", "two", "premium"]],
  ])("premium: %s", async (_, share, expected) => {
    const applied = await apply({ kind: "premium", share });
    for (const id of [P2, L1]) await apply(of("drain", id));
    await lab.command(`set maxconn server obd2/${P1} 1`);
    const one = backends[0]!;
    one.is.holding = true;
    one.served.length = 0;
    const asked = [lab.ask("/obd2/x", { "x-user": "first" })];
    await lab.waitFor(() => expect(one.held).toHaveLength(1));
    for (const [nth, user] of ["one", "two", "premium"].entries()) {
      const tier = user === "premium" ? "premium" : "standard";
      asked.push(lab.ask("/obd2/x", { "x-user": user, "x-tier": tier }));
      const waiting = async () =>
        Number(await lab.stat("obd2", "BACKEND", "qcur")) +
        Number(await lab.stat("obd2", P1, "qcur"));
      await lab.waitFor(async () => expect(await waiting()).toBeGreaterThanOrEqual(nth + 1));
    }
    for (let nth = 1; nth <= asked.length; nth += 1) {
      await lab.waitFor(() => expect(one.served).toHaveLength(nth));
      one.answer();
    }
    await Promise.all(asked);
    expect(one.served).toEqual(expected);
    await lab.command(`set maxconn server obd2/${P1} 50`);
    for (const id of [P2, L1]) await apply(of("release", id));
    await undo(applied);
  });

  test("queue: no more connections than ordered; the others wait, and are then served", async () => {
    const [one, two] = [backends[0]!, backends[1]!];
    await apply(of("drain", L1));
    for (const { is, served } of [one, two]) {
      is.holding = true;
      served.length = 0;
    }
    const reached = () => one.served.length + two.served.length;
    const applied = await apply({ kind: "queue", maxActive: 1, perMinute: null });
    expect(applied.undo).toEqual({ kind: "queue", maxActive: null, perMinute: null });
    const first = lab.ask();
    await lab.waitFor(() => expect(reached()).toBe(1));
    const second = lab.ask();
    for (let look = 0; look < 50; look += 1)
      expect(Number(await lab.stat("web", "FRONTEND", "scur"))).toBeLessThanOrEqual(1);
    expect(reached()).toBe(1);
    for (const one of backends) one.answer();
    expect((await first).status).toBe(200);
    await lab.waitFor(() => expect(reached()).toBe(2));
    for (const one of backends) one.answer();
    expect((await second).status).toBe(200);

    // Control: without the limit two are in at once.
    await undo(applied);
    const both = [lab.ask(), lab.ask()];
    await lab.waitFor(() => expect(reached()).toBe(4));
    for (const one of backends) for (const _ of one.held.slice()) one.answer();
    await Promise.all(both);
    await apply(of("release", L1));
  });

  test("preview says what would be, and sends nothing that changes", async () => {
    const changes: readonly Change[] = [
      ...[of("drain", P1), of("release", P1), circuit(P1, "open"), circuit(null, "open")],
      ...[route({ paris: 1 }), { kind: "shed", level: 2 } as const],
      { kind: "throttle", service: "obd2", ratePerS: 3, burst: 9 },
      { kind: "premium", share: 0.5 },
      { kind: "queue", maxActive: 7, perMinute: null },
    ];
    lab.commands.length = 0;
    for (const change of changes) {
      const told = await lab.actuator.preview(change);
      expect(told.effect.length).toBeGreaterThan(10);
      expect(told.undo).not.toBeNull();
    }
    expect(lab.commands.filter((command) => !command.startsWith("show "))).toEqual([]);
  });

  test("an order with an end: whoever asks after it, it is brought back", async () => {
    const untilMs = Date.now() + 60_000;
    await lab.actuator.apply({ ...wanted(nextId(), { kind: "shed", level: 3 }), untilMs });
    expect(await lab.hub().expire(untilMs - 1)).toEqual([]);
    expect(await statuses("/obd2/x")).toBe(503);
    expect(await lab.hub().expire(untilMs)).toEqual(["shedding level 3 → 0"]);
    expect(await statuses("/obd2/x")).toBe(200);
    expect(await lab.hub().expire(untilMs)).toEqual([]);
  });

  test.each([
    ["a server that is not there", of("drain", "obd2.paris.7"), "unknown_target"],
    ["two commands in one", of("drain", "x; shutdown frontend web"), "unknown_target"],
    ["a service without backend", { ...of("drain", P1), service: "nlp" }, "unknown_target"],
    ["a restart", { kind: "restart", service: "obd2", instance: P1 }, "out_of_bounds"],
    ["scale", { kind: "scale", service: "obd2", region: "paris", replicas: 2 }, "out_of_bounds"],
    ["no region with weight", route({ paris: 0, nice: 100 }), "out_of_bounds"],
    ["a weight below 0", route({ paris: -1, lyon: 1 }), "out_of_bounds"],
    ["less than one request a second", throttled(0.5), "out_of_bounds"],
    ["a level that is none", { kind: "shed", level: 4 }, "out_of_bounds"],
    ["a share of all", { kind: "premium", share: 1 }, "out_of_bounds"],
    ["a door for nobody", { kind: "queue", maxActive: 0, perMinute: null }, "out_of_bounds"],
    ["entries per minute", { kind: "queue", maxActive: 5, perMinute: 9 }, "out_of_bounds"],
  ] as const)("refused: %s", async (_, change, code) => {
    lab.commands.length = 0;
    await expect(apply(change)).rejects.toMatchObject({ code });
    await expect(lab.actuator.preview(change)).rejects.toMatchObject({ code });
    expect(lab.commands.filter((command) => !command.startsWith("show "))).toEqual([]);
  });

  test("refused: an id that is none", async () => {
    const order = wanted("a b", { kind: "shed", level: 1 });
    await expect(lab.actuator.apply(order)).rejects.toMatchObject({ code: "out_of_bounds" });
  });

  test("a backend, a frontend and maps that HAProxy does not have are named", async () => {
    const shed: Change = { kind: "shed", level: 1 };
    const other = (changes: object) => lab.hub(changes).preview(shed);
    await expect(other({ backends: { obd2: "nope" } })).rejects.toMatchObject({
      ...{ code: "unknown_target", message: expect.stringContaining("nope") },
    });
    await expect(other({ frontend: "nope" })).rejects.toMatchObject({ code: "unknown_target" });
    const { maps } = haproxyConfig.parse(JSON.parse(await page("json")));
    await expect(other({ maps })).rejects.toMatchObject({ code: "unknown_target" });
  });
});

const throttled = (ratePerS: number): Change => ({
  ...{ kind: "throttle", service: "obd2", ratePerS, burst: 1 },
});

test("law: weights keep their proportion by region, and none above 0 becomes 0", () => {
  const servers = [P1, P2, L1].map((name) => ({ name }));
  for (const [paris, lyon] of [
    [1, 1],
    [25, 75],
    [1, 100],
    [100, 1],
    [0, 5],
  ] as const) {
    const each = serverWeights(servers, { paris, lyon }, "obd2");
    const sum = (each.get(P1) ?? 0) + (each.get(P2) ?? 0);
    expect(Math.max(...each.values())).toBe(100);
    expect(Math.abs(sum / (sum + each.get(L1)!) - paris / (paris + lyon))).toBeLessThan(0.02);
    expect(sum > 0).toBe(paris > 0);
  }
});
