/**
 * Short texts that come again and again, decoded once.
 *
 * Shape:  a table by hash of the bytes; what hashes alike takes the place of what was there. The
 *         keys of attributes and most of their values stand in every span of a body.
 * Units:  texts of at most `MAX_SHORT_BYTES`, in `SLOTS` places.
 * Errors: none; bytes that are not UTF-8 are repaired.
 */
export type ShortTexts = {
  readonly bytes: Uint8Array;
  readonly lengths: Uint8Array;
  readonly texts: string[];
};

export const MAX_SHORT_BYTES = 40;
const SLOTS = 1_024;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export const newShortTexts = (): ShortTexts => ({
  bytes: new Uint8Array(SLOTS * MAX_SHORT_BYTES),
  lengths: new Uint8Array(SLOTS),
  texts: Array.from({ length: SLOTS }, () => ""),
});

/** A slot that was never filled has the length and the text of nothing, which is right. */
export const shortText = (
  { bytes: known, lengths, texts }: ShortTexts,
  bytes: Uint8Array,
  from: number,
  length: number,
): string => {
  let hash = length;
  for (let at = from; at < from + length; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const start = slot * MAX_SHORT_BYTES;
  let same = lengths[slot] === length ? 0 : -1;
  while (same >= 0 && same < length && known[start + same] === bytes[from + same]) same += 1;
  if (same === length) return texts[slot]!;
  const text = utf8.decode(bytes.subarray(from, from + length));
  known.set(bytes.subarray(from, from + length), start);
  lengths[slot] = length;
  texts[slot] = text;
  return text;
};
