/**
 * Bytes of a segment: a header, then records.
 *
 * Shape:  header  = "NOVALOG1" | first index u64 | previous next u64 | crc u32 | 4 zero bytes
 *         record  = crc u32 | length u32 | index u64 | body; the crc covers everything after
 *         itself. Little-endian. `previousNext` is what the log's next index was when the segment
 *         began: less than `first` where indexes were given up on purpose, so a missing segment
 *         shows.
 * Errors: parsing answers `undefined` for bytes that are not what they should be.
 */
import { crc32 } from "node:zlib";

export type LogRecord = { readonly index: number; readonly body: Uint8Array };
export type SegmentHeader = { readonly first: number; readonly previousNext: number };

export const SEGMENT_HEADER_BYTES = 32;
export const RECORD_HEADER_BYTES = 16;

const MAGIC = Buffer.from("NOVALOG1", "latin1");
const HEADER_CRC_AT = 24;
const TWO_POW_32 = 2 ** 32;
const NAME = /^(\d{16})\.seg$/;

export const segmentName = (first: number): string => `${String(first).padStart(16, "0")}.seg`;

export const parseSegmentName = (name: string): number | undefined => {
  const match = NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
};

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const putU64 = (view: DataView, at: number, value: number): void => {
  view.setUint32(at, value % TWO_POW_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_POW_32), true);
};

const getU64 = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * TWO_POW_32 + view.getUint32(at, true);

export const encodeSegmentHeader = ({ first, previousNext }: SegmentHeader): Uint8Array => {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(MAGIC);
  putU64(view, 8, first);
  putU64(view, 16, previousNext);
  view.setUint32(HEADER_CRC_AT, crc32(bytes.subarray(0, HEADER_CRC_AT)), true);
  return bytes;
};

export const parseSegmentHeader = (bytes: Uint8Array): SegmentHeader | undefined => {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  const sum = crc32(bytes.subarray(0, HEADER_CRC_AT));
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) return undefined;
  if (view.getUint32(HEADER_CRC_AT, true) !== sum || view.getUint32(28, true) !== 0) {
    return undefined;
  }
  return { first: getU64(view, 8), previousNext: getU64(view, 16) };
};

/**
 * Consecutive records as one run of bytes, so that a group is one write. It lies in the scratch
 * where that is large enough: good until the next.
 */
export const encodeRecords = (
  scratch: Uint8Array,
  first: number,
  bodies: readonly Uint8Array[],
): Uint8Array => {
  const size = bodies.reduce((sum, body) => sum + RECORD_HEADER_BYTES + body.length, 0);
  const bytes = size > scratch.length ? new Uint8Array(size) : scratch.subarray(0, size);
  const view = viewOf(bytes);
  let at = 0;
  bodies.forEach((body, nth) => {
    view.setUint32(at + 4, body.length, true);
    putU64(view, at + 8, first + nth);
    bytes.set(body, at + RECORD_HEADER_BYTES);
    const end = at + RECORD_HEADER_BYTES + body.length;
    view.setUint32(at, crc32(bytes.subarray(at + 4, end)), true);
    at = end;
  });
  return bytes;
};

export type RecordHead = { readonly length: number; readonly index: number };

/** The unchecked head at an offset: `undefined` when fewer bytes than a head are left. */
export const peekRecord = (bytes: Uint8Array, at: number): RecordHead | undefined => {
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const view = viewOf(bytes);
  return { length: view.getUint32(at + 4, true), index: getU64(view, at + 8) };
};

/** The record at an offset, if it is whole and its checksum holds. */
export const parseRecord = (bytes: Uint8Array, at: number): LogRecord | undefined => {
  const head = peekRecord(bytes, at);
  if (head === undefined) return undefined;
  const end = at + RECORD_HEADER_BYTES + head.length;
  if (end > bytes.length) return undefined;
  if (viewOf(bytes).getUint32(at, true) !== crc32(bytes.subarray(at + 4, end))) return undefined;
  return { index: head.index, body: bytes.subarray(at + RECORD_HEADER_BYTES, end) };
};

/**
 * Where the next good record starts after bytes that are not one, or `undefined`.
 *
 * The head's own length is tried first, because damage usually sits in a body; then every byte
 * (a length may rot too, and must not carry us past good records).
 * A record there may only carry an index that fits: after `expected`, and no further than there was
 * room for records in between.
 */
export const resync = (bytes: Uint8Array, bad: number, expected: number): number | undefined => {
  const fits = (at: number): boolean => {
    const head = peekRecord(bytes, at);
    if (head === undefined || head.index <= expected) return false;
    const room = Math.ceil((at - bad) / RECORD_HEADER_BYTES);
    return head.index <= expected + room && parseRecord(bytes, at) !== undefined;
  };
  const head = peekRecord(bytes, bad);
  if (head !== undefined) {
    const hop = bad + RECORD_HEADER_BYTES + head.length;
    if (peekRecord(bytes, hop)?.index === expected + 1 && fits(hop)) return hop;
  }
  for (let at = bad + 1; at + RECORD_HEADER_BYTES <= bytes.length; at += 1) {
    if (fits(at)) return at;
  }
  return undefined;
};
