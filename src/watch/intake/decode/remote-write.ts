/**
 * Prometheus remote write 1.0, decoded by hand into columns.
 *
 * Shape:  WriteRequest { 1: TimeSeries { 1: labels, 2: samples } }. Metadata go to
 *         whoever wants them; exemplars and fields of later versions are stepped over; native
 *         histograms are counted, not taken.
 * Units:  timestamps in whole ms; bytes.
 * Errors: a Problem "bad_request" that names what is wrong; then nothing of the body is taken.
 *         Samples outside the bounds are left out and counted, unless that is all there is.
 * Source: prometheus/prompb remote.proto and types.proto; remote write specification 1.0.
 */
import { type Result, err, ok } from "../../../kernel/result.ts";
import type { Catalog, Known } from "./catalog.ts";
import {
  beginSeries,
  finishSamples,
  keepSample,
  MAX_TIME_MS,
  newSampleBuilder,
  reserveSample,
  type SampleBuilder,
  type Samples,
  type Terms,
} from "./samples.ts";
import {
  copyDouble,
  FIXED64,
  LENGTH_DELIMITED,
  newReader,
  readCount,
  readInt64,
  readLength,
  readTag,
  readText,
  skipField,
  VARINT,
  WireFault,
  type Reader,
} from "./wire.ts";

/** A series of one sample with the labels people use. */
const USUAL_BYTES = 200;
const SERIES_TAG = 0x0a;
const METADATA_TAG = 0x1a;
const LABEL_TAG = 0x0a;
const SAMPLE_TAG = 0x12;
const HISTOGRAM_FIELD = 4;

/** What a sender says about a metric. */
export type Family = {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string;
};

type Building = SampleBuilder & { readonly catalog: Catalog };

export const decodeRemoteWrite = (
  catalog: Catalog,
  body: Uint8Array,
  terms: Terms,
  onFamily?: (family: Family) => void,
): Result<Samples> => {
  const building: Building = { ...newSampleBuilder(terms, body.length / USUAL_BYTES), catalog };
  const reader = newReader(body);
  try {
    while (reader.at < body.length) {
      const tag = readTag(reader, body.length);
      if (tag === SERIES_TAG) readSeries(building, reader, readLength(reader, body.length));
      else if (tag === METADATA_TAG && onFamily !== undefined)
        onFamily(readFamily(reader, readLength(reader, body.length)));
      else skipField(reader, tag, body.length);
    }
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    return err({ code: "bad_request", message: `remote write: ${fault.message}` });
  }
  return finished(building);
};

const finished = (building: Building): Result<Samples> => {
  const { count, tooNew, tooOld } = building;
  if (count === 0 && tooNew + tooOld > 0) {
    const message =
      `remote write: every sample is out of bounds: ${tooNew} too far ahead of this hub's clock, ` +
      `${tooOld} older than the retention`;
    return err({ code: "bad_request", message });
  }
  return ok(finishSamples(building));
};

/** MetricMetadata.MetricType by number. */
const TYPES = [
  ...["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"],
] as const;
const TYPE_TAG = (1 << 3) | VARINT;
const NAME_TAG = (2 << 3) | LENGTH_DELIMITED;
const HELP_TAG = (4 << 3) | LENGTH_DELIMITED;
const UNIT_TAG = (5 << 3) | LENGTH_DELIMITED;

const readFamily = (reader: Reader, end: number): Family => {
  let [type, name, help, unit] = ["unknown", "", "", ""];
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === TYPE_TAG) type = TYPES[readCount(reader, end)] ?? "unknown";
    else if (tag === NAME_TAG) name = readText(reader, readLength(reader, end), "a metric's name");
    else if (tag === HELP_TAG) help = readText(reader, readLength(reader, end), "a metric's help");
    else if (tag === UNIT_TAG) unit = readText(reader, readLength(reader, end), "a metric's unit");
    else skipField(reader, tag, end);
  }
  return { name, type, help, unit };
};

const readSeries = (building: Building, reader: Reader, end: number): void => {
  const series = readLabelSet(building, reader, end);
  beginSeries(building, series);
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === SAMPLE_TAG) readSample(building, series.metric, reader, readLength(reader, end));
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
  const expected = catalog.predict(reader.view, from);
  // One more label after the expected ones would be another series.
  if (expected >= 0 && expected <= end && (expected === end || !isLabel(reader, expected))) {
    reader.at = expected;
    return catalog.predicted();
  }
  while (reader.at < end && isLabel(reader, reader.at)) {
    reader.at += 1;
    reader.at = readLength(reader, end);
  }
  return catalog.find(reader, from, reader.at);
};

const isLabel = ({ bytes }: Reader, at: number): boolean => bytes[at] === LABEL_TAG;

const VALUE_TAG = (1 << 3) | FIXED64;
const TIME_TAG = (2 << 3) | VARINT;

const readSample = (building: Building, metric: string, reader: Reader, end: number): void => {
  reserveSample(building);
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
    throw new WireFault(`${metric}: timestamp ${timeMs} is not between 1970 and 2200`);
  keepSample(building, timeMs);
};
