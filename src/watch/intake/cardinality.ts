/**
 * How many series a source and a metric may have, and what to say when there are more.
 *
 * Shape:  `admit(source, atMs)` is asked of each series as it stands in a body. A series counts for
 *         the source that brought it first within the hour, and stays counted through the next.
 * Units:  series; ms since the epoch of the hub's clock, because a sender's may be wrong.
 * Errors: none; a refusal is `false`, and `explain` says which labels have how many values.
 * Why:    one label with a user's id in it must cost its sender an answer he can act on, not
 *         everybody the window.
 */
import type { Labels } from "../signal/series.ts";
import type { Known } from "./decode/catalog.ts";
import type { Admit } from "./decode/samples.ts";

export type CardinalityLimits = {
  readonly maxSeriesPerSource: number;
  readonly maxSeriesPerMetric: number;
};
export const CARDINALITY_LIMITS: CardinalityLimits = {
  maxSeriesPerSource: 150_000,
  maxSeriesPerMetric: 50_000,
};

export type Cardinality = {
  readonly admit: (source: string, atMs: number) => Admit;
  /** Counts what was admitted once, whatever the limits are now; `refused` are places. */
  readonly replay: (source: string, atMs: number, refused: readonly number[]) => Admit;
  /** Which limit a series of this metric meets: a sentence. */
  readonly explain: (source: string, metric: string) => string;
  readonly seriesOfSource: (source: string) => number;
};

const HOUR_MS = 3_600_000;

/** Series of one name: of this hour, and of the hour before that were not seen again yet. */
type Count = { hour: number; now: number; before: number };

export const newCardinality = (limits: CardinalityLimits = CARDINALITY_LIMITS): Cardinality => {
  const sources = new Map<string, Count>();
  const metrics = new Map<string, Count>();

  const count = (counts: Map<string, Count>, name: string, hour: number): Count => {
    const found = counts.get(name);
    if (found === undefined) {
      const fresh = { hour, now: 0, before: 0 };
      counts.set(name, fresh);
      return fresh;
    }
    if (found.hour < hour) {
      found.before = found.hour === hour - 1 ? found.now : 0;
      found.now = 0;
      found.hour = hour;
    }
    return found;
  };

  /** Where the series counts, moved to this hour if it was there the hour before. */
  const isCounted = (series: Known, hour: number): boolean => {
    if (series.seenHour === hour) return true;
    if (series.seenHour !== hour - 1) return false;
    for (const one of [count(sources, series.source, hour), count(metrics, series.metric, hour)]) {
      one.before = Math.max(0, one.before - 1);
      one.now += 1;
    }
    series.seenHour = hour;
    return true;
  };

  const add = (series: Known, source: string, hour: number): void => {
    count(sources, source, hour).now += 1;
    count(metrics, series.metric, hour).now += 1;
    series.source = source;
    series.seenHour = hour;
  };

  const isFull = (one: Count, limit: number): boolean => one.now + one.before >= limit;

  return {
    admit: (source, atMs) => {
      const hour = Math.floor(atMs / HOUR_MS);
      return (series) => {
        if (isCounted(series, hour)) return true;
        if (isFull(count(sources, source, hour), limits.maxSeriesPerSource)) return false;
        if (isFull(count(metrics, series.metric, hour), limits.maxSeriesPerMetric)) return false;
        add(series, source, hour);
        return true;
      };
    },
    replay: (source, atMs, refused) => {
      const hour = Math.floor(atMs / HOUR_MS);
      const left = new Set(refused);
      return (series, nth) => {
        if (left.has(nth)) return false;
        if (!isCounted(series, hour)) add(series, source, hour);
        return true;
      };
    },
    explain: (source, metric) => {
      const ofMetric = sum(metrics.get(metric));
      if (ofMetric >= limits.maxSeriesPerMetric) {
        return `metric ${metric} has ${ofMetric} series, the limit of one metric`;
      }
      const ofSource = sum(sources.get(source));
      return `source ${source} has ${ofSource} series, the limit is ${limits.maxSeriesPerSource}`;
    },
    seriesOfSource: (source) => sum(sources.get(source)),
  };
};

const sum = (count: Count | undefined): number =>
  count === undefined ? 0 : count.now + count.before;

const SHOWN_LABELS = 5;

/** Which labels make the series of a metric many: those with the most values first. */
export const labelSpread = (all: Iterable<Labels>): string => {
  const values = new Map<string, Set<string>>();
  for (const labels of all) {
    for (const [name, value] of labels) {
      const found = values.get(name);
      if (found === undefined) values.set(name, new Set([value]));
      else found.add(value);
    }
  }
  return [...values]
    .filter(([name, found]) => name !== "__name__" && found.size > 1)
    .toSorted(([, a], [, b]) => b.size - a.size)
    .slice(0, SHOWN_LABELS)
    .map(([name, found]) => `${name} ${found.size}`)
    .join(", ");
};

const REMEMBERED_MS = 10_000;
const MAX_REMEMBERED = 100;

/**
 * The spread of a metric, looked at again after a while only: whoever sends what explodes sends it
 * again and again, and each look reads all series of the metric.
 */
export const rememberedSpread = (
  labelsOf: (metric: string) => Iterable<Labels>,
  monotonic: () => number,
): ((metric: string) => string) => {
  const known = new Map<string, { readonly atMs: number; readonly text: string }>();
  return (metric) => {
    const nowMs = monotonic();
    const found = known.get(metric);
    if (found !== undefined && nowMs - found.atMs < REMEMBERED_MS) return found.text;
    if (known.size >= MAX_REMEMBERED) known.clear();
    const text = labelSpread(labelsOf(metric));
    known.set(metric, { atMs: nowMs, text });
    return text;
  };
};
