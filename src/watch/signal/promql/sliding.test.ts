/** Laws: what slides along a grid says what the general functions say of each range by itself. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { newWindow } from "../window/window.ts";
import { evaluateInstant, evaluateRange } from "./evaluate.ts";
import { parsePromql } from "./parser.ts";

const STEP_MS = 1_000;

const gaps = fc.integer({ min: 1, max: 90_000 });
const usual = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const hostile = fc.constantFrom(
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1e308,
  -1e308,
  1e100,
  1,
  1,
  5e-324,
);
const series = (values: fc.Arbitrary<number>) =>
  fc.array(fc.tuple(gaps, values), { minLength: 1, maxLength: 60 });

/** Along the grid, and each step as a pinned range, which is computed by itself. */
const bothWays = (
  func: string,
  samples: readonly (readonly [gapMs: number, value: number])[],
  rangeMs: number,
  stepMs: number,
): readonly [along: (number | null)[], apart: (number | null)[]] => {
  const window = newWindow({ retentionMs: Infinity });
  const ref = window.intern([["__name__", "c"]]);
  if (!ref.ok) throw new Error(ref.error.message);
  let endMs = 0;
  for (const [gapMs, value] of samples) window.append(ref.value, (endMs += gapMs), value);
  const parsed = parsePromql(`${func}(c[${rangeMs}ms])`);
  if (!parsed.ok) throw new Error(parsed.error.message);
  const query = { startMs: 0, endMs: endMs + rangeMs, stepMs };
  const along = evaluateRange(parsed.value, query, window.select);
  if (!along.ok || along.value.type !== "matrix") throw new Error("no matrix");
  const [line] = along.value.series;
  const found = new Map(
    [...(line?.timestamps ?? [])].map((at, i): [number, number] => [at, line!.values[i]!]),
  );
  const left: (number | null)[] = [];
  const right: (number | null)[] = [];
  for (let timeMs = 0; timeMs <= query.endMs; timeMs += stepMs) {
    const at = evaluateInstant(parsed.value, { timeMs }, window.select);
    if (!at.ok || at.value.type !== "vector") throw new Error("no vector");
    left.push(found.get(timeMs) ?? null);
    right.push(at.value.samples[0]?.v ?? null);
  }
  return [left, right];
};

/** Two orders of a compensated sum may differ by some units in the last place of its parts. */
const close = (a: number | null, b: number | null, size: number): boolean => {
  if (a === null || b === null || Object.is(a, b) || a === b) return a === b || Object.is(a, b);
  return Math.abs(a - b) <= size * 1e-15;
};

const FUNCTIONS = "sum avg min max count present last first stddev stdvar"
  .split(" ")
  .map((name) => `${name}_over_time`);

describe.each([...FUNCTIONS, "changes", "resets", "rate", "increase", "delta", "irate", "idelta"])(
  "%s",
  (func) => {
    test.each([
      ["usual values", usual],
      ["hostile values", hostile],
    ])("law: along a grid of %s it is what each range says by itself", (_, values) => {
      fc.assert(
        fc.property(
          series(values),
          fc.integer({ min: 1_000, max: 400_000 }),
          fc.integer({ min: 5, max: 100 }),
          (samples, rangeMs, steps) => {
            const [along, apart] = bothWays(func, samples, rangeMs, steps * STEP_MS);
            const finite = samples.map(([, value]) => Math.abs(value)).filter(Number.isFinite);
            const size = Math.max(...finite, 0);
            const differs = along.findIndex((value, k) => !close(value, apart[k]!, size));
            expect([differs, along[differs], apart[differs]]).toEqual([-1, undefined, undefined]);
          },
        ),
        { numRuns: 60 },
      );
    });
  },
);

test("control: another range is noticed", () => {
  const samples = Array.from({ length: 30 }, (_, i): [number, number] => [10_000, i]);
  const [along] = bothWays("sum_over_time", samples, 60_000, 10_000);
  const [, apart] = bothWays("sum_over_time", samples, 70_000, 10_000);
  expect(along.slice(0, 30).every((value, k) => close(value, apart[k]!, 1))).toBe(false);
});
