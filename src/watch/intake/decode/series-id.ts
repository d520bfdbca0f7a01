/**
 * A series' number in the store: 64 bits of its labels, the same on every machine and for ever.
 *
 * Shape:  MurmurHash3 x86 128, seed 0, first two words, over name NUL value NUL … of sorted labels.
 * Why:    stable, so a replayed batch has identical content; 64 bits, so a million series collide
 *         with a probability of 3 in 10^8.
 * Source: Austin Appleby's MurmurHash3 (public domain), its description and test vectors.
 */
import type { Labels } from "../../signal/series.ts";

export type SeriesId = { readonly low: number; readonly high: number };

const BLOCK_BYTES = 16;
const utf8 = new TextEncoder();
/** Labels as bytes on their way into the hash; nothing of it outlives the call. */
const scratch = new Uint8Array(4_096);

export const seriesIdOf = (labels: Labels): SeriesId => {
  let text = "";
  for (const [name, value] of labels) text += `${name}\0${value}\0`;
  // A character has at most three bytes; what does not fit the scratch gets memory of its own.
  if (text.length * 3 > scratch.length) return hash128(utf8.encode(text));
  return hash128(scratch.subarray(0, utf8.encodeInto(text, scratch).written));
};

const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

const finished = (word: number): number => {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
};

type State = [number, number, number, number];
const MULTIPLIERS = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const;
const KEY_ROTATIONS = [15, 16, 17, 18] as const;
const ROTATIONS = [19, 17, 15, 13] as const;
const ADDENDS = [0x561ccd1b, 0x0bcaa747, 0x96cd1c35, 0x32ac3b17] as const;
const WORDS = [0, 1, 2, 3] as const;

/** The first 64 of the 128 bits. */
export const hash128 = (bytes: Uint8Array): SeriesId => {
  const h: State = [0, 0, 0, 0];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length - (bytes.length % BLOCK_BYTES);
  for (let at = 0; at < whole; at += BLOCK_BYTES) {
    for (const word of WORDS) {
      const mixed = h[word] ^ scrambled(view.getUint32(at + 4 * word, true), word);
      const sum = rotated(mixed, ROTATIONS[word]) + h[(word + 1) % 4]!;
      h[word] = (Math.imul(sum, 5) + ADDENDS[word]) | 0;
    }
  }
  const tail = new DataView(new ArrayBuffer(BLOCK_BYTES));
  bytes.subarray(whole).forEach((byte, nth) => tail.setUint8(nth, byte));
  for (const word of WORDS)
    h[word] ^= scrambled(tail.getUint32(4 * word, true), word) ^ bytes.length;
  mixAll(h);
  for (const word of WORDS) h[word] = finished(h[word]);
  mixAll(h);
  return { low: h[0] >>> 0, high: h[1] >>> 0 };
};

const scrambled = (k: number, word: (typeof WORDS)[number]): number =>
  Math.imul(
    rotated(Math.imul(k, MULTIPLIERS[word]), KEY_ROTATIONS[word]),
    MULTIPLIERS[(word + 1) % 4]!,
  );

const mixAll = (h: State): void => {
  h[0] = (h[0] + h[1] + h[2] + h[3]) | 0;
  for (let word = 1; word < 4; word += 1) h[word] = (h[word]! + h[0]) | 0;
};
