/**
 * Unpacks a body, to a bound that is kept while it unpacks.
 *
 * Shape:  what it answers is good until the next call.
 * Units:  bytes.
 * Errors: `undefined` where there would be more than `maxBytes`; throws on what is not packed so.
 */
import { gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { faultCode } from "./disk/disk.ts";
import { newUnsnapper } from "./snappy.ts";

const UNPACK = { zstd: zstdDecompressSync, gzip: gunzipSync, deflate: inflateSync };

export const newInflate = () => {
  const unsnap = newUnsnapper();
  return (
    encoding: "zstd" | "gzip" | "deflate" | "snappy",
    body: Uint8Array,
    maxBytes: number,
  ): Uint8Array | undefined => {
    if (encoding === "snappy") return unsnap(body, maxBytes);
    try {
      return UNPACK[encoding](body, { maxOutputLength: maxBytes });
    } catch (fault) {
      if (faultCode(fault) === "ERR_BUFFER_TOO_LARGE") return undefined;
      throw fault;
    }
  };
};
