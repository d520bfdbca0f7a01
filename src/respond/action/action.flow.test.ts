/** The whole loop on PostgreSQL: trouble, action, effect, and what is written down of it. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  actuatorOn,
  hurt,
  newWorld,
  openHub,
  pass,
  person,
  replica,
  runsOf,
  T0,
  type Hub,
  type Time,
  type World,
} from "../../../test/respond/action-lab.ts";
import { testDb, type TestDb } from "../../../test/postgres.ts";
import type { Actuator } from "./port.ts";

let db: TestDb;
let world: World;
let time: Time;
let actuator: Actuator;
let hub: Hub;
beforeEach(async () => {
  db = await testDb();
  world = newWorld();
  time = { now: T0 };
  actuator = actuatorOn(world, () => time.now);
  hub = await openHub(db, world, time, { actuator });
});
afterEach(() => db.close());

const kinds = async (): Promise<readonly string[]> => {
  const rows = await db.query<{ kind: string }>(
    "SELECT kind FROM ledger_entry WHERE kind LIKE 'action.%' ORDER BY arrival",
  );
  return rows.map(({ kind }) => kind.replace("action.", ""));
};
const firing = (): readonly string[] => hub.alerts.firing().map(({ fingerprint }) => fingerprint);
const crash = (id: string): void => {
  world.replicas = world.replicas.map((one) =>
    one.id === id || one.id === id.replace(/1$/, "2") ? { ...one, state: "unhealthy" } : one,
  );
};
const crashAll = (service: string): void => {
  world.replicas = world.replicas.map((one) =>
    one.service === service ? { ...one, state: "unhealthy" } : one,
  );
};

test("a service that is down is restarted, verified by its own signal, and each state ledgered", async () => {
  await pass(hub, time, 3);
  crashAll("obd2");
  await pass(hub, time, 4);
  expect(firing()).toContain("rule:service-down:obd2");
  expect(runsOf(hub)).toMatchObject([{ playbook: "self-healing", state: "verifying" }]);
  await pass(hub, time, 6);
  expect(runsOf(hub)[0]).toMatchObject({ state: "verified" });
  expect(world.done.map(({ change }) => change.kind)).toEqual(["restart"]);
  expect(await kinds()).toEqual(["approved", "running", "verifying", "verified"]);
  expect(firing()).not.toContain("rule:service-down:obd2");
});

test("what does not help is taken back, the next mildest is tried, and people are told at the end", async () => {
  await pass(hub, time, 3);
  hurt(world, "parts-finder", { errorRate: 0.5 });
  await pass(hub, time, 5);
  expect(runsOf(hub)).toMatchObject([{ playbook: "circuit-breaker", state: "verifying" }]);
  await pass(hub, time, 33);
  expect(runsOf(hub)).toMatchObject([
    { playbook: "circuit-breaker", state: "rolled_back" },
    { playbook: "fallback", state: "verifying" },
  ]);
  await pass(hub, time, 65);
  expect(runsOf(hub)[1]).toMatchObject({ playbook: "fallback", state: "rolled_back" });
  expect(world.inForce).toEqual([]);
  const told = hub.alerts.firing().find(({ fingerprint }) => fingerprint === "action:ACT-2");
  expect(told).toMatchObject({ service: "parts-finder", severity: "error" });
  expect(told?.title.en).toMatch(/Fallback did not help \(ACT-2\).*no automatic action is left/);
  hurt(world, "parts-finder", { errorRate: 0 });
  await pass(hub, time, 16);
  expect(firing()).toEqual([]);
});

test("control: what helps is kept, and nobody is told", async () => {
  await pass(hub, time, 3);
  world.onChange = () => hurt(world, "parts-finder", { errorRate: 0 });
  hurt(world, "parts-finder", { errorRate: 0.5 });
  await pass(hub, time, 12);
  expect(runsOf(hub)).toMatchObject([{ playbook: "circuit-breaker", state: "verified" }]);
  expect(world.inForce).toHaveLength(1);
  expect(firing()).toEqual([]);
});

test("silence verifies nothing", async () => {
  await pass(hub, time, 3);
  hurt(world, "parts-finder", { errorRate: 0.5 });
  await pass(hub, time, 5);
  hurt(world, "parts-finder", { errorRate: null });
  await pass(hub, time, 40);
  expect(runsOf(hub)[0]).toMatchObject({ state: "rolled_back" });
});

test("offered load adds instances, and nothing is added without data", async () => {
  const service = { servedPerS: 0, shedPerS: 0, fallbackPerS: 0, errorShare: null, queued: 0 };
  const figures = { ...service, p50Ms: null, p95Ms: null, p99Ms: null };
  const load = (offeredPerS: number): void => {
    const services = new Map([["obd2", { ...figures, offeredPerS }]]);
    world.traffic = ["paris", "lyon"].map((region) => ({ atMs: time.now, region, services }));
  };
  for (let i = 0; i < 8; i += 1) {
    load(130);
    await pass(hub, time, 1);
  }
  // 130 requests/s for two instances that should serve 42 each: four.
  expect(world.pools.filter(({ service: id }) => id === "obd2")).toMatchObject([
    { region: "paris", replicas: 4 },
    { region: "lyon", replicas: 4 },
  ]);
  expect(runsOf(hub).map(({ state }) => state)).toEqual(["verified", "verified"]);
  const before = world.done.length;
  await pass(hub, time, 400);
  expect(world.done).toHaveLength(before);
});

test("a lost region waits for approval by somebody, then moves over, timed from its loss", async () => {
  await pass(hub, time, 3);
  world.replicas = world.replicas.map((one) =>
    one.region === "paris" ? { ...one, state: "stopped" } : one,
  );
  await pass(hub, time, 8);
  const run = runsOf(hub).find(({ playbook }) => playbook === "region-failover");
  expect(run).toMatchObject({ state: "proposed" });
  const asked = await hub.actions.answer(person("a"), run?.id ?? 0, "approve", "paris is gone");
  expect(asked.ok && asked.value.life.state).toBe("verifying");
  await pass(hub, time, 4);
  const done = await hub.actions.run(run?.id ?? 0);
  expect(done?.run.life.state).toBe("verified");
  expect((done?.run.endedAtMs ?? 0) - (done?.run.trigger.detectedAtMs ?? 0)).toBeLessThan(20_000);
  expect(world.inForce).toEqual([
    { kind: "route", service: null, weights: { paris: 0, lyon: 100 } },
  ]);
  expect(done?.timeline.map(({ state }) => state)).toEqual([
    ...["proposed", "approved", "running", "verifying", "verified"],
  ]);
});

test("nobody's answer is no", async () => {
  world.replicas = world.replicas.filter(({ region }) => region === "lyon");
  await pass(hub, time, 8);
  time.now += 15 * 60_000;
  await pass(hub, time, 1);
  expect(runsOf(hub)[0]).toMatchObject({ playbook: "region-failover", state: "not_executed" });
  expect(world.done).toEqual([]);
});

test("what the gateway did by itself becomes an action, verified when it is over", async () => {
  await pass(hub, time, 2);
  const open = { kind: "circuit", service: "obd2", instance: null, state: "open" } as const;
  world.inForce = [open];
  const event = {
    ...{ atMs: time.now, kind: "circuit_opened", service: "obd2", instance: null, region: null },
    ...{ why: "12 of 20 calls failed", evidence: { errors: 0.6 } },
  };
  await hub.actions.onEvents("gateway", [event], 7);
  await hub.actions.onEvents("gateway", [event], 7);
  expect(runsOf(hub)).toMatchObject([{ origin: "reflex", playbook: "circuit-breaker" }]);
  await pass(hub, time, 5);
  expect(runsOf(hub)[0]).toMatchObject({ state: "verifying" });
  world.inForce = [];
  await pass(hub, time, 5);
  expect(runsOf(hub)[0]).toMatchObject({ state: "verified" });
  expect(await hub.actions.cursorOf("gateway")).toBe(7);
  await hub.actions.onEvents("gateway", [event], 8);
  expect(runsOf(hub)).toHaveLength(1);
});

test("a circuit that stays open pages with its reason, and the page ends with it", async () => {
  await pass(hub, time, 2);
  world.inForce = [{ kind: "circuit", service: "obd2", instance: null, state: "open" }];
  const more = { service: "obd2", instance: null, region: null, evidence: {}, why: "x" };
  await hub.actions.onEvents("gateway", [{ atMs: time.now, kind: "circuit_opened", ...more }], 1);
  await pass(hub, time, 35);
  expect(runsOf(hub)[0]).toMatchObject({ state: "escalated" });
  expect(firing()).toEqual(["action:ACT-1"]);
  world.inForce = [];
  await pass(hub, time, 8);
  expect(firing()).toEqual([]);
});

test("switched off, nothing is done by itself; what was measured is still told", async () => {
  const done = await hub.actions.setSwitch(person("a"), false, "a drill");
  expect(done.ok).toBe(true);
  crash("obd2.paris.1");
  crashAll("obd2");
  await pass(hub, time, 8);
  expect(world.done).toEqual([]);
  expect([...hub.actions.desk.held.values()][0]?.refused.guard).toBe("kill_switch");
  expect(firing()).toContain("rule:service-down:obd2");
  await hub.actions.setSwitch(person("a"), true, "over");
  await pass(hub, time, 2);
  expect(world.done).toHaveLength(1);
});

const change = { kind: "scale", service: "obd2", region: "paris", replicas: 3 } as const;

test("a person asks, another one approves, and it can be undone with a reason", async () => {
  await pass(hub, time, 1);
  const asked = { change, reason: "a campaign begins", dryRun: true };
  const dry = await hub.actions.ask(person("a", "operator"), asked);
  expect(dry).toMatchObject({ ok: true, value: { run: null, refused: null } });
  expect(runsOf(hub)).toEqual([]);
  await hub.actions.ask(person("a", "operator"), { ...asked, dryRun: false });
  const [{ id } = { id: 0 }] = runsOf(hub);
  const own = await hub.actions.answer(person("a"), id, "approve", "mine");
  expect(own).toMatchObject({ ok: false, error: { code: "forbidden" } });
  const other = await hub.actions.answer(person("b"), id, "approve", "fine");
  expect(other.ok).toBe(true);
  await pass(hub, time, 4);
  expect(runsOf(hub)[0]).toMatchObject({ state: "verified" });
  const undone = await hub.actions.answer(person("b"), id, "undo", "it is over");
  expect(undone.ok && undone.value.life.state).toBe("rolled_back");
  expect(
    world.pools.find(({ service, region }) => service === "obd2" && region === "paris"),
  ).toEqual(expect.objectContaining({ replicas: 2 }));
});

test.each([
  ["not_found", { ...change, service: "gone" }],
  ["conflict", { kind: "drain", service: "obd2", instance: "obd2.solo.1" } as const],
])("a person's change is refused: %s", async (code, wanted) => {
  world.replicas.push(replica("obd2.solo.1"));
  await pass(hub, time, 1);
  const answer = await hub.actions.ask(person("a"), { change: wanted, reason: "x", dryRun: false });
  expect(answer).toMatchObject({ ok: false, error: { code } });
});

test("autonomy falls with what does not help, and only a person raises it", async () => {
  // Eight times in a row the circuit does not help, and what comes after it does.
  for (let i = 0; i < 8; i += 1) {
    await pass(hub, time, 2);
    hurt(world, "parts-finder", { errorRate: 0.5 });
    await pass(hub, time, 40);
    hurt(world, "parts-finder", { errorRate: 0 });
    await pass(hub, time, 15);
    world.inForce = [];
    time.now += 3_600_000;
  }
  expect(hub.actions.desk.autonomy.get("circuit-breaker")?.level).toBe("observe");
  expect(await kinds()).toContain("autonomy_lowered");
  const before = world.done.length;
  hurt(world, "parts-finder", { errorRate: 0.5 });
  await pass(hub, time, 8);
  // What is only observed holds nobody up: the next one acts.
  expect(world.done.slice(before).map(({ change: one }) => one.kind)).toEqual(["fallback"]);
  const raised = await hub.actions.setAutonomy(person("a"), "circuit-breaker", "auto", "mended");
  expect(raised.ok).toBe(true);
  expect(hub.actions.desk.autonomy.get("circuit-breaker")?.level).toBe("auto");
  const beyond = await hub.actions.setAutonomy(person("a"), "premium-priority", "auto", "x");
  expect(beyond).toMatchObject({ ok: false, error: { field: "body.level" } });
});
