import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simDisk, type SimDisk } from "../../../sim/disk.ts";
import { seeded } from "../../../sim/random.ts";
import { SEGMENT_HEADER_BYTES } from "./frame.ts";
import { LogFault, openSegmentLog, type SegmentLog } from "./segment-log.ts";

const DIR = "/log";
const ALL = { maxRecords: 1_000_000, maxBytes: 1e12 };
const small = { dir: DIR, maxSegmentBytes: 200, maxBytes: 1e9, maxRecordBytes: 1_000 };
const body = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const quiet = (): SimDisk => simDisk(seeded(1));
const all = async (log: SegmentLog, from = 1) =>
  (await log.read(from, ALL)).map((record) => `${record.index}=${text(record.body)}`);
const reasonOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "resolved",
    (fault: unknown) => (fault instanceof LogFault ? fault.reason : String(fault)),
  );

describe("appending and reading", () => {
  test("concurrent appends share one fsync and are numbered in order", async () => {
    const log = await openSegmentLog({ dir: DIR, disk: quiet().boot() });
    const indexes = await Promise.all(["a", "b", "c"].map((word) => log.append(body(word))));
    expect(indexes).toEqual([1, 2, 3]);
    expect(log.stats().syncs).toBe(1);
    expect(await all(log)).toEqual(["1=a", "2=b", "3=c"]);
  });

  test("a read stops at its limits, but gives at least one record", async () => {
    const log = await openSegmentLog({ ...small, disk: quiet().boot() });
    await Promise.all(Array.from({ length: 40 }, (_, n) => log.append(body(`r${n}`))));
    const indexes = async (from: number, maxRecords: number, maxBytes: number) =>
      (await log.read(from, { maxRecords, maxBytes })).map(({ index }) => index);
    expect(await indexes(1, 3, 1e9)).toEqual([1, 2, 3]);
    expect(await indexes(37, 10, 1e9)).toEqual([37, 38, 39, 40]);
    expect(await indexes(20, 10, 1)).toEqual([20]);
    expect(await indexes(20, 10, 40)).toEqual([20, 21]);
    expect(await indexes(41, 10, 1e9)).toEqual([]);
  });

  test("an index is not used again after everything was trimmed and the log reopened", async () => {
    const disk = quiet();
    const log = await openSegmentLog({ ...small, disk: disk.boot() });
    for (let n = 0; n < 30; n += 1) await log.append(body(`record ${n}`));
    await log.trim(30);
    expect(await all(log)).toEqual([]);
    expect(log.first()).toBe(31);
    await log.close();
    const again = await openSegmentLog({ ...small, disk: disk.boot() });
    expect([again.first(), again.next()]).toEqual([31, 31]);
    expect(await again.append(body("next"))).toBe(31);
  });

  test("a trim keeps every record above its pointer", async () => {
    const log = await openSegmentLog({ ...small, disk: quiet().boot() });
    for (let n = 1; n <= 30; n += 1) await log.append(body(`record ${n}`));
    await log.trim(17);
    const kept = (await log.read(18, ALL)).map(({ index }) => index);
    expect(kept).toEqual(Array.from({ length: 13 }, (_, n) => 18 + n));
    expect(log.first()).toBeGreaterThan(10);
  });

  test("close settles what was appended and refuses what comes after", async () => {
    const disk = quiet();
    const log = await openSegmentLog({ ...small, disk: disk.boot() });
    const pending = log.append(body("last words"));
    await log.close();
    expect(await pending).toBe(1);
    expect(await reasonOf(log.append(body("late")))).toBe("closed");
    expect(await reasonOf(log.read(1, ALL))).toBe("closed");
    await log.close();
  });

  test("a second opener of the directory is refused", async () => {
    const disk = quiet();
    const log = await openSegmentLog({ ...small, disk: disk.boot() });
    expect(await reasonOf(openSegmentLog({ ...small, disk: disk.boot() }))).toBe("locked");
    await log.close();
    await openSegmentLog({ ...small, disk: disk.boot() });
  });
});

describe("limits and faults", () => {
  test("a record over the limit is refused and the log goes on", async () => {
    const log = await openSegmentLog({ ...small, disk: quiet().boot() });
    expect(await reasonOf(log.append(new Uint8Array(1_001)))).toBe("too_large");
    expect(await log.append(new Uint8Array(1_000))).toBe(1);
  });

  test("the quota refuses, and a trim makes room again", async () => {
    const log = await openSegmentLog({ ...small, maxBytes: 600, disk: quiet().boot() });
    const outcomes = [];
    for (let n = 0; n < 20; n += 1) outcomes.push(await reasonOf(log.append(new Uint8Array(40))));
    expect(outcomes.at(-1)).toBe("full");
    expect(log.bytes()).toBeLessThanOrEqual(600);
    await log.trim(log.next() - 1);
    expect(await reasonOf(log.append(new Uint8Array(40)))).toBe("resolved");
  });

  test("a full disk rolls the append back, and the log goes on when space returns", async () => {
    const disk = quiet();
    const log = await openSegmentLog({ ...small, disk: disk.boot() });
    await log.append(body("before"));
    const size = log.bytes();
    for (const room of [0, 1, 15, 16, 20, 100, 170]) {
      disk.capacityBytes = size + room;
      expect(await reasonOf(log.append(new Uint8Array(190)))).toBe("full");
      expect(log.bytes() - size).toBeLessThanOrEqual(SEGMENT_HEADER_BYTES);
      expect(await all(log)).toEqual(["1=before"]);
    }
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    expect(await log.append(body("after"))).toBe(2);
    await log.close();
    disk.crash("power");
    const again = await openSegmentLog({ ...small, disk: disk.boot() });
    expect(await all(again)).toEqual(["1=before", "2=after"]);
    expect(again.stats()).toMatchObject({ tornBytes: 0, damagedRecords: 0 });
  });

  test("a failed fsync closes the log for writing and is never retried as a success", async () => {
    const disk = quiet();
    const log = await openSegmentLog({ ...small, disk: disk.boot() });
    await log.append(body("safe"));
    disk.failSync = true;
    expect(await reasonOf(log.append(body("lost")))).toBe("io");
    disk.failSync = false;
    expect(await reasonOf(log.append(body("refused")))).toBe("io");
    expect(log.stats().writable).toBe(false);
    expect(await all(log)).toEqual(["1=safe"]);
    await log.close();
    // The bytes of "lost" were visible in the page cache; reopening must not believe them.
    const again = await openSegmentLog({ ...small, disk: disk.boot() });
    expect(await all(again)).toEqual(["1=safe"]);
    expect(await again.append(body("new"))).toBe(2);
  });
});

/** A log of several segments, as its files, with what every index held. */
const written = async () => {
  const disk = quiet();
  const log = await openSegmentLog({ ...small, disk: disk.boot() });
  for (let n = 1; n <= 14; n += 1) await log.append(body(`record number ${n}`));
  const records = await all(log);
  await log.close();
  return { disk, records, files: [...disk.files().keys()] };
};

describe("damage", () => {
  test("a last segment cut at any byte opens as a prefix, and goes on", async () => {
    const { files, disk } = await written();
    const last = files.at(-1)!;
    const length = disk.files().get(last)!.length;
    for (let size = 0; size < length; size += 1) {
      const { disk: cut, records } = await written();
      cut.damage(last, (bytes) => bytes.slice(0, size));
      const log = await openSegmentLog({ ...small, disk: cut.boot() });
      const left = await all(log);
      expect(records.slice(0, left.length)).toEqual(left);
      expect(log.stats().damagedRecords).toBe(0);
      expect(await log.append(body("more"))).toBe(left.length + 1);
      expect((await all(log)).at(-1)).toBe(`${left.length + 1}=more`);
      await log.close();
    }
  });

  test("an earlier segment cut at any byte loses its end, and the loss is counted", async () => {
    const [, middle] = (await written()).files;
    for (let size = 0; size < 200; size += 7) {
      const { disk, records } = await written();
      disk.damage(middle!, (bytes) => bytes.slice(0, size));
      const log = await openSegmentLog({ ...small, disk: disk.boot() });
      const left = await all(log);
      const { damagedRecords, damagedHeaders } = log.stats();
      expect(left.every((record) => records.includes(record))).toBe(true);
      expect(left.length + damagedRecords).toBe(records.length);
      expect(damagedHeaders).toBe(size < SEGMENT_HEADER_BYTES ? 1 : 0);
    }
  });

  test("a missing segment is counted, record by record", async () => {
    const { disk, records, files } = await written();
    const held = records.filter((_, n) => n >= 0).length;
    await disk.boot().remove(files[1]!);
    const log = await openSegmentLog({ ...small, disk: disk.boot() });
    const left = await all(log);
    expect(left.length).toBeLessThan(held);
    expect(left.length + log.stats().damagedRecords).toBe(held);
    await all(log);
    expect(left.length + log.stats().damagedRecords).toBe(held);
  });

  test("every flipped bit is noticed, and no record comes back changed", async () => {
    const { files, disk } = await written();
    let flips = 0;
    for (const file of files) {
      const length = disk.files().get(file)!.length;
      for (let bit = 0; bit < length * 8; bit += 3) {
        const { disk: flipped, records } = await written();
        flipped.damage(file, (bytes) => {
          bytes[bit >> 3]! ^= 1 << (bit & 7);
          return bytes;
        });
        const log = await openSegmentLog({ ...small, disk: flipped.boot() });
        const left = await all(log);
        const { damagedRecords, damagedHeaders, tornBytes } = log.stats();
        expect(left.every((record) => records.includes(record))).toBe(true);
        expect(left.length, `${file} bit ${bit}`).toBeGreaterThanOrEqual(records.length - 1);
        expect(damagedRecords + damagedHeaders + tornBytes, `${file} bit ${bit}`).toBeGreaterThan(
          0,
        );
        flips += 1;
      }
    }
    expect(flips).toBeGreaterThan(1_000);
  });

  test("the index of a rotten last record is given up, not handed out again", async () => {
    const { disk, files, records } = await written();
    disk.damage(files.at(-1)!, (bytes) => {
      bytes[bytes.length - 1]! ^= 1;
      return bytes;
    });
    const log = await openSegmentLog({ ...small, disk: disk.boot() });
    const index = await log.append(body("new"));
    expect(index).toBeGreaterThan(records.length);
    expect(log.stats().skippedIndexes).toBeGreaterThan(0);
    expect(await all(log, records.length)).toEqual([`${index}=new`]);
    await log.close();
    const again = await openSegmentLog({ ...small, disk: disk.boot() });
    expect(await all(again, records.length)).toEqual([`${index}=new`]);
    expect(again.stats().damagedRecords).toBe(0);
  });
});

test("law: the log is the list of what was appended, through any trims and restarts", async () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("append"),
        sizes: fc.array(fc.nat(90), { maxLength: 5 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("trim"),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen") }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("kill") }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("read"),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        max: fc.integer({ min: 1, max: 9 }),
      }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const disk = quiet();
      const open = () => openSegmentLog({ ...small, disk: disk.boot() });
      let log = await open();
      const model: string[] = [];
      let trimmed = 0;
      for (const [nth, action] of steps.entries()) {
        let got: readonly unknown[] = [];
        let want: readonly unknown[] = [];
        if ("sizes" in action) {
          const bodies = action.sizes.map((size) => body(`${nth}`.padEnd(size, "x")));
          got = await Promise.all(bodies.map((bytes) => log.append(bytes)));
          want = bodies.map((_, n) => model.length + n + 1);
          model.push(...bodies.map(text));
        } else if ("max" in action) {
          const from = Math.max(log.first(), Math.floor(action.share * model.length));
          const records = await log.read(from, { maxRecords: action.max, maxBytes: 1e9 });
          got = records.map((record) => text(record.body));
          want = model.slice(from - 1, from - 1 + action.max);
        } else if ("share" in action) {
          const through = Math.floor(action.share * model.length);
          await log.trim(through);
          trimmed = Math.max(trimmed, through);
          got = [log.first() <= trimmed + 1];
          want = [true];
        } else {
          if (action.do === "kill") disk.crash("kill");
          else await log.close();
          log = await open();
        }
        expect(got).toEqual(want);
        expect(log.next()).toBe(model.length + 1);
      }
      expect(log.stats()).toMatchObject({ damagedRecords: 0, tornBytes: 0, skippedIndexes: 0 });
    }),
    { numRuns: 150 },
  );
});
