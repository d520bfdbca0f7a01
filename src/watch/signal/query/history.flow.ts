/**
 * What a query needs of the store before it can be evaluated: samples, or steps of a grid that the
 * store computes itself.
 *
 * Shape:  each selector of the expression is looked at once; a range function over long history
 *         is computed where its samples lie, as far as they lie before the seam.
 * Units:  ms; limits below.
 * Errors: Problems: "bad_request" for what is over a limit, "too_many" past the time it may take,
 *         "unavailable" while the store does not answer or when nobody waits any more.
 */
import { ok, problem, type Result } from "../../../kernel/result.ts";
import type { Store } from "../../../io/clickhouse/client.ts";
import { StoreFault } from "../../../io/clickhouse/fault.ts";
import {
  HistoryLimit,
  historyRange,
  matching,
  metricOf,
  seriesFromRows,
  type StoredSeries,
} from "./history.ts";
import { isByStore, newGridRows, partOf, slicesOf, spanOf, stepsAhead } from "./history-grid.ts";
import { countPerHour, readGrid, readOdd, readRanges } from "./history-grid.store.ts";
import type { Expr } from "../promql/ast.ts";
import type { Computed } from "../promql/context.ts";
import type { QueryRange, RangeGrid, Selection } from "../promql/grid.ts";
import { selectorsOf } from "../promql/grid.ts";
import type { Row } from "../promql/row.ts";
import { rangeRow } from "../promql/select-rows.ts";
import type { Matcher } from "../matcher.ts";
import type { SeriesData } from "../series.ts";
import { readSamples, readSeries } from "../store/signal.store.ts";
import { newTurns, NoTurn, type Turns } from "./turns.ts";

export type HistoryDeps = {
  readonly store: Pick<Store, "rows" | "blocks">;
  readonly monotonic: () => number;
  /** The window is whole from here on. */
  readonly seamMs: () => number;
  /** Oldest sample in the store, null while it has none. */
  readonly oldestMs: () => number | null;
  /** Samples are whole from here on; of what is older the 1-minute tier is left. */
  readonly rawFromMs?: () => number;
};

/** Who reads history holds much of it for a while: a few at once. */
export const newHistoryTurns = (): Turns => newTurns(READING_AT_ONCE, MAX_WAITING);

export type History = {
  /** Was nothing needed of it? */
  readonly isNone: boolean;
  readonly samples: (selection: Selection) => readonly SeriesData[];
  readonly computed: (
    call: RangeGrid,
  ) => (Computed & { readonly newestMs: number | null }) | undefined;
};

const MAX_SERIES = 20_000;
/** Of one query, all its selectors together. */
const MAX_SAMPLES = 5_000_000;
const MAX_POINTS = 4_000_000;
/** Each may hold a hundred megabytes. */
const READING_AT_ONCE = 2;
const MAX_WAITING = 64;
/** All statements of one query together. */
const READ_MS = 60_000;
const RETRY_MS = 1_000;
/** Both are asked for so much, so that the window may move on while the store answers. */
const OVERLAP_MS = 60_000;

/** ClickHouse's codes for a question that is too large, unlike those of a store that is away. */
const MEMORY_LIMIT_EXCEEDED = 241;
const TIMEOUT_EXCEEDED = 159;

export const fetchHistory = async (
  deps: HistoryDeps & { readonly turns: Turns },
  expr: Expr,
  query: QueryRange,
  signal?: AbortSignal,
): Promise<Result<History>> => {
  const samples = new Map<string, readonly SeriesData[]>();
  const computed = new Map<string, ReturnType<History["computed"]>>();
  const found: Omit<History, "isNone"> = {
    samples: (selection) => samples.get(selectionKey(selection)) ?? [],
    computed: (call) => computed.get(callKey(call)),
  };
  const seamMs = deps.seamMs();
  const oldestMs = deps.oldestMs();
  const rawFromMs = deps.rawFromMs?.() ?? -Infinity;
  const calls = new Map<string, RangeGrid>();
  const selections = selectorsOf(expr, query, {}, (call) => {
    // The tier is thin enough to be read; the store's functions know the samples only.
    const isThin = spanOf(call).fromMs < rawFromMs;
    const steps = isThin ? 0 : stepsAhead(call, seamMs, oldestMs);
    if (steps > 0) calls.set(callKey(call), partOf(call, 0, steps));
    return steps;
  });
  const untilMs = deps.monotonic() + READ_MS;
  const reading: Reading = {
    store: deps.store,
    left: { samples: MAX_SAMPLES, points: MAX_POINTS },
    go: () => {
      if (signal?.aborted === true || deps.monotonic() > untilMs) throw new HistoryTimeout();
    },
  };
  const work = async (): Promise<Result<History>> => {
    const back = await deps.turns.take(signal);
    try {
      for (const [key, call] of calls) {
        computed.set(key, await computeHistory(reading, call, oldestMs ?? 0));
      }
      for (const selection of selections) {
        const key = selectionKey(selection);
        const range = historyRange(selection, seamMs + OVERLAP_MS, oldestMs);
        if (range === undefined || samples.has(key)) continue;
        reading.go();
        samples.set(key, await readHistory(reading, selection.matchers, { ...range, rawFromMs }));
      }
      return ok({ ...found, isNone: false });
    } finally {
      back();
    }
  };
  if (calls.size === 0 && selections.every((one) => isRecent(one, seamMs, oldestMs))) {
    return ok({ ...found, isNone: true });
  }
  try {
    return await unlessAborted(work(), signal);
  } catch (fault) {
    return problemOf(fault, signal);
  }
};

type Reading = {
  readonly store: HistoryDeps["store"];
  /** What the query may still read, and hold. */
  readonly left: { samples: number; points: number };
  /** Throws when it took too long, or nobody waits any more. */
  readonly go: () => void;
};

class HistoryTimeout extends Error {
  override readonly name = "HistoryTimeout";
}

const isRecent = (selection: Selection, seamMs: number, oldestMs: number | null): boolean =>
  historyRange(selection, seamMs + OVERLAP_MS, oldestMs) === undefined;

const selectionKey = ({ matchers, fromMs, toMs }: Selection): string =>
  JSON.stringify([matchers, fromMs, toMs]);

const callKey = ({ func, matchers, rangeMs, firstMs, strideMs, steps }: RangeGrid): string =>
  JSON.stringify([func, matchers, rangeMs, firstMs, strideMs, steps]);

/** Does not wait for the store when nobody waits for us: it ends by its own time limit. */
const unlessAborted = async <T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  if (signal === undefined) return work;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    if (signal.aborted) abort();
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => undefined);
  }
};

const problemOf = (fault: unknown, signal: AbortSignal | undefined): Result<never> => {
  if (signal?.aborted === true) {
    return problem("unavailable", "query: was canceled while history was read");
  }
  if (fault instanceof HistoryLimit) {
    return problem("bad_request", `query: needs ${fault.message} of history`);
  }
  if (fault instanceof NoTurn) {
    return problem("too_many", `query: cannot read history now: ${fault.message}`, {
      retryAfterMs: RETRY_MS,
    });
  }
  if (fault instanceof HistoryTimeout) {
    return problem("too_many", `query: reading history took more than ${READ_MS} ms`);
  }
  if (!(fault instanceof StoreFault)) throw fault;
  if (fault.code === MEMORY_LIMIT_EXCEEDED && /query memory/i.test(fault.message)) {
    const message = `query: needs more memory for its history than the store allows: ${fault.message}`;
    return problem("bad_request", message);
  }
  if (fault.code === TIMEOUT_EXCEEDED) {
    return problem("too_many", `query: reading history took too long: ${fault.message}`);
  }
  return problem("unavailable", `history cannot be read: ${fault.message}`, {
    retryAfterMs: RETRY_MS,
  });
};

type Span = { readonly fromMs: number; readonly toMs: number; readonly rawFromMs?: number };

const seriesIn = async (
  store: HistoryDeps["store"],
  matchers: readonly Matcher[],
  span: Span,
): Promise<readonly StoredSeries[]> => {
  const stored = await readSeries(store, { ...span, metric: metricOf(matchers) }, MAX_SERIES);
  return matching(stored, matchers);
};

const readHistory = async (
  { store, left }: Reading,
  matchers: readonly Matcher[],
  span: Span,
): Promise<readonly SeriesData[]> => {
  const series = await seriesIn(store, matchers, span);
  if (series.length === 0) return [];
  const ids = series.map(({ id }) => id);
  const columns = await readSamples(store, { ...span, ids }, MAX_SAMPLES);
  left.samples -= columns.rows;
  if (left.samples < 0) throw new HistoryLimit(`over ${MAX_SAMPLES} samples`);
  return seriesFromRows(columns, series);
};

/** Slice by slice: most series by the store, odd ones by us from their samples. */
const computeHistory = async (
  { store, left, go }: Reading,
  call: RangeGrid,
  oldestMs: number,
): Promise<Computed & { readonly newestMs: number | null }> => {
  const span = spanOf(call);
  const from = { ...span, fromMs: Math.max(span.fromMs, oldestMs) };
  const series = await seriesIn(store, call.matchers, from);
  const labels = new Map(series.map((one) => [one.id, one.labels]));
  const points = newGridRows(call.steps, labels);
  let newestMs: number | null = null;
  const perHour =
    series.length === 0
      ? new Map<number, number>()
      : await countPerHour(store, call, [...labels.keys()]);
  const saw = (ms: number | null): void => {
    if (ms !== null) newestMs = Math.max(newestMs ?? -Infinity, ms);
  };
  left.points -= labels.size * call.steps;
  if (left.points < 0) {
    const asked = `${labels.size} series at ${call.steps} steps`;
    throw new HistoryLimit(`${asked}, over ${MAX_POINTS} points in all,`);
  }
  for (const slice of slicesOf(call, [...labels.keys()], perHour)) {
    go();
    const part = partOf(call, slice.from, slice.to);
    const { ids, newestMs: newest } = isByStore(call)
      ? await readOdd(store, part, slice.ids)
      : { ids: new Set(slice.ids), newestMs: null };
    saw(newest);
    const even = slice.ids.filter((id) => !ids.has(id));
    go();
    if (even.length > 0) points.put(slice.from, await readGrid(store, part, even));
    if (ids.size === 0) continue;
    const some = series.filter(({ id }) => ids.has(id));
    for (const { id, row, lastMs } of await computeHere(store, part, some)) {
      points.putRow(slice.from, id, row);
      saw(lastMs);
    }
  }
  return { steps: call.steps, rows: points.rows(), newestMs };
};

/** From the samples themselves, by the functions of an evaluation. */
const computeHere = async (
  store: HistoryDeps["store"],
  call: RangeGrid,
  series: readonly StoredSeries[],
): Promise<readonly { readonly id: bigint; readonly row: Row; readonly lastMs: number }[]> => {
  const ids = new Map(series.map(({ id, labels }) => [labels, id]));
  const columns = await readRanges(store, call, [...ids.values()], MAX_SAMPLES);
  return seriesFromRows(columns, series).map(({ labels, timestamps, values }) => {
    const all = { timestamps, values, length: values.length };
    const lastMs = timestamps.at(-1) ?? -Infinity;
    return { id: ids.get(labels)!, row: rangeRow(call, labels, all), lastMs };
  });
};
