import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Words } from "./slot-blobs.ts";
import { decodeTimes, newValueDecoder, timeAt } from "./slot-decode.ts";
import { newSlotEncoder } from "./slot-encode.ts";
import { MAX_SAMPLES } from "./slot-layout.ts";

const BASE_MS = 1_800_000_000_000;
const GUARD = 0xdeadbeef;
const wordsOf = (doubles: number): Words => {
  const f64 = new Float64Array(doubles);
  return { f64, u32: new Uint32Array(f64.buffer).fill(GUARD) };
};
type Bits = readonly [word: number, word: number];
/** As bits, for a number in a list forgets which NaN it is. */
const bitsOf = (value: number): Bits => {
  const [first, second] = new Uint32Array(Float64Array.of(value).buffer);
  return [first!, second!];
};
const any32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const LITTLE = bitsOf(1)[0] === 0;
const word = (high: number, low: number): Bits => (LITTLE ? [low, high] : [high, low]);
const STALE = word(0x7ff00000, 2);
const QUIET_STALE = word(0x7ff80000, 2);

const anyBits = fc.tuple(any32, any32);
const special = fc.oneof(
  fc.constantFrom(STALE, QUIET_STALE, word(0xfff80000, 0), word(0x80000000, 0), word(0, 0)),
  fc.constantFrom(Infinity, -Infinity, 5e-324, -5e-324, 2 ** 53, -(2 ** 53), 1e22).map(bitsOf),
  fc.tuple(fc.integer({ min: 0x7ff00000, max: 0x7fffffff }), any32).map(([h, l]) => word(h, l)),
);
const decimal = fc
  .tuple(fc.maxSafeInteger(), fc.nat(12), fc.nat(50))
  .map(([n, power, smaller]) => bitsOf(Math.trunc(n / 2 ** smaller) / 10 ** power));
const one = fc.oneof(anyBits, special, decimal, fc.double().map(bitsOf));
const lengthOf = { minLength: 1, maxLength: MAX_SAMPLES, size: "max" } as const;
/** Sums of one step, as a counter of seconds makes them; with noise in the last digits. */
const counter = fc
  .tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.nat(4), fc.array(fc.nat(99), lengthOf))
  .map(([start, power, steps]) => {
    let total = start;
    return steps.map((step) => bitsOf((total += step / 10 ** power)));
  });
const wholes = fc
  .tuple(fc.integer(), fc.nat(45), fc.array(fc.nat(), lengthOf))
  .map(([start, scale, steps]) => steps.map((step) => bitsOf(start + (step % 97) * 2 ** scale)));
/** A few doubles beside whole numbers and tenths, on either side: noise with a carry. */
const beside = fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: -120, max: 120 }));
const noisy = fc.tuple(fc.constantFrom(1, 10), fc.array(beside, lengthOf)).map(([scale, all]) =>
  all.map(([n, doubles]): Bits => {
    const value = Float64Array.of(n / scale);
    new BigUint64Array(value.buffer)[0]! += BigInt(doubles);
    return bitsOf(value[0]!);
  }),
);
const floats = fc.array(fc.float().map(bitsOf), lengthOf);
const constant = fc
  .tuple(one, fc.integer({ min: 1, max: MAX_SAMPLES }))
  .map(([bits, count]) => Array.from({ length: count }, () => bits));
const valuesOf = fc.oneof(
  fc.array(one, lengthOf),
  fc.array(decimal, lengthOf),
  ...[counter, wholes, noisy, floats, constant],
);
const stepsOf = fc.oneof(
  fc.constant(() => 15_000),
  fc.nat(90).map((jitter) => (i: number) => 15_000 + ((i * 7919) % (jitter + 1))),
  fc.nat(60_000).map((gap) => (i: number) => 3_000 + (i === 20 ? gap * 50 : 0)),
  fc
    .array(fc.integer({ min: 1, max: 2 ** 25 }), { ...lengthOf, minLength: MAX_SAMPLES })
    .map((steps) => (i: number) => steps[i]!),
  fc.integer({ min: 0, max: 63 }).map((far) => (i: number) => (i === far ? 2 ** 31 : 1)),
);

/** A raw slot: offsets, then values; with words that are not its own around both. */
const rawOf = (values: readonly Bits[], stepOf: (i: number) => number) => {
  const raw = wordsOf(200);
  const [offsetsAt, valuesAt] = [6, 50];
  let offset = 0;
  for (const [i, [first, second]] of values.entries()) {
    if (i > 0) offset += stepOf(i);
    raw.u32[offsetsAt + i] = offset;
    raw.u32[valuesAt * 2 + i * 2] = first;
    raw.u32[valuesAt * 2 + i * 2 + 1] = second;
  }
  return { raw, offsetsAt, valuesAt, count: values.length };
};

describe("an encoded slot", () => {
  test("law: any samples come back bit by bit, and no byte beside them is written", () => {
    const encoder = newSlotEncoder();
    const decodeValues = newValueDecoder();
    fc.assert(
      fc.property(valuesOf, stepsOf, fc.nat(63), fc.nat(63), (values, stepOf, a, b) => {
        const { raw, offsetsAt, valuesAt, count } = rawOf(values, stepOf);
        const before = raw.u32.slice();
        const bytes = encoder.measure(raw, offsetsAt, valuesAt, count);
        expect(bytes).toBeGreaterThan(0);
        const at = 10;
        const to = wordsOf(200);
        encoder.write(to, at, BASE_MS);
        expect(raw.u32).toEqual(before);
        expect(to.u32.subarray(0, at).every((guard) => guard === GUARD)).toBe(true);
        expect(to.u32.subarray(at + bytes / 4).every((guard) => guard === GUARD)).toBe(true);

        // What is after its bytes does not matter to what they mean.
        to.u32.fill(0, at + bytes / 4);
        const [first, end] = [Math.min(a, b, count - 1), Math.min(Math.max(a, b) + 1, count)];
        for (const [from, until] of [[0, count] as const, [first, end] as const]) {
          const [times, decoded] = [wordsOf(MAX_SAMPLES + 2), wordsOf(MAX_SAMPLES + 2)];
          decodeTimes(to, at, from, until, times.f64, 1);
          decodeValues(to, at, from, until, decoded.f64, 1);
          const offsets = raw.u32.subarray(offsetsAt + from, offsetsAt + until);
          expect(times.f64.subarray(1, 1 + until - from)).toEqual(
            Float64Array.from(offsets, (offset) => BASE_MS + offset),
          );
          const [start, stop] = [(valuesAt + from) * 2, (valuesAt + until) * 2];
          expect(decoded.u32.subarray(2, 2 + stop - start)).toEqual(raw.u32.subarray(start, stop));
          for (const { u32 } of [times, decoded]) {
            expect([u32[0], u32[1]]).toEqual([GUARD, GUARD]);
            expect(u32[2 + stop - start]).toBe(GUARD);
          }
        }
        expect(timeAt(to, at, first)).toBe(BASE_MS + raw.u32[offsetsAt + first]!);
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    { title: "a constant", valueOf: () => 0.1, bytes: 28 },
    { title: "a NaN", valueOf: () => NaN, bytes: 28 },
    { title: "a counter of equal steps", valueOf: (i: number) => i * 5 + 1e6, bytes: 32 },
    { title: "0 and 1 in turns", valueOf: (i: number) => i % 2, bytes: 36 },
    { title: "whole numbers to 100", valueOf: (i: number) => (i * 37) % 101, bytes: 84 },
    { title: "hundredths", valueOf: (i: number) => ((i * 37) % 101) / 100, bytes: 84 },
    // Four bits say how many doubles each is beside its thousandths.
    { title: "steps of 0.013 with noise", valueOf: (i: number) => 9 + i * 0.013, bytes: 60 },
    { title: "floats", valueOf: (i: number) => Math.fround(Math.sin(i)), bytes: 308 },
    { title: "noise", valueOf: (i: number) => Math.sin(i) * 1e300, bytes: 540 },
  ])("$title, at equal times, takes at most $bytes bytes for 64", ({ valueOf, bytes }) => {
    const values = Array.from({ length: MAX_SAMPLES }, (_, i) => bitsOf(valueOf(i)));
    const { raw, offsetsAt, valuesAt, count } = rawOf(values, () => 3_000);
    const measured = newSlotEncoder().measure(raw, offsetsAt, valuesAt, count);
    expect(measured).toBeGreaterThan(0);
    expect(measured).toBeLessThanOrEqual(bytes);
  });

  test("times up to 49 days apart are kept, wherever the gap is", () => {
    const encoder = newSlotEncoder();
    const most = 2 ** 32 - 1;
    for (let gapAt = 1; gapAt < MAX_SAMPLES; gapAt++) {
      const offsetOf = (i: number): number => (i < gapAt ? i : most - MAX_SAMPLES + 1 + i);
      const values = Array.from({ length: MAX_SAMPLES }, () => bitsOf(1));
      const { raw, offsetsAt, valuesAt } = rawOf(values, (i) => offsetOf(i) - offsetOf(i - 1));
      const bytes = encoder.measure(raw, offsetsAt, valuesAt, MAX_SAMPLES);
      expect(bytes).toBeLessThanOrEqual(32 + MAX_SAMPLES * 4);
      const to = wordsOf(200);
      encoder.write(to, 0, 0);
      for (let i = 0; i < MAX_SAMPLES; i++) expect(timeAt(to, 0, i)).toBe(offsetOf(i));
    }
  });
});
