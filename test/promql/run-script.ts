/**
 * Runs a conformance script against our window and evaluator.
 *
 * Shape:  one verdict per `eval`. Values must agree within a relative 1e-6, labels exactly, order
 *         where the script asks for it; texts of failures and annotations are not compared. An
 *         instant vector is computed a second time as the middle of a range, as upstream does.
 */
import type { SeriesData } from "../../src/watch/signal/series.ts";
import { compileMatcher, matchesAll, type Matcher } from "../../src/watch/signal/matcher.ts";
import { METRIC_NAME } from "../../src/watch/signal/series.ts";
import type { Labels } from "../../src/watch/signal/series.ts";
import { newWindow } from "../../src/watch/signal/window/window.ts";
import {
  evaluateInstant,
  evaluateRange,
  type Value,
} from "../../src/watch/signal/promql/evaluate.ts";
import { parsePromql } from "../../src/watch/signal/promql/parser.ts";
import { formatLabels } from "../../src/watch/signal/promql/print.ts";
import { selectorsOf } from "../../src/watch/signal/promql/grid.ts";
import { type Eval, type Load, parseScript, type SeriesLine } from "./script.ts";

export type Verdict = {
  readonly line: number;
  readonly expr: string;
  /** Did a native histogram take part? Those cases are counted apart. */
  readonly native: boolean;
  /** Undefined when the case passes. */
  readonly fault: string | undefined;
};

type Native = { readonly labels: Labels; readonly atMs: readonly number[] };
type Store = {
  readonly window: ReturnType<typeof newWindow>;
  readonly natives: Native[];
};

const newStore = (): Store => ({
  window: newWindow({ retentionMs: Infinity }),
  natives: [],
});

export const runScript = (text: string): Verdict[] => {
  let store = newStore();
  const verdicts: Verdict[] = [];
  for (const command of parseScript(text)) {
    if (command.kind === "clear") store = newStore();
    else if (command.kind === "load") load(store, command);
    else verdicts.push(judge(store, command));
  }
  return verdicts;
};

const load = ({ window, natives }: Store, { stepMs, series, withNative }: Load): void => {
  // Within one load the last line of a series counts.
  const latest = new Map(series.map((line) => [formatLabels(line.labels), line]));
  for (const { labels, points } of latest.values()) {
    const ref = window.intern(labels);
    if (!ref.ok) throw new Error(ref.error.message);
    const nativeAt: number[] = [];
    for (const [i, point] of points.entries()) {
      if (point === "histogram") nativeAt.push(i * stepMs);
      else if (point === "stale") window.appendStale(ref.value, i * stepMs);
      else if (point !== "gap") window.append(ref.value, i * stepMs, point);
    }
    if (nativeAt.length > 0) natives.push({ labels, atMs: nativeAt });
    if (withNative) natives.push(...nativeOf(labels, points, stepMs));
  }
};

/** `load_with_nhcb` makes a native histogram of the buckets. */
const nativeOf = (labels: Labels, points: SeriesLine["points"], stepMs: number): Native[] => {
  const name = labels.find(([key]) => key === METRIC_NAME)?.[1] ?? "";
  if (!name.endsWith("_bucket")) return [];
  const base = labels
    .filter(([key]) => key !== "le")
    .map(([key, value]): [string, string] =>
      key === METRIC_NAME ? [key, name.slice(0, -"_bucket".length)] : [key, value],
    );
  return [{ labels: base, atMs: points.map((_, i) => i * stepMs) }];
};

const touchesNative = ({ natives }: Store, expr: string, times: Eval["times"]): boolean => {
  const parsed = parsePromql(expr);
  if (!parsed.ok) return false;
  return selectorsOf(parsed.value, times).some(({ matchers, fromMs, toMs }) => {
    const compiled = matchers.map(compileMatcher);
    return natives.some(
      ({ labels, atMs }) =>
        matchesAll(compiled, labels) && atMs.some((ms) => ms >= fromMs && ms <= toMs),
    );
  });
};

const judge = (store: Store, command: Eval): Verdict => {
  const { line, expr, times, expected } = command;
  const native =
    touchesNative(store, expr, times) ||
    expected.series.some(({ points }) => points.includes("histogram"));
  const source = (matchers: readonly Matcher[], fromMs: number, toMs: number): SeriesData[] =>
    store.window.select(matchers, fromMs, toMs);
  const parsed = parsePromql(expr);
  if (!parsed.ok) {
    const fault = expected.fail ? undefined : `does not parse: ${parsed.error.message}`;
    return { line, expr, native, fault };
  }
  const result = command.range
    ? evaluateRange(parsed.value, times, source)
    : evaluateInstant(parsed.value, { timeMs: times.startMs }, source);
  if (!result.ok || expected.fail) {
    const unexpected = result.ok ? "was to fail" : result.error.message;
    return { line, expr, native, fault: result.ok !== expected.fail ? undefined : unexpected };
  }
  const fault = command.range
    ? differsFromSeries(result.value, command)
    : (differsAtInstant(result.value, command) ?? differsInRange(command, source));
  return { line, expr, native, fault };
};

const EPSILON = 1e-6;
const SMALLEST_NORMAL = 2.2250738585072014e-308;

const same = (a: number, b: number): boolean => {
  if (a === b || (a !== a && b !== b)) return true;
  if (a !== a || b !== b) return false;
  const sum = Math.abs(a) + Math.abs(b);
  const distance = Math.abs(a - b);
  if (a === 0 || b === 0 || sum < SMALLEST_NORMAL) return distance < EPSILON * SMALLEST_NORMAL;
  return distance / Math.min(sum, Number.MAX_VALUE) < EPSILON;
};

const differsAtInstant = (value: Value, { expected }: Eval): string | undefined => {
  if (value.type === "string") return value.v === expected.text ? undefined : `got "${value.v}"`;
  if (value.type === "scalar") {
    const wanted = expected.scalar;
    return wanted !== undefined && same(value.v, wanted) ? undefined : `got ${value.v}`;
  }
  if (value.type === "matrix") return differsFromRangeVector(value, expected);
  if (expected.scalar !== undefined) return "got a vector, not a scalar";
  const got = value.samples.map(({ labels, v }) => ({ key: formatLabels(labels), v }));
  return compareVector(got, expected);
};

type Keyed = { readonly key: string; readonly v: number };

const compareVector = (got: readonly Keyed[], expected: Eval["expected"]): string | undefined => {
  const shown = `got ${got.map(({ key, v }) => `${key} ${v}`).join("; ")}`;
  if (got.length !== expected.series.length) return shown;
  for (const [i, { labels, points }] of expected.series.entries()) {
    const key = formatLabels(labels);
    const found = expected.ordered ? got[i] : got.find((sample) => sample.key === key);
    const wanted = points[0];
    if (found?.key !== key || typeof wanted !== "number" || !same(found.v, wanted)) return shown;
  }
  return undefined;
};

type Matrix = Extract<Value, { type: "matrix" }>;

const compareMatrix = (
  { series }: Matrix,
  expected: Eval["expected"],
  startMs: number,
  stepMs: number,
): string | undefined => {
  const wantedSeries = expected.series
    .map(({ labels, points }) => ({
      key: formatLabels(labels),
      points: points.flatMap((point, i): [number, number][] =>
        typeof point === "number" ? [[startMs + i * stepMs, point]] : [],
      ),
    }))
    .filter(({ points }) => points.length > 0);
  const shown = `got ${series.map((s) => `${formatLabels(s.labels)} ${[...s.values].join(" ")}`).join("; ")}`;
  if (series.length !== wantedSeries.length) return shown;
  for (const { key, points } of wantedSeries) {
    const found = series.find((s) => formatLabels(s.labels) === key);
    if (found === undefined || found.values.length !== points.length) return shown;
    for (const [i, [t, v]] of points.entries()) {
      if (found.timestamps[i] !== t || !same(found.values[i]!, v)) return shown;
    }
  }
  return undefined;
};

const differsFromRangeVector = (value: Matrix, expected: Eval["expected"]): string | undefined => {
  const { rangeVector } = expected;
  if (rangeVector === undefined) return "got a range vector";
  return compareMatrix(value, expected, rangeVector.startMs, rangeVector.stepMs);
};

const differsFromSeries = (value: Value, { expected, times }: Eval): string | undefined =>
  value.type === "matrix"
    ? compareMatrix(value, expected, times.startMs, times.stepMs)
    : `got a ${value.type}`;

const MINUTE_MS = 60_000;

const differsInRange = (
  { expr, times, expected }: Eval,
  source: Parameters<typeof evaluateRange>[2],
): string | undefined => {
  const aboutTheQuery = /\b(?:start|end|step|range)\(\)/.test(expr);
  if (expected.ordered || aboutTheQuery || expected.rangeVector !== undefined) return undefined;
  if (expected.text !== undefined) return undefined;
  const parsed = parsePromql(expr);
  if (!parsed.ok) return "does not parse";
  const around = {
    startMs: times.startMs - MINUTE_MS,
    endMs: times.startMs + MINUTE_MS,
    stepMs: MINUTE_MS,
  };
  const result = evaluateRange(parsed.value, around, source);
  if (!result.ok) return `as a range: ${result.error.message}`;
  if (result.value.type !== "matrix") return `as a range: a ${result.value.type}`;
  const middle = result.value.series.flatMap(({ labels, timestamps, values }): Keyed[] => {
    const at = timestamps.indexOf(times.startMs);
    return at < 0 ? [] : [{ key: formatLabels(labels), v: values[at]! }];
  });
  if (expected.scalar !== undefined) {
    return same(middle[0]?.v ?? NaN, expected.scalar) ? undefined : "as a range: differs";
  }
  const fault = compareVector(middle, expected);
  return fault === undefined ? undefined : `as a range: ${fault}`;
};
