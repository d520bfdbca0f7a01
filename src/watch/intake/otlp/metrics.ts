/**
 * OTLP metrics, decoded by hand from protobuf into columns of samples.
 *
 * Shape:  ExportMetricsServiceRequest { 1: ResourceMetrics { 1: resource, 2: ScopeMetrics { 1:
 *         scope, 2: Metric { 1: name, 5 | 7 | 9 | 10 | 11: its points } } } }. A message is walked
 *         twice where what comes last decides how what comes first is read.
 * Units:  timestamps from ns to whole ms.
 * Errors: a Problem "bad_request" for what is no protobuf; nothing of the body is then taken. A
 *         data point that cannot be taken is rejected alone, among them those of delta temporality
 *         and of exponential histograms, with what the sender can set instead.
 * Source: opentelemetry/proto/metrics/v1/metrics.proto, collector/metrics/v1; OTLP 1.
 */
import { err, ok, type Result } from "../../../kernel/result.ts";
import type { Terms } from "../decode/samples.ts";
import {
  LENGTH_DELIMITED,
  newReader,
  readInt64,
  readLength,
  readTag,
  readText,
  skipField,
  VARINT,
  WireFault,
  type Reader,
} from "../decode/wire.ts";
import { findByBytes, rewind } from "./byte-index.ts";
import { readAttributes, readScope, tagOf } from "./fields.ts";
import {
  closeResource,
  finishMetrics,
  hasRoom,
  newMetricsBatch,
  openResource,
  refusalOf,
} from "./metrics-batch.ts";
import type { MetricsBatch, MetricsTaken } from "./metrics-batch.ts";
import type { MetricKind } from "./names.ts";
import { readHistogram, readNumber, readSummary } from "./points.ts";
import { reject } from "./rejections.ts";
import { newFamily, newResource, newScope } from "./series-book.ts";
import type { FamilyEntry, Metric, ResourceEntry, ScopeEntry, SeriesBook } from "./series-book.ts";

const FIRST_TAG = tagOf(1, LENGTH_DELIMITED);
const SECOND_TAG = tagOf(2, LENGTH_DELIMITED);
const THIRD_TAG = tagOf(3, LENGTH_DELIMITED);

export const decodeMetrics = (
  book: SeriesBook,
  body: Uint8Array,
  terms: Terms,
): Result<MetricsTaken> => {
  const batch = newMetricsBatch(book, terms);
  const reader = newReader(body);
  rewind(book.resources);
  try {
    while (reader.at < body.length) {
      const tag = readTag(reader, body.length);
      if (tag === FIRST_TAG) readResourceMetrics(batch, reader, readLength(reader, body.length));
      else skipField(reader, tag, body.length);
    }
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    return err({ code: "bad_request", message: `OTLP metrics: ${fault.message}` });
  }
  return ok(finishMetrics(batch));
};

/** Where a message of a known field stands; nowhere has the length 0. */
type Place = { from: number; to: number };

/** A second look at the fields of a message, from its first on. */
const again = ({ bytes, view, at }: Reader): Reader => ({ bytes, view, at });

const readResourceMetrics = (batch: MetricsBatch, reader: Reader, end: number): void => {
  const resource = resourceOf(batch.book, again(reader), end);
  openResource(batch);
  rewind(resource.scopes);
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === SECOND_TAG) {
      readScopeMetrics(batch, resource, reader, readLength(reader, end));
    } else skipField(reader, tag, end);
  }
  closeResource(batch, resource);
};

const resourceOf = (book: SeriesBook, reader: Reader, end: number): ResourceEntry => {
  const place = placeOf(reader, end, FIRST_TAG);
  return findByBytes(book.resources, reader.bytes, place.from, place.to, 0, () =>
    newResource(book, () => readAttributes(reader, place.from, place.to, FIRST_TAG)),
  );
};

const placeOf = (reader: Reader, end: number, wanted: number): Place => {
  const place = { from: end, to: end };
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag !== wanted) {
      skipField(reader, tag, end);
      continue;
    }
    place.to = readLength(reader, end);
    place.from = reader.at;
    reader.at = place.to;
  }
  return place;
};

const readScopeMetrics = (
  batch: MetricsBatch,
  resource: ResourceEntry,
  reader: Reader,
  end: number,
): void => {
  const scope = scopeOf(batch.book, resource, reader, end);
  rewind(scope.families);
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === SECOND_TAG) readMetric(batch, scope, reader, readLength(reader, end));
    else skipField(reader, tag, end);
  }
};

const scopeOf = (
  book: SeriesBook,
  resource: ResourceEntry,
  reader: Reader,
  end: number,
): ScopeEntry => {
  const scope = placeOf(again(reader), end, FIRST_TAG);
  const url = placeOf(again(reader), end, THIRD_TAG);
  const make = () =>
    newScope(book, resource, () => ({
      ...readScope(reader, scope.from, scope.to),
      schemaUrl: readText({ ...again(reader), at: url.from }, url.to, "its schema_url"),
    }));
  if (url.from === url.to) {
    return findByBytes(resource.scopes, reader.bytes, scope.from, scope.to, 0, make);
  }
  const both = joined(reader.bytes, scope, url);
  // The shape says where the one ends and the other begins.
  return findByBytes(resource.scopes, both, 0, both.length, 1 + scope.to - scope.from, make);
};

const joined = (bytes: Uint8Array, a: Place, b: Place): Uint8Array => {
  const both = new Uint8Array(a.to - a.from + b.to - b.from);
  both.set(bytes.subarray(a.from, a.to));
  both.set(bytes.subarray(b.from, b.to), a.to - a.from);
  return both;
};

const GAUGE = 5;
const SUM = 7;
const HISTOGRAM = 9;
const EXPONENTIAL = 10;
const SUMMARY = 11;

const readMetric = (batch: MetricsBatch, scope: ScopeEntry, reader: Reader, end: number): void => {
  const from = reader.at;
  const data: Place = { from: end, to: end };
  let start = end;
  let kind = 0;
  while (reader.at < end) {
    const tagAt = reader.at;
    const tag = readTag(reader, end);
    const field = tag >>> 3;
    const isData = field === GAUGE || field === SUM || (field >= HISTOGRAM && field <= SUMMARY);
    if (!isData || (tag & 7) !== LENGTH_DELIMITED) {
      skipField(reader, tag, end);
      continue;
    }
    start = tagAt;
    kind = field;
    data.to = readLength(reader, end);
    data.from = reader.at;
    reader.at = data.to;
  }
  if (kind === 0) return;
  // What precedes the points is the metric's identity; after them there rarely is anything.
  const before = { from, to: start };
  const head =
    data.to === end
      ? { ...again(reader), ...before }
      : whole(joined(reader.bytes, before, { from: data.to, to: end }));
  readData(batch, scope, { ...again(reader), at: data.from }, data.to, kind, head);
};

/** A metric's fields without its points. */
type Head = Reader & Place;

const whole = (bytes: Uint8Array): Head => ({ ...newReader(bytes), from: 0, to: bytes.length });

const readData = (
  batch: MetricsBatch,
  scope: ScopeEntry,
  reader: Reader,
  end: number,
  field: number,
  head: Head,
): void => {
  const { temporality, isMonotonic } = aggregationOf(field, again(reader), end);
  const why = notTaken(field, temporality);
  if (why !== "") {
    const count = countOf(reader, end);
    if (count > 0) reject(batch.rejections, count, `${nameIn(head)}: ${why}`);
    return;
  }
  const kind = kindOf(field, isMonotonic);
  const shape = field * 2 + Number(isMonotonic);
  const make = () => newFamily(batch.book, scope, kind, () => metricIn(head));
  const family = findByBytes(scope.families, head.bytes, head.from, head.to, shape, make);
  rewind(family.points);
  readPoints(batch, family, field, reader, end);
};

const readPoints = (
  batch: MetricsBatch,
  family: FamilyEntry,
  field: number,
  reader: Reader,
  end: number,
): void => {
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag !== FIRST_TAG) {
      skipField(reader, tag, end);
      continue;
    }
    const pointEnd = readLength(reader, end);
    if (!hasRoom(batch)) reader.at = pointEnd;
    else if (field === HISTOGRAM) readHistogram(batch, family, reader, pointEnd);
    else if (field === SUMMARY) readSummary(batch, family, reader, pointEnd);
    else readNumber(batch, family, reader, pointEnd);
  }
};

const kindOf = (field: number, isMonotonic: boolean): MetricKind => {
  if (field === HISTOGRAM) return "histogram";
  if (field === SUMMARY) return "summary";
  if (field === GAUGE) return "gauge";
  return isMonotonic ? "counter" : "updown";
};

const TEMPORALITY_TAG = tagOf(2, VARINT);
const MONOTONIC_TAG = tagOf(3, VARINT);

const notTaken = (field: number, temporality: number): string =>
  field === GAUGE || field === SUMMARY ? "" : refusalOf(field === EXPONENTIAL, temporality);

const aggregationOf = (
  field: number,
  reader: Reader,
  end: number,
): { readonly temporality: number; readonly isMonotonic: boolean } => {
  let temporality = 0;
  let isMonotonic = false;
  if (field === GAUGE || field === SUMMARY) return { temporality, isMonotonic };
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === TEMPORALITY_TAG) temporality = readInt64(reader, end);
    else if (tag === MONOTONIC_TAG && field === SUM) isMonotonic = readInt64(reader, end) !== 0;
    else skipField(reader, tag, end);
  }
  return { temporality, isMonotonic };
};

const countOf = (reader: Reader, end: number): number => {
  let count = 0;
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === FIRST_TAG) count += 1;
    skipField(reader, tag, end);
  }
  return count;
};

const metricIn = (head: Head): Metric => {
  const { from, to: end } = head;
  const reader = { ...again(head), at: from };
  const metric = { name: "", description: "", unit: "" };
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === FIRST_TAG) {
      metric.name = readText(reader, readLength(reader, end), "a metric's name");
    } else if (tag === SECOND_TAG) {
      metric.description = readText(reader, readLength(reader, end), "a metric's description");
    } else if (tag === THIRD_TAG) {
      metric.unit = readText(reader, readLength(reader, end), "a metric's unit");
    } else skipField(reader, tag, end);
  }
  return metric;
};

const nameIn = (head: Head): string => {
  try {
    return metricIn(head).name.slice(0, 128);
  } catch {
    return "a metric";
  }
};
