/**
 * OTLP metrics from JSON into the same columns of samples as from protobuf.
 *
 * Shape:  ExportMetricsServiceRequest in protobuf's JSON with OTLP's exceptions: fields in
 *         lowerCamelCase, 64-bit integers as numbers or digits, enums as integers.
 * Units:  timestamps from ns to whole ms.
 * Errors: a Problem "bad_request" for what is no JSON, or not of this shape above the data points;
 *         what is wrong with one data point rejects that point.
 * Source: OTLP specification, "JSON Protobuf Encoding"; opentelemetry/proto/metrics/v1.
 */
import { err, ok, type Result } from "../../../kernel/result.ts";
import type { Terms } from "../decode/samples.ts";
import { WireFault } from "../decode/wire.ts";
import { doubleOf } from "./any-value.ts";
import { findByText } from "./byte-index.ts";
import { attributesIn, fieldsOf, instantIn, integerIn, integerOf } from "./json-body.ts";
import { listIn, objectIn, parseBody, textIn, type Fields } from "./json-body.ts";
import {
  closeResource,
  finishMetrics,
  hasRoom,
  newMetricsBatch,
  openResource,
  refusalOf,
  takeHistogram,
  takeNumber,
  takeSummary,
  type MarkedPoint,
  type MetricsBatch,
  type MetricsTaken,
} from "./metrics-batch.ts";
import type { MetricKind } from "./names.ts";
import { reject } from "./rejections.ts";
import {
  newFamily,
  newMarkedPoint,
  newNumberPoint,
  newResource,
  newScope,
  type Attributes,
  type FamilyEntry,
  type PointEntry,
  type ResourceEntry,
  type ScopeEntry,
  type SeriesBook,
} from "./series-book.ts";

export const decodeMetricsJson = (
  book: SeriesBook,
  body: Uint8Array,
  terms: Terms,
): Result<MetricsTaken> => {
  const batch = newMetricsBatch(book, terms);
  try {
    for (const entry of listIn(parseBody(body), "resourceMetrics")) {
      takeResourceMetrics(batch, fieldsOf(entry, "an entry of resourceMetrics"));
    }
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    return err({ code: "bad_request", message: `OTLP metrics: ${fault.message}` });
  }
  return ok(finishMetrics(batch));
};

const takeResourceMetrics = (batch: MetricsBatch, fields: Fields): void => {
  const told = attributesOr(objectIn(fields, "resource"));
  const resource = findByText(batch.book.resources, told.text, () =>
    newResource(batch.book, told.read),
  );
  openResource(batch);
  for (const entry of listIn(fields, "scopeMetrics")) {
    takeScopeMetrics(batch, resource, fieldsOf(entry, "an entry of scopeMetrics"));
  }
  closeResource(batch, resource);
};

/** Attributes as they are found again, and as they are read once more if they are new. */
type Told = { readonly text: string; readonly read: () => Attributes };

const attributesOr = (fields: Fields): Told => {
  try {
    const attributes = attributesIn(fields);
    return { text: textOf(attributes), read: () => attributes };
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    const throwing = (): never => {
      throw fault;
    };
    return { text: `\0${fault.message}`, read: throwing };
  }
};

/** Lengths in front, as a value may hold whatever would stand between. */
const textOf = (attributes: Attributes): string => {
  let text = "";
  for (const [key, value] of attributes) text += `${key.length},${value.length}:${key}${value}`;
  return text;
};

const takeScopeMetrics = (batch: MetricsBatch, resource: ResourceEntry, fields: Fields): void => {
  const scopeFields = objectIn(fields, "scope");
  const name = textIn(scopeFields, "name");
  const version = textIn(scopeFields, "version");
  const schemaUrl = textIn(fields, "schemaUrl");
  const told = attributesOr(scopeFields);
  const text = `${textOf([
    [name, version],
    [schemaUrl, ""],
  ])}${told.text}`;
  const scope = findByText(resource.scopes, text, () =>
    newScope(batch.book, resource, () => ({ name, version, schemaUrl, attributes: told.read() })),
  );
  for (const entry of listIn(fields, "metrics")) {
    takeMetric(batch, scope, fieldsOf(entry, "an entry of metrics"));
  }
};

const DATA = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"] as const;

const takeMetric = (batch: MetricsBatch, scope: ScopeEntry, fields: Fields): void => {
  const field = DATA.find((name) => fields[name] !== undefined && fields[name] !== null);
  if (field === undefined) return;
  const data = objectIn(fields, field);
  const points = listIn(data, "dataPoints");
  const name = textIn(fields, "name");
  const hasTemporality = field !== "gauge" && field !== "summary";
  const isExponential = field === "exponentialHistogram";
  const why = hasTemporality
    ? refusalOf(isExponential, integerIn(data, "aggregationTemporality"))
    : "";
  if (why !== "") {
    if (points.length > 0) {
      reject(batch.rejections, points.length, `${name.slice(0, 128)}: ${why}`);
    }
    return;
  }
  const description = textIn(fields, "description");
  const unit = textIn(fields, "unit");
  const kind = kindOf(field, data);
  const text = `${kind}${textOf([
    [name, description],
    [unit, ""],
  ])}`;
  const family = findByText(scope.families, text, () =>
    newFamily(batch.book, scope, kind, () => ({ name, description, unit })),
  );
  for (const point of points) takePoint(batch, family, point);
};

const kindOf = (field: (typeof DATA)[number], data: Fields): MetricKind => {
  if (field === "sum") return data["isMonotonic"] === true ? "counter" : "updown";
  return field === "exponentialHistogram" ? "histogram" : field;
};

const takePoint = (batch: MetricsBatch, family: FamilyEntry, value: unknown): void => {
  try {
    if (!hasRoom(batch)) return;
    const fields = fieldsOf(value, "a data point");
    if (family.kind === "histogram") takeHistogramFields(batch, family, fields);
    else if (family.kind === "summary") takeSummaryFields(batch, family, fields);
    else takeNumberFields(batch, family, fields);
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    reject(batch.rejections, 1, `${family.name}: ${fault.message}`);
  }
};

const pointOf = (
  batch: MetricsBatch,
  family: FamilyEntry,
  fields: Fields,
  make: typeof newNumberPoint,
): PointEntry => {
  const told = attributesOr(fields);
  checkSize(told.text);
  return findByText(family.points, told.text, () => make(batch.book, family, told.read));
};

const MAX_TEXT_LENGTH = 64 * 1024;

const checkSize = ({ length }: string): void => {
  if (length > MAX_TEXT_LENGTH) {
    throw new WireFault(`attributes of ${length} characters are over ${MAX_TEXT_LENGTH}`);
  }
};

const NO_RECORDED_VALUE = 1;

const isMissing = (fields: Fields): boolean =>
  Math.abs(integerIn(fields, "flags") % 2) === NO_RECORDED_VALUE;

const takeNumberFields = (batch: MetricsBatch, family: FamilyEntry, fields: Fields): void => {
  const { asDouble, asInt } = fields;
  const isStale = isMissing(fields);
  const isInteger = asInt !== undefined && asInt !== null;
  const isDouble = asDouble !== undefined && asDouble !== null;
  if (!isInteger && !isDouble && !isStale) throw new WireFault("it has no value");
  let value = 0;
  if (isDouble) value = doubleOf(asDouble);
  else if (isInteger) value = integerOf(asInt, "asInt");
  const { ms } = instantIn(fields, "timeUnixNano");
  takeNumber(batch, pointOf(batch, family, fields, newNumberPoint), ms, value, isStale);
};

const takeHistogramFields = (batch: MetricsBatch, family: FamilyEntry, fields: Fields): void => {
  const { sum } = fields;
  const at: MarkedPoint = {
    timeMs: instantIn(fields, "timeUnixNano").ms,
    isStale: isMissing(fields),
    count: countIn(fields, "count"),
    sum: sum === undefined || sum === null ? undefined : doubleOf(sum),
    marks: listIn(fields, "explicitBounds").map(doubleOf),
    values: listIn(fields, "bucketCounts").map((count) => countOf(count, "bucketCounts")),
  };
  takeHistogram(batch, family, pointOf(batch, family, fields, newMarkedPoint), at);
};

const countIn = (fields: Fields, name: string): number => {
  const value = fields[name];
  return value === undefined || value === null ? 0 : countOf(value, name);
};

const countOf = (value: unknown, name: string): number => {
  const count = integerOf(value, name);
  if (count < 0) throw new WireFault(`${name} is negative`);
  return count;
};

const takeSummaryFields = (batch: MetricsBatch, family: FamilyEntry, fields: Fields): void => {
  const quantiles = listIn(fields, "quantileValues").map((entry) =>
    fieldsOf(entry, "an entry of quantileValues"),
  );
  const at: MarkedPoint = {
    timeMs: instantIn(fields, "timeUnixNano").ms,
    isStale: isMissing(fields),
    count: countIn(fields, "count"),
    sum: doubleIn(fields, "sum"),
    marks: quantiles.map((entry) => doubleIn(entry, "quantile")),
    values: quantiles.map((entry) => doubleIn(entry, "value")),
  };
  takeSummary(batch, family, pointOf(batch, family, fields, newMarkedPoint), at);
};

const doubleIn = (fields: Fields, name: string): number => {
  const value = fields[name];
  return value === undefined || value === null ? 0 : doubleOf(value);
};
