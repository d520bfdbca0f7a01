import { describe, expect, test } from "vitest";
import { nextTick, readyRound, stampOf } from "./round.ts";
import { seriesOf } from "./series.ts";

const named = (name: string) => seriesOf([["__name__", name]]);

describe("ticks", () => {
  test.each([
    [0, 1_000],
    [999, 1_000],
    [1_000, 2_000],
    [1_000.5, 2_000],
  ])("after %d comes %d", (nowMs, tick) => {
    expect(nextTick(nowMs, 1_000)).toBe(tick);
  });

  test("a look that begins near its tick carries the tick's time", () => {
    expect(stampOf(5_000, 5_099, 1_000)).toBe(5_000);
    expect(stampOf(5_000, 5_101.7, 1_000)).toBe(5_101);
  });
});

describe("a round", () => {
  test("a series that is gone gets one stale marker", () => {
    const [a, b] = [named("a"), named("b")];
    const first = readyRound(
      [
        { series: a, value: 1 },
        { series: b, value: 2 },
      ],
      new Set(),
      1_000,
    );
    const second = readyRound([{ series: a, value: 3 }], first.live, 2_000);
    const third = readyRound([{ series: a, value: 4 }], second.live, 3_000);
    expect(second.samples.map(({ series, stale }) => [series, stale])).toEqual([
      [a, undefined],
      [b, true],
    ]);
    expect(third.samples).toHaveLength(1);
  });

  test("a series with times of its own gets no stale marker, and the same time twice is one sample", () => {
    const a = named("a");
    const first = readyRound([{ series: a, value: 1, timeMs: 500 }], new Set(), 1_000);
    expect(first.samples).toMatchObject([{ timeMs: 500 }]);
    const second = readyRound([{ series: a, value: 1, timeMs: 500 }], first.live, 2_000);
    expect(second).toMatchObject({ samples: [], refused: 0 });
    expect(readyRound([], second.live, 3_000).samples).toEqual([]);
  });

  test.each([
    ["back in time", 400],
    ["before 1970", -1],
    ["in microseconds", 1.7e15],
    ["an hour ahead", 3_602_000],
  ])("a time %s is refused and counted", (_, timeMs) => {
    const a = named("a");
    readyRound([{ series: a, value: 1, timeMs: 500 }], new Set(), 1_000);
    expect(readyRound([{ series: a, value: 2, timeMs }], new Set(), 2_000)).toMatchObject({
      samples: [],
      refused: 1,
    });
  });
});
