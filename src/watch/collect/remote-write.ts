/**
 * Samples as a Prometheus remote write 1.0 WriteRequest, written by hand.
 *
 * Shape:  WriteRequest { 1: TimeSeries { 1: Label { 1: name, 2: value }, 2: Sample { 1: double,
 *         2: int64 ms } } }, one TimeSeries per sample; the labels' bytes come from the series.
 * Source: prometheus/prompb remote.proto and types.proto, remote write specification 1.0.
 */
import { putVarint, varintSize, type Series } from "./series.ts";

export type StampedSample = {
  readonly series: Series;
  readonly value: number;
  readonly stale?: true | undefined;
  readonly timeMs: number;
};

const TIMESERIES_TAG = 0x0a;
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

export const encodeWriteRequest = (samples: readonly StampedSample[]): Uint8Array => {
  const total = samples.reduce((sum, sample) => {
    const size = seriesSize(sample);
    return sum + 1 + varintSize(size) + size;
  }, 0);
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
  for (let at = 0; at < request.length;) {
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
