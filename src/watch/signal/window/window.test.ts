import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Labels } from "../series.ts";
import { isStaleAt, newSampleBuffer } from "../series.ts";
import { type Window, newWindow } from "./window.ts";

const T0 = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const cpu = (host: string): Labels => [
  ["__name__", "cpu"],
  ["host", host],
];
const refOf = (window: Window, labels: Labels): number => {
  const interned = window.intern(labels);
  if (!interned.ok) throw new Error(interned.error.message);
  return interned.value;
};
/** Values with nothing in common: xorshift, 32 bits twice. */
const noiseOf = (seed: number): (() => number) => {
  let state = seed;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  return () => next() / 2 ** 32 + next() / 2 ** 52;
};
const all = { name: "__name__", op: "=", value: "cpu" } as const;
const samplesOf = (window: Window, fromMs = -Infinity, toMs = Infinity): [number, number][][] =>
  window
    .select([all], fromMs, toMs)
    .map((series) =>
      Array.from(series.timestamps, (t, i): [number, number] => [t, series.values[i]!]),
    );

describe("samples", () => {
  test("come back in time order, only the asked range, both ends included", () => {
    const window = newWindow();
    const ref = refOf(window, cpu("a"));
    for (let i = 0; i < 200; i++) expect(window.append(ref, T0 + i * 1000, i)).toBe("stored");
    const [found] = samplesOf(window, T0 + 50_000, T0 + 130_000);
    expect(found?.length).toBe(81);
    expect(found?.[0]).toEqual([T0 + 50_000, 50]);
    expect(found?.at(-1)).toEqual([T0 + 130_000, 130]);
  });

  test("law: any order of arrival gives the sorted series, the first value at an instant wins", () => {
    const arrivals = fc.array(fc.record({ t: fc.nat(2000), v: fc.nat(3) }), {
      maxLength: 600,
      size: "max",
    });
    fc.assert(
      fc.property(arrivals, (samples) => {
        const window = newWindow();
        const ref = refOf(window, cpu("a"));
        const model = new Map<number, number>();
        for (const { t, v } of samples) {
          const known = model.get(t);
          const expected = known === undefined ? "stored" : known === v ? "duplicate" : "conflict";
          expect(window.append(ref, T0 + t, v)).toBe(expected);
          if (known === undefined) model.set(t, v);
        }
        const sorted = [...model].sort(([a], [b]) => a - b).map(([t, v]) => [T0 + t, v]);
        expect(samplesOf(window)).toEqual(sorted.length === 0 ? [] : [sorted]);
        expect(window.stats().samples).toBe(model.size);
      }),
      { numRuns: 60 },
    );
  });

  test("the stale marker keeps its bits, and another NaN is not one", () => {
    const window = newWindow();
    const ref = refOf(window, cpu("a"));
    window.appendStale(ref, T0);
    window.append(ref, T0 + 2, NaN);
    window.appendStale(ref, T0 + 1);
    const buffer = newSampleBuffer();
    window.select([all], T0, T0 + 2)[0]?.readInto?.(buffer);
    expect([0, 1, 2].map((i) => isStaleAt(buffer.values, i))).toEqual([true, true, false]);
    const bits = new BigUint64Array(buffer.values.buffer, 0, 2);
    expect(bits[0]).toBe(0x7ff0000000000002n);
    expect(bits[1]).toBe(0x7ff0000000000002n);
  });

  test.each([
    { title: "a fraction of a millisecond", tMs: T0 + 0.5, answer: "bad_timestamp" },
    { title: "the year 9999", tMs: 253_402_300_799_000, answer: "too_new" },
    { title: "a sample before the window", tMs: T0 - HOUR_MS - 1, answer: "too_old" },
    { title: "not a number", tMs: NaN, answer: "bad_timestamp" },
  ] as const)("$title is answered $answer", ({ tMs, answer }) => {
    const window = newWindow();
    window.advance(T0);
    expect(window.append(refOf(window, cpu("a")), tMs, 1)).toBe(answer);
    expect(window.stats().samples).toBe(0);
  });
});

describe("bounds", () => {
  test("old samples and then their series go as time advances; a dead reference stays dead", () => {
    const window = newWindow();
    window.advance(T0);
    const old = refOf(window, cpu("a"));
    window.append(old, T0, 1);
    window.advance(T0 + HOUR_MS + 20_000);
    window.advance(T0 + HOUR_MS + 40_000);
    expect(window.stats()).toMatchObject({ series: 0, samples: 0, dropped: 1, bytes: 0 });
    expect(window.labelNames()).toEqual([]);
    expect(window.append(old, T0 + HOUR_MS, 1)).toBe("unknown_series");
    const fresh = refOf(window, cpu("b"));
    expect(window.append(old, T0 + HOUR_MS, 1)).toBe("unknown_series");
    expect(window.append(fresh, T0 + HOUR_MS, 1)).toBe("stored");
  });

  test("memory stays within its bound: the oldest instant is cut for all series at once", () => {
    const maxBytes = 2 ** 20;
    const window = newWindow({ maxBytes });
    const refs = ["a", "b", "c", "d"].map((host) => refOf(window, cpu(host)));
    const labelBytes = window.stats().bytes;
    const noise = noiseOf(1);
    const count = 60_000;
    let mostBytes = 0;
    for (let i = 0; i < count; i++) {
      for (const ref of refs) expect(window.append(ref, T0 + i * 100, noise())).toBe("stored");
      mostBytes = Math.max(mostBytes, window.stats().bytes - labelBytes);
    }
    expect(mostBytes).toBeLessThanOrEqual(maxBytes);
    const { samples, completeFromMs } = window.stats();
    // Noise is kept whole, near 7 bytes each; so few pages are not all full.
    expect(samples).toBeGreaterThan((maxBytes / 7) * 0.6);
    expect(completeFromMs).not.toBeNull();
    const last = T0 + (count - 1) * 100;
    for (const series of samplesOf(window, completeFromMs ?? 0)) {
      expect(series.length).toBe(Math.floor((last - (completeFromMs ?? 0)) / 100) + 1);
    }
  });

  test.each([
    { code: "too_many_labels", labels: Array.from({ length: 65 }, (_, i) => [`l${i + 100}`, "v"]) },
    { code: "name_too_long", labels: [["n".repeat(257), "v"]] },
    { code: "value_too_long", labels: [["n", "v".repeat(4097)]] },
    {
      code: "bad_labels",
      labels: [
        ["b", "1"],
        ["a", "1"],
      ],
    },
    {
      code: "bad_labels",
      labels: [
        ["a", "1"],
        ["a", "2"],
      ],
    },
    { code: "bad_labels", labels: [["", "1"]] },
  ] as const)("a label set beyond a limit is refused as $code", ({ code, labels }) => {
    const window = newWindow();
    const answer = window.intern(labels as unknown as Labels);
    expect(answer).toMatchObject({ ok: false, error: { code } });
    expect(window.stats().refused).toBe(1);
  });

  test("the series beyond the limit is refused, known ones go on", () => {
    const window = newWindow({ maxSeries: 2 });
    const first = refOf(window, cpu("a"));
    refOf(window, cpu("b"));
    expect(window.intern(cpu("c"))).toMatchObject({ error: { code: "too_many_series" } });
    expect(window.intern(cpu("a"))).toEqual({ ok: true, value: first });
    expect(window.seriesOfMetric("cpu")).toBe(2);
  });
});

describe("finding series", () => {
  const window = newWindow();
  for (const host of ["paris-1", "paris-2", "lyon-1"]) {
    window.append(refOf(window, cpu(host)), T0, 1);
  }
  window.append(refOf(window, [["__name__", "cpu"]]), T0, 1);
  window.append(
    refOf(window, [
      ["__name__", "up"],
      ["host", "lyon-1"],
    ]),
    T0,
    1,
  );

  test.each([
    { op: "=", value: "lyon-1", found: 1 },
    { op: "!=", value: "lyon-1", found: 3 },
    { op: "=", value: "", found: 1 },
    { op: "!=", value: "", found: 3 },
    { op: "=~", value: "paris-.*", found: 2 },
    { op: "=~", value: "paris", found: 0 },
    { op: "=~", value: "paris-1|lyon-1", found: 2 },
    { op: "=~", value: ".*", found: 4 },
    { op: "=~", value: ".+", found: 3 },
    { op: "!~", value: "(?i)PARIS.+", found: 2 },
    { op: "!~", value: ".+", found: 1 },
  ] as const)("host $op $value finds $found", ({ op, value, found }) => {
    const matchers = [all, { name: "host", op, value }];
    expect(window.select(matchers, T0, T0)).toHaveLength(found);
  });

  test("a selection without a metric name looks everywhere", () => {
    expect(window.select([{ name: "host", op: "=", value: "lyon-1" }], T0, T0)).toHaveLength(2);
    expect(window.select([], T0, T0)).toHaveLength(5);
  });

  test("a pattern that explodes by backtracking elsewhere takes no time here", () => {
    const many = newWindow();
    refOf(many, cpu("a".repeat(4000)));
    const matchers = [all, { name: "host", op: "=~", value: "(a*)*b" } as const];
    expect(many.select(matchers, T0, T0)).toHaveLength(0);
  });

  test("an empty label is no label", () => {
    const own = newWindow();
    const bare = refOf(own, [["__name__", "cpu"]]);
    expect(
      refOf(own, [
        ["__name__", "cpu"],
        ["host", ""],
      ]),
    ).toBe(bare);
  });
});
