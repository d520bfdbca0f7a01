/**
 * The agent while the hub is away, the disk is full, or the clock jumps; in virtual time.
 */
import { expect, test } from "vitest";
import type { Disk } from "../../src/io/disk/disk.ts";
import { simDisk } from "../../sim/disk.ts";
import { seeded } from "../../sim/random.ts";
import { countingCollector, labAgent, ledgerLink } from "./lab.ts";
import { faultsIn, hubLedger, type HubLedger, type SeenSample } from "./hub-ledger.ts";
import { virtualTime } from "./virtual-time.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

const valuesOf = (ledger: HubLedger, name: string): readonly SeenSample[] =>
  ledger
    .samples()
    .filter(({ labels, value }) => labels["__name__"] === name && !Number.isNaN(value));
const numbers = (from: number, through: number): number[] =>
  Array.from({ length: through - from + 1 }, (_, nth) => from + nth);

const lab = async (options: { maxBufferBytes?: number; disk?: Disk } = {}) => {
  const time = virtualTime();
  const ledger = hubLedger();
  const link = ledgerLink(ledger);
  const disk = options.disk ?? simDisk(seeded(1)).boot();
  const agent = await labAgent({
    ...{ disk, dir: "/agent", link, time, collectors: [countingCollector(SECOND_MS)] },
    ...(options.maxBufferBytes === undefined ? {} : { maxBufferBytes: options.maxBufferBytes }),
  });
  /** Everything is there, and the store has it. */
  const shipped = async (): Promise<void> => {
    await time.until(() => ledger.state("a1").accepted === agent.log.next() - 1, HOUR_MS);
    ledger.store();
    await time.pass(5 * SECOND_MS);
  };
  const stop = async (): Promise<void> => {
    let done = false;
    const stopped = agent.stop().then(() => (done = true));
    await time.until(() => done, MINUTE_MS);
    await stopped;
  };
  return { time, ledger, link, agent, shipped, stop };
};

test("an hour without a hub: all of it arrives afterwards, once and in order", async () => {
  const { time, ledger, link, agent, shipped, stop } = await lab();
  link.isThere = false;
  await time.pass(HOUR_MS);
  expect(agent.log.next() - 1).toBeGreaterThan(3_500);
  expect(ledger.taken()).toEqual([]);
  link.isThere = true;
  await shipped();
  await stop();
  const looks = valuesOf(ledger, "looks_total");
  expect(looks.length).toBeGreaterThanOrEqual(3_600);
  expect(looks.map(({ value }) => value)).toEqual(numbers(1, looks.length));
  expect(looks.every(({ timeMs }) => timeMs % SECOND_MS === 0)).toBe(true);
  expect(faultsIn(ledger.taken(), ledger.state("a1").accepted)).toEqual([]);
  expect(agent.said.filter(({ message }) => message === "cannot ship")).toHaveLength(1);
});

test("a buffer at its limit keeps what is oldest, counts and says what it drops, and recovers", async () => {
  const maxBufferBytes = 256 * 1024;
  const { time, ledger, link, agent, shipped, stop } = await lab({ maxBufferBytes });
  link.isThere = false;
  await time.pass(HOUR_MS);
  expect(agent.log.bytes()).toBeLessThanOrEqual(maxBufferBytes);
  expect(agent.said.map(({ message }) => message)).toContain("samples are dropped");
  link.isThere = true;
  await shipped();
  await time.pass(MINUTE_MS);
  await stop();
  expect(agent.said.map(({ message }) => message)).toContain("the buffer takes batches again");
  const looks = valuesOf(ledger, "looks_total").map(({ value }) => value);
  const kept = looks.findIndex((value, nth) => value !== nth + 1);
  expect(kept).toBeGreaterThan(100);
  expect(looks.slice(0, kept)).toEqual(numbers(1, kept));
  // After the gap it goes on without another one.
  expect(looks.slice(kept)).toEqual(numbers(looks[kept]!, looks[kept]! + looks.length - kept - 1));
  const dropped = valuesOf(ledger, "novaevo_agent_dropped_samples_total").at(-1)!.value;
  expect(dropped).toBeGreaterThanOrEqual(looks[kept]! - kept - 1);
  expect(faultsIn(ledger.taken(), ledger.state("a1").accepted)).toEqual([]);
});

test("a full disk drops what is new, loses nothing that was taken, and recovers", async () => {
  const sim = simDisk(seeded(2));
  const { time, ledger, agent, shipped, stop } = await lab({ disk: sim.boot() });
  await time.pass(MINUTE_MS);
  sim.capacityBytes = 1;
  await time.pass(MINUTE_MS);
  expect(agent.said.filter(({ message }) => message === "samples are dropped")).toHaveLength(1);
  sim.capacityBytes = Number.POSITIVE_INFINITY;
  await time.pass(MINUTE_MS);
  await shipped();
  await stop();
  const looks = valuesOf(ledger, "looks_total").map(({ value }) => value);
  const gap = looks.findIndex((value, nth) => value !== nth + 1);
  expect(looks.length).toBeGreaterThan(115);
  expect(looks[gap]! - gap).toBeGreaterThan(55);
  expect(looks[gap]! - gap).toBeLessThan(65);
  expect(faultsIn(ledger.taken(), ledger.state("a1").accepted)).toEqual([]);
});

test("a disk whose fsync fails ends the agent: it could not keep its word", async () => {
  const sim = simDisk(seeded(3));
  const { time, agent, stop } = await lab({ disk: sim.boot() });
  await time.pass(5 * SECOND_MS);
  sim.failSync = true;
  await time.pass(5 * SECOND_MS);
  await expect(agent.broken).resolves.toMatchObject({ reason: "io" });
  sim.failSync = false;
  await stop();
});

test.each([
  ["forward", HOUR_MS],
  ["back", -HOUR_MS],
])("a clock that jumps %s an hour: times only grow, no look is lost", async (_, byMs) => {
  const { time, ledger, agent, shipped, stop } = await lab();
  await time.pass(10 * SECOND_MS + 300);
  time.jump(byMs);
  await time.pass(MINUTE_MS);
  time.jump(-byMs);
  await time.pass(MINUTE_MS);
  await shipped();
  await stop();
  const looks = valuesOf(ledger, "looks_total");
  expect(looks.map(({ value }) => value)).toEqual(numbers(1, looks.length));
  expect(looks.length).toBeGreaterThan(110);
  const times = looks.map(({ timeMs }) => timeMs);
  expect(times.every((timeMs, nth) => nth === 0 || timeMs > times[nth - 1]!)).toBe(true);
  expect(agent.said.filter(({ message }) => message === "the clock jumped")).toHaveLength(2);
  expect(valuesOf(ledger, "novaevo_agent_clock_jumps_total").at(-1)!.value).toBe(2);
});

test("a batch that is torn at any byte was never acknowledged; everything before it arrives", async () => {
  const sim = simDisk(seeded(4));
  const first = await lab({ disk: sim.boot() });
  first.link.isThere = false;
  await first.time.pass(5 * SECOND_MS);
  await first.stop();
  const path = [...sim.files().keys()].find((name) => name.endsWith(".seg"));
  const whole = sim.files().get(path!)!.slice();
  const last = first.agent.log.next() - 1;
  const bodies = new Map<number, string>();
  for (let cut = 1; cut < 80; cut += 1) {
    const again = simDisk(seeded(cut));
    const maker = again.boot();
    const file = await maker.open(path!, "create");
    await file.write(0, whole.slice(0, whole.length - cut));
    const second = await lab({ disk: again.boot() });
    await second.time.pass(3 * SECOND_MS);
    await second.shipped();
    await second.stop();
    const taken = second.ledger.taken();
    expect(faultsIn(taken, second.ledger.state("a1").accepted)).toEqual([]);
    for (const { seq, body } of taken.filter(({ seq }) => seq < last)) {
      expect(bodies.get(seq) ?? body.toString("hex")).toBe(body.toString("hex"));
      bodies.set(seq, body.toString("hex"));
    }
  }
  expect(bodies.size).toBe(last - 1);
});
