import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Panel } from "../../../src/contract/ops.ts";
import { mergePanel, spreadOf, SPAN_MS } from "./series-window.ts";

type Points = readonly (readonly [number, number | null])[];
const panel = (points: Points, stepMs = 5_000, name = "P50"): Panel => ({
  id: "latency",
  unit: "s",
  stepMs,
  why: null,
  series: [{ name, latest: null, points: points.map(([at, value]) => [at, value]) }],
});

test("new points are added, and a revised point replaces itself", () => {
  const first = mergePanel(
    undefined,
    panel([
      [0, 1],
      [5_000, 2],
    ]),
  );
  const second = mergePanel(
    first,
    panel([
      [5_000, 3],
      [10_000, 4],
    ]),
  );
  expect(second.times).toEqual([0, 5_000, 10_000]);
  expect(second.values).toEqual([[1, 3, 4]]);
});

test("a hole in time breaks the line", () => {
  const merged = mergePanel(
    undefined,
    panel([
      [0, 1],
      [30_000, 2],
    ]),
  );
  expect(merged.times).toEqual([0, 5_000, 30_000]);
  expect(merged.values).toEqual([[1, null, 2]]);
});

test("a finer answer adds only the window's own instants", () => {
  const first = mergePanel(
    undefined,
    panel(
      [
        [0, 1],
        [3_000, 2],
      ],
      3_000,
    ),
  );
  const second = mergePanel(
    first,
    panel(
      [
        [3_000, 2],
        [4_000, 9],
        [5_000, 9],
        [6_000, 3],
      ],
      1_000,
    ),
  );
  expect(second).toMatchObject({ stepMs: 3_000, times: [0, 3_000, 6_000], values: [[1, 2, 3]] });
});

test("another set of series starts anew", () => {
  const first = mergePanel(undefined, panel([[0, 1]]));
  expect(mergePanel(first, panel([[5_000, 2]], 5_000, "P99")).times).toEqual([5_000]);
});

test("law: the window is bounded, ascending and without repeats however it is fed", () => {
  const batch = fc.array(fc.tuple(fc.nat({ max: 5_000 }), fc.option(fc.float({ noNaN: true }))));
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 8 }), (batches) => {
      const points = batches.map((rows) => rows.map(([k, v]) => [k * 1_000, v] as const));
      const end = points
        .map((rows) => panel(rows, 1_000))
        .reduce(
          (window: ReturnType<typeof mergePanel> | undefined, next) => mergePanel(window, next),
          undefined,
        );
      const times = end?.times ?? [];
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
      expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThan(SPAN_MS);
    }),
  );
});

test("the spread of a row ignores what is missing", () => {
  expect(spreadOf([null, 3, 1, null])).toEqual({ latest: 1, min: 1, max: 3 });
  expect(spreadOf([null])).toEqual({ latest: null, min: null, max: null });
});
