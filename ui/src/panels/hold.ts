/**
 * Keeps rows where they are while somebody points at them or has the focus in them.
 *
 * Shape:  `arrange(held, rows)`: `held` is the order on the page when the hold began, or undefined.
 *         Held rows keep their place with their newest content; those that left stay as `gone`;
 *         new ones wait and are counted.
 */
export type Row<T> = { readonly item: T; readonly gone: boolean };
export type Arranged<T> = { readonly rows: readonly Row<T>[]; readonly waiting: number };

export const arrange = <T extends { readonly id: string }>(
  held: readonly T[] | undefined,
  items: readonly T[],
): Arranged<T> => {
  if (held === undefined) {
    return { rows: items.map((item) => ({ item, gone: false })), waiting: 0 };
  }
  const now = new Map(items.map((item) => [item.id, item]));
  const shown = new Set(held.map(({ id }) => id));
  return {
    rows: held.map((old) => ({ item: now.get(old.id) ?? old, gone: !now.has(old.id) })),
    waiting: items.filter(({ id }) => !shown.has(id)).length,
  };
};
