/**
 * Range functions over long history: what the store computes on a query's grid, and in what
 * portions.
 *
 * Shape:  of a grid, the leading steps whose ranges end before the seam are the store's; they are
 *         cut into slices of steps so that one statement reads a bounded number of samples. What
 *         the store cannot compute is computed from such slices' samples.
 * Units:  ms; a range is left-open, (t - range, t], here as there.
 * Errors: HistoryLimit when a question is too large even so.
 * Why:    a week of a thousand series is 40 million samples: read one by one they are a gigabyte,
 *         computed where they lie they are one number per series and step.
 */
import { HistoryLimit } from "./history.ts";
import { NEWEST, type RangeGrid } from "../promql/grid.ts";
import { newRow, type Row } from "../promql/row.ts";
import { isStaleAt, type Labels } from "../series.ts";

/** Aggregate functions of ClickHouse that speak PromQL on a grid. */
export const TO_GRID: Readonly<Record<string, string>> = {
  [NEWEST]: "timeSeriesLastToGrid",
  rate: "timeSeriesRateToGrid",
  increase: "timeSeriesIncreaseToGrid",
  delta: "timeSeriesDeltaToGrid",
  irate: "timeSeriesInstantRateToGrid",
  idelta: "timeSeriesInstantDeltaToGrid",
  changes: "timeSeriesChangesToGrid",
  resets: "timeSeriesResetsToGrid",
  last_over_time: "timeSeriesLastToGrid",
};

/** Functions that a range's parts suffice for: count, sum, least and greatest of each part. */
export const OF_PARTS: Readonly<Record<string, string>> = {
  count_over_time: "sum(n)",
  sum_over_time: "sumKahan(total)",
  avg_over_time: "sumKahan(total) / sum(n)",
  min_over_time: "min(least)",
  max_over_time: "max(greatest)",
  present_over_time: "toFloat64(1)",
};

/** Functions without arguments that only we know: from samples, but a slice at a time. */
const OURS: ReadonlySet<string> = new Set([
  ...["deriv", "stddev_over_time", "stdvar_over_time", "mad_over_time", "first_over_time"],
  ...["ts_of_first_over_time", "ts_of_last_over_time", "absent_over_time"],
  ...["ts_of_max_over_time", "ts_of_min_over_time"],
]);

/** Shorter history is read sample by sample: it is little, and every function knows it. */
const LONG_MS = 3_600_000;
const HOUR_MS = 3_600_000;
/** A sample's part is looked at by so many steps; more would cost more than reading it. */
const MAX_OVERLAP = 60;
const SLICE_SAMPLES = 3_000_000;
const RANGES_A_SLICE = 4;
const MAX_SAMPLES = 200_000_000;
/** Each of them comes over from the store. */
const MAX_SAMPLES_READ = 50_000_000;

/** Does the store compute it, or do we from its samples? */
export const isByStore = ({ func, rangeMs, strideMs }: RangeGrid): boolean =>
  TO_GRID[func] !== undefined ||
  (OF_PARTS[func] !== undefined && rangeMs / strideMs <= MAX_OVERLAP);

/** How many leading steps of a grid are computed slice by slice, before an evaluation. */
export const stepsAhead = (call: RangeGrid, seamMs: number, oldestMs: number | null): number => {
  const { func, rangeMs, firstMs, strideMs, steps } = call;
  const isKnown = isByStore(call) || OF_PARTS[func] !== undefined || OURS.has(func);
  if (!isKnown || oldestMs === null || steps < 2 || strideMs <= 0) return 0;
  if (![rangeMs, firstMs, strideMs].every(Number.isSafeInteger)) return 0;
  const ahead = Math.min(steps, Math.ceil((seamMs - firstMs) / strideMs));
  if (ahead < 1) return 0;
  const fromMs = Math.max(firstMs - rangeMs, oldestMs);
  return firstMs + (ahead - 1) * strideMs - fromMs < LONG_MS ? 0 : ahead;
};

/** The same call on some of its steps. */
export const partOf = (call: RangeGrid, from: number, to: number): RangeGrid => ({
  ...call,
  firstMs: call.firstMs + from * call.strideMs,
  steps: to - from,
});

/** From and to, both included, of the samples a call reads. */
export const spanOf = ({ firstMs, strideMs, rangeMs, steps }: RangeGrid) => ({
  fromMs: firstMs - rangeMs + 1,
  toMs: firstMs + (steps - 1) * strideMs,
});

export type Slice<Id> = { readonly from: number; readonly to: number; readonly ids: readonly Id[] };

/**
 * Steps [from, to) of some series each, by how many samples an hour has (keys: hours).
 *
 * A range longer than a slice would be read anew at every step: series are parted first, so that
 * several ranges fit.
 */
export const slicesOf = <Id>(
  call: RangeGrid,
  ids: readonly Id[],
  perHour: ReadonlyMap<number, number>,
): readonly Slice<Id>[] => {
  const most = isByStore(call) ? MAX_SAMPLES : MAX_SAMPLES_READ;
  const before = samplesBefore(perHour);
  const share = Math.min(1, call.rangeMs / call.strideMs);
  const samplesIn = (from: number, to: number): number => {
    const { fromMs, toMs } = spanOf(partOf(call, from, to));
    return (before(toMs) - before(fromMs)) * share;
  };
  let longest = 0;
  for (let k = 0; k < call.steps; k++) longest = Math.max(longest, samplesIn(k, k + 1));
  const groups = Math.min(ids.length, Math.ceil((longest * RANGES_A_SLICE) / SLICE_SAMPLES));
  const size = Math.ceil(ids.length / Math.max(1, groups));
  const slices: Slice<Id>[] = [];
  let total = 0;
  for (let at = 0; at < ids.length; at += size) {
    const some = ids.slice(at, at + size);
    const part = some.length / ids.length;
    for (let from = 0, to = 1; from < call.steps; from = to, to += 1) {
      while (to < call.steps && samplesIn(from, to + 1) * part <= SLICE_SAMPLES) to += 1;
      const samples = samplesIn(from, to) * part;
      total += samples;
      if (total > most) throw new HistoryLimit(`over ${most} samples`);
      if (samples > 0) slices.push({ from, to, ids: some });
    }
  }
  return slices;
};

/** Samples before an instant, as if those of an hour were spread evenly. */
const samplesBefore = (perHour: ReadonlyMap<number, number>): ((timeMs: number) => number) => {
  const hours = [...perHour.keys()].toSorted((a, b) => a - b);
  let sum = 0;
  const sums = hours.map((hour) => (sum += perHour.get(hour)!));
  return (timeMs) => {
    const hour = Math.floor(timeMs / HOUR_MS);
    let low = 0;
    let high = hours.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (hours[middle]! < hour) low = middle + 1;
      else high = middle;
    }
    const part = hours[low] === hour ? perHour.get(hour)! * (timeMs / HOUR_MS - hour) : 0;
    return part + (low === 0 ? 0 : sums[low - 1]!);
  };
};

/** Points of the store, step 1 the first of the slice they were asked for. */
export type GridPoints<Id> = {
  readonly rows: number;
  readonly ids: { readonly [row: number]: Id };
  readonly steps: Uint32Array;
  readonly values: Float64Array;
};

export type GridRows<Id> = {
  readonly put: (from: number, points: GridPoints<Id>) => void;
  /** A row of a slice, computed otherwise. */
  readonly putRow: (from: number, id: Id, row: Row) => void;
  readonly rows: () => readonly Row[];
};

export const newGridRows = <Id>(steps: number, labelsOf: ReadonlyMap<Id, Labels>): GridRows<Id> => {
  const found = new Map<Id, Row>();
  const rowOf = (id: Id): Row | undefined => {
    const known = found.get(id);
    if (known !== undefined) return known;
    const labels = labelsOf.get(id);
    if (labels === undefined) return undefined;
    const row = newRow(labels, steps);
    found.set(id, row);
    return row;
  };
  return {
    put: (from, { rows, ids, steps: nths, values }) => {
      let id: Id | undefined;
      let row: Row | undefined;
      for (let at = 0; at < rows; at += 1) {
        if (ids[at] !== id || row === undefined) {
          id = ids[at]!;
          row = rowOf(id);
          if (row === undefined) continue;
        }
        if (isStaleAt(values, at)) continue;
        const step = from + nths[at]! - 1;
        row.values[step] = values[at]!;
        row.present[step] = 1;
      }
    },
    putRow: (from, id, { values, present }) => {
      const row = rowOf(id);
      row?.values.set(values, from);
      row?.present.set(present, from);
    },
    rows: () => [...found.values()],
  };
};
