/**
 * Finds series by their labels: for every name and value, the list of series that carry it.
 *
 * Shape:  name → value → list. A selection starts at the shortest list a matcher allows and asks
 *         the other matchers of those series only.
 * Errors: none.
 */
import { type CompiledMatcher, matchesAll } from "../matcher.ts";
import { type Labels, labelValue } from "../series.ts";

type Indexed = { readonly labels: Labels };
type Label = Labels[number];
type Posting<S> = { readonly label: Label; list: S[] };
type Name<S> = { readonly name: string; readonly values: Map<string, Posting<S>> };

export type LabelIndex<S extends Indexed> = {
  /** The same labels made of those the index already holds, so equal ones exist once. */
  readonly canonical: (labels: Labels) => Labels;
  readonly add: (series: S) => void;
  readonly remove: (dropped: ReadonlySet<S>) => void;
  readonly select: (matchers: readonly CompiledMatcher[]) => S[];
  readonly names: () => string[];
  readonly values: (name: string) => string[];
  readonly count: (name: string, value: string) => number;
};

export const newLabelIndex = <S extends Indexed>(all: () => Iterable<S>): LabelIndex<S> => {
  const index = new Map<string, Name<S>>();
  return {
    canonical: (labels) =>
      labels.map((label): Label => {
        const [name, value] = label;
        const known = index.get(name);
        return known?.values.get(value)?.label ?? [known?.name ?? name, value];
      }),
    add: (series) => {
      for (const label of series.labels) addTo(index, label, series);
    },
    remove: (dropped) => remove(index, dropped),
    select: (matchers) => select(index, matchers, all),
    names: () => [...index.keys()].sort(),
    values: (name) => [...(index.get(name)?.values.keys() ?? [])].sort(),
    count: (name, value) => index.get(name)?.values.get(value)?.list.length ?? 0,
  };
};

const addTo = <S>(index: Map<string, Name<S>>, label: Label, series: S): void => {
  const [name, value] = label;
  let entry = index.get(name);
  if (entry === undefined) index.set(name, (entry = { name, values: new Map() }));
  const posting = entry.values.get(value);
  if (posting === undefined) entry.values.set(value, { label, list: [series] });
  else posting.list.push(series);
};

/** One pass over each list that a dropped series was on, however many were dropped. */
const remove = <S extends Indexed>(index: Map<string, Name<S>>, dropped: ReadonlySet<S>): void => {
  const touched = new Map<Posting<S>, Name<S>>();
  for (const series of dropped) {
    for (const [name, value] of series.labels) {
      const entry = index.get(name);
      const posting = entry?.values.get(value);
      if (entry !== undefined && posting !== undefined) touched.set(posting, entry);
    }
  }
  for (const [posting, entry] of touched) {
    posting.list = posting.list.filter((series) => !dropped.has(series));
    if (posting.list.length > 0) continue;
    entry.values.delete(posting.label[1]);
    if (entry.values.size === 0) index.delete(entry.name);
  }
};

const select = <S extends Indexed>(
  index: Map<string, Name<S>>,
  matchers: readonly CompiledMatcher[],
  all: () => Iterable<S>,
): S[] => {
  let best: { readonly matcher: CompiledMatcher; readonly lists: S[][]; size: number } | undefined;
  for (const matcher of matchers) {
    // A matcher that accepts "" accepts series without the label, which no list holds.
    if (matcher.matchesEmpty) continue;
    const lists = listsOf(index, matcher);
    const size = lists.reduce((sum, list) => sum + list.length, 0);
    if (best === undefined || size < best.size) best = { matcher, lists, size };
    if (size === 0) return [];
  }
  if (best === undefined) return [...all()].filter((s) => matchesAll(matchers, s.labels));
  const others = matchers.filter((matcher) => matcher !== best.matcher);
  if (others.length === 0)
    return best.lists.length === 1 ? best.lists[0]!.slice() : best.lists.flat();
  return filtered(best.lists, others);
};

const filtered = <S extends Indexed>(lists: S[][], others: readonly CompiledMatcher[]): S[] => {
  const found: S[] = [];
  for (const list of lists) {
    for (const series of list) {
      let keep = true;
      for (const other of others) {
        if (other.test(labelValue(series.labels, other.matcher.name))) continue;
        keep = false;
        break;
      }
      if (keep) found.push(series);
    }
  }
  return found;
};

const listsOf = <S>(index: Map<string, Name<S>>, { matcher, test }: CompiledMatcher): S[][] => {
  const entry = index.get(matcher.name);
  if (entry === undefined) return [];
  if (matcher.op === "=") {
    const posting = entry.values.get(matcher.value);
    return posting === undefined ? [] : [posting.list];
  }
  const lists: S[][] = [];
  for (const posting of entry.values.values()) if (test(posting.label[1])) lists.push(posting.list);
  return lists;
};
