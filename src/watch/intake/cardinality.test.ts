import { describe, expect, test } from "vitest";
import { labelSpread, newCardinality, rememberedSpread } from "./cardinality.ts";
import { newCatalog } from "./decode/catalog.ts";

const HOUR_MS = 3_600_000;
const LIMITS = { maxSeriesPerSource: 3, maxSeriesPerMetric: 2 };

const world = () => {
  const catalog = newCatalog();
  const series = (metric: string, user: string) =>
    catalog.ofLabels([
      ["__name__", metric],
      ["user", user],
    ]);
  return { ...newCardinality(LIMITS), series };
};

describe("a series more than the limit", () => {
  test("of a metric is refused, and those that are known go on", () => {
    const { admit, explain, series } = world();
    const here = admit("shop", 0);
    expect(["a", "b", "c", "a"].map((user, nth) => here(series("m", user), nth))).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(explain("shop", "m")).toBe("metric m has 2 series, the limit of one metric");
  });

  test("of a source is refused; another source has its own", () => {
    const { admit, explain, series } = world();
    const here = admit("shop", 0);
    expect(["a", "b", "c"].map((metric) => here(series(metric, "x"), 0))).toEqual([
      true,
      true,
      true,
    ]);
    expect(here(series("d", "x"), 3)).toBe(false);
    expect(explain("shop", "d")).toBe("source shop has 3 series, the limit is 3");
    expect(admit("garage", 0)(series("d", "x"), 0)).toBe(true);
    expect(here(series("d", "x"), 0)).toBe(true);
  });

  test("finds room again two hours after the others were last seen, not before", () => {
    const { admit, series } = world();
    const at = (hours: number, user: string): boolean =>
      admit("shop", hours * HOUR_MS)(series("m", user), 0);
    expect([at(0, "a"), at(0, "b"), at(0, "c")]).toEqual([true, true, false]);
    expect([at(1, "c"), at(1, "a")]).toEqual([false, true]);
    // Now "b" is forgotten, "a" is not.
    expect([at(2, "c"), at(2, "d"), at(2, "a")]).toEqual([true, false, true]);
  });
});

test("a replay takes and refuses by place what was taken and refused then, and counts it", () => {
  const { replay, seriesOfSource, series } = world();
  const again = replay("shop", 0, [1]);
  const users = ["a", "b", "c", "d"];
  expect(users.map((user, nth) => again(series("m", user), nth))).toEqual([
    true,
    false,
    true,
    true,
  ]);
  expect(seriesOfSource("shop")).toBe(3);
  expect(seriesOfSource("nobody")).toBe(0);
});

test("the labels with the most values come first; those with one value and the name do not", () => {
  const all = [1, 2, 3].map((n) => [
    ["__name__", `m${n}`] as const,
    ["job", "one"] as const,
    ["path", n === 1 ? "/a" : "/b"] as const,
    ["user", String(n)] as const,
  ]);
  expect(labelSpread(all)).toBe("user 3, path 2");
  expect(labelSpread([])).toBe("");
});

test("what a metric's labels are is looked at once in ten seconds, however often it is asked", () => {
  let nowMs = 0;
  let looks = 0;
  const spread = rememberedSpread(
    () => {
      looks += 1;
      return Array.from({ length: looks + 1 }, (_, n) => [["user", String(n)] as const]);
    },
    () => nowMs,
  );
  expect([spread("m"), spread("m")]).toEqual(["user 2", "user 2"]);
  expect(spread("other")).toBe("user 3");
  nowMs = 10_000;
  expect(spread("m")).toBe("user 4");
});
