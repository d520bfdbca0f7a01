/**
 * Snappy's block format, unpacked into memory that is used again for the next body.
 *
 * Shape:  `unsnap(body, maxBytes)` answers a view that is good until the next call.
 * Errors: `undefined` where there would be more than `maxBytes`; throws SnappyFault on a body that
 *         is none, before anything is read or written beyond its end.
 * Why:    a library gives each body memory of its own outside the heap, and the collector's work
 *         for it cost more than the unpacking (docs/decisions/0007).
 * Source: format_description.txt of google/snappy.
 */
export class SnappyFault extends Error {
  override readonly name = "SnappyFault";
}

/** What is kept; a longer body gets memory of its own. */
const KEPT_BYTES = 2 * 1024 * 1024;
const MAX_LENGTH_BYTES = 5;
/** Longer literals are copied by the engine, shorter ones faster one by one. */
const LONG_LITERAL = 48;

export const newUnsnapper = () => {
  const kept = new Uint8Array(KEPT_BYTES);
  return (body: Uint8Array, maxBytes: number): Uint8Array | undefined => {
    const { length, at } = lengthOf(body);
    if (length > maxBytes) return undefined;
    const out = length > KEPT_BYTES ? new Uint8Array(length) : kept.subarray(0, length);
    unpack(body, at, out, length);
    return out;
  };
};

const lengthOf = (body: Uint8Array): { readonly length: number; readonly at: number } => {
  let length = 0;
  for (let at = 0; at < MAX_LENGTH_BYTES; at += 1) {
    const byte = body[at];
    if (byte === undefined) break;
    length += (byte & 127) * 128 ** at;
    if (byte < 128) return { length, at: at + 1 };
  }
  throw new SnappyFault("it does not begin with a length");
};

/** From here on the engine's own copy is faster than a loop. */
const LONG_COPY = 32;
const WORD = 4;
const LITERAL = 0;
const COPY_1 = 1;
const COPY_2 = 2;
/** Literals of 60 bytes and fewer have their length in the tag; longer ones in 1 to 4 bytes. */
const LONGEST_IN_TAG = 60;

const unpack = (body: Uint8Array, from: number, out: Uint8Array, length: number): void => {
  const end = body.length;
  const words = new DataView(out.buffer, out.byteOffset, out.byteLength);
  let at = from;
  let to = 0;
  while (at < end) {
    const tag = body[at]!;
    at += 1;
    const kind = tag & 3;
    if (kind === LITERAL) {
      let count = (tag >>> 2) + 1;
      if (count > LONGEST_IN_TAG) {
        const width = count - LONGEST_IN_TAG;
        if (at + width > end) throw truncated(at);
        count = 1;
        for (let nth = 0; nth < width; nth += 1) count += body[at + nth]! * 256 ** nth;
        at += width;
      }
      if (count > end - at) throw truncated(at);
      if (count > length - to) throw tooLong(at);
      if (count > LONG_LITERAL) out.set(body.subarray(at, at + count), to);
      else for (let nth = 0; nth < count; nth += 1) out[to + nth] = body[at + nth]!;
      at += count;
      to += count;
      continue;
    }
    const width = kind === COPY_1 ? 1 : kind === COPY_2 ? 2 : 4;
    if (at + width > end) throw truncated(at);
    let count = (tag >>> 2) + 1;
    let offset = body[at]!;
    if (kind === COPY_1) {
      count = ((tag >>> 2) & 7) + 4;
      offset |= (tag >>> 5) << 8;
    } else {
      offset |= body[at + 1]! << 8;
      if (kind !== COPY_2) offset += body[at + 2]! * 65_536 + body[at + 3]! * 16_777_216;
    }
    at += width;
    if (offset === 0 || offset > to) throw new SnappyFault(`a copy from before byte 0, at ${at}`);
    if (count > length - to) throw tooLong(at);
    // A copy may read what it has just written: four bytes at a time only from four bytes back.
    const stop = to + count;
    let source = to - offset;
    if (count >= LONG_COPY && offset >= count) {
      out.copyWithin(to, source, source + count);
      to = stop;
      continue;
    }
    if (offset >= WORD) {
      for (; to + WORD <= stop; to += WORD, source += WORD)
        words.setUint32(to, words.getUint32(source));
    }
    for (; to < stop; to += 1, source += 1) out[to] = out[source]!;
  }
  if (to !== length) throw new SnappyFault(`it holds ${to} bytes and says ${length}`);
};

const truncated = (at: number): SnappyFault => new SnappyFault(`it is truncated at byte ${at}`);
const tooLong = (at: number): SnappyFault =>
  new SnappyFault(`it holds more than it says, at byte ${at}`);
