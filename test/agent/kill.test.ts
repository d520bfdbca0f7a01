/**
 * The real agent, killed in the middle of its work, against a hub that is in trouble as well.
 *
 * What was in the buffer of a killed agent was kept by it, and must reach the hub once, unchanged.
 */
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSegmentLog } from "../../src/io/log/segment-log.ts";
import { seeded, type Random } from "../../sim/random.ts";
import { agentProcess, type AgentProcess } from "./process.ts";
import { fakeHub, type FakeHub } from "./fake-hub.ts";
import { faultsIn } from "./hub-ledger.ts";

const ROUNDS = 4;
const ALL = { maxRecords: 1e6, maxBytes: 1e9 };

let dir: string;
let hub: FakeHub;
let agent: AgentProcess | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "novaevo-agent-kill-"));
  hub = await fakeHub();
  await writeFile(join(dir, "token"), `${hub.token}\n`);
});
afterEach(async () => {
  await agent?.kill("SIGKILL");
  await hub.stop();
  await rm(dir, { recursive: true, force: true });
});

const start = (): AgentProcess =>
  agentProcess({
    agentId: "a1",
    hubUrl: hub.url(),
    tokenFile: join(dir, "token"),
    dataDir: join(dir, "data"),
    intervalMs: 100,
    host: "lab",
    processes: [{ name: "test", service: "test", pid: process.pid }],
  });

/** What a killed agent left: read from a copy, so that its own next start finds it untouched. */
const leftBehind = async (round: number): Promise<ReadonlyMap<number, string>> => {
  const copy = join(dir, `copy-${round}`);
  await cp(join(dir, "data", "buffer"), copy, { recursive: true });
  const log = await openSegmentLog({ dir: copy });
  const records = await log.read(1, ALL);
  await log.close();
  return new Map(records.map(({ index, body }) => [index, Buffer.from(body).toString("hex")]));
};

const trouble = (random: Random): void => {
  hub.ledger.store(hub.ledger.state("a1").accepted - 1 - random.below(3));
  if (random.chance(0.7)) hub.ledger.forget();
  let left = random.below(3);
  const kind = random.chance(0.5) ? "lose" : { status: 503, body: "{}" };
  hub.mood = (path) => (path.endsWith("batches") && left-- > 0 ? kind : "well");
};

const rounds = async (seed: number): Promise<readonly string[]> => {
  const random = seeded(seed);
  const kept = new Map<number, string>();
  const faults: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    agent = start();
    await agent.ready;
    const end = hub.requests().length + 2 + random.below(12);
    await hub.until(() => hub.requests().length >= end);
    trouble(random);
    await hub.until(() => hub.requests().length >= end + 1 + random.below(4));
    expect(await agent.kill("SIGKILL")).toBe("SIGKILL");
    for (const [seq, body] of await leftBehind(round)) {
      if (kept.has(seq) && kept.get(seq) !== body) faults.push(`${seq} has two contents`);
      kept.set(seq, body);
    }
  }
  agent = start();
  const last = Math.max(...kept.keys());
  await hub.until(() => hub.ledger.state("a1").accepted >= last);
  expect(await agent.kill("SIGTERM")).toBe(0);
  const taken = hub.ledger.taken();
  for (const { seq, body } of taken) {
    if (kept.has(seq) && kept.get(seq) !== body.toString("hex")) faults.push(`${seq} changed`);
  }
  expect(kept.size).toBeGreaterThan(ROUNDS * 2);
  return [...faults, ...faultsIn(taken, last)];
};

test.each([21, 22])(
  "a killed agent loses nothing it kept, and sends it once (seed %i)",
  async (seed) => {
    expect(await rounds(seed)).toEqual([]);
  },
);

test("control: with a hub that does not judge by number, batches are there twice", async () => {
  hub.ledger.dedup = false;
  const faults = await rounds(21);
  expect(faults.some((fault) => fault.includes("twice"))).toBe(true);
});
