/**
 * The agent against a hub over HTTP that restarts, forgets, loses answers, refuses and hangs.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/io/clock.ts";
import { nodeDisk } from "../../src/io/disk/adapters/node-disk.ts";
import { hubOverHttp } from "../../src/watch/collect/adapters/hub-http.ts";
import { sleep } from "../../src/watch/collect/adapters/sleep.ts";
import { seeded } from "../../sim/random.ts";
import { fakeHub, type FakeHub, type Mood } from "./fake-hub.ts";
import { countingCollector, labAgent, type LabAgent } from "./lab.ts";
import { decodeBatch, faultsIn } from "./hub-ledger.ts";

const INTERVAL_MS = 20;
/** Turns of trouble in a storm. */
const STEPS = 60;

let dir: string;
let hub: FakeHub;
let agent: LabAgent;
let token: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "novaevo-agent-"));
  hub = await fakeHub();
  token = hub.token;
});
afterEach(async () => {
  await agent.stop();
  await hub.stop();
  await rm(dir, { recursive: true, force: true });
});

const start = async (): Promise<void> => {
  const link = hubOverHttp({ hubUrl: hub.url(), token: async () => token });
  const collectors = [countingCollector(INTERVAL_MS)];
  // Waits between tries are cut short; how long they are is another test's matter.
  const hasty: typeof sleep = (delayMs, signal) => sleep(Math.min(delayMs, INTERVAL_MS), signal);
  const time = { clock: systemClock, sleep: hasty };
  agent = await labAgent({ disk: nodeDisk, dir, link, collectors, time, intervalMs: INTERVAL_MS });
};
const accepted = (): number => hub.ledger.state("a1").accepted;
/** The hub has taken so many more batches than now. */
const moreBatches = (count: number): Promise<void> => {
  const from = hub.requests().filter((line) => line.startsWith("POST")).length;
  return hub.until(
    () => hub.requests().filter((line) => line.startsWith("POST")).length >= from + count,
  );
};
const caughtUp = async (): Promise<number> => {
  hub.mood = () => "well";
  const through = agent.log.next() - 1;
  await hub.until(() => accepted() >= through);
  return through;
};
const looksOf = (name = "looks_total"): readonly number[] =>
  hub.ledger
    .samples()
    .filter(({ labels }) => labels["__name__"] === name)
    .map(({ value }) => value);

/** Seeded trouble between batches; answers what is wrong at the end. */
const storm = async (seed: number): Promise<readonly string[]> => {
  const random = seeded(seed);
  await start();
  await moreBatches(3);
  for (let step = 0; step < STEPS; step += 1) {
    const dice = random.below(5);
    if (dice === 0) hub.ledger.store(accepted() - random.below(4));
    if (dice === 1) {
      hub.ledger.forget();
      await hub.stop();
      await hub.start();
    }
    if (dice === 2) {
      let left = 1;
      hub.mood = () => (left-- > 0 ? "lose" : "well");
    }
    if (dice === 3) {
      let left = 1 + random.below(2);
      hub.mood = () => (left-- > 0 ? { status: 503, body: "{}" } : "well");
    }
    await moreBatches(1 + random.below(3));
  }
  const through = await caughtUp();
  expect(through).toBeGreaterThan(STEPS / 3);
  const looks = looksOf();
  const twice = looks.length - new Set(looks).size;
  return [
    ...faultsIn(hub.ledger.taken(), through),
    ...(twice > 0 ? [`${twice} looks are there twice`] : []),
    ...(Math.max(...looks) > looks.length ? ["a look is missing"] : []),
  ];
};

test.each([11, 12, 13])(
  "every batch is there exactly once after restarts, lost answers and refusals (seed %i)",
  async (seed) => {
    expect(await storm(seed)).toEqual([]);
  },
);

test("control: a hub that does not judge by number has batches twice", async () => {
  hub.ledger.dedup = false;
  const faults = await storm(11);
  expect(faults.some((fault) => fault.includes("twice"))).toBe(true);
});

test("a token that was rotated is read again, and nothing is lost", async () => {
  await start();
  await moreBatches(3);
  hub.token = "second";
  await hub.until(() => agent.said.some(isUnauthorised));
  token = "second";
  await moreBatches(3);
  expect(faultsIn(hub.ledger.taken(), await caughtUp())).toEqual([]);
});
const isUnauthorised = ({ fields }: { fields: Readonly<Record<string, unknown>> }): boolean =>
  fields["kind"] === "unauthorised";

test("a batch the hub can never take is kept aside, and the ones after it go on", async () => {
  const refused: Mood = { status: 413, body: '{"message":"too large"}' };
  hub.mood = (_path, seq) => (seq === 3 ? refused : "well");
  await start();
  await hub.until(() => accepted() >= 8);
  expect(hub.ledger.taken().map(({ seq }) => seq)).not.toContain(3);
  expect(faultsIn(hub.ledger.taken(), 8)).toEqual(["a1:3 is missing"]);
  expect(await readdir(join(dir, "refused"))).toEqual(["a1-3.batch"]);
  const file = await nodeDisk.open(join(dir, "refused", "a1-3.batch"), "read");
  expect(decodeBatch(await file.read(0, await file.size())).length).toBeGreaterThan(0);
  await file.close();
  // Asked once only: what can never be taken is not sent again.
  expect(hub.requests().filter((line) => line.endsWith(" 3"))).toHaveLength(1);
  const said = agent.said.filter(({ message }) => message.includes("never accept"));
  expect(said).toEqual([
    { message: expect.any(String), fields: expect.objectContaining({ seq: 3 }) },
  ]);
});

test("what the hub stored is deleted here, and only that", async () => {
  await start();
  await moreBatches(5);
  const stored = accepted() - 2;
  hub.ledger.store(stored);
  await moreBatches(3);
  expect(agent.log.first()).toBe(1);
  const [first] = await agent.log.read(stored + 1, { maxRecords: 1, maxBytes: 1 });
  expect(first?.index).toBe(stored + 1);
});

test("a buffer that lost what the hub already has starts a stream of another name", async () => {
  hub.ledger.take("a1", 900, 0, Buffer.alloc(0));
  await start();
  await hub.until(() => hub.ledger.state("a1.00000001").accepted >= 3);
  expect(hub.ledger.state("a1").accepted).toBe(900);
  const renamed = hub.ledger.taken().filter(({ streamId }) => streamId === "a1.00000001");
  expect(faultsIn(renamed, 3)).toEqual([]);
});

test("a hub that hangs delays shipping, not collecting", async () => {
  hub.mood = () => "hang";
  await start();
  await hub.until(() => true);
  const reached = (): boolean => agent.log.next() > 20;
  while (!reached()) await new Promise((resolve) => setImmediate(resolve));
  expect(hub.ledger.taken()).toEqual([]);
});
