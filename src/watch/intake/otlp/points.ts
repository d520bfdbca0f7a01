/**
 * OTLP data points, read from protobuf: the innermost and hottest part.
 *
 * Shape:  NumberDataPoint, HistogramDataPoint, SummaryDataPoint; exemplars, start times, minima and
 *         maxima are stepped over.
 * Units:  timestamps from ns to whole ms.
 * Errors: WireFault for what is no protobuf; what is wrong with one point rejects that point.
 * Source: opentelemetry/proto/metrics/v1/metrics.proto.
 */
import {
  FIXED64,
  LENGTH_DELIMITED,
  readCount,
  readInt64,
  readLength,
  skipField,
  VARINT,
  WireFault,
  type Reader,
} from "../decode/wire.ts";
import { findByBytes } from "./byte-index.ts";
import { msOf, readAttributes, signedAt, stepFixed64, tagOf, unsignedAt } from "./fields.ts";
import { takeHistogram, takeNumber, takeSummary, type MetricsBatch } from "./metrics-batch.ts";
import { reject } from "./rejections.ts";
import { newMarkedPoint, newNumberPoint } from "./series-book.ts";
import type { Attributes, FamilyEntry, PointEntry } from "./series-book.ts";

/** What all points have, collected while the fields pass. */
type Passing = {
  timeMs: number;
  flags: number;
  /** The fields with the attributes, in `bytes`: mostly one stretch of the body. */
  bytes: Uint8Array;
  from: number;
  to: number;
};

const NO_RECORDED_VALUE = 1;
const MAX_ATTRIBUTES_BYTES = 64 * 1024;

const TIME_TAG = tagOf(3, FIXED64);
const NUMBER_ATTRIBUTE_TAG = tagOf(7, LENGTH_DELIMITED);
const NUMBER_FLAGS_TAG = tagOf(8, VARINT);
const DOUBLE_TAG = tagOf(4, FIXED64);
const INTEGER_TAG = tagOf(6, FIXED64);

const newPassing = ({ bytes }: Reader): Passing => ({ timeMs: 0, flags: 0, bytes, from: 0, to: 0 });

const nextTag = (reader: Reader, end: number): number => {
  const byte = reader.bytes[reader.at]!;
  if (byte >= 128) return readCount(reader, end);
  reader.at += 1;
  return byte;
};

const readTime = (passing: Passing, reader: Reader, end: number): void => {
  const at = stepFixed64(reader, end);
  passing.timeMs = msOf(reader.view.getUint32(at + 4, true), reader.view.getUint32(at, true));
};

/** One attribute; what stands together is one stretch, what does not is copied together. */
const passAttribute = (passing: Passing, reader: Reader, end: number): void => {
  // Its tag is one byte, or it is read as none below.
  const from = reader.at - 1;
  const to = readLength(reader, end);
  reader.at = to;
  if (passing.from === passing.to) passing.from = from;
  else if (passing.bytes !== reader.bytes || passing.to !== from) {
    const before = passing.bytes.subarray(passing.from, passing.to);
    const both = new Uint8Array(before.length + to - from);
    both.set(before);
    both.set(reader.bytes.subarray(from, to), before.length);
    passing.bytes = both;
    passing.from = 0;
    passing.to = both.length;
    return;
  }
  passing.to = to;
};

export const readNumber = (
  batch: MetricsBatch,
  family: FamilyEntry,
  reader: Reader,
  end: number,
): void => {
  const passing = newPassing(reader);
  let value = 0;
  let hasValue = false;
  while (reader.at < end) {
    const tag = nextTag(reader, end);
    if (tag === NUMBER_ATTRIBUTE_TAG) passAttribute(passing, reader, end);
    else if (tag === TIME_TAG) readTime(passing, reader, end);
    else if (tag === DOUBLE_TAG) {
      value = reader.view.getFloat64(stepFixed64(reader, end), true);
      hasValue = true;
    } else if (tag === INTEGER_TAG) {
      value = signedAt(reader, stepFixed64(reader, end));
      hasValue = true;
    } else if (tag === NUMBER_FLAGS_TAG) passing.flags = readInt64(reader, end);
    else skipField(reader, tag, end);
  }
  const isStale = isMissing(passing);
  if (!hasValue && !isStale) return reject(batch.rejections, 1, `${family.name}: it has no value`);
  const point = pointOf(batch, family, passing, NUMBER_ATTRIBUTE_TAG, newNumberPoint);
  if (point !== undefined) takeNumber(batch, point, passing.timeMs, value, isStale);
};

/** The lowest bit of a number that may be beyond 31 bits. */
const isMissing = ({ flags }: Passing): boolean => Math.abs(flags % 2) === NO_RECORDED_VALUE;

const pointOf = (
  batch: MetricsBatch,
  family: FamilyEntry,
  { bytes, from, to }: Passing,
  tag: number,
  make: typeof newNumberPoint,
): PointEntry | undefined => {
  if (to - from > MAX_ATTRIBUTES_BYTES) {
    const why = `${family.name}: attributes of ${to - from} bytes are over ${MAX_ATTRIBUTES_BYTES}`;
    reject(batch.rejections, 1, why);
    return undefined;
  }
  return findByBytes(family.points, bytes, from, to, 0, () =>
    make(batch.book, family, (): Attributes => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return readAttributes({ bytes, view, at: from }, from, to, tag);
    }),
  );
};

const COUNT_TAG = tagOf(4, FIXED64);
const SUM_TAG = tagOf(5, FIXED64);
const BUCKET_COUNTS_FIELD = 6;
const BOUNDS_FIELD = 7;
const HISTOGRAM_ATTRIBUTE_TAG = tagOf(9, LENGTH_DELIMITED);
const HISTOGRAM_FLAGS_TAG = tagOf(10, VARINT);

export const readHistogram = (
  batch: MetricsBatch,
  family: FamilyEntry,
  reader: Reader,
  end: number,
): void => {
  const passing = newPassing(reader);
  const marks: number[] = [];
  const values: number[] = [];
  let count = 0;
  let sum: number | undefined;
  while (reader.at < end) {
    const tag = nextTag(reader, end);
    if (tag === HISTOGRAM_ATTRIBUTE_TAG) passAttribute(passing, reader, end);
    else if (tag === TIME_TAG) readTime(passing, reader, end);
    else if (tag === COUNT_TAG) count = unsignedAt(reader, stepFixed64(reader, end));
    else if (tag === SUM_TAG) sum = reader.view.getFloat64(stepFixed64(reader, end), true);
    else if (isRepeated(tag, BUCKET_COUNTS_FIELD)) readRepeated(reader, tag, end, values, true);
    else if (isRepeated(tag, BOUNDS_FIELD)) readRepeated(reader, tag, end, marks, false);
    else if (tag === HISTOGRAM_FLAGS_TAG) passing.flags = readInt64(reader, end);
    else skipField(reader, tag, end);
  }
  const point = pointOf(batch, family, passing, HISTOGRAM_ATTRIBUTE_TAG, newMarkedPoint);
  if (point === undefined) return;
  const { timeMs } = passing;
  const at = { timeMs, isStale: isMissing(passing), count, sum, marks, values };
  takeHistogram(batch, family, point, at);
};

/** Repeated numbers are packed, or, rarely, one by one. */
const isRepeated = (tag: number, field: number): boolean =>
  tag === tagOf(field, LENGTH_DELIMITED) || tag === tagOf(field, FIXED64);

const readRepeated = (
  reader: Reader,
  tag: number,
  end: number,
  into: number[],
  isCount: boolean,
): void => {
  const isPacked = (tag & 7) === LENGTH_DELIMITED;
  const to = isPacked ? readLength(reader, end) : reader.at + 8;
  if (isPacked && (to - reader.at) % 8 !== 0) {
    throw new WireFault(`packed numbers before byte ${to} are not of 8 bytes each`);
  }
  do {
    if (isPacked && reader.at >= to) return;
    const at = stepFixed64(reader, isPacked ? to : end);
    into.push(isCount ? unsignedAt(reader, at) : reader.view.getFloat64(at, true));
  } while (reader.at < to);
};

const QUANTILE_FIELD_TAG = tagOf(6, LENGTH_DELIMITED);
const QUANTILE_TAG = tagOf(1, FIXED64);
const QUANTILE_VALUE_TAG = tagOf(2, FIXED64);

export const readSummary = (
  batch: MetricsBatch,
  family: FamilyEntry,
  reader: Reader,
  end: number,
): void => {
  const passing = newPassing(reader);
  const marks: number[] = [];
  const values: number[] = [];
  let count = 0;
  let sum = 0;
  while (reader.at < end) {
    const tag = nextTag(reader, end);
    if (tag === NUMBER_ATTRIBUTE_TAG) passAttribute(passing, reader, end);
    else if (tag === TIME_TAG) readTime(passing, reader, end);
    else if (tag === COUNT_TAG) count = unsignedAt(reader, stepFixed64(reader, end));
    else if (tag === SUM_TAG) sum = reader.view.getFloat64(stepFixed64(reader, end), true);
    else if (tag === QUANTILE_FIELD_TAG) {
      readQuantile(reader, readLength(reader, end), marks, values);
    } else if (tag === NUMBER_FLAGS_TAG) passing.flags = readInt64(reader, end);
    else skipField(reader, tag, end);
  }
  const point = pointOf(batch, family, passing, NUMBER_ATTRIBUTE_TAG, newMarkedPoint);
  if (point === undefined) return;
  const { timeMs } = passing;
  const at = { timeMs, isStale: isMissing(passing), count, sum, marks, values };
  takeSummary(batch, family, point, at);
};

const readQuantile = (reader: Reader, end: number, marks: number[], values: number[]): void => {
  let quantile = 0;
  let value = 0;
  while (reader.at < end) {
    const tag = nextTag(reader, end);
    if (tag === QUANTILE_TAG) quantile = reader.view.getFloat64(stepFixed64(reader, end), true);
    else if (tag === QUANTILE_VALUE_TAG) {
      value = reader.view.getFloat64(stepFixed64(reader, end), true);
    } else skipField(reader, tag, end);
  }
  marks.push(quantile);
  values.push(value);
};
