/**
 * Prometheus remote write 1.0, decoded by hand into columns.
 *
 * Shape:  WriteRequest { 1: TimeSeries { 1: labels, 2: samples } }. Metadata, exemplars and fields
 *         of later versions are stepped over; native histograms are counted, not taken.
 * Units:  timestamps in whole ms; bytes.
 * Errors: a Problem "bad_request" that names what is wrong; then nothing of the body is taken.
 *         Samples outside the bounds are left out and counted, unless that is all there is.
 * Source: prometheus/prompb remote.proto and types.proto; remote write specification 1.0.
 */
import { type Result, err, ok } from "../../../kernel/result.ts";
import type { Catalog, Known } from "./catalog.ts";
import {
  copyDouble,
  FIXED64,
  newReader,
  readCount,
  readInt64,
  readLength,
  readTag,
  skipField,
  VARINT,
  WireFault,
  type Reader,
} from "./wire.ts";

export type Samples = {
  readonly count: number;
  readonly series: readonly Known[];
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  readonly tooNew: number;
  readonly tooOld: number;
  readonly histograms: number;
  readonly minMs: number;
  readonly maxMs: number;
};

export type Bounds = { readonly notBeforeMs: number; readonly notAfterMs: number };

export const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** The year 2200: a time beyond is no clock that is wrong, it is no time. */
const MAX_TIME_MS = 7_258_118_400_000;

const SERIES_TAG = 0x0a;
const LABEL_TAG = 0x0a;
const SAMPLE_TAG = 0x12;
const HISTOGRAM_FIELD = 4;
const FIRST_CAPACITY = 256;

type Building = {
  readonly catalog: Catalog;
  readonly bounds: Bounds;
  readonly series: Known[];
  timesMs: Float64Array;
  values: Float64Array;
  bits: Uint32Array;
  count: number;
  tooNew: number;
  tooOld: number;
  histograms: number;
  minMs: number;
  maxMs: number;
};

export const decodeRemoteWrite = (
  catalog: Catalog,
  body: Uint8Array,
  bounds: Bounds,
): Result<Samples> => {
  const building = newBuilding(catalog, bounds);
  const reader = newReader(body);
  try {
    while (reader.at < body.length) {
      const tag = readTag(reader, body.length);
      if (tag === SERIES_TAG) readSeries(building, reader, readLength(reader, body.length));
      else skipField(reader, tag, body.length);
    }
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    return err({ code: "bad_request", message: `remote write: ${fault.message}` });
  }
  return finished(building);
};

const newBuilding = (catalog: Catalog, bounds: Bounds): Building => {
  const values = new Float64Array(FIRST_CAPACITY);
  return {
    catalog,
    bounds,
    series: [],
    timesMs: new Float64Array(FIRST_CAPACITY),
    values,
    bits: new Uint32Array(values.buffer),
    count: 0,
    tooNew: 0,
    tooOld: 0,
    histograms: 0,
    minMs: Infinity,
    maxMs: -Infinity,
  };
};

const finished = (building: Building): Result<Samples> => {
  const { count, tooNew, tooOld, histograms, series, minMs, maxMs } = building;
  if (count === 0 && tooNew + tooOld > 0) {
    const message =
      `remote write: every sample is out of bounds: ${tooNew} too far ahead of this hub's clock, ` +
      `${tooOld} older than the retention`;
    return err({ code: "bad_request", message });
  }
  return ok({
    count,
    series,
    timesMs: building.timesMs.subarray(0, count),
    values: building.values.subarray(0, count),
    tooNew,
    tooOld,
    histograms,
    minMs,
    maxMs,
  });
};

const readSeries = (building: Building, reader: Reader, end: number): void => {
  const series = readLabelSet(building, reader, end);
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === SAMPLE_TAG) readSample(building, series, reader, readLength(reader, end));
    else if (tag === LABEL_TAG)
      throw new WireFault(`${series.metric}: labels after samples, before byte ${reader.at}`);
    else {
      if (tag >>> 3 === HISTOGRAM_FIELD) building.histograms += 1;
      skipField(reader, tag, end);
    }
  }
};

const readLabelSet = ({ catalog }: Building, reader: Reader, end: number): Known => {
  const from = reader.at;
  const expected = catalog.predict(reader.bytes, from);
  // One more label after the expected ones would be another series.
  if (expected >= 0 && expected <= end && (expected === end || !isLabel(reader, expected))) {
    reader.at = expected;
    return catalog.predicted();
  }
  while (reader.at < end && isLabel(reader, reader.at)) {
    reader.at += 1;
    reader.at = readLength(reader, end);
  }
  return catalog.find(reader.bytes, from, reader.at);
};

const isLabel = ({ bytes }: Reader, at: number): boolean => bytes[at] === LABEL_TAG;

const VALUE_TAG = (1 << 3) | FIXED64;
const TIME_TAG = (2 << 3) | VARINT;

const readSample = (building: Building, series: Known, reader: Reader, end: number): void => {
  if (building.count === building.timesMs.length) grow(building);
  const { count, bits } = building;
  let timeMs = 0;
  // A field that is absent has its default, and the place may hold an earlier sample's value.
  bits[2 * count] = 0;
  bits[2 * count + 1] = 0;
  while (reader.at < end) {
    const tag =
      reader.bytes[reader.at]! < 128 ? reader.bytes[reader.at++]! : readCount(reader, end);
    if (tag === VALUE_TAG) copyDouble(reader, end, bits, count);
    else if (tag === TIME_TAG) timeMs = readInt64(reader, end);
    else skipField(reader, tag, end);
  }
  if (timeMs < 0 || timeMs > MAX_TIME_MS)
    throw new WireFault(`${series.metric}: timestamp ${timeMs} is not between 1970 and 2200`);
  keep(building, series, timeMs);
};

const keep = (building: Building, series: Known, timeMs: number): void => {
  if (timeMs > building.bounds.notAfterMs) building.tooNew += 1;
  else if (timeMs < building.bounds.notBeforeMs) building.tooOld += 1;
  else {
    building.timesMs[building.count] = timeMs;
    building.series.push(series);
    building.count += 1;
    if (timeMs < building.minMs) building.minMs = timeMs;
    if (timeMs > building.maxMs) building.maxMs = timeMs;
  }
};

const grow = (building: Building): void => {
  const capacity = building.timesMs.length * 2;
  const timesMs = new Float64Array(capacity);
  timesMs.set(building.timesMs);
  const values = new Float64Array(capacity);
  const bits = new Uint32Array(values.buffer);
  bits.set(building.bits);
  building.timesMs = timesMs;
  building.values = values;
  building.bits = bits;
};
