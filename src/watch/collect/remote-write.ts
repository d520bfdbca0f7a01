/**
 * Samples as a Prometheus remote write 1.0 WriteRequest, written by hand.
 *
 * Shape:  WriteRequest { 1: TimeSeries { 1: Label { 1: name, 2: value }, 2: Sample { 1: double,
 *         2: int64 ms } }, 3: MetricMetadata { 1: type, 2: family, 4: help, 5: unit } }, one
 *         TimeSeries per sample; the labels' bytes come from the series. Metadata comes last.
 * Source: prometheus/prompb remote.proto and types.proto, remote write specification 1.0.
 */
import { FAMILY_TYPES, type Family } from "./family.ts";
import { putVarint, varintSize, type Series } from "./series.ts";

export type StampedSample = {
  readonly series: Series;
  readonly value: number;
  readonly stale?: true | undefined;
  readonly timeMs: number;
};

const TIMESERIES_TAG = 0x0a;
const METADATA_TAG = 0x1a;
const LABEL_TAG = 0x0a;
const SAMPLE_TAG = 0x12;
const DOUBLE_TAG = 0x09;
const TIME_TAG = 0x10;
const DOUBLE_BYTES = 8;
/** The NaN that says "this series has ended", 0x7ff0000000000002. */
const STALE_HIGH = 0x7ff00000;
const STALE_LOW = 0x00000002;

const sampleSize = (timeMs: number): number => 1 + DOUBLE_BYTES + 1 + varintSize(timeMs);

const seriesSize = ({ series, timeMs }: StampedSample): number =>
  series.wire.length + 2 + sampleSize(timeMs);

const FAMILY_TYPE_TAG = 0x08;
const FAMILY_TEXT_TAGS = { name: 0x12, help: 0x22, unit: 0x2a } as const;
const utf8 = new TextEncoder();

/** A family as field 3 of the request, tag and length included. */
const encodeFamily = (family: Family): Uint8Array => {
  const texts = (["name", "help", "unit"] as const)
    .map((field) => ({ tag: FAMILY_TEXT_TAGS[field], bytes: utf8.encode(family[field]) }))
    .filter(({ bytes }) => bytes.length > 0);
  const size = texts.reduce((n, { bytes }) => n + 1 + varintSize(bytes.length) + bytes.length, 2);
  const encoded = new Uint8Array(1 + varintSize(size) + size);
  encoded[0] = METADATA_TAG;
  let at = putVarint(encoded, 1, size);
  encoded[at] = FAMILY_TYPE_TAG;
  encoded[at + 1] = FAMILY_TYPES.indexOf(family.type);
  at += 2;
  for (const { tag, bytes } of texts) {
    encoded[at] = tag;
    at = putVarint(encoded, at + 1, bytes.length);
    encoded.set(bytes, at);
    at += bytes.length;
  }
  return encoded;
};

export const encodeWriteRequest = (
  samples: readonly StampedSample[],
  families: readonly Family[] = [],
): Uint8Array => {
  const metadata = families.map(encodeFamily);
  const metadataSize = metadata.reduce((sum, { length }) => sum + length, 0);
  const total = samples.reduce((sum, sample) => {
    const size = seriesSize(sample);
    return sum + 1 + varintSize(size) + size;
  }, metadataSize);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const sample of samples) {
    const { series, timeMs } = sample;
    bytes[at] = TIMESERIES_TAG;
    at = putVarint(bytes, at + 1, seriesSize(sample));
    bytes.set(series.wire, at);
    at += series.wire.length;
    bytes[at] = SAMPLE_TAG;
    bytes[at + 1] = sampleSize(timeMs);
    bytes[at + 2] = DOUBLE_TAG;
    at += 3;
    if (sample.stale === true) {
      view.setUint32(at, STALE_LOW, true);
      view.setUint32(at + 4, STALE_HIGH, true);
    } else {
      view.setFloat64(at, sample.value, true);
    }
    bytes[at + DOUBLE_BYTES] = TIME_TAG;
    at = putVarint(bytes, at + DOUBLE_BYTES + 1, timeMs);
  }
  for (const family of metadata) {
    bytes.set(family, at);
    at += family.length;
  }
  return bytes;
};

const readVarint = (bytes: Uint8Array, at: number): { value: number; end: number } => {
  let value = 0;
  let scale = 1;
  for (let end = at; end < bytes.length; end += 1) {
    value += (bytes[end]! & 0x7f) * scale;
    if (bytes[end]! < 0x80) return { value, end: end + 1 };
    scale *= 0x80;
  }
  throw new Error("a request of our own is cut off");
};

/** The newest time in a request that was made here; -Infinity for one without samples. */
export const newestTimeMs = (request: Uint8Array): number => {
  let newestMs = Number.NEGATIVE_INFINITY;
  // Metadata comes after the last series.
  for (let at = 0; at < request.length && request[at] === TIMESERIES_TAG;) {
    const series = readVarint(request, at + 1);
    const end = series.end + series.value;
    let field = series.end;
    while (request[field] === LABEL_TAG) {
      const label = readVarint(request, field + 1);
      field = label.end + label.value;
    }
    // Tag and length of the sample, its value, the tag of its time.
    const time = readVarint(request, field + 2 + 1 + DOUBLE_BYTES + 1);
    newestMs = Math.max(newestMs, time.value);
    at = end;
  }
  return newestMs;
};
