import { readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { allReady, endAll, isGone, launch, service, supervisor } from "./lab.ts";

afterEach(endAll);
const two = { paris: { replicas: 2, min: 1, max: 3 } };
const settings = { services: [service({ regions: two })] };

test("a supervisor that is killed leaves nothing, and what was desired comes back", async () => {
  const it = await supervisor(settings);
  const { instances } = await it.until(allReady);
  await it.order({ kind: "scale", service: "fake", region: "paris", replicas: 3 });
  const { instances: three } = await it.until(
    (state) => state.pools[0]?.replicas === 3 && allReady(state),
  );
  it.child.kill("SIGKILL");
  await it.exited;
  await expect.poll(() => three.every(({ pid }) => isGone(pid!)), { timeout: 10_000 }).toBe(true);
  const again = await supervisor(settings, it.dir);
  const after = await again.until(allReady);
  expect(after.instances.map(({ id }) => id)).toEqual([
    "fake.paris.1",
    "fake.paris.2",
    "fake.paris.3",
  ]);
  expect(after.instances.some(({ pid }) => instances.some((one) => one.pid === pid))).toBe(false);
  // A reader of the life before is not kept waiting.
  expect(after.revision).toBeGreaterThan(0);
});

test.skipIf(process.platform !== "linux")(
  "what was left and hears nothing is ended by the next supervisor, a stranger is not",
  async () => {
    const it = await supervisor(settings);
    const [hung, other] = (await it.until(allReady)).instances;
    // Stopped, it does not see its stdin end.
    process.kill(hung!.pid!, "SIGSTOP");
    it.child.kill("SIGKILL");
    await it.exited;
    await expect.poll(() => isGone(other!.pid!), { timeout: 10_000 }).toBe(true);
    expect(isGone(hung!.pid!)).toBe(false);
    // The control: a pid file with our own pid, and another process's start.
    const runDir = path.join(it.dir, "data", "run");
    expect((await readdir(runDir)).toSorted()).toContain(`${hung!.id}.pid`);
    const noted = JSON.parse(
      await readFile(path.join(runDir, `${hung!.id}.pid`), "utf8"),
    ) as object;
    await writeFile(
      path.join(runDir, "fake.paris.9.pid"),
      JSON.stringify({ ...noted, pid: process.pid }),
    );
    const again = await supervisor(settings, it.dir);
    await again.until(allReady);
    expect(isGone(hung!.pid!)).toBe(true);
    expect(again.stderr()).toContain(hung!.id);
    expect(again.stderr()).not.toContain("fake.paris.9");
  },
);

test("a stop ends all it runs, and says nothing failed", async () => {
  const it = await supervisor(settings);
  const { instances } = await it.until(allReady);
  expect(await it.stop()).toBe(0);
  expect(instances.map(({ pid }) => isGone(pid!))).toEqual([true, true]);
  const files = await readdir(path.join(it.dir, "data", "run"));
  expect(files.filter((name) => name.endsWith(".pid"))).toEqual([]);
});

test("a second supervisor on the same folder is refused, with the pid of the first", async () => {
  const it = await supervisor(settings);
  await it.until(allReady);
  const second = await launch(it.dir, settings);
  expect(await second.exited).toBe(2);
  expect(second.stderr()).toContain(`in use by another supervisor, process ${it.child.pid}`);
  // The control: the first goes on, and the folder is free once it has ended.
  await it.until(allReady);
  await it.stop();
  const third = await supervisor(settings, it.dir);
  await third.until(allReady);
});

test.each([
  ["the order book", "orders.jsonl"],
  ["the journal of events", "events.jsonl"],
])("%s with a torn last line is whole without it; damaged, it is refused", async (_, name) => {
  const it = await supervisor(settings);
  await it.until(allReady);
  await it.order({ kind: "scale", service: "fake", region: "paris", replicas: 1 });
  await it.until((state) => state.pools[0]?.replicas === 1 && allReady(state));
  await it.stop();
  const file = path.join(it.dir, "data", name);
  const text = await readFile(file, "utf8");
  await writeFile(file, `${text}{"torn":`);
  const again = await supervisor(settings, it.dir);
  expect((await again.until(allReady)).pools[0]?.replicas).toBe(1);
  await again.stop();
  await writeFile(file, `not json\n${text}`);
  const refused = await launch(it.dir, settings);
  expect(await refused.exited).not.toBe(0);
  expect(refused.stderr()).toContain(`${name}: line 1 is damaged`);
});

test("a configuration that cannot work is refused by its fields", async () => {
  const it = await supervisor(settings);
  const bad = service({ regions: { paris: { replicas: 5, min: 1, max: 3 } } });
  const refused = await launch(it.dir, {
    services: [bad, bad, service({ id: "b", memoryBytes: 1 })],
  });
  expect(await refused.exited).toBe(2);
  expect(refused.stderr()).toMatch(/NOVAEVO_SUPERVISOR_CONFIG: services.2.memoryBytes/);
  const other = await launch(it.dir, { services: [bad, bad] });
  expect(await other.exited).toBe(2);
  expect(other.stderr()).toContain('services.1.id: "fake" is there twice');
  expect(other.stderr()).toContain(
    "services.0.regions.paris.replicas: 5 is not 1 (min) to 3 (max)",
  );
});
