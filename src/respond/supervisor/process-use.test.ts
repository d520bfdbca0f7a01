import { expect, test } from "vitest";
import { lookOf, startTimeOf, useOf } from "./process-use.ts";

/** A command's name may hold whatever it likes. */
const stat = (user: number, system: number): string =>
  `42 (no) de 1 2) S 1 42 42 0 -1 4194304 9 0 0 0 ${user} ${system} 0 0 20 0 11 0 987654 1 2 3`;

test("two looks make the shares of the bounds", () => {
  const bounds = { cpuCores: 2, memoryBytes: 8_192_000 };
  const first = lookOf(stat(10, 5), "9999 500 1 1 0 1 0", 1_000)!;
  const second = lookOf(stat(70, 45), "9999 1000 1 1 0 1 0", 2_000)!;
  expect(useOf(undefined, first, bounds)).toEqual({ cpu: null, memory: 0.25 });
  // 100 ticks of 10 ms within a second: one of two cores.
  expect(useOf(first, second, bounds)).toEqual({ cpu: 0.5, memory: 0.5 });
  expect(startTimeOf(stat(0, 0))).toBe("987654");
});

test("what /proc does not say is unknown, not zero", () => {
  expect(lookOf("", "9999 500", 0)).toBeUndefined();
  expect(lookOf(stat(1, 1), "", 0)).toBeUndefined();
});
