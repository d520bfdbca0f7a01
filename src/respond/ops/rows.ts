/**
 * Answers of several questions, joined into rows by the labels they are about.
 *
 * Shape:  a row is there once any question answers for it; what the others do not answer is null,
 *         never 0.
 */
export type Sample = {
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly v: number;
};
export type Answers<Q extends string> = { readonly [K in Q]: readonly Sample[] };

export type JoinedRow<Q extends string> = {
  readonly key: Readonly<Record<string, string>>;
  readonly at: (question: Q) => number | null;
};

export const joinRows = <Q extends string>(
  answers: Answers<Q>,
  labels: readonly string[],
  questions: readonly Q[],
): readonly JoinedRow<Q>[] => {
  const rows = new Map<
    string,
    { readonly key: Record<string, string>; readonly values: Map<Q, number> }
  >();
  for (const question of questions) {
    for (const { labels: own, v } of answers[question]) {
      const named = new Map(own);
      const key = Object.fromEntries(labels.map((label) => [label, named.get(label) ?? ""]));
      const id = JSON.stringify(Object.values(key));
      const row = rows.get(id) ?? { key, values: new Map<Q, number>() };
      if (Number.isFinite(v)) row.values.set(question, v);
      rows.set(id, row);
    }
  }
  return [...rows.values()].map(({ key, values }) => ({
    key,
    at: (question) => values.get(question) ?? null,
  }));
};

/**
 * The share of calls that failed. Without calls there is no share; calls and no count of failed
 * ones means that none failed, since a counter of errors begins with the first.
 */
export const failedShare = (rate: number | null, failed: number | null): number | null =>
  rate === null || rate <= 0 ? null : Math.min(1, Math.max(0, failed ?? 0) / rate);

export type Cut<T> = { readonly items: T[]; readonly isCut: boolean };

/** The first by a measure, largest first; what has none comes last. */
export const largest = <T>(
  items: readonly T[],
  most: number,
  by: (item: T) => number | null,
): Cut<T> => {
  const size = (item: T): number => by(item) ?? Number.NEGATIVE_INFINITY;
  const sorted = items.toSorted((a, b) => (size(a) === size(b) ? 0 : size(b) - size(a)));
  return { items: sorted.slice(0, most), isCut: items.length > most };
};
