import { afterEach, expect, test } from "vitest";
import { allReady, endAll, MIB, ready, service, supervisor } from "./lab.ts";

afterEach(endAll);
const ID = "fake.paris.1";

test("what is wanted runs, told what it needs to know and nothing of the parent's", async () => {
  const it = await supervisor({
    databaseUrl: "postgres://fleet@127.0.0.1/fleet",
    gatewayUrls: { paris: "http://127.0.0.1:1" },
    partners: { registry: "http://127.0.0.1:2" },
    services: [service({ regions: { paris: { replicas: 2, min: 1, max: 3 } } })],
  });
  const state = await it.until(allReady);
  expect(state.instances.map(({ id, version }) => [id, version])).toEqual([
    [ID, "1.0.0"],
    ["fake.paris.2", "1.0.0"],
  ]);
  const said = (await (await fetch(`${state.instances[0]!.url}/environment`)).json()) as {
    env: Record<string, string>;
    argv: string[];
  };
  expect(said.argv).toContain("--max-old-space-size=192");
  expect(said.env).toMatchObject({
    FLEET_SERVICE: "fake",
    FLEET_INSTANCE: ID,
    FLEET_REGION: "paris",
    FLEET_VERSION: "1.0.0",
    FLEET_DATABASE_URL: "postgres://fleet@127.0.0.1/fleet",
    FLEET_GATEWAY_URL: "http://127.0.0.1:1",
    FLEET_PARTNERS: '{"registry":"http://127.0.0.1:2"}',
  });
  expect(Object.keys(said.env)).not.toContain("SECRET_OF_THE_PARENT");
  // No rehearsal, so no fault door.
  expect(Object.keys(said.env)).not.toContain("FLEET_FAULT_TOKEN");
});

test("one that is killed is restarted at once, in its place, and ready again", async () => {
  const it = await supervisor();
  const before = await it.until((state) => ready(state, ID));
  process.kill(before.pid!, "SIGKILL");
  const exited = await it.event(({ kind }) => kind === "exited");
  expect(exited.why).toBe("ended by SIGKILL");
  const issued = await it.event(({ kind }) => kind === "restart_issued");
  expect(issued.atMs - exited.atMs).toBeLessThan(200);
  const after = await it.until((state) => {
    const one = ready(state, ID);
    return one?.pid !== before.pid && one;
  });
  expect(after).toMatchObject({ restarts: 1, version: "1.0.0", why: null });
});

test("one that hangs is taken out, killed and restarted; one that says no is only taken out", async () => {
  const two = { paris: { replicas: 2, min: 1, max: 3 } };
  const it = await supervisor({ services: [service({ regions: two })] });
  const [hung, unwilling] = (await it.until(allReady)).instances;
  await fetch(`${unwilling!.url}/unready`);
  process.kill(hung!.pid!, "SIGSTOP");
  const of = (id: string, kind: string) =>
    it.event((one) => one.instance === id && one.kind === kind);
  expect((await of(hung!.id, "unhealthy")).why).toMatch(/no answer within/);
  expect((await of(hung!.id, "exited")).why).toBe("/healthz failed 3 times; ended by SIGKILL");
  await it.until((state) => {
    const one = ready(state, hung!.id);
    return one?.pid !== hung!.pid && one;
  });
  // The control: unready for longer than the hung one took, and still the same process.
  const still = (await it.state()).instances.find(({ id }) => id === unwilling!.id);
  expect(still).toMatchObject({
    state: "unhealthy",
    pid: unwilling!.pid,
    restarts: 0,
    why: "/readyz 503: told to be",
  });
  await fetch(`${unwilling!.url}/ready`);
  expect(await it.until((state) => ready(state, unwilling!.id))).toMatchObject({ why: null });
});

test("a crash loop ends in quarantine, with its last words, until somebody releases it", async () => {
  const it = await supervisor({
    policy: { baseMs: 1, capMs: 5 },
    services: [service({ version: "1.0.0-dies" })],
  });
  const quarantined = await it.event(({ kind }) => kind === "quarantined");
  expect(quarantined.why).toMatch(/6 deaths within 60 s, last: exit code 1: this version cannot/);
  const { seq } = quarantined;
  expect((await it.state()).instances).toMatchObject([{ state: "quarantined", restarts: 5 }]);
  // No flapping: it stays, until it is released, and is then tried anew.
  expect(await it.lastSeq()).toBe(seq);
  expect((await it.order({ kind: "release", instance: ID })).body.applied).toBe(true);
  await it.event(({ kind }) => kind === "quarantined", seq);
});

test("a start that does not become ready in time is a death", async () => {
  const it = await supervisor({
    policy: { readyWithinMs: 1_000, baseMs: 1, capMs: 5, maxRestarts: 1 },
    services: [service({ version: "1.0.0-never" })],
  });
  const { why } = await it.event(({ kind }) => kind === "quarantined");
  expect(why).toMatch(/not ready within 1000 ms: \/readyz 503: it never will be; ended by SIGKILL/);
});

test("control: a slow start within its time is none", async () => {
  const it = await supervisor({ services: [service({ env: { FAKE_START_MS: "1500" } })] });
  expect(await it.until((state) => ready(state, ID))).toMatchObject({ restarts: 0 });
});

test("over its memory it is taken out and replaced, after a spare is ready", async () => {
  const it = await supervisor();
  const first = await it.until((state) => ready(state, ID));
  await fetch(`${first.url}/leak?mib=270`);
  const bad = await it.event(({ kind }) => kind === "unhealthy");
  expect(bad.why).toMatch(/memory \d+ MiB is over its bound of 256 MiB/);
  expect(bad.evidence["memory"]).toBeGreaterThan(1);
  const spare = await it.event((one) => one.kind === "ready" && one.instance === "fake.paris.2");
  const drained = await it.event((one) => one.kind === "draining" && one.instance === ID);
  expect(drained.seq).toBeGreaterThan(spare.seq);
  await it.until(allReady);
  const { instances } = await it.state();
  expect(instances).toMatchObject([{ id: ID, state: "ready" }]);
  expect(instances[0]!.pid).not.toBe(first.pid);
});

test("far over its memory it is ended at once", async () => {
  const it = await supervisor();
  const first = await it.until((state) => ready(state, ID));
  await fetch(`${first.url}/leak?mib=500`);
  const { why } = await it.event(({ kind }) => kind === "exited");
  expect(why).toMatch(/is over its bound of 256 MiB; ended by SIGKILL/);
});

test.skipIf(process.platform !== "linux")("use is measured and told to Prometheus", async () => {
  const it = await supervisor();
  await it.until((state) => ready(state, ID));
  let text = "";
  await expect
    .poll(async () => (text = (await it.ask("GET", "/metrics")).body), { timeout: 20_000 })
    .toMatch(/process_cpu_utilization_ratio\{[^}]+\} [\d.e-]+/);
  const labels = `{service="fake",region="paris",instance="${ID}"}`;
  expect(text).toContain(`up${labels} 1`);
  const [, memory] = text.split(`process_memory_utilization_ratio${labels} `);
  expect(Number.parseFloat(memory ?? "")).toBeGreaterThan((20 * MIB) / (256 * MIB));
  expect((await it.state()).cpuBoundBy).toMatch(/^(cgroup|nice)$/);
});
