/**
 * Instant values as rows: filtered by words, sorted by any column.
 *
 * Shape:  every word of the filter must be somewhere in the row. Figures sort by size, texts by
 *         the reader's alphabet; what has no value comes last in both directions.
 */
import type { Unit } from "../format/unit.ts";
import type { UnitOf } from "./lines.ts";
import type { Labels } from "./prometheus.ts";
import type { Letter } from "./state.ts";
import type { Result } from "./use-run.ts";

/** Label columns beside one another; further labels stand together in the last one. */
export const MAX_COLUMNS = 6;

export type Row = {
  readonly key: string;
  readonly letter: Letter;
  readonly labels: Labels;
  readonly value: number;
  readonly atMs: number;
  readonly unit: Unit;
};
export type Sort = { readonly column: string; readonly isDown: boolean };

export const rowsOf = (results: readonly Result[], unitOf: UnitOf): readonly Row[] =>
  results
    .filter(({ isOff }) => !isOff)
    .flatMap(({ letter, expr, samples = [] }) =>
      samples.map(({ labels, value, atMs }, i): Row => ({
        ...{ key: `${letter}${i}`, letter, labels, value, atMs },
        unit: unitOf(expr, labels),
      })),
    );

/** The labels rows differ in first, then by name; `__name__` leads. */
export const columnsOf = (rows: readonly Row[]): readonly string[] => {
  const values = new Map<string, Set<string>>();
  for (const { labels } of rows) {
    for (const [label, value] of Object.entries(labels)) {
      const known = values.get(label);
      if (known === undefined) values.set(label, new Set([value]));
      else known.add(value);
    }
  }
  const rank = (label: string): number =>
    label === "__name__" ? 0 : (values.get(label)?.size ?? 0) > 1 ? 1 : 2;
  return [...values.keys()].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
};

export const filterRows = (rows: readonly Row[], filter: string): readonly Row[] => {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter(({ labels, letter }) => {
    const text = `${letter} ${Object.entries(labels).flat().join(" ")}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
};

export const sortRows = (
  rows: readonly Row[],
  { column, isDown }: Sort,
  collator: Intl.Collator,
): readonly Row[] => {
  const direction = isDown ? -1 : 1;
  return rows.toSorted((a, b) => {
    if (column === "value") {
      if (Number.isNaN(a.value) || Number.isNaN(b.value)) {
        return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value));
      }
      return direction * Math.sign(a.value - b.value || 0);
    }
    const [x, y] =
      column === "letter" ? [a.letter, b.letter] : [a.labels[column], b.labels[column]];
    if (x === undefined || y === undefined)
      return Number(x === undefined) - Number(y === undefined);
    return direction * collator.compare(x, y);
  });
};
