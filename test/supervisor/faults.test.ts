import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { allReady, endAll, ready, service, supervisor, temporary, type Running } from "./lab.ts";

afterEach(endAll);
const both = {
  paris: { replicas: 2, min: 1, max: 3 },
  lyon: { replicas: 1, min: 1, max: 2 },
};
const rehearsed = (services = [service({ regions: both })], more = {}) =>
  supervisor({ rehearsal: true, services, ...more });

const inject = (it: Running, fault: object) =>
  it.ask("POST", "/control/faults", { id: "f1", service: "fake", ...fault });
const inForce = async (it: Running): Promise<any[]> =>
  (await it.ask("GET", "/control/faults")).body.items;
const stopAll = (it: Running) => it.ask("DELETE", "/control/faults");
/** What the fake's own door was told. */
const told = async (it: Running, id: string): Promise<any[]> => {
  const one = (await it.state()).instances.find((other) => other.id === id);
  const seen: any = await (await fetch(`${one!.url}/environment`)).json();
  const headers = { "x-fault-token": seen.env.FLEET_FAULT_TOKEN as string };
  const said: any = await (await fetch(`${one!.url}/_fault`, { headers })).json();
  return said.faults;
};

test("a crash hits whom it says, and they come back by themselves", async () => {
  const it = await rehearsed();
  await it.until(allReady);
  const { body } = await inject(it, { kind: "crash", region: "paris", share: 0.5 });
  expect(body).toMatchObject({ instances: ["fake.paris.1"], untilMs: null });
  await it.event((one) => one.kind === "exited" && one.instance === "fake.paris.1");
  const after = await it.until(allReady);
  expect(after.instances.map(({ restarts }) => restarts)).toEqual([1, 0, 0]);
  expect(await inForce(it)).toEqual([]);
});

test("a crash for a while is a crash loop; its end brings back what was given up", async () => {
  const it = await rehearsed([service({ regions: { paris: both.lyon } })], {
    policy: { baseMs: 1, capMs: 5 },
  });
  await it.until(allReady);
  await inject(it, { kind: "crash", forMs: 60_000 });
  await it.event(({ kind }) => kind === "quarantined");
  expect((await it.ask("DELETE", "/control/faults/f1")).body).toEqual({ lifted: ["f1"] });
  await it.until(allReady);
  expect((await it.ask("DELETE", "/control/faults/f1")).status).toBe(404);
});

test("one that hangs goes on when the fault is lifted in time", async () => {
  const it = await rehearsed();
  const before = await it.until(allReady);
  const { body } = await inject(it, { kind: "hang", region: "lyon", forMs: 60_000 });
  expect(body.instances).toEqual(["fake.lyon.1"]);
  await it.event((one) => one.kind === "unhealthy" && one.instance === "fake.lyon.1");
  await stopAll(it);
  const after = await it.until(allReady);
  expect(after.instances.map(({ pid }) => pid)).toEqual(before.instances.map(({ pid }) => pid));
});

test("one that hangs on is replaced, and the fault is over with its process", async () => {
  const it = await rehearsed();
  await it.until(allReady);
  await inject(it, { kind: "hang", region: "lyon", forMs: 60_000 });
  const ended = await it.event(({ kind }) => kind === "fault_ended");
  expect(ended.why).toBe("hang: its last process ended");
  await it.until(allReady);
  expect(await inForce(it)).toEqual([]);
});

test("a region that is lost stays down, restarts or not, until it is released", async () => {
  const it = await rehearsed();
  await it.until(allReady);
  const lost = await inject(it, { kind: "region-loss", service: "*", region: "paris" });
  expect(lost.body.instances).toEqual(["fake.paris.1", "fake.paris.2"]);
  const states = (ids: { id: string; state: string }[]) => ids.map(({ state }) => state).toSorted();
  await it.until((state) => states(state.instances).join(" ") === "ready stopped stopped");
  await it.order({ kind: "release", instance: "fake.paris.1" });
  await it.order({ kind: "restart", instance: "fake.paris.2" });
  await it.order({ kind: "scale", service: "fake", region: "paris", replicas: 3 });
  const wide = await it.until((state) => state.instances.length === 4 && state);
  expect(states(wide.instances)).toEqual(["ready", "stopped", "stopped", "stopped"]);
  expect((await stopAll(it)).body).toEqual({ lifted: ["f1"] });
  await it.until(allReady);
});

test("a bad deploy runs until another version is ordered; a restart does not cure it", async () => {
  const it = await rehearsed([service({ regions: { paris: both.paris } })]);
  await it.until(allReady);
  await inject(it, { kind: "bad-deploy", forMs: 120_000 });
  const bad = await it.until(
    (state) => state.instances.every(({ version }) => version === "1.0.0-bad") && allReady(state),
  );
  expect(bad.pools[0]).toMatchObject({ version: "1.0.0-bad", previousVersion: "1.0.0" });
  await it.order({ kind: "restart", instance: "fake.paris.1" });
  await it.event((one) => one.kind === "restart_issued" && /order/.test(one.why));
  expect((await it.until((state) => ready(state, "fake.paris.1"))).version).toBe("1.0.0-bad");
  await it.order({ kind: "version", service: "fake", version: "1.0.0" });
  await it.until(
    (state) => state.instances.every(({ version }) => version === "1.0.0") && allReady(state),
  );
  const ended = await it.event(({ kind }) => kind === "fault_ended");
  expect(ended.why).toBe("bad-deploy: another version was ordered");
});

describe("what is done inside the process", () => {
  test("goes through its door, by its token, and is lifted there", async () => {
    const it = await rehearsed();
    await it.until(allReady);
    const { body } = await inject(it, { kind: "errors", share: 0.25, forMs: 60_000 });
    expect(body.instances).toHaveLength(3);
    await inject(it, { id: "f2", kind: "slow", region: "paris", forMs: 60_000 });
    const kinds = async (id: string) => (await told(it, id)).map(({ kind }) => kind);
    expect((await told(it, "fake.lyon.1"))[0]).toEqual({
      kind: "errors",
      share: 0.25,
      forMs: 60_000,
    });
    expect(await kinds("fake.paris.1")).toEqual(["errors", "slow"]);
    // One is lifted, the other stays.
    await it.ask("DELETE", "/control/faults/f1");
    expect(await kinds("fake.paris.1")).toEqual(["slow"]);
    expect(await kinds("fake.lyon.1")).toEqual([]);
    await stopAll(it);
    expect(await kinds("fake.paris.1")).toEqual([]);
    expect(await inForce(it)).toEqual([]);
  });

  test("a new process has its own errors no more, but the network is still cut", async () => {
    const it = await rehearsed([service({ regions: { paris: both.lyon } })]);
    const { instances } = await it.until(allReady);
    await inject(it, { kind: "errors", forMs: 60_000 });
    await inject(it, { id: "f2", kind: "partition", forMs: 60_000 });
    process.kill(instances[0]!.pid!, "SIGKILL");
    await it.event((one) => one.kind === "fault_ended" && one.why.startsWith("errors"));
    await it.until(allReady);
    await expect
      .poll(async () => (await told(it, "fake.paris.1")).map(({ kind }) => kind))
      .toEqual(["partition"]);
    expect((await inForce(it)).map(({ id }) => id)).toEqual(["f2"]);
  });

  test("stop-all works on one that does not answer: it comes back without", async () => {
    const it = await rehearsed([service({ regions: { paris: both.lyon } })]);
    const { instances } = await it.until(allReady);
    await inject(it, { kind: "cpu", forMs: 120_000 });
    // It is blocked from now on.
    await it.event(({ kind }) => kind === "unhealthy");
    expect((await stopAll(it)).body).toEqual({ lifted: ["f1"] });
    const after = await it.until(allReady);
    expect(after.instances[0]!.pid).not.toBe(instances[0]!.pid);
    expect(await told(it, "fake.paris.1")).toEqual([]);
  });

  test("a door that refuses leaves nothing half done", async () => {
    const good = service({ regions: { paris: both.lyon } });
    const it = await rehearsed([good, { ...good, id: "other", version: "1-nodoor" }]);
    await it.until(allReady);
    const refused = await inject(it, { service: "other", kind: "slow" });
    expect([refused.status, refused.body.error.code]).toEqual([503, "unavailable"]);
    expect([await inForce(it), await told(it, "other.paris.1")]).toEqual([[], []]);
    // The control: the other service's door takes the same.
    expect((await inject(it, { kind: "slow" })).status).toBe(200);
  });

  test("it is over by itself when its time is", async () => {
    const it = await rehearsed();
    await it.until(allReady);
    await inject(it, { kind: "slow", forMs: 300 });
    const ended = await it.event(({ kind }) => kind === "fault_ended");
    expect(ended.why).toBe("slow: its time is over");
    expect(await inForce(it)).toEqual([]);
  });
});

test("what is no fault here is refused, and nothing is broken", async () => {
  const it = await rehearsed();
  const before = await it.until(allReady);
  const refused = async (fault: object) => {
    const { status, body } = await inject(it, fault);
    return [status, body.error.code, body.error.field];
  };
  expect(await refused({ kind: "explode" })).toEqual([400, "bad_request", "kind"]);
  expect(await refused({ kind: "crash", service: "postgres" })).toEqual([
    ...[404, "unknown_target", "service"],
  ]);
  expect(await refused({ kind: "crash", region: "nice" })).toEqual([
    404,
    "unknown_target",
    "region",
  ]);
  expect(await refused({ kind: "crash", share: 2 })).toEqual([400, "bad_request", "share"]);
  expect(await refused({ kind: "crash", pid: 1 })).toEqual([400, "bad_request", "pid"]);
  expect(await refused({ kind: "region-loss" })).toEqual([400, "bad_request", "region"]);
  expect(await it.state()).toEqual({ ...before, instances: expect.any(Array) });
  // The same again is the same; the same kind under another id is not.
  const first = await inject(it, { kind: "slow" });
  expect((await inject(it, { kind: "slow" })).body).toEqual(first.body);
  expect(await refused({ id: "f2", kind: "slow" })).toEqual([409, "conflict", "kind"]);
  expect(await refused({ kind: "errors" })).toEqual([409, "conflict", "id"]);
});

test("a restarted supervisor starts clean", async () => {
  const dir = await temporary();
  const settings = { rehearsal: true, services: [service({ regions: both })] };
  const it = await supervisor(settings, dir);
  await it.until(allReady);
  await inject(it, { kind: "region-loss", region: "paris" });
  await inject(it, { id: "f2", kind: "bad-deploy", region: "lyon" });
  it.child.kill("SIGKILL");
  await it.exited;
  const again = await supervisor(settings, dir);
  const { instances } = await again.until(allReady);
  expect(instances.map(({ version }) => version)).toEqual(["1.0.0", "1.0.0", "1.0.0"]);
  expect(await inForce(again)).toEqual([]);
});

describe("a scenario", () => {
  const storm = (id: string, until: string, steps: string): string =>
    `id: ${id}\nname: { fr: Tempête, en: Storm }\nuntil: ${until}\nsteps:\n${steps}\n`;
  const run = async (): Promise<Running> => {
    const scenariosDir = path.join(await temporary(), "scenarios");
    await mkdir(scenariosDir);
    const write = (name: string, text: string) => writeFile(path.join(scenariosDir, name), text);
    const slow = "  - { at: 0s, inject: { service: fake, kind: slow } }";
    const down = "  - { at: 100ms, inject: { service: fake, kind: region-loss, region: lyon } }";
    await write("long.yaml", storm("long", "30m", `${slow}\n${down}`));
    await write("short.yaml", storm("short", "500ms", slow));
    await write("alien.yaml", storm("alien", "1m", slow.replace("fake", "postgres")));
    await write("broken.yaml", storm("broken", "soon", slow));
    const it = await rehearsed([service({ regions: both })], { scenariosDir });
    await it.until(allReady);
    return it;
  };
  const start = (it: Running, scenario: string) =>
    it.ask("POST", "/control/scenarios", { scenario });

  test("does its steps in time, is alone, and stop-all ends it with all it did", async () => {
    const it = await run();
    const { body } = await start(it, "long");
    expect(body).toMatchObject({ id: "long", passedOver: [] });
    await it.event((one) => one.kind === "fault_began" && one.why.startsWith("region-loss"));
    const ids = (await inForce(it)).map(({ id }) => id as string);
    expect(ids).toEqual([`${body.run}:1`, `${body.run}:2`]);
    const second = await start(it, "short");
    expect([second.status, second.body.error.code]).toEqual([409, "scenario_running"]);
    await stopAll(it);
    await it.until(allReady);
    expect((await it.ask("GET", "/control/scenarios")).body.running).toBe(null);
    // The control: with none running it may start.
    expect((await start(it, "short")).status).toBe(200);
  });

  test("lifts its faults when it is over", async () => {
    const it = await run();
    await start(it, "short");
    const ended = await it.event(({ kind }) => kind === "fault_ended");
    expect(ended.why).toMatch(/slow: (the scenario is over|its time is over)/);
    await expect
      .poll(async () => (await it.ask("GET", "/control/scenarios")).body.running)
      .toBe(null);
    expect(await inForce(it)).toEqual([]);
  });

  test("is checked whole before it begins", async () => {
    const it = await run();
    const alien = await start(it, "alien");
    expect([alien.status, alien.body.error.code]).toEqual([404, "unknown_target"]);
    expect((await start(it, "broken")).status).toBe(404);
    expect((await start(it, "../secret")).status).toBe(404);
    const { items } = (await it.ask("GET", "/control/scenarios")).body;
    expect(items.find((one: any) => one.file === "broken.yaml").problems).toEqual([
      'until: "soon" is no duration such as 10s',
    ]);
    expect(await inForce(it)).toEqual([]);
  });
});
