/**
 * One record of the hub's body log: what was acknowledged, as it came in.
 *
 * Shape:  kind u8 | head length u32 LE | head (JSON, UTF-8) | body. "samples" carries a remote
 *         write request as the agent sent it, "readings" a JSON array of KPI readings.
 * Units:  `atMs` is when the hub took it, ms since the epoch: what a replay judges the times of
 *         samples by, so that it keeps exactly what was kept the first time.
 * Errors: decoding answers `undefined` for bytes that are no record.
 */
import type { KpiReadingRow } from "./signals.ts";

export type SamplesHead = {
  readonly agent: string;
  readonly seq: number;
  readonly encoding: "zstd" | "identity";
  readonly atMs: number;
};
export type HubRecord =
  | { readonly kind: "samples"; readonly head: SamplesHead; readonly body: Uint8Array }
  | { readonly kind: "readings"; readonly readings: readonly KpiReadingRow[] };

const SAMPLES = 1;
const READINGS = 2;
const HEAD_AT = 5;
const utf8 = new TextEncoder();
const text = new TextDecoder();

export const encodeHubRecord = (record: HubRecord): Uint8Array =>
  record.kind === "samples"
    ? framed(SAMPLES, record.head, record.body)
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
    if (bytes[0] === SAMPLES) {
      const head = JSON.parse(text.decode(bytes.subarray(HEAD_AT, bodyAt))) as SamplesHead;
      return { kind: "samples", head, body };
    }
    if (bytes[0] !== READINGS) return undefined;
    return { kind: "readings", readings: JSON.parse(text.decode(body)) as KpiReadingRow[] };
  } catch {
    return undefined;
  }
};
