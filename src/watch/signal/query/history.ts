/**
 * Series of the window and series from the store as one, without a seam.
 *
 * Shape:  the store is asked for everything before a seam that lies a little inside the window; of
 *         a series that both have, the store's samples count up to where the window's begin. So a
 *         window that moves on while the store answers leaves no hole.
 * Errors: HistoryLimit, thrown by whoever reads the store.
 */
import type { Selection } from "../promql/grid.ts";
import { compileMatcher, matchesAll, type Matcher } from "../matcher.ts";
import { METRIC_NAME, type Labels, type SeriesData } from "../series.ts";

/** A question would load more than it may; the message says how much that is. */
export class HistoryLimit extends Error {
  override readonly name = "HistoryLimit";
}

export type StoredSeries = { readonly id: bigint; readonly labels: Labels };

/** Rows of the store, by series and time. */
export type SampleColumns = {
  readonly rows: number;
  readonly ids: BigUint64Array;
  readonly timesMs: BigInt64Array;
  readonly values: Float64Array;
};

/** The part of a selection that only the store can answer; undefined when there is none. */
export const historyRange = (
  { fromMs, toMs }: Pick<Selection, "fromMs" | "toMs">,
  seamMs: number,
  oldestMs: number | null,
): { readonly fromMs: number; readonly toMs: number } | undefined => {
  if (oldestMs === null || fromMs >= seamMs) return undefined;
  const end = Math.min(toMs, seamMs - 1);
  const start = Math.max(fromMs, oldestMs);
  return start > end ? undefined : { fromMs: start, toMs: end };
};

export const metricOf = (matchers: readonly Matcher[]): string | undefined =>
  matchers.find(({ name, op, value }) => name === METRIC_NAME && op === "=" && value !== "")?.value;

export const matching = (
  series: readonly StoredSeries[],
  matchers: readonly Matcher[],
): readonly StoredSeries[] => {
  const compiled = matchers.map(compileMatcher);
  return series.filter(({ labels }) => matchesAll(compiled, labels));
};

/** Rows ordered by id and time to one series per id; a repeated time keeps what came first. */
export const seriesFromRows = (
  columns: SampleColumns,
  series: readonly StoredSeries[],
): readonly SeriesData[] => {
  const labelsById = new Map(series.map(({ id, labels }) => [id, labels]));
  const found: SeriesData[] = [];
  const { rows, ids, timesMs, values } = columns;
  for (let from = 0; from < rows;) {
    const id = ids[from]!;
    let to = from;
    while (to < rows && ids[to] === id) to += 1;
    const labels = labelsById.get(id);
    if (labels !== undefined) found.push(withoutRepeats(labels, timesMs, values, from, to));
    from = to;
  }
  return found;
};

const withoutRepeats = (
  labels: Labels,
  timesMs: BigInt64Array,
  values: Float64Array,
  from: number,
  to: number,
): SeriesData => {
  const timestamps = new Float64Array(to - from);
  const kept = values.slice(from, to);
  let length = 0;
  for (let row = from; row < to; row += 1) {
    const at = Number(timesMs[row]);
    if (length > 0 && timestamps[length - 1] === at) continue;
    timestamps[length] = at;
    // Copied as a range of the array, because a number would lose which NaN it was.
    kept.copyWithin(length, row - from, row - from + 1);
    length += 1;
  }
  return { labels, timestamps: timestamps.subarray(0, length), values: kept.subarray(0, length) };
};

export const keyOf = (labels: Labels): string =>
  labels.map(([name, value]) => `${name}\0${value}\0`).join("");

export const joined = (
  older: readonly SeriesData[],
  newer: readonly SeriesData[],
): readonly SeriesData[] => {
  if (older.length === 0) return newer;
  const rest = new Map(older.map((series) => [keyOf(series.labels), series]));
  const both = newer.map((series) => {
    const key = keyOf(series.labels);
    const before = rest.get(key);
    rest.delete(key);
    return before === undefined ? series : concatenated(before, series);
  });
  return [...both, ...rest.values()];
};

const concatenated = (before: SeriesData, after: SeriesData): SeriesData => {
  const [firstMs] = after.timestamps;
  const cut = firstMs === undefined ? -1 : before.timestamps.findIndex((at) => at >= firstMs);
  const kept = cut < 0 ? before.timestamps.length : cut;
  if (kept === 0) return after;
  const merge = (a: Float64Array, b: Float64Array): Float64Array => {
    const all = new Float64Array(a.length + b.length);
    all.set(a);
    all.set(b, a.length);
    return all;
  };
  return {
    labels: after.labels,
    timestamps: merge(before.timestamps.subarray(0, kept), after.timestamps),
    values: merge(before.values.subarray(0, kept), after.values),
  };
};
