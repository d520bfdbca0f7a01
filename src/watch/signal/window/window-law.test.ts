import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Labels, newSampleBuffer, writeStale } from "../series.ts";
import { type Window, newWindow } from "./window.ts";

const T0 = 1_800_000_000_000;
const RETENTION_MS = 400_000;
const HOSTS = ["a", "b", "c"];
const labelsOf = (host: string): Labels => [
  ["__name__", "cpu"],
  ["host", host],
];

/** Marks the end of a series; what the window is told by `appendStale`. */
const STALE = "stale";
type Value = number | typeof STALE;
type Model = { readonly samples: Map<number, Value>; lastMs: number };

const SPECIAL = [STALE, NaN, -0, 0, Infinity, -Infinity, 5e-324, 0.1 + 0.2] as const;
const MAKERS: readonly ((i: number, seed: number) => Value)[] = [
  (_, seed) => seed / 8,
  (i, seed) => i * (seed % 50),
  (i, seed) => seed + i * 0.013,
  (i, seed) => ((i * 31 + seed) % 17) / 100,
  (i, seed) => Math.sin(i * seed),
  (i, seed) => SPECIAL[(i * 7 + seed) % SPECIAL.length]!,
];
const STEPS: readonly ((i: number) => number)[] = [
  () => 1000,
  (i) => 950 + ((i * 37) % 90),
  () => 1,
];

const step = fc.record({
  series: fc.nat(HOSTS.length - 1),
  op: fc.constantFrom("run", "run", "run", "late", "late", "fill", "again", "read", "advance"),
  count: fc.integer({ min: 1, max: 90 }),
  maker: fc.nat(MAKERS.length - 1),
  step: fc.nat(STEPS.length - 1),
  at: fc.nat(RETENTION_MS),
  span: fc.nat(120_000),
});

const append = (window: Window, ref: number, tMs: number, value: Value): string =>
  value === STALE ? window.appendStale(ref, tMs) : window.append(ref, tMs, value);

const numberOf = (value: Value): number => (value === STALE ? NaN : value);

/** Times and the bits of values, for a number in a list forgets which NaN it is. */
const bitsOf = (samples: readonly (readonly [number, Value])[]) => {
  const values = Float64Array.from(samples, ([, value]) => numberOf(value));
  for (const [i, [, value]] of samples.entries()) if (value === STALE) writeStale(values, i);
  return { timesMs: samples.map(([tMs]) => tMs), words: [...new Uint32Array(values.buffer)] };
};

const readOf = (window: Window, host: string, fromMs: number, toMs: number) => {
  const matcher = { name: "host", op: "=", value: host } as const;
  const [series] = window.select([matcher], fromMs, toMs);
  const buffer = newSampleBuffer();
  series?.readInto?.(buffer);
  const { timestamps, values, length } = buffer;
  const words = new Uint32Array(values.buffer, 0, length * 2);
  return { timesMs: [...timestamps.subarray(0, length)], words: [...words] };
};

test("law: runs, late samples, gaps filled and time that goes on leave what a plain list would", () => {
  const property = fc.property(
    fc.array(step, { minLength: 1, maxLength: 60, size: "max" }),
    (steps) => {
      const window = newWindow({ retentionMs: RETENTION_MS, maxAheadMs: Infinity });
      const refs = HOSTS.map((host) => {
        const ref = window.intern(labelsOf(host));
        return ref.ok ? ref.value : -1;
      });
      const models = HOSTS.map((): Model => ({ samples: new Map(), lastMs: T0 }));
      let floorMs = -Infinity;
      const put = (nth: number, tMs: number, value: Value): void => {
        const model = models[nth]!;
        const ref = window.intern(labelsOf(HOSTS[nth]!));
        if (ref.ok) refs[nth] = ref.value;
        const known = model.samples.get(tMs);
        const same = known !== undefined && Object.is(numberOf(known), numberOf(value));
        const fresh = known === undefined ? "stored" : same ? "duplicate" : "conflict";
        const expected = tMs < floorMs ? "too_old" : fresh;
        const answer = append(window, refs[nth]!, tMs, value);
        if (answer !== expected) throw new Error(`${answer} at ${tMs - T0}, not ${expected}`);
        if (expected !== "stored") return;
        model.samples.set(tMs, value);
        if (tMs > model.lastMs) model.lastMs = tMs;
      };
      const check = (nth: number, fromMs: number, toMs: number): void => {
        const from = Math.max(fromMs, floorMs);
        const inside = [...models[nth]!.samples]
          .filter(([tMs]) => tMs >= from && tMs <= toMs)
          .sort(([a], [b]) => a - b);
        expect(readOf(window, HOSTS[nth]!, from, toMs)).toEqual(bitsOf(inside));
      };
      for (const { series, op, count, maker, step, at, span } of steps) {
        const model = models[series]!;
        const { lastMs } = model;
        const valueOf = (i: number): Value => MAKERS[maker]!(i, at);
        const earlierMs = Math.max(T0 - RETENTION_MS, lastMs - at);
        if (op === "run") {
          for (let i = 0; i < count; i++) put(series, model.lastMs + STEPS[step]!(i), valueOf(i));
        } else if (op === "late") {
          for (let i = 0; i < count % 9; i++) put(series, earlierMs + i * 333, valueOf(i));
        } else if (op === "fill") {
          for (let i = 0; i < count * 2; i++) put(series, earlierMs + i * 7, valueOf(i));
        } else if (op === "again") {
          for (const [tMs, value] of [...model.samples].slice(-count)) put(series, tMs, value);
        } else if (op === "advance") {
          const nowMs = Math.max(...models.map((one) => one.lastMs)) + (at % 30_000);
          window.advance(nowMs);
          floorMs = Math.max(floorMs, nowMs - RETENTION_MS);
        } else check(series, earlierMs, earlierMs + span);
      }
      for (const nth of HOSTS.keys()) check(nth, -Infinity, Infinity);
    },
  );
  fc.assert(property, { numRuns: 80 });
});

test("law: with far too little memory, what the window says is complete is complete", () => {
  const turn = fc.record({
    series: fc.nat(199),
    count: fc.integer({ min: 1, max: 500 }),
    maker: fc.nat(MAKERS.length - 1),
    late: fc.nat(3000),
  });
  const turns = fc.array(turn, { minLength: 200, maxLength: 400, size: "max" });
  const property = fc.property(turns, (all) => {
    const maxBytes = 2 ** 19;
    const window = newWindow({ maxBytes, retentionMs: Infinity, maxAheadMs: Infinity });
    const kept = Array.from({ length: 200 }, () => new Map<number, Value>());
    const refs = kept.map((_, nth) => {
      const ref = window.intern(labelsOf(String(nth)));
      return ref.ok ? ref.value : -1;
    });
    const labelBytes = window.stats().bytes;
    let nowMs = T0;
    const put = (nth: number, tMs: number, value: Value): void => {
      const answer = append(window, refs[nth]!, tMs, value);
      if (answer === "stored") kept[nth]!.set(tMs, value);
      else if (answer === "no_room") throw new Error("no room was made");
    };
    for (const { series, count, maker, late } of all) {
      for (let i = 0; i < count; i++) put(series, (nowMs += 10), MAKERS[maker]!(i, late));
      for (let i = 0; i < late % 80; i++) put((series * 7) % 200, nowMs - late * i, i);
    }
    const stats = window.stats();
    expect(stats.bytes - labelBytes).toBeLessThanOrEqual(maxBytes);
    expect(stats.samples).toBeGreaterThan(10_000);
    const fromMs = stats.completeFromMs ?? -Infinity;
    for (const [nth, samples] of kept.entries()) {
      const expected = [...samples].filter(([tMs]) => tMs >= fromMs).sort(([a], [b]) => a - b);
      expect(readOf(window, String(nth), fromMs, Infinity)).toEqual(bitsOf(expected));
    }
    // The control: something was cut in each run.
    expect(stats.completeFromMs).not.toBeNull();
  });
  fc.assert(property, { numRuns: 8 });
});

test("an hour of a hundred series takes a quarter of what it would as it came, or less", () => {
  const window = newWindow();
  const labelBytes: number[] = [];
  const refs = Array.from({ length: 100 }, (_, nth) => {
    const ref = window.intern(labelsOf(String(nth)));
    labelBytes.push(window.stats().bytes);
    return ref.ok ? ref.value : -1;
  });
  for (let i = 0; i < 1200; i++) {
    for (const [nth, ref] of refs.entries())
      window.append(ref, T0 + i * 3000, 20 + ((nth + i * i) % 17));
  }
  const { samples, bytes } = window.stats();
  expect(samples).toBe(120_000);
  // An offset and a double each, as raw slots keep them.
  expect(bytes - labelBytes.at(-1)!).toBeLessThan((samples * 12) / 4);
});
