import fc from "fast-check";
import { compressSync } from "snappy";
import { describe, expect, test } from "vitest";
import { newUnsnapper, SnappyFault } from "./snappy.ts";

const MAX = 1 << 20;
const packed = (plain: Uint8Array): Uint8Array => compressSync(Buffer.from(plain));

/** What it answers; 0 where it refuses. */
const outcomeOf = (work: () => number): number => {
  try {
    return work();
  } catch (fault) {
    if (fault instanceof SnappyFault) return 0;
    throw fault;
  }
};

describe("snappy", () => {
  const run = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.uint8Array({ maxLength: 9 }), fc.nat(400)).map(([part, times]) => {
      const all = new Uint8Array(part.length * times);
      for (let nth = 0; nth < times; nth += 1) all.set(part, nth * part.length);
      return all;
    }),
  );
  const plain = fc
    .array(run, { maxLength: 12 })
    .map((parts) => new Uint8Array(Buffer.concat(parts)));

  test("law: what the library packed is unpacked to itself, one body after the other", () => {
    const unsnap = newUnsnapper();
    fc.assert(
      fc.property(plain, (bytes) => {
        expect(Buffer.compare(unsnap(packed(bytes), MAX)!, bytes)).toBe(0);
      }),
      { numRuns: 300 },
    );
    const large = Buffer.alloc(3 * MAX, "0123456789abcdefg");
    expect(Buffer.compare(unsnap(packed(large), 4 * MAX)!, large)).toBe(0);
  });

  test("law: a damaged body is refused or unpacks to what it says, never further", () => {
    const unsnap = newUnsnapper();
    fc.assert(
      fc.property(plain, fc.nat(), fc.integer({ min: 0, max: 255 }), (bytes, place, byte) => {
        const body = packed(bytes).slice();
        body[place % body.length] = byte;
        expect(outcomeOf(() => unsnap(body, MAX)?.length ?? 0)).toBeLessThanOrEqual(MAX);
      }),
      { numRuns: 2_000 },
    );
  });

  test("every truncation is refused", () => {
    const body = packed(Buffer.from("abcabcabcabcabc".repeat(20)));
    const unsnap = newUnsnapper();
    for (let end = 0; end < body.length; end += 1) {
      expect(() => unsnap(body.subarray(0, end), MAX)).toThrow(SnappyFault);
    }
  });

  test.each([
    ["a length that does not end", [0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "does not begin"],
    ["a copy from before the beginning", [4, 0x01, 0x09], "before byte 0"],
    ["a copy of nothing that was there", [4, 0x01, 0x00], "before byte 0"],
    ["more than it says", [1, 0x04, 0x41, 0x42], "more than it says"],
    ["less than it says", [9, 0x00, 0x41], "holds 1 bytes and says 9"],
    ["a literal longer than the body", [9, 0xfc, 0xff, 0xff, 0xff, 0x7f], "truncated"],
  ])("%s", (_, bytes, wanted) => {
    expect(() => newUnsnapper()(Uint8Array.from(bytes), MAX)).toThrow(wanted);
  });

  test("more than the bound is not unpacked", () => {
    const body = Uint8Array.from([0x80, 0x80, 0x80, 0x80, 0x01]);
    expect(newUnsnapper()(body, MAX)).toBeUndefined();
  });
});
