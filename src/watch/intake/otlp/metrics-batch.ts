/**
 * Data points of one OTLP body as samples; what is not taken is counted, point by point.
 *
 * Shape:  the decoder opens a resource, says each point, closes the resource. A gauge or sum is a
 *         sample; a histogram its `_bucket`, `_count` and `_sum`; a summary its quantiles, `_count`
 *         and `_sum`; a closed resource one sample of `target_info`, at its latest point.
 * Units:  timestamps in whole ms.
 * Errors: none; a point that is not taken is counted as rejected, with the reason. Which series
 *         are begun depends on the body alone, so a replay has them at the same places.
 * Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility".
 */
import { writeStale } from "../../signal/series.ts";
import {
  beginSeries,
  finishSamples,
  keepSample,
  MAX_TIME_MS,
  newSampleBuilder,
  pushSample,
  reserveSample,
  type SampleBuilder,
  type Samples,
  type Terms,
} from "../decode/samples.ts";
import type { Known } from "../decode/catalog.ts";
import { newRejections, reject, type Rejected, type Rejections } from "./rejections.ts";
import { remark } from "./series-book.ts";
import type { FamilyEntry, PointEntry, ResourceEntry, SeriesBook } from "./series-book.ts";

export type MetricsTaken = {
  readonly samples: Samples;
  /** Data points, not samples: a histogram that is not taken counts once. */
  readonly rejected: Rejected;
};

export type MetricsBatch = {
  readonly book: SeriesBook;
  readonly samples: SampleBuilder;
  readonly rejections: Rejections;
  textLength: number;
  begun: number;
  /** Why no further point is looked at; "" while there is room. */
  full: string;
  /** Of the resource that is open: its latest point within bounds, and at all. */
  latestMs: number;
  latestAnyMs: number;
};

const MAX_SAMPLES = 2_000_000;
/** Characters of labels of all series of a body, which may name long ones many times. */
const MAX_TEXT_LENGTH = 64 * 1024 * 1024;
/** Prometheus' own histograms have about twelve; more than this is a mistake. */
const MAX_MARKS = 1_000;

export const newMetricsBatch = (book: SeriesBook, terms: Terms): MetricsBatch => ({
  book,
  samples: newSampleBuilder(terms),
  rejections: newRejections(),
  textLength: 0,
  begun: 0,
  full: "",
  latestMs: -1,
  latestAnyMs: -1,
});

export const finishMetrics = (batch: MetricsBatch): MetricsTaken => ({
  samples: finishSamples(batch.samples),
  rejected: { count: batch.rejections.count, messages: batch.rejections.messages },
});

export const openResource = (batch: MetricsBatch): void => {
  batch.latestMs = -1;
  batch.latestAnyMs = -1;
};

export const closeResource = (batch: MetricsBatch, { info }: ResourceEntry): void => {
  if (info === undefined || batch.latestAnyMs < 0) return;
  beginSeries(batch.samples, info);
  pushSample(batch.samples, batch.latestMs < 0 ? batch.latestAnyMs : batch.latestMs, 1);
};

export const takeNumber = (
  batch: MetricsBatch,
  point: PointEntry,
  timeMs: number,
  value: number,
  isStale: boolean,
): void => {
  if (!mayTake(batch, point, timeMs)) return;
  const isKept = take(batch, point.series[0]!, timeMs, value, isStale);
  noteTime(batch, point, timeMs, isKept);
};

export type MarkedPoint = {
  readonly timeMs: number;
  readonly isStale: boolean;
  readonly count: number;
  /** Undefined for a histogram of values that may be negative. */
  readonly sum: number | undefined;
  /** A histogram's upper bounds, a summary's quantiles. */
  readonly marks: readonly number[];
  /** A histogram's counts, one more than bounds, or none; a summary's values. */
  readonly values: readonly number[];
};

export const takeHistogram = (
  batch: MetricsBatch,
  family: FamilyEntry,
  point: PointEntry,
  at: MarkedPoint,
): void => {
  const isOpenEnded = at.marks.at(-1) === Infinity;
  const marks = isOpenEnded ? at.marks.slice(0, -1) : at.marks;
  const wrong = wrongBuckets(at, marks);
  if (wrong !== "") return reject(batch.rejections, 1, `${family.name}: ${wrong}`);
  if (!mayMark(batch, family, point, marks) || !mayTake(batch, point, at.timeMs)) return;
  const { series } = point;
  const { timeMs, isStale } = at;
  let below = 0;
  let isKept = true;
  for (let nth = 0; nth < marks.length; nth += 1) {
    below += at.values[nth] ?? 0;
    isKept = take(batch, series[nth]!, timeMs, below, isStale) && isKept;
  }
  isKept = take(batch, series.at(-3)!, timeMs, at.count, isStale) && isKept;
  isKept = takeEnds(batch, series, at) && isKept;
  noteTime(batch, point, timeMs, isKept);
};

export const takeSummary = (
  batch: MetricsBatch,
  family: FamilyEntry,
  point: PointEntry,
  at: MarkedPoint,
): void => {
  const wrong = wrongQuantiles(at);
  if (wrong !== "") return reject(batch.rejections, 1, `${family.name}: ${wrong}`);
  if (!mayMark(batch, family, point, at.marks) || !mayTake(batch, point, at.timeMs)) return;
  const { series } = point;
  let isKept = true;
  for (let nth = 0; nth < at.marks.length; nth += 1) {
    isKept = take(batch, series[nth]!, at.timeMs, at.values[nth]!, at.isStale) && isKept;
  }
  isKept = takeEnds(batch, series, at) && isKept;
  noteTime(batch, point, at.timeMs, isKept);
};

const DELTA = 1;
const CUMULATIVE = 2;

/** Why the points of such a metric are not taken; "" if they are. */
export const refusalOf = (isExponential: boolean, temporality: number): string => {
  if (isExponential) {
    return (
      "exponential histograms are not taken; use explicit buckets " +
      "(OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=explicit_bucket_histogram)"
    );
  }
  if (temporality === CUMULATIVE) return "";
  const what = temporality === DELTA ? "delta temporality is not taken" : "it has no temporality";
  return `${what}; set OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative`;
};

const takeEnds = (batch: MetricsBatch, series: readonly Known[], at: MarkedPoint): boolean => {
  const isCounted = take(batch, series.at(-2)!, at.timeMs, at.count, at.isStale);
  if (at.sum === undefined) return isCounted;
  return take(batch, series.at(-1)!, at.timeMs, at.sum, at.isStale) && isCounted;
};

const wrongBuckets = (at: MarkedPoint, marks: readonly number[]): string => {
  const { length } = marks;
  if (length > MAX_MARKS) return `a histogram of ${length} buckets is over ${MAX_MARKS}`;
  const { length: counts } = at.values;
  const isWithoutBuckets = counts === 0 && at.marks.length === 0;
  if (counts !== at.marks.length + 1 && !isWithoutBuckets && !at.isStale) {
    return `${counts} bucket counts for ${at.marks.length} bounds; there is one more than bounds`;
  }
  for (let nth = 0; nth < length; nth += 1) {
    // Said so that NaN is wrong too.
    if (!(marks[nth]! > (nth === 0 ? -Infinity : marks[nth - 1]!))) {
      return "the bounds of a histogram do not ascend";
    }
  }
  return "";
};

const wrongQuantiles = ({ marks }: MarkedPoint): string => {
  if (marks.length > MAX_MARKS)
    return `a summary of ${marks.length} quantiles is over ${MAX_MARKS}`;
  if (!marks.every((quantile) => quantile >= 0 && quantile <= 1)) {
    return "a quantile is not between 0 and 1";
  }
  return new Set(marks).size === marks.length ? "" : "a quantile is there twice";
};

/** Gives the point the series of these marks, if it has not got them. */
const mayMark = (
  batch: MetricsBatch,
  family: FamilyEntry,
  point: PointEntry,
  marks: readonly number[],
): boolean => {
  if (point.refusal !== "" || areSame(point.marks, marks)) return true;
  const why = remark(batch.book, family, point, marks);
  if (why !== "") reject(batch.rejections, 1, why);
  return why === "";
};

const areSame = (a: readonly number[], b: readonly number[]): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
};

const mayTake = (batch: MetricsBatch, point: PointEntry, timeMs: number): boolean => {
  const { rejections } = batch;
  if (point.refusal !== "") {
    reject(rejections, 1, point.refusal);
    return false;
  }
  if (timeMs > MAX_TIME_MS) {
    reject(rejections, 1, `${point.series[0]!.metric}: its time is beyond the year 2200`);
    return false;
  }
  batch.begun += point.series.length;
  batch.textLength += point.textLength;
  if (batch.begun > MAX_SAMPLES) {
    batch.full = `over ${MAX_SAMPLES} samples in one body; send smaller batches`;
  } else if (batch.textLength > MAX_TEXT_LENGTH) {
    batch.full = `over ${MAX_TEXT_LENGTH} characters of labels in one body; send smaller batches`;
  }
  return hasRoom(batch);
};

/** Is the body within its limits? If not, the point at hand is rejected. */
export const hasRoom = ({ full, rejections }: MetricsBatch): boolean => {
  if (full !== "") reject(rejections, 1, full);
  return full === "";
};

/** Was it kept, as far as this series goes? */
const take = (
  { samples }: MetricsBatch,
  series: Known,
  timeMs: number,
  value: number,
  isStale: boolean,
): boolean => {
  const { count } = samples;
  beginSeries(samples, series);
  if (!isStale) pushSample(samples, timeMs, value);
  else {
    reserveSample(samples);
    writeStale(samples.values, count);
    keepSample(samples, timeMs);
  }
  return samples.count > count;
};

const noteTime = (
  batch: MetricsBatch,
  point: PointEntry,
  timeMs: number,
  isKept: boolean,
): void => {
  const { notBeforeMs, notAfterMs } = batch.samples.terms;
  if (timeMs > batch.latestAnyMs) batch.latestAnyMs = timeMs;
  if (timeMs <= notAfterMs && timeMs > batch.latestMs) batch.latestMs = timeMs;
  if (isKept) return;
  const { metric } = point.series[0]!;
  if (timeMs > notAfterMs) {
    reject(batch.rejections, 1, `${metric}: its time is too far ahead of this hub's clock`);
  } else if (timeMs < notBeforeMs) {
    reject(batch.rejections, 1, `${metric}: its time is older than the retention`);
  } else reject(batch.rejections, 1, `${metric}: a limit on series does not admit it`);
};
