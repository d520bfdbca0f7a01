/**
 * What a body is, as its sender says: its protocol and how it is packed.
 *
 * Units:  bytes; `MAX_BODY_BYTES` bounds it unpacked.
 */
export type BodyEncoding = "identity" | "zstd" | "gzip" | "deflate" | "snappy";
export type BodyFormat =
  | "remote-write"
  | "otlp-metrics"
  | "otlp-metrics-json"
  | "otlp-traces"
  | "otlp-traces-json";

export const MAX_BODY_BYTES = 16 * 1024 * 1024;
