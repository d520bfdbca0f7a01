/**
 * A small fleet's samples, our answers about it, and what makes two answers different.
 *
 * Shape:  the same seed gives the same samples. An answer is its points by series and time, or
 *         undefined where the query was refused.
 * Units:  samples in ms, queries in seconds.
 */
import { seriesOf } from "../../src/watch/collect/series.ts";
import {
  evaluateInstant,
  evaluateRange,
  type Value,
} from "../../src/watch/signal/promql/evaluate.ts";
import { parsePromql } from "../../src/watch/signal/promql/parser.ts";
import type { Labels } from "../../src/watch/signal/series.ts";
import { isStaleAt, writeStale } from "../../src/watch/signal/series.ts";
import { newWindow, type Window } from "../../src/watch/signal/window/window.ts";
import type { Line } from "./promql-prometheus.ts";

const STEP_MS = 15_000;
const SAMPLES = 240;
/** A whole minute and seven seconds: queries are there and at tens of seconds from there. */
export const T0_MS = 1_800_000_007_000;
const BOUNDS = ["0.1", "0.5", "1", "5", "+Inf"];

export type Fake = Line & { readonly labels: Labels };

const newDice = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const lineOf = (
  names: Readonly<Record<string, string>>,
  seed: number,
  valueAt: (k: number, dice: () => number) => number | "stale" | "none",
): Fake => {
  const series = seriesOf(Object.entries(names));
  const dice = newDice(seed);
  const timesMs = new Float64Array(SAMPLES);
  const values = new Float64Array(SAMPLES);
  let count = 0;
  for (let k = 0; k < SAMPLES; k++) {
    const value = valueAt(k, dice);
    if (value === "none") continue;
    // Never on a whole second.
    timesMs[count] = T0_MS + k * STEP_MS + 101 + (seed % 13) * 1_000 + Math.floor(dice() * 800);
    if (value === "stale") writeStale(values, count);
    else values[count] = value;
    count++;
  }
  return { series, labels: series.labels, timesMs, values, count };
};

export const fleetOf = (firstSeed: number): readonly Fake[] => {
  const found: Fake[] = [];
  let seed = firstSeed;
  for (const host of ["a", "b", "c", "d", "e"]) {
    for (const kind of ["x", "y"]) {
      const zone = host < "c" ? "north" : "south";
      const on = { host, kind, zone };
      let level = 20 + (seed % 7);
      const walk = (dice: () => number): number => (level += (dice() - 0.5) * 8);
      const gone = (k: number): boolean => host === "d" && k > 80 && k < 140;
      found.push(
        lineOf({ __name__: "temperature", ...on }, ++seed, (k, dice) =>
          gone(k) ? (k === 81 ? "stale" : "none") : walk(dice),
        ),
        lineOf({ __name__: "queue_length", ...on }, ++seed, (_, dice) =>
          host === "e" && dice() < 0.3 ? "none" : Math.floor(dice() * 9) - (kind === "x" ? 0 : 3),
        ),
      );
      for (const name of ["requests_total", "errors_total"]) {
        if (name === "errors_total" && host === "b") continue;
        let total = 1e6;
        const grow = (dice: () => number): number => {
          total = dice() < 0.01 ? Math.floor(dice() * 20) + 5_000 : total + Math.floor(dice() * 90);
          return total;
        };
        found.push(lineOf({ __name__: name, ...on }, ++seed, (_, dice) => grow(dice)));
      }
    }
    const counts = BOUNDS.map(() => 1e6);
    const bucketSeed = ++seed;
    for (const [nth, le] of BOUNDS.entries()) {
      // All buckets of a host roll the same dice, so that they stay in order.
      found.push(
        lineOf({ __name__: "duration_seconds_bucket", host, le }, bucketSeed, (_, dice) => {
          const came = Math.floor(dice() * 100);
          return (counts[nth]! += Math.floor((came * (nth + 1)) / BOUNDS.length));
        }),
      );
    }
  }
  return found;
};

export const windowOf = (lines: readonly Fake[]): Window => {
  const window = newWindow({ retentionMs: Infinity });
  for (const { labels, timesMs, values, count } of lines) {
    const ref = window.intern(labels);
    if (!ref.ok) throw new Error(ref.error.message);
    for (let i = 0; i < count; i++) {
      if (isStaleAt(values, i)) window.appendStale(ref.value, timesMs[i]!);
      else window.append(ref.value, timesMs[i]!, values[i]!);
    }
  }
  return window;
};

/** Points by series and time, in seconds; undefined where the query was refused. */
export type Answer = ReadonlyMap<string, number> | undefined;
export type Times = { readonly startS: number; readonly endS: number; readonly stepS: number };

export const keyOf = (labels: Labels, timeS: number): string =>
  `${labels
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .sort()
    .join(",")} @ ${timeS}`;

const pointsOf = (value: Value): ReadonlyMap<string, number> => {
  switch (value.type) {
    case "scalar":
      return new Map([[keyOf([], value.t / 1000), value.v]]);
    case "string":
      return new Map();
    case "vector":
      return new Map(value.samples.map(({ labels, t, v }) => [keyOf(labels, t / 1000), v]));
    case "matrix":
      return new Map(
        value.series.flatMap(({ labels, timestamps, values }) =>
          [...timestamps].map((t, i): [string, number] => [keyOf(labels, t / 1000), values[i]!]),
        ),
      );
    default:
      return value satisfies never;
  }
};

export const answerOf = (window: Window, expr: string, { startS, endS, stepS }: Times): Answer => {
  const parsed = parsePromql(expr);
  if (!parsed.ok) return undefined;
  const times = { startMs: startS * 1000, endMs: endS * 1000, stepMs: stepS * 1000 };
  const result =
    stepS > 0
      ? evaluateRange(parsed.value, times, window.select)
      : evaluateInstant(parsed.value, { timeMs: times.startMs }, window.select);
  return result.ok ? pointsOf(result.value) : undefined;
};

const TOLERANCE = 1e-9;

/** The first difference, in words; sizes are those of the answer, for what cancels out. */
export const difference = (a: Answer, b: Answer): string | undefined => {
  if (a === undefined || b === undefined) {
    return a === b ? undefined : a === undefined ? "refused here" : "refused there";
  }
  const finite = [...a.values()].map(Math.abs).filter(Number.isFinite);
  const size = finite.reduce((most, value) => Math.max(most, value), 0);
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const [x, y] = [a.get(key), b.get(key)];
    if (x === undefined || y === undefined) return `${key}: ${x} here, ${y} there`;
    if (x === y || (x !== x && y !== y)) continue;
    if (Math.abs(x - y) <= TOLERANCE * Math.max(size, 1)) continue;
    return `${key}: ${x} here, ${y} there`;
  }
  return undefined;
};
