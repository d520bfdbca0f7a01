/**
 * Unpacks a body, to a bound that is kept while it unpacks.
 *
 * Units:  bytes.
 * Errors: `undefined` where there would be more than `maxBytes`; throws on what is not packed so.
 */
import { gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { uncompressSync } from "snappy";
import { faultCode } from "./disk/disk.ts";

const UNPACK = { zstd: zstdDecompressSync, gzip: gunzipSync, deflate: inflateSync };

export const inflate = (
  encoding: "zstd" | "gzip" | "deflate" | "snappy",
  body: Uint8Array,
  maxBytes: number,
): Uint8Array | undefined => {
  if (encoding === "snappy") return unsnapped(body, maxBytes);
  try {
    return UNPACK[encoding](body, { maxOutputLength: maxBytes });
  } catch (fault) {
    if (faultCode(fault) === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw fault;
  }
};

/** The length stands in front; the library would allocate whatever it says. */
const unsnapped = (body: Uint8Array, maxBytes: number): Uint8Array | undefined => {
  if (snappyLength(body) > maxBytes) return undefined;
  const plain = uncompressSync(body, { asBuffer: true });
  return typeof plain === "string" ? Buffer.from(plain) : plain;
};

const MAX_LENGTH_BYTES = 5;

/** Source: format_description.txt of google/snappy: a little-endian varint of at most 32 bits. */
const snappyLength = (body: Uint8Array): number => {
  let length = 0;
  for (let at = 0; at < MAX_LENGTH_BYTES; at += 1) {
    const byte = body[at];
    if (byte === undefined) break;
    length += (byte & 127) * 128 ** at;
    if (byte < 128) return length;
  }
  throw new Error("no snappy block: it does not begin with a length");
};
