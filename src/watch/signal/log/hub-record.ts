/**
 * One record of the hub's body log: what was acknowledged, as it came in.
 *
 * Shape:  kind u8 | head length u32 LE | head (JSON, UTF-8) | body. "body" carries a request as
 *         its sender wrote it, "readings" a JSON array of KPI readings.
 * Units:  `atMs` is when the hub took it, ms since the epoch: what a replay judges the times of
 *         samples by, so that it keeps exactly what was kept the first time.
 * Errors: decoding answers `undefined` for bytes that are no record.
 */
import type { BodyEncoding, BodyFormat } from "../../intake/body.ts";
import type { KpiReadingRow } from "../signals.ts";

export type BodyHead = {
  /** Whose series these are, for the limits on their number: an agent's or a token's name. */
  readonly source: string;
  readonly format: BodyFormat;
  readonly encoding: BodyEncoding;
  readonly atMs: number;
  /** Of an agent: its number of the batch. Others have none, and may send a thing twice. */
  readonly agent?: { readonly id: string; readonly seq: number } | undefined;
  /** Places in the body of the series that were over a limit when it was taken. */
  readonly refused?: readonly number[] | undefined;
  /** Samples made of the spans of this log up to here. */
  readonly spansThrough?: number | undefined;
};
export type HubRecord =
  | { readonly kind: "body"; readonly head: BodyHead; readonly body: Uint8Array }
  | { readonly kind: "readings"; readonly readings: readonly KpiReadingRow[] };

const BODY = 3;
const READINGS = 2;
const HEAD_AT = 5;
const utf8 = new TextEncoder();
const text = new TextDecoder();

export const encodeHubRecord = (record: HubRecord): Uint8Array =>
  record.kind === "body"
    ? framed(BODY, record.head, record.body)
    : framed(READINGS, {}, utf8.encode(JSON.stringify(record.readings)));

const framed = (kind: number, head: object, body: Uint8Array): Uint8Array => {
  const headBytes = utf8.encode(JSON.stringify(head));
  const bytes = new Uint8Array(HEAD_AT + headBytes.length + body.length);
  bytes[0] = kind;
  new DataView(bytes.buffer).setUint32(1, headBytes.length, true);
  bytes.set(headBytes, HEAD_AT);
  bytes.set(body, HEAD_AT + headBytes.length);
  return bytes;
};

export const decodeHubRecord = (bytes: Uint8Array): HubRecord | undefined => {
  if (bytes.length < HEAD_AT) return undefined;
  const bodyAt =
    HEAD_AT + new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(1, true);
  if (bodyAt > bytes.length) return undefined;
  const body = bytes.subarray(bodyAt);
  try {
    if (bytes[0] === BODY) {
      const head = JSON.parse(text.decode(bytes.subarray(HEAD_AT, bodyAt))) as BodyHead;
      return { kind: "body", head, body };
    }
    if (bytes[0] !== READINGS) return undefined;
    return { kind: "readings", readings: JSON.parse(text.decode(body)) as KpiReadingRow[] };
  } catch {
    return undefined;
  }
};
