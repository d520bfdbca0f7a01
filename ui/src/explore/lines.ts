/**
 * The answers of several queries as the lines of one graph.
 *
 * Shape:  all queries are asked over the same instants, so one row of times holds them all; a step
 *         without a sample is `null` and is drawn as a gap. At most two units have an axis each;
 *         with more of them, figures share one axis without a unit.
 */
import type { Line } from "../charts/plot.ts";
import type { Unit } from "../format/unit.ts";
import { seriesName, type Labels } from "./prometheus.ts";
import type { Span } from "./range.ts";
import type { Letter } from "./state.ts";
import type { Result } from "./use-run.ts";

/** More lines than this cannot be told apart; the table view and the CSV have them all. */
export const MAX_LINES = 60;
/** `le="10"` comes after `le="2"`, whatever the reader's language. */
const BY_NAME = new Intl.Collator("en", { numeric: true });
const INKS = 6;
/** Where inks come round again, another stroke: px drawn, px left out. */
const DASHES = [undefined, [7, 4], [2, 3]] as const;

export type Series = {
  readonly key: string;
  readonly letter: Letter;
  readonly labels: Labels;
  readonly name: string;
  readonly unit: Unit;
  readonly line: Line;
  readonly values: readonly (number | null)[];
};
export type Lines = {
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** Of the axes, left then right. */
  readonly units: readonly Unit[];
  /** Series the answers hold, drawn or not. */
  readonly count: number;
  /** More units than axes. */
  readonly isMixed: boolean;
};

/** The unit of one series that an expression answered. */
export type UnitOf = (expr: string, labels: Labels) => Unit;

export const linesOf = (
  results: readonly Result[],
  { fromMs, toMs, stepMs }: Span,
  unitOf: UnitOf,
  most: number = MAX_LINES,
): Lines => {
  const shown = results.filter(({ isOff, series }) => !isOff && (series?.length ?? 0) > 0);
  const size = Math.max(0, Math.floor((toMs - fromMs) / stepMs) + 1);
  const times = Array.from({ length: size }, (_, i) => fromMs + i * stepMs);
  const answered = shown.flatMap(({ letter, expr, series = [] }) =>
    series
      .map(({ labels, points }) => ({
        ...{ letter, labels, points, unit: unitOf(expr, labels) },
        name: seriesName(labels),
      }))
      .sort((a, b) => BY_NAME.compare(a.name, b.name)),
  );
  const all = [...new Set(answered.map(({ unit }) => unit))];
  const isMixed = all.length > 2;
  const units: readonly Unit[] = isMixed || all.length === 0 ? ["number"] : all;
  const series = answered
    .slice(0, most)
    .map(({ letter, unit, labels, name, points }, i): Series => {
      const values: (number | null)[] = Array.from({ length: size }, () => null);
      for (const [at, value] of points) {
        const index = Math.round((at - fromMs) / stepMs);
        if (index >= 0 && index < size && Number.isFinite(value)) values[index] = value;
      }
      const dash = DASHES[Math.floor(i / INKS) % DASHES.length];
      const line: Line = {
        ink: `--series-${(i % INKS) + 1}`,
        ...(dash === undefined ? {} : { dash }),
        isRight: !isMixed && unit === units[1],
      };
      return { key: `${letter} ${name}`, letter, labels, name, unit, line, values };
    });
  return { times, series, units, count: answered.length, isMixed };
};

export type Summary = {
  readonly last: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
};

export const summaryOf = (values: readonly (number | null)[]): Summary => {
  let [min, max, sum, n] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const value of values) {
    if (value === null) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    n += 1;
  }
  if (n === 0) return { last: null, min: null, max: null, mean: null };
  return { last: values.findLast((value) => value !== null) ?? null, min, max, mean: sum / n };
};

/** Labels all series share say nothing of any one: they are told once. */
export const sharedLabels = (all: readonly Labels[]): Labels => {
  const [first, ...others] = all;
  if (first === undefined || others.length === 0) return {};
  const shared = Object.entries(first).filter(([label, value]) =>
    others.every((one) => one[label] === value),
  );
  return Object.fromEntries(shared);
};

export const without = (labels: Labels, shared: Labels): Labels =>
  Object.fromEntries(Object.entries(labels).filter(([label]) => !(label in shared)));
