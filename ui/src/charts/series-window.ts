/**
 * A bounded stretch of a panel's series, to which newer points are added without gap or repeat.
 *
 * Shape:  one row of instants, one row of values per series; `null` where nothing was measured,
 *         so that a missing step is drawn as a gap and never as a line.
 * Units:  ms since the epoch; values in the panel's unit.
 */
import type { Panel } from "../../../src/contract/ops.ts";

export const SPAN_MS = 15 * 60_000;
const MAX_POINTS = 1_800;
/** A distance beyond this many steps is a gap. */
const GAP_STEPS = 1.5;

export type SeriesWindow = {
  readonly stepMs: number;
  readonly names: readonly string[];
  readonly times: readonly number[];
  readonly values: readonly (readonly (number | null)[])[];
};

/**
 * Can the answer be added? Its lines must be the same, and its step the window's or a fraction:
 * a short range is answered with a finer step, of which the window's own instants are kept.
 */
export const fits = (before: SeriesWindow, panel: Panel): boolean =>
  before.stepMs % panel.stepMs === 0 &&
  before.names.join("\n") === panel.series.map(({ name }) => name).join("\n");

export const mergePanel = (before: SeriesWindow | undefined, panel: Panel): SeriesWindow => {
  const names = panel.series.map(({ name }) => name);
  const sameShape = before !== undefined && fits(before, panel);
  const stepMs = sameShape ? before.stepMs : panel.stepMs;
  const rows = new Map<number, (number | null)[]>();
  const rowAt = (at: number): (number | null)[] => {
    const known = rows.get(at);
    if (known !== undefined) return known;
    const made = names.map(() => null);
    rows.set(at, made);
    return made;
  };
  if (sameShape) {
    before.times.forEach((at, i) => {
      const row = rowAt(at);
      before.values.forEach((values, s) => (row[s] = values[i] ?? null));
    });
  }
  panel.series.forEach(({ points }, s) => {
    for (const [at, value] of points) {
      if (!sameShape || at % stepMs === 0) rowAt(at)[s] = value;
    }
  });
  const sorted = [...rows.keys()].sort((a, b) => a - b);
  const newest = sorted.at(-1) ?? 0;
  const kept = sorted.filter((at) => at > newest - SPAN_MS).slice(-MAX_POINTS);
  const times = withGaps(kept, stepMs);
  return {
    stepMs,
    names,
    times,
    values: names.map((_, s) => times.map((at) => rows.get(at)?.[s] ?? null)),
  };
};

/** One instant without values inside each hole is enough to break the line. */
const withGaps = (times: readonly number[], stepMs: number): readonly number[] => {
  const all: number[] = [];
  for (const at of times) {
    const last = all.at(-1);
    if (last !== undefined && at - last > stepMs * GAP_STEPS) all.push(last + stepMs);
    all.push(at);
  }
  return all;
};

export const isEmpty = ({ values }: Pick<SeriesWindow, "values">): boolean =>
  values.every((row) => row.every((value) => value === null));

export type Spread = {
  readonly latest: number | null;
  readonly min: number | null;
  readonly max: number | null;
};

export const spreadOf = (row: readonly (number | null)[]): Spread => {
  let min: number | null = null;
  let max: number | null = null;
  for (const value of row) {
    if (value === null) continue;
    if (min === null || value < min) min = value;
    if (max === null || value > max) max = value;
  }
  return { min, max, latest: row.findLast((value) => value !== null) ?? null };
};
