/**
 * A row is one series over all steps of a grid.
 *
 * Shape:  `present[k]` is 0 where the series has no sample at step k, 1 where `values[k]` is one.
 *         (Another mark will mean a native histogram.) A metric's name is dropped at the very end
 *         where `dropName` says so, so that label functions may still read it.
 * Why:    rows are pushed, one at a time: whoever receives one may change it and must copy what
 *         it keeps, for the next row may use the same memory. Sums over 10,000 series then need
 *         memory for their groups only.
 */
import { METRIC_NAME, type Labels } from "../series.ts";
import { EvalError } from "./fault.ts";

export type Row = {
  labels: Labels;
  dropName: boolean;
  values: Float64Array;
  present: Uint8Array;
};
export type Sink = (row: Row) => void;

export const SAME_LABELSET = "vector cannot contain metrics with the same labelset";

export const newRow = (labels: Labels, steps: number, dropName = false): Row => ({
  labels,
  dropName,
  values: new Float64Array(steps),
  present: new Uint8Array(steps),
});

export const copyRow = (row: Row): Row => ({
  labels: row.labels,
  dropName: row.dropName,
  values: row.values.slice(),
  present: row.present.slice(),
});

export const isEmpty = (row: Row): boolean => !row.present.includes(1);

export const withoutLabels = (labels: Labels, names: readonly string[]): Labels =>
  labels.some(([name]) => names.includes(name))
    ? labels.filter(([name]) => !names.includes(name))
    : labels;

export const onlyLabels = (labels: Labels, names: readonly string[]): Labels =>
  labels.filter(([name]) => names.includes(name));

/** Sets, or with an empty value removes, one label. */
export const withLabel = (labels: Labels, name: string, value: string): Labels => {
  const rest = labels.filter((label) => label[0] !== name);
  if (value === "") return rest;
  const at = rest.findIndex((label) => label[0] > name);
  return rest.toSpliced(at < 0 ? rest.length : at, 0, [name, value]);
};

/** Half a surrogate pair: decoded UTF-8 never contains one, so no label can imitate the border. */
const BETWEEN = "\ud800";

/** A text that two label sets share exactly when they are equal. */
export const labelsKey = (labels: Labels): string => {
  let key = "";
  for (const label of labels) key += label[0] + BETWEEN + label[1] + BETWEEN;
  return key;
};

/** The same, of the named labels only; `names` must be in a fixed order. */
export const keyOn = (labels: Labels, names: readonly string[]): string => {
  let key = "";
  for (const name of names) {
    for (const label of labels) {
      if (label[0] !== name) continue;
      key += label[1];
      break;
    }
    key += BETWEEN;
  }
  return key;
};

/** The same, of all labels but the named ones. */
export const keyIgnoring = (labels: Labels, names: readonly string[]): string => {
  let key = "";
  for (const label of labels) {
    if (!names.includes(label[0])) key += label[0] + BETWEEN + label[1] + BETWEEN;
  }
  return key;
};

/** Adds `from` to `into`; false if both have a sample at the same step. */
export const absorb = (into: Row, from: Row): boolean => {
  for (let k = 0; k < from.present.length; k++) {
    if (from.present[k] === 0) continue;
    if (into.present[k] !== 0) return false;
    into.present[k] = 1;
    into.values[k] = from.values[k]!;
  }
  return true;
};

/** Rows that came to have equal labels become one row, if they never overlap. */
export const mergeRows = (rows: readonly Row[], onOverlap: (row: Row) => string): Row[] => {
  const merged = new Map<string, Row>();
  for (const row of rows) {
    const key = labelsKey(row.labels);
    const known = merged.get(key);
    if (known === undefined) {
      merged.set(key, row);
      continue;
    }
    if (!absorb(known, row)) throw new EvalError("type", onOverlap(row));
    known.dropName ||= row.dropName;
  }
  return [...merged.values()];
};

const overlap = (a: Row, b: Row): boolean => a.present.some((there, k) => there & b.present[k]!);

/**
 * Rows that differ in a name only, which is to go, and that never overlap are one series: to a
 * function of ranges it matters, which looks at many steps at once.
 */
export const joinNameless = (rows: readonly Row[]): readonly Row[] => {
  const known = new Map<string, Row>();
  return rows.filter((row) => {
    if (!row.dropName) return true;
    const key = keyIgnoring(row.labels, [METRIC_NAME]);
    const same = known.get(key);
    if (same === undefined) known.set(key, row);
    return same === undefined || overlap(same, row) || !absorb(same, row);
  });
};

/** Names that were to be dropped are dropped now. */
export const dropNames = (rows: Row[]): Row[] => {
  if (!rows.some((row) => row.dropName)) return rows;
  for (const row of rows) {
    if (row.dropName) row.labels = withoutLabels(row.labels, [METRIC_NAME]);
    row.dropName = false;
  }
  return mergeRows(rows, () => SAME_LABELSET);
};
