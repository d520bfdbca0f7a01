/**
 * What an OTLP door answers, in the encoding it was asked in.
 *
 * Shape:  ExportMetricsServiceResponse and ExportTraceServiceResponse, with partial_success where
 *         something was rejected or there is something to say; google.rpc.Status for a failure.
 * Errors: none.
 * Source: OTLP specification, "OTLP/HTTP Response"; collector/metrics/v1, collector/trace/v1;
 *         google/rpc/status.proto and code.proto.
 */
import type { ProblemCode } from "../../../kernel/result.ts";
import type { Rejected } from "./rejections.ts";

export type OtlpEncoding = "protobuf" | "json";
export type OtlpSignal = "metrics" | "traces";

const CONTENT_TYPES = {
  protobuf: "application/x-protobuf",
  json: "application/json",
} as const;

export type OtlpAnswer = {
  readonly contentType: (typeof CONTENT_TYPES)[OtlpEncoding];
  readonly body: Uint8Array;
};

const REJECTED_FIELDS = { metrics: "rejectedDataPoints", traces: "rejectedSpans" } as const;
const MAX_TEXT_LENGTH = 2_000;

export const exportAnswer = (
  encoding: OtlpEncoding,
  signal: OtlpSignal,
  { count, messages }: Rejected,
): OtlpAnswer => {
  const why = shortened(messages.join("; "));
  const isWhole = count === 0 && why === "";
  if (encoding === "json") {
    // A 64-bit integer is text in protobuf's JSON.
    const partial = { [REJECTED_FIELDS[signal]]: String(count), errorMessage: why };
    return inJson(isWhole ? {} : { partialSuccess: partial });
  }
  const partial = [...varintField(1, count), ...textField(2, why)];
  return inProtobuf(isWhole ? [] : bytesField(1, partial));
};

/** google.rpc.Code of a problem. */
const RPC_CODES: Readonly<Record<ProblemCode, number>> = {
  bad_request: 3,
  unsupported: 3,
  not_found: 5,
  forbidden: 7,
  too_many: 8,
  too_large: 8,
  conflict: 10,
  unavailable: 14,
  unauthenticated: 16,
};

export const statusAnswer = (
  encoding: OtlpEncoding,
  problem: { readonly code: ProblemCode; readonly message: string },
): OtlpAnswer => {
  const code = RPC_CODES[problem.code];
  const message = shortened(problem.message);
  return encoding === "json"
    ? inJson({ code, message })
    : inProtobuf([...varintField(1, code), ...textField(2, message)]);
};

const utf8 = new TextEncoder();

const inJson = (value: unknown): OtlpAnswer => ({
  contentType: CONTENT_TYPES.json,
  body: utf8.encode(JSON.stringify(value)),
});

const inProtobuf = (bytes: readonly number[]): OtlpAnswer => ({
  contentType: CONTENT_TYPES.protobuf,
  body: Uint8Array.from(bytes),
});

const shortened = (text: string): string => text.slice(0, MAX_TEXT_LENGTH).toWellFormed();

const VARINT_TYPE = 0;
const BYTES_TYPE = 2;

const varint = (value: number): readonly number[] => {
  const bytes: number[] = [];
  let left = value;
  while (left > 127) {
    bytes.push((left % 128) + 128);
    left = Math.floor(left / 128);
  }
  return [...bytes, left];
};

const varintField = (field: number, value: number): readonly number[] =>
  value === 0 ? [] : [field * 8 + VARINT_TYPE, ...varint(value)];

const bytesField = (field: number, bytes: readonly number[]): readonly number[] => [
  ...[field * 8 + BYTES_TYPE, ...varint(bytes.length)],
  ...bytes,
];

const textField = (field: number, text: string): readonly number[] =>
  text === "" ? [] : bytesField(field, [...utf8.encode(text)]);
