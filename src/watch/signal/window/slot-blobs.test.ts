import * as fc from "fast-check";
import { expect, test } from "vitest";
import { PAGE_BYTES, UNIT_BYTES, newBlobs, slabOf, wordOf } from "./slot-blobs.ts";

const MAX_UNITS = 49;
const MAX_BYTES = 3 * 2 ** 20;
const pagesOf = (sizes: Iterable<number>): number => {
  const counts = new Map<number, number>();
  for (const units of sizes) counts.set(units, (counts.get(units) ?? 0) + 1);
  let pages = 0;
  for (const [units, count] of counts) {
    pages += Math.ceil(count / Math.floor(PAGE_BYTES / UNIT_BYTES / units));
  }
  return pages;
};

const turn = fc.record({
  units: fc.integer({ min: 2, max: MAX_UNITS }),
  take: fc.nat(900),
  /** Of those that are held then: every so many goes. */
  free: fc.integer({ min: 1, max: 6 }),
});

test("law: blobs never overlap, keep what they hold, and all pages come back", () => {
  const property = fc.property(fc.array(turn, { maxLength: 25, size: "max" }), (turns) => {
    const blobs = newBlobs(MAX_BYTES, MAX_UNITS);
    const held = new Map<number, number>();
    const areaOf = (blob: number, units: number): Uint32Array => {
      const start = wordOf(blob);
      return blobs.slabs[slabOf(blob)]!.u32.subarray(start, start + (units * UNIT_BYTES) / 4);
    };
    for (const { units, take, free } of turns) {
      for (let i = 0; i < take; i++) {
        const blob = blobs.take(units);
        if (blob < 0) break;
        expect(held.has(blob)).toBe(false);
        held.set(blob, units);
        areaOf(blob, units).fill(blob);
      }
      expect(blobs.bytes()).toBeLessThanOrEqual(MAX_BYTES);
      let nth = 0;
      for (const [blob, size] of held) {
        if (areaOf(blob, size).some((word) => word !== blob))
          throw new Error(`${blob} has changed`);
        if (nth++ % free > 0) continue;
        blobs.free(blob);
        held.delete(blob);
      }
    }
    for (const blob of held.keys()) blobs.free(blob);
    expect(blobs.bytes()).toBe(0);
  });
  fc.assert(property, { numRuns: 40 });
});

test("room in pages is used again before a new one is taken", () => {
  const blobs = newBlobs(MAX_BYTES, MAX_UNITS);
  const taken = Array.from({ length: 20_000 }, () => blobs.take(5));
  expect(blobs.bytes()).toBe(pagesOf(taken.map(() => 5)) * PAGE_BYTES);
  const full = blobs.bytes();
  for (const [i, blob] of taken.entries()) if (i % 2 === 0) blobs.free(blob);
  for (let i = 0; i < 10_000; i++) expect(blobs.take(5)).toBeGreaterThanOrEqual(0);
  expect(blobs.bytes()).toBe(full);
});

test("the budget is whole, and what one size gives back another can have", () => {
  const blobs = newBlobs(MAX_BYTES, MAX_UNITS);
  const fill = (units: number): number[] => {
    const taken: number[] = [];
    for (let blob = blobs.take(units); blob >= 0; blob = blobs.take(units)) taken.push(blob);
    return taken;
  };
  const small = fill(2);
  expect(small.length).toBe(MAX_BYTES / (2 * UNIT_BYTES));
  expect(blobs.take(MAX_UNITS)).toBe(-1);
  for (const blob of small) blobs.free(blob);
  expect(fill(MAX_UNITS).length).toBe(
    (MAX_BYTES / PAGE_BYTES) * Math.floor(PAGE_BYTES / UNIT_BYTES / MAX_UNITS),
  );
});

test("slabs go back when they are empty, but one", () => {
  const blobs = newBlobs(MAX_BYTES, MAX_UNITS);
  const held = (): number => blobs.slabs.filter(({ u32 }) => u32.length > 0).length;
  expect(held()).toBe(0);
  const taken = Array.from({ length: 3_000 }, () => blobs.take(MAX_UNITS));
  expect(held()).toBe(3);
  for (const blob of taken) blobs.free(blob);
  expect(held()).toBe(1);
  expect(blobs.take(1)).toBeGreaterThanOrEqual(0);
  expect(held()).toBe(1);
});
