/**
 * What Prometheus' HTTP API answers, as bytes ready to be sent.
 *
 * Shape:  {"status":"success","data":…,"warnings":[…]} or {"status":"error","errorType","error"}.
 * Units:  seconds; bytes. Values as number.ts writes them.
 * Errors: undefined when the answer would be larger than its limit.
 * Why:    written a series at a time into one buffer: an answer of a million points makes no
 *         object per point and no text of tens of megabytes.
 */
import type { Labels } from "../series.ts";
import type { Value } from "../promql/evaluate.ts";
import { sampleText, scalarText, secondsText } from "./number.ts";

export type PrometheusReply = {
  readonly status: number;
  readonly body: Uint8Array<ArrayBuffer>;
};

export type ErrorType = keyof typeof STATUS;

const OK = 200;
const STATUS = {
  bad_data: 400,
  execution: 422,
  /** Read by nobody but who counts answers: the client has gone. 503 before Prometheus 2.43. */
  canceled: 499,
  timeout: 503,
  unavailable: 503,
} as const;

const FIRST_BYTES = 4_096;
/** UTF-8 needs at most so many bytes for a UTF-16 unit. */
const BYTES_PER_UNIT = 3;
const MAX_CACHED_TIMES = 65_536;

export const errorReply = (errorType: ErrorType, error: string): PrometheusReply => ({
  status: STATUS[errorType],
  body: bytesOf(JSON.stringify({ status: "error", errorType, error })),
});

/** For answers that are small, or bounded in number by who makes them. */
export const dataReply = (data: unknown, warnings: readonly string[] = []): PrometheusReply => ({
  status: OK,
  body: bytesOf(`{"status":"success","data":${JSON.stringify(data)}${warningsJson(warnings)}}`),
});

/** Label sets as objects, one after the other. */
export const seriesReply = (
  series: readonly Labels[],
  warnings: readonly string[],
  maxBytes: number,
): PrometheusReply | undefined => {
  const sheet = newSheet(maxBytes);
  write(sheet, `{"status":"success","data":[`);
  series.forEach((labels, nth) => write(sheet, `${nth === 0 ? "" : ","}${labelsJson(labels)}`));
  write(sheet, `]${warningsJson(warnings)}}`);
  return finished(sheet);
};

export const valueReply = (
  value: Value,
  warnings: readonly string[],
  maxBytes: number,
): PrometheusReply | undefined => {
  const sheet = newSheet(maxBytes);
  write(sheet, `{"status":"success","data":{"resultType":"${value.type}","result":`);
  writeResult(sheet, value);
  write(sheet, `}${warningsJson(warnings)}}`);
  return finished(sheet);
};

const writeResult = (sheet: Sheet, value: Value): void => {
  switch (value.type) {
    case "scalar":
      return write(sheet, `[${secondsText(value.t)},"${scalarText(value.v)}"]`);
    case "string":
      return write(sheet, `[${secondsText(value.t)},${JSON.stringify(value.v)}]`);
    case "vector":
      value.samples.forEach(({ labels, t, v }, nth) => {
        const point = `[${secondsText(t)},"${sampleText(v)}"]`;
        write(sheet, `${nth === 0 ? "[" : ","}{"metric":${labelsJson(labels)},"value":${point}}`);
      });
      return write(sheet, value.samples.length === 0 ? "[]" : "]");
    case "matrix": {
      const opening = openings();
      value.series.forEach(({ labels, timestamps, values }, nth) => {
        const points = pointsJson(opening, timestamps, values);
        write(sheet, `${nth === 0 ? "[" : ","}{"metric":${labelsJson(labels)},"values":[`);
        write(sheet, `${points}]}`);
      });
      return write(sheet, value.series.length === 0 ? "[]" : "]");
    }
    default:
      return value satisfies never;
  }
};

const pointsJson = (
  opening: (ms: number) => string,
  timestamps: Float64Array,
  values: Float64Array,
): string => {
  let text = "";
  for (let at = 0; at < values.length; at += 1) {
    text += opening(timestamps[at]!);
    text += sampleText(values[at]!);
    text += at === values.length - 1 ? '"]' : '"],';
  }
  return text;
};

/** Series of one answer share their instants, so each is written once. */
const openings = (): ((ms: number) => string) => {
  const known = new Map<number, string>();
  return (ms) => {
    const before = known.get(ms);
    if (before !== undefined) return before;
    const text = `[${secondsText(ms)},"`;
    if (known.size >= MAX_CACHED_TIMES) known.clear();
    known.set(ms, text);
    return text;
  };
};

const labelsJson = (labels: Labels): string => {
  let text = "{";
  for (const [name, value] of labels) {
    text += `${text === "{" ? "" : ","}${JSON.stringify(name)}:${JSON.stringify(value)}`;
  }
  return `${text}}`;
};

const warningsJson = (warnings: readonly string[]): string =>
  warnings.length === 0 ? "" : `,"warnings":${JSON.stringify(warnings)}`;

const ENCODER = new TextEncoder();
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => ENCODER.encode(text);

type Sheet = {
  bytes: Uint8Array<ArrayBuffer>;
  length: number;
  readonly maxBytes: number;
};

const newSheet = (maxBytes: number): Sheet => ({
  bytes: new Uint8Array(FIRST_BYTES),
  length: 0,
  maxBytes,
});

const write = (sheet: Sheet, text: string): void => {
  if (sheet.length > sheet.maxBytes) return;
  const needed = sheet.length + text.length * BYTES_PER_UNIT;
  if (needed > sheet.bytes.length) {
    const larger = new Uint8Array(Math.max(needed, sheet.bytes.length * 2));
    larger.set(sheet.bytes.subarray(0, sheet.length));
    sheet.bytes = larger;
  }
  sheet.length += ENCODER.encodeInto(text, sheet.bytes.subarray(sheet.length)).written;
};

const finished = (sheet: Sheet): PrometheusReply | undefined =>
  sheet.length > sheet.maxBytes
    ? undefined
    : { status: OK, body: sheet.bytes.slice(0, sheet.length) };
