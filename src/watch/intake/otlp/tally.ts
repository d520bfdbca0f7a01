/**
 * Cumulative counters and histograms that the hub counts itself, and their samples.
 *
 * Shape:  a cell per set of labels, each with the same counters and histograms. `emit` gives the
 *         samples of the cells that changed; a cell that was not in the last emission says its old
 *         value (0 if it is new) one interval earlier, so that `increase` sees the first change.
 *         A cell that does not change says so from time to time, and is forgotten at last.
 * Units:  timestamps in whole ms; histograms in the unit of their bounds.
 * Errors: none; sets of labels over the limit share one cell with otel_metric_overflow="true", as
 *         OpenTelemetry's SDK has it.
 */
import { METRIC_NAME, type Labels } from "../../signal/series.ts";
import { plainNumber } from "./names.ts";

export type TallyShape = {
  readonly counters: readonly string[];
  readonly histograms: readonly { readonly name: string; readonly bounds: readonly number[] }[];
};

export type TallyLimits = {
  readonly maxCells: number;
  /** How often `emit` is called. */
  readonly intervalMs: number;
  /** An unchanged cell is said again after so long, so that it does not look gone. */
  readonly refreshMs: number;
  readonly forgetMs: number;
};

export const TALLY_LIMITS: TallyLimits = {
  maxCells: 1_000,
  intervalMs: 15_000,
  refreshMs: 60_000,
  forgetMs: 3_600_000,
};

export type EmittedSample = {
  readonly labels: Labels;
  readonly timeMs: number;
  readonly value: number;
};

type Cell = {
  /** Labels of each series, in the order of `values`. */
  readonly series: readonly Labels[];
  /** Counters; then for each histogram its buckets (not cumulative), +Inf, sum, count. */
  readonly values: Float64Array;
  /** As it was said last. */
  said: Float64Array;
  saidMs: number;
  changedMs: number;
  hasChanged: boolean;
};

export type Tally = {
  /** The cell of a key; `labels` is asked if it is new. */
  readonly cell: (key: string, labels: () => Labels) => Cell;
  readonly count: (cell: Cell, counter: number) => void;
  readonly observe: (cell: Cell, histogram: number, value: number) => void;
  readonly emit: (nowMs: number) => readonly EmittedSample[];
  readonly size: () => number;
};

export const OVERFLOW: Labels = [["otel_metric_overflow", "true"]];
const OVERFLOW_KEY = "\0overflow";
const NEVER_MS = -1;

export const newTally = (shape: TallyShape, limits: TallyLimits = TALLY_LIMITS): Tally => {
  const cells = new Map<string, Cell>();
  const offsets = offsetsOf(shape);
  const added = (key: string, labels: Labels): Cell => {
    const series = seriesOf(shape, labels);
    const values = new Float64Array(series.length);
    const said = new Float64Array(series.length);
    const cell = { series, values, said, saidMs: NEVER_MS, changedMs: NEVER_MS, hasChanged: true };
    cells.set(key, cell);
    return cell;
  };
  return {
    cell: (key, labels) => {
      const found = cells.get(key);
      if (found !== undefined) return found;
      if (cells.size < limits.maxCells) return added(key, labels());
      return cells.get(OVERFLOW_KEY) ?? added(OVERFLOW_KEY, OVERFLOW);
    },
    count: (cell, counter) => {
      cell.values[counter]! += 1;
      cell.hasChanged = true;
    },
    observe: (cell, histogram, value) => {
      const { bounds } = shape.histograms[histogram]!;
      const first = offsets[histogram]!;
      let bucket = 0;
      while (bucket < bounds.length && value > bounds[bucket]!) bucket += 1;
      cell.values[first + bucket]! += 1;
      cell.values[first + bounds.length + 1]! += value;
      cell.values[first + bounds.length + 2]! += 1;
      cell.hasChanged = true;
    },
    emit: (nowMs) => {
      const samples: EmittedSample[] = [];
      for (const [key, cell] of cells) {
        if (cell.hasChanged) sayChanged(shape, limits, cell, nowMs, samples);
        else if (nowMs - cell.changedMs >= limits.forgetMs) cells.delete(key);
        else if (nowMs - cell.saidMs >= limits.refreshMs) say(cell, cell.said, nowMs, samples);
      }
      return samples;
    },
    size: () => cells.size,
  };
};

const sayChanged = (
  shape: TallyShape,
  limits: TallyLimits,
  cell: Cell,
  nowMs: number,
  samples: EmittedSample[],
): void => {
  const { intervalMs } = limits;
  const beforeMs = nowMs - intervalMs;
  // Said at the last emission, which may be a little longer ago: it needs no earlier sample.
  if (cell.saidMs < beforeMs - intervalMs / 2) say(cell, cell.said, beforeMs, samples);
  cell.said = cumulative(shape, cell.values);
  cell.hasChanged = false;
  cell.changedMs = nowMs;
  say(cell, cell.said, nowMs, samples);
};

const say = (cell: Cell, values: Float64Array, timeMs: number, samples: EmittedSample[]): void => {
  cell.saidMs = timeMs;
  cell.series.forEach((labels, nth) => samples.push({ labels, timeMs, value: values[nth]! }));
};

/** The same values, each bucket with those below it. */
const cumulative = (shape: TallyShape, values: Float64Array): Float64Array => {
  const summed = values.slice();
  let at = shape.counters.length;
  for (const { bounds } of shape.histograms) {
    for (let bucket = 1; bucket <= bounds.length; bucket += 1) {
      summed[at + bucket]! += summed[at + bucket - 1]!;
    }
    at += bounds.length + 3;
  }
  return summed;
};

const offsetsOf = ({ counters, histograms }: TallyShape): readonly number[] => {
  const offsets: number[] = [];
  let at = counters.length;
  for (const { bounds } of histograms) {
    offsets.push(at);
    at += bounds.length + 3;
  }
  return offsets;
};

const seriesOf = ({ counters, histograms }: TallyShape, labels: Labels): readonly Labels[] => {
  const named = (name: string, more: Labels = []): Labels =>
    [[METRIC_NAME, name] as const, ...more, ...labels]
      .filter(([, value]) => value !== "")
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    ...counters.map((name) => named(name)),
    ...histograms.flatMap(({ name, bounds }) => [
      ...[...bounds, Infinity].map((le) => named(`${name}_bucket`, [["le", plainNumber(le)]])),
      named(`${name}_sum`),
      named(`${name}_count`),
    ]),
  ];
};
