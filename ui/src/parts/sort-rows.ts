/**
 * Rows in the order of one column. What has no value comes last in both directions.
 */
export type SortValue = string | number | null;

export const sortBy = <T>(
  rows: readonly T[],
  value: (row: T) => SortValue,
  isDown: boolean,
  collator: Intl.Collator,
): readonly T[] => {
  const direction = isDown ? -1 : 1;
  return rows.toSorted((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    if (typeof a === "number" && typeof b === "number") return direction * (a - b);
    return direction * collator.compare(String(a), String(b));
  });
};
