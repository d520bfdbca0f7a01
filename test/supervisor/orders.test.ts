import { afterEach, describe, expect, test } from "vitest";
import type { SupervisorOrder } from "../../src/respond/control/messages.ts";
import { allReady, endAll, isGone, MIB, ready, service, supervisor, TOKEN } from "./lab.ts";

afterEach(endAll);
const ID = "fake.paris.1";
const scale = (replicas: number): SupervisorOrder => ({
  kind: "scale",
  service: "fake",
  region: "paris",
  replicas,
});
const toVersion = (version: string): SupervisorOrder => ({
  kind: "version",
  service: "fake",
  version,
});

test("scales out and in, and back by the answer's undo", async () => {
  const it = await supervisor();
  await it.until(allReady);
  const dry = await it.order(scale(3), { dryRun: true });
  expect(dry.body).toMatchObject({ applied: false, effect: "fake in paris: 1 → 3 replicas" });
  expect((await it.state()).pools[0]).toMatchObject({ replicas: 1, min: 0, max: 3 });
  const out = await it.order(scale(3));
  expect(out.body).toMatchObject({ applied: true, undo: scale(1) });
  const { instances } = await it.until(
    (state) => state.pools[0]?.replicas === 3 && allReady(state),
  );
  await it.event(({ kind, evidence }) => kind === "scaled" && evidence["replicas"] === 3);
  await it.order(out.body.undo);
  await it.until((state) => state.pools[0]?.replicas === 1 && allReady(state));
  expect(instances.map(({ pid }) => isGone(pid!))).toEqual([false, true, true]);
  const drained = await it.event(
    (one) => one.kind === "stopped" && one.instance === "fake.paris.3",
  );
  expect(drained.why).toBe("no longer wanted");
});

test("a drained one stays down, over a restart too, until it is released", async () => {
  const it = await supervisor();
  await it.until(allReady);
  const drained = await it.order({ kind: "drain", instance: ID });
  expect(drained.body.undo).toEqual({ kind: "release", instance: ID });
  const isDown = await it.until((state) => state.instances[0]?.state === "stopped" && state);
  expect(isDown.instances[0]).toMatchObject({ pid: null, url: null });
  await it.stop();
  const again = await supervisor({}, it.dir);
  const [place] = (await again.until((state) => state.instances.length === 1 && state)).instances;
  expect(place).toMatchObject({ id: ID, state: "stopped", pid: null });
  await again.order(drained.body.undo);
  await again.until(allReady);
});

test("what does not hear SIGTERM is killed when its drain is over", async () => {
  const it = await supervisor({ services: [service({ env: { FAKE_DEAF: "1" } })] });
  await it.until(allReady);
  const before = performance.now();
  await it.order({ kind: "drain", instance: ID });
  await it.until((state) => state.instances[0]?.state === "stopped");
  expect(performance.now() - before).toBeGreaterThan(5_500);
});

describe("a version", () => {
  const two = { paris: { replicas: 2, min: 1, max: 3 } };

  test("goes through one at a time, a spare first, and nobody is missed", async () => {
    const it = await supervisor({ services: [service({ regions: two })] });
    const { revision } = await it.until(allReady);
    const seen: number[] = [];
    const order = await it.order(toVersion("2.0.0"));
    expect(order.body.undo).toEqual(toVersion("1.0.0"));
    await it.until((state) => {
      if (state.revision > revision) {
        seen.push(state.instances.filter((one) => one.state === "ready").length);
      }
      return state.instances.every(({ version }) => version === "2.0.0") && allReady(state);
    });
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(2);
    await it.event(({ kind }) => kind === "rolled_out");
    expect((await it.state()).pools[0]).toMatchObject({
      version: "2.0.0",
      previousVersion: "1.0.0",
    });
  });

  test.each([
    ["dies", "2.0.0-dies", /fake.paris.3 did not get ready with 2.0.0-dies: .*cannot start/],
    ["never becomes ready", "2.0.0-never", /did not get ready with 2.0.0-never: not ready within/],
  ])("that %s is undone by itself, and the old ones never stopped", async (_, version, why) => {
    const policy = { readyWithinMs: 2_500 };
    const it = await supervisor({ policy, services: [service({ regions: two })] });
    const before = await it.until(allReady);
    await it.order(toVersion(version));
    const back = await it.event(({ kind }) => kind === "rolled_back");
    expect(back.why).toMatch(why);
    const after = await it.until((state) => state.pools[0]?.version === "1.0.0" && allReady(state));
    const pids = (state: typeof before) => state.instances.map(({ pid }) => pid);
    expect(pids(after)).toEqual(pids(before));
  });

  test("that fails without room for a spare takes one, and brings it back", async () => {
    const full = { paris: { replicas: 2, min: 1, max: 2 } };
    const it = await supervisor({ services: [service({ regions: full })] });
    const [first, second] = (await it.until(allReady)).instances;
    const { body } = await it.order(toVersion("2.0.0-dies"));
    expect(body.applied).toBe(true);
    await it.event(({ kind }) => kind === "rolled_back");
    const after = await it.until((state) => state.pools[0]?.version === "1.0.0" && allReady(state));
    expect(after.instances.map(({ version }) => version)).toEqual(["1.0.0", "1.0.0"]);
    expect(after.instances[0]?.pid).not.toBe(first?.pid);
    expect(after.instances[1]?.pid).toBe(second?.pid);
  });
});

test("other bounds go through as a version does", async () => {
  const it = await supervisor();
  await it.until(allReady);
  const memoryBytes = 384 * MIB;
  const order: SupervisorOrder = { kind: "bounds", service: "fake", cpuCores: 2, memoryBytes };
  const { body } = await it.order(order);
  expect(body.undo).toEqual({ ...order, cpuCores: 1, memoryBytes: 256 * MIB });
  const { instances } = await it.until(
    (state) => state.instances[0]?.memoryBytes === memoryBytes && allReady(state),
  );
  expect(instances[0]).toMatchObject({ cpuCores: 2, memoryBytes });
  const said: any = await (await fetch(`${instances[0]!.url}/environment`)).json();
  expect(said.argv).toContain("--max-old-space-size=320");
});

test("an order counts once, and an older epoch not at all, also after a restart", async () => {
  const it = await supervisor();
  await it.until(allReady);
  const order = { id: "hub:1", epoch: 7, order: scale(2) };
  const first = await it.ask("POST", "/control/orders", order);
  expect(first.body).toMatchObject({ applied: true, repeated: false });
  await it.order(scale(1), { epoch: 7 });
  const again = await it.ask("POST", "/control/orders", order);
  expect(again.body).toEqual({ ...first.body, repeated: true });
  // Not carried out again: what was ordered later stands.
  expect((await it.state()).pools[0]?.replicas).toBe(1);
  const seq = await it.lastSeq();
  await it.stop();

  const later = await supervisor({}, it.dir);
  const repeated = await later.ask("POST", "/control/orders", order);
  expect(repeated.body).toEqual({ ...first.body, repeated: true });
  expect(await later.state()).toMatchObject({ epoch: 7, pools: [{ replicas: 1 }] });
  const stale = await later.order(scale(2), { epoch: 6 });
  expect([stale.status, stale.body.error.code]).toEqual([409, "stale_epoch"]);
  const other = await later.ask("POST", "/control/orders", { ...order, order: scale(3) });
  expect([other.status, other.body.error.field]).toEqual([400, "id"]);
  // The control: the same order under a new id is a new one.
  expect((await later.order(scale(2), { epoch: 7 })).body).toMatchObject({ repeated: false });
  // Events are numbered on.
  expect((await later.event(({ kind }) => kind === "started", seq)).seq).toBeGreaterThan(seq);
});

test("what cannot be done is refused by its field, and nothing of it happens", async () => {
  const it = await supervisor();
  const { revision } = await it.until(allReady);
  const refused = async (order: unknown, more = {}) => {
    const { status, body } = await it.order(order as SupervisorOrder, more);
    return [status, body.error.code, body.error.field];
  };
  expect(await refused(scale(4))).toEqual([422, "out_of_bounds", "order.replicas"]);
  expect(await refused({ kind: "restart", instance: "x.y.1" })).toEqual([
    ...[404, "unknown_target", "order.instance"],
  ]);
  expect(await refused({ ...scale(1), replicas: "many" })).toEqual([
    ...[400, "bad_request", "order.replicas"],
  ]);
  expect(await refused(scale(2), { epoch: -1 })).toEqual([400, "bad_request", "epoch"]);
  expect(await refused(scale(2), { force: true })).toEqual([400, "bad_request", "force"]);
  const door = (headers: Record<string, string>) =>
    fetch(`${it.url}/control/state`, { headers }).then(({ status }) => status);
  expect(await door({})).toBe(401);
  expect(await door({ authorization: `Bearer ${TOKEN}x` })).toBe(401);
  expect(await door({ authorization: `Bearer ${TOKEN}` })).toBe(200);
  expect((await it.ask("POST", "/control/orders", "x".repeat(70_000))).status).toBe(413);
  expect((await it.ask("GET", "/control/state?after=1&waitMs=30001")).status).toBe(400);
  expect((await it.ask("GET", "/control/nothing")).status).toBe(404);
  // Faults are for rehearsals.
  const fault = { id: "f", kind: "crash", service: "fake" };
  expect((await it.ask("POST", "/control/faults", fault)).status).toBe(404);
  expect(await it.until((state) => ready(state, ID))).toMatchObject({ restarts: 0 });
  expect((await it.state()).revision).toBe(revision);
});
