/**
 * Which series, label names and label values there are: in the recent window and in the store.
 *
 * Shape:  of the window, series whose samples reach into the range; of what is older, series with
 *         samples on one of its days, because that is how the store keeps their labels. Without a
 *         matcher the window's whole index counts, whatever the range asks of it.
 * Units:  ms, both ends included. Limits below; a caller's own `limit` of 0 is none.
 * Errors: "unavailable" while the window is being refilled, and for who does not wait any more
 *         (`signal`). A store that does not answer leaves
 *         out what is older, and the answer says so: a list for people may be short, not silent.
 */
import { ok, problem, type Result } from "../../../kernel/result.ts";
import type { Store } from "../../../io/clickhouse/client.ts";
import { StoreFault } from "../../../io/clickhouse/fault.ts";
import { historyRange, keyOf } from "./history.ts";
import { type LabelScope, readLabelNames, readLabelSets, readLabelValues } from "./label.store.ts";
import type { Matcher } from "../matcher.ts";
import { compareLabels, labelValue, type Labels } from "../series.ts";
import type { Window } from "../window/window.ts";

export type LabelQueryDeps = {
  readonly window: Pick<Window, "select" | "labelNames" | "labelValues">;
  readonly store: Pick<Store, "rows">;
  /** False until the window was refilled: before that a list would be a guess. */
  readonly ready: () => boolean;
  /** The window is whole from here on. */
  readonly seamMs: () => number;
  /** Oldest sample in the store, null while it has none. */
  readonly oldestMs: () => number | null;
};

export type LabelQuestion = {
  readonly startMs: number;
  readonly endMs: number;
  /** A series counts that satisfies one of these sets; none of them means every series. */
  readonly sets: readonly (readonly Matcher[])[];
  readonly limit: number;
};

export type Listed<T> = { readonly items: readonly T[]; readonly warnings: readonly string[] };

export type LabelQueries = {
  readonly series: List<[], Labels>;
  readonly names: List<[], string>;
  readonly values: List<[name: string], string>;
};
type List<Of extends unknown[], T> = (
  ...ask: [...Of, question: LabelQuestion, signal?: AbortSignal]
) => Promise<Result<Listed<T>>>;

const MAX_SERIES = 50_000;
const MAX_NAMES = 10_000;
const MAX_VALUES = 100_000;
const REFILL_RETRY_MS = 1_000;
/** Both are asked for so much, so that the window may move on while the store answers. */
const OVERLAP_MS = 60_000;

export const openLabelQueries = (deps: LabelQueryDeps): LabelQueries => ({
  series: (question, signal) =>
    listed(deps, question, signal, {
      most: MAX_SERIES,
      keyOf,
      compare: compareLabels,
      recent: () => selected(deps, question),
      older: (scope, limit) => readLabelSets(deps.store, scope, limit),
    }),
  names: (question, signal) =>
    listed(deps, question, signal, {
      most: MAX_NAMES,
      ...TEXTS,
      recent: () =>
        question.sets.length === 0 ? deps.window.labelNames() : namesOf(selected(deps, question)),
      older: (scope, limit) => readLabelNames(deps.store, scope, limit),
    }),
  values: (name, question, signal) =>
    listed(deps, question, signal, {
      most: MAX_VALUES,
      ...TEXTS,
      recent: () =>
        question.sets.length === 0
          ? deps.window.labelValues(name)
          : valuesOf(name, selected(deps, question)),
      older: (scope, limit) => readLabelValues(deps.store, name, scope, limit),
    }),
});

type Sources<T> = {
  readonly most: number;
  readonly keyOf: (item: T) => string;
  readonly compare: (a: T, b: T) => number;
  readonly recent: () => Iterable<T>;
  readonly older: (scope: LabelScope, limit: number) => Promise<readonly T[]>;
};

const TEXTS = {
  keyOf: (text: string): string => text,
  compare: (a: string, b: string): number => (a < b ? -1 : Number(a > b)),
};

const listed = async <T>(
  deps: LabelQueryDeps,
  { startMs, endMs, sets, limit }: LabelQuestion,
  signal: AbortSignal | undefined,
  { most, ...sources }: Sources<T>,
): Promise<Result<Listed<T>>> => {
  if (!deps.ready()) {
    return problem("unavailable", "the recent window is being refilled", {
      retryAfterMs: REFILL_RETRY_MS,
    });
  }
  const bound = limit === 0 ? most : Math.min(limit, most);
  const seamMs = deps.seamMs();
  const range = { fromMs: startMs, toMs: endMs };
  const older = historyRange(range, seamMs + OVERLAP_MS, deps.oldestMs());
  const warnings: string[] = [];
  const found = new Map<string, T>();
  try {
    const items = older === undefined ? [] : await sources.older({ ...older, sets }, bound + 1);
    for (const item of items) found.set(sources.keyOf(item), item);
  } catch (fault) {
    if (!(fault instanceof StoreFault)) throw fault;
    warnings.push(`history is left out, the store does not answer: ${fault.message}`);
  }
  if (signal?.aborted === true) return canceled;
  // After the store, so that what moved there meanwhile is seen twice and never missed.
  if (endMs >= seamMs && startMs <= endMs) {
    for (const item of sources.recent()) {
      found.set(sources.keyOf(item), item);
      // Beyond our own limit there is no order to keep, and sorting all would take long.
      if (found.size > most) break;
    }
  }
  const items = [...found.values()].sort(sources.compare);
  if (items.length > bound) warnings.push(cutBy(limit === bound ? undefined : most));
  return ok({ items: items.slice(0, bound), warnings });
};

const canceled = problem("unavailable", "list: was canceled before it was whole");

/** Prometheus' own words, and the limit where it is ours. */
const cutBy = (most: number | undefined): string =>
  `results truncated due to limit${most === undefined ? "" : ` of ${most}`}`;

/** Series of the window that satisfy one set at least, each once. */
const selected = (
  { window }: LabelQueryDeps,
  { startMs, endMs, sets }: LabelQuestion,
): ReadonlySet<Labels> => {
  const found = new Set<Labels>();
  for (const matchers of sets) {
    for (const { labels } of window.select(matchers, startMs, endMs)) found.add(labels);
  }
  return found;
};

const namesOf = (series: Iterable<Labels>): ReadonlySet<string> => {
  const names = new Set<string>();
  for (const labels of series) for (const [name] of labels) names.add(name);
  return names;
};

const valuesOf = (name: string, series: Iterable<Labels>): ReadonlySet<string> => {
  const values = new Set<string>();
  for (const labels of series) {
    const value = labelValue(labels, name);
    if (value !== "") values.add(value);
  }
  return values;
};
