/** OTLP's messages for protobufjs, the oracle of the hand-written decoders. */
import protobuf from "protobufjs";

const { root } = protobuf.parse(
  `syntax = "proto3";
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2;
    int64 int_value = 3; double double_value = 4; ArrayValue array_value = 5;
    KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3;
    uint32 dropped_attributes_count = 4; }
  message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }

  message MetricsRequest { repeated ResourceMetrics resource_metrics = 1; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2;
    string schema_url = 3; }
  message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; string schema_url = 3; }
  message Metric { string name = 1; string description = 2; string unit = 3;
    oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9;
      ExponentialHistogram exponential_histogram = 10; Summary summary = 11; }
    repeated KeyValue metadata = 12; }
  message Gauge { repeated NumberDataPoint data_points = 1; }
  message Sum { repeated NumberDataPoint data_points = 1; uint32 aggregation_temporality = 2;
    bool is_monotonic = 3; }
  message Histogram { repeated HistogramDataPoint data_points = 1;
    uint32 aggregation_temporality = 2; }
  message ExponentialHistogram { repeated ExponentialDataPoint data_points = 1;
    uint32 aggregation_temporality = 2; }
  message Summary { repeated SummaryDataPoint data_points = 1; }
  message NumberDataPoint { repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2;
    fixed64 time_unix_nano = 3; oneof value { double as_double = 4; sfixed64 as_int = 6; }
    uint32 flags = 8; }
  message HistogramDataPoint { repeated KeyValue attributes = 9;
    fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
    optional double sum = 5; repeated fixed64 bucket_counts = 6;
    repeated double explicit_bounds = 7; uint32 flags = 10; optional double min = 11;
    optional double max = 12; }
  message ExponentialDataPoint { repeated KeyValue attributes = 1; fixed64 time_unix_nano = 3;
    fixed64 count = 4; }
  message SummaryDataPoint { repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2;
    fixed64 time_unix_nano = 3; fixed64 count = 4; double sum = 5;
    repeated Quantile quantile_values = 6; uint32 flags = 8; }
  message Quantile { double quantile = 1; double value = 2; }

  message TracesRequest { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2;
    string schema_url = 3; }
  message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  message Span { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3;
    bytes parent_span_id = 4; string name = 5; uint32 kind = 6;
    fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10;
    repeated Event events = 11; uint32 dropped_events_count = 12; repeated Link links = 13;
    uint32 dropped_links_count = 14; Status status = 15; fixed32 flags = 16; }
  message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3;
    uint32 dropped_attributes_count = 4; }
  message Link { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3;
    repeated KeyValue attributes = 4; uint32 dropped_attributes_count = 5; fixed32 flags = 6; }
  message Status { string message = 2; uint32 code = 3; }

  message PartialSuccess { int64 rejected = 1; string error_message = 2; }
  message ExportResponse { PartialSuccess partial_success = 1; }
  message RpcStatus { int32 code = 1; string message = 2; }`,
  // The names as they stand, so that an object for protobufjs reads like the specification.
  { keepCase: true },
);

export type MessageName =
  | "MetricsRequest"
  | "TracesRequest"
  | "ExportResponse"
  | "RpcStatus"
  | "AnyValue";

export type Json = { readonly [field: string]: unknown };

export const messageType = (name: MessageName): protobuf.Type => root.lookupType(name);

export const encode = (name: MessageName, message: Json): Uint8Array =>
  root
    .lookupType(name)
    .encode(wide(message, "") as Json)
    .finish();

const WIDE = new Set([
  ...["time_unix_nano", "start_time_unix_nano", "end_time_unix_nano"],
  ...["as_int", "int_value", "count", "bucket_counts", "rejected"],
]);
const LOW_32 = 0xffff_ffffn;

/** protobufjs takes 64-bit integers as two halves; digits it would round. */
const wide = (value: unknown, field: string): unknown => {
  if (Array.isArray(value)) return value.map((entry) => wide(entry, field));
  if (typeof value === "string" && WIDE.has(field)) {
    const bits = BigInt.asUintN(64, BigInt(value));
    return { low: Number(bits & LOW_32) | 0, high: Number(bits >> 32n) | 0 };
  }
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, wide(inner, key)]));
};

export const decode = (name: MessageName, bytes: Uint8Array): Json => {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: String, bytes: String });
};

/** The same message as OTLP's JSON: lowerCamelCase, integers of 64 bits as digits, ids as hex. */
export const jsonOf = (message: Json): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(camel(message, "")));

const camel = (value: unknown, field: string): unknown => {
  if (Array.isArray(value)) return value.map((entry) => camel(entry, field));
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString(field.endsWith("_id") ? "hex" : "base64");
  }
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      camel(inner, key),
    ]),
  );
};
