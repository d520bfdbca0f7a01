/**
 * Protobuf's wire format, read with strict bounds.
 *
 * Shape:  a reader is a position in bytes; every read checks that it stays inside `end`.
 * Errors: WireFault, in words a sender can act on. Nothing is read beyond the end, no length is
 *         trusted before it is compared with what is left.
 * Source: protobuf's encoding documentation; groups are refused, as proto3 has none.
 */
export class WireFault extends Error {
  override readonly name = "WireFault";
}

export type Reader = { readonly bytes: Uint8Array; readonly view: DataView; at: number };

export const LENGTH_DELIMITED = 2;
export const FIXED64 = 1;
export const VARINT = 0;
const FIXED32 = 5;
const MAX_VARINT_BYTES = 10;
const TWO_POW_28 = 2 ** 28;
const TWO_POW_56 = 2 ** 56;

export const newReader = (bytes: Uint8Array): Reader => ({
  bytes,
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  at: 0,
});

const truncated = (reader: Reader): WireFault =>
  new WireFault(`the body is truncated at byte ${reader.at}`);

/** An unsigned number below 2^53; tags and lengths are never larger. */
export const readCount = (reader: Reader, end: number): number => {
  const { bytes } = reader;
  let value = 0;
  let scale = 1;
  for (let count = 0; count < MAX_VARINT_BYTES; count += 1) {
    if (reader.at >= end) throw truncated(reader);
    const byte = bytes[reader.at++]!;
    value += (byte & 127) * scale;
    if (byte < 128) {
      if (value > Number.MAX_SAFE_INTEGER)
        throw new WireFault(`a length before byte ${reader.at} is negative or over 2^53`);
      return value;
    }
    scale *= 128;
  }
  throw new WireFault(`a varint before byte ${reader.at} is longer than ${MAX_VARINT_BYTES} bytes`);
};

/** A signed 64-bit number, rounded beyond 2^53: far outside any bound it has to meet. */
export const readInt64 = (reader: Reader, end: number): number => {
  const { bytes } = reader;
  let low = 0;
  let middle = 0;
  let high = 0;
  for (let count = 0; count < MAX_VARINT_BYTES; count += 1) {
    if (reader.at >= end) throw truncated(reader);
    const byte = bytes[reader.at++]!;
    if (count < 4) low |= (byte & 127) << (7 * count);
    else if (count < 8) middle |= (byte & 127) << (7 * (count - 4));
    else high |= (byte & 127) << (7 * (count - 8));
    if (byte < 128) {
      if (high > 255) throw new WireFault(`a varint before byte ${reader.at} is over 64 bits`);
      if (high < 128) return low + middle * TWO_POW_28 + high * TWO_POW_56;
      // Two's complement: what is missing to 2^64, negated, in parts that stay exact.
      return -(
        TWO_POW_28 -
        low +
        (TWO_POW_28 - 1 - middle) * TWO_POW_28 +
        (255 - high) * TWO_POW_56
      );
    }
  }
  throw new WireFault(`a varint before byte ${reader.at} is longer than ${MAX_VARINT_BYTES} bytes`);
};

/** The end of a length-delimited field that begins here. */
export const readLength = (reader: Reader, end: number): number => {
  const length = readCount(reader, end);
  if (length > end - reader.at) throw truncated(reader);
  return reader.at + length;
};

/** Steps over the value of a field nobody asked for. */
export const skipField = (reader: Reader, tag: number, end: number): void => {
  const type = tag & 7;
  if (tag >>> 3 === 0) throw new WireFault(`a field before byte ${reader.at} has the number 0`);
  if (type === VARINT) readInt64(reader, end);
  else if (type === LENGTH_DELIMITED) reader.at = readLength(reader, end);
  else if (type === FIXED64 || type === FIXED32) {
    const width = type === FIXED64 ? 8 : 4;
    if (end - reader.at < width) throw truncated(reader);
    reader.at += width;
  } else {
    throw new WireFault(`wire type ${type} before byte ${reader.at} is not one of protobuf 3`);
  }
};

export const readTag = (reader: Reader, end: number): number => {
  const tag = readCount(reader, end);
  if (tag > 0xffff_ffff) throw new WireFault(`a tag before byte ${reader.at} is over 32 bits`);
  return tag;
};

/** Eight bytes, copied as bits: a number would lose which NaN it was. */
export const copyDouble = (reader: Reader, end: number, into: Uint32Array, index: number): void => {
  if (end - reader.at < 8) throw truncated(reader);
  into[2 * index] = reader.view.getUint32(reader.at, true);
  into[2 * index + 1] = reader.view.getUint32(reader.at + 4, true);
  reader.at += 8;
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const readText = (reader: Reader, end: number, what: string): string => {
  try {
    const text = utf8.decode(reader.bytes.subarray(reader.at, end));
    reader.at = end;
    return text;
  } catch {
    throw new WireFault(`${what} before byte ${end} is not valid UTF-8`);
  }
};
