/**
 * The same short story, ended at every await of the disk, by kill and by power cut.
 *
 * Acknowledged = survives; nothing comes back changed; no index means two things.
 */
import { expect, test } from "vitest";
import { simDisk, type SimDisk } from "../../../sim/disk.ts";
import { seeded, type Random } from "../../../sim/random.ts";
import { openSegmentLog } from "./segment-log.ts";

type Durability = "fsync" | "none";
type Story = {
  /** Index → content, for every append that was answered, in any life of the process. */
  readonly acked: Map<number, string>;
  /** Everything ever handed to `append`. */
  readonly offered: Set<string>;
  trimmed: number;
  readonly wrong: string[];
};

const LIMIT = { maxRecords: 1_000, maxBytes: 1e9 };
const open = (disk: SimDisk, durability: Durability) =>
  openSegmentLog({ dir: "/log", maxSegmentBytes: 160, disk: disk.boot(), durability });

/** One life of a process; ends by itself or hangs where it was cut. */
const live = async (disk: SimDisk, story: Story, life: number, durability: Durability) => {
  const log = await open(disk, durability);
  const append = async (name: string): Promise<void> => {
    const content = `${life}/${name}`;
    story.offered.add(content);
    const index = await log.append(new TextEncoder().encode(content));
    if (story.acked.has(index)) story.wrong.push(`index ${index} was given out twice`);
    story.acked.set(index, content);
  };
  for (let round = 0; round < 5; round += 1) {
    await append(`${round}-alone`);
    await Promise.all(["a", "b", "c"].map((name) => append(`${round}-${name}`)));
    if (round % 2 === 1) {
      story.trimmed = log.next() - 3;
      await log.trim(story.trimmed);
    }
  }
  await log.close();
};

const check = async (disk: SimDisk, story: Story, durability: Durability): Promise<string[]> => {
  const log = await open(disk, durability);
  const records = await log.read(1, LIMIT);
  const found = new Map(records.map((r) => [r.index, new TextDecoder().decode(r.body)]));
  const wrong: string[] = [];
  for (const [index, content] of story.acked) {
    if (index > story.trimmed && found.get(index) !== content) wrong.push(`lost ${index}`);
    if (index >= log.next()) wrong.push(`index ${index} may be used again`);
  }
  for (const [index, content] of found) {
    if (!story.offered.has(content)) wrong.push(`never written: ${index}`);
  }
  await log.close();
  return wrong;
};

/** Lets everything that can go on go on; the simulated disk needs no real time. */
const drained = async (work: Promise<unknown>): Promise<void> => {
  const end: { done: boolean; broken?: Error } = { done: false };
  void work.then(
    () => (end.done = true),
    (fault: Error) => (end.broken = fault),
  );
  for (let turn = 0; turn < 20 && !end.done && end.broken === undefined; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (end.broken !== undefined) throw end.broken;
};

const crashAt = async (nth: number, kind: "kill" | "power", random: Random, how: Durability) => {
  let cut = nth;
  const disk = simDisk(random, (now) => (now === cut ? kind : undefined));
  const story: Story = { acked: new Map(), offered: new Set(), trimmed: 0, wrong: [] };
  const wrong: string[] = [];
  for (let life = 0; life < 3; life += 1) {
    await drained(live(disk, story, life, how));
    // A life that was not cut ends here, so that the last look is always after an end.
    disk.crash(kind);
    cut = -1;
    wrong.push(...(await check(disk, story, how)));
    cut = life === 0 ? disk.awaits() + random.below(60) : -1;
  }
  wrong.push(...story.wrong);
  return { wrong, awaits: disk.awaits() };
};

const everywhere = async (kind: "kill" | "power", seeds: readonly number[], how: Durability) => {
  const wrong: string[] = [];
  let cuts = 0;
  const { awaits } = await crashAt(-1, kind, seeded(0), how);
  for (const seed of seeds) {
    for (let nth = 0; nth < awaits / 3; nth += 1) {
      const outcome = await crashAt(nth, kind, seeded(seed * 100_003 + nth), how);
      wrong.push(...outcome.wrong.map((what) => `seed ${seed}, await ${nth}: ${what}`));
      cuts += 1;
    }
  }
  return { wrong, cuts };
};

test("nothing acknowledged is lost when the process is killed at any await", async () => {
  const { wrong, cuts } = await everywhere("kill", [1, 2], "fsync");
  expect(wrong).toEqual([]);
  expect(cuts).toBeGreaterThan(100);
});

test("nothing acknowledged is lost when the power goes at any await", async () => {
  const { wrong, cuts } = await everywhere("power", [1, 2, 3, 4, 5, 6], "fsync");
  expect(wrong).toEqual([]);
  expect(cuts).toBeGreaterThan(300);
});

test("control: without fsync a power cut does lose what was acknowledged", async () => {
  const { wrong } = await everywhere("power", [1], "none");
  expect(wrong.length).toBeGreaterThan(10);
});
