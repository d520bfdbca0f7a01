/**
 * Where the bits of an encoded slot are.
 *
 * Shape:  header (16 bytes: time of the first, offset of the last, `info`) · first value or units ·
 *         step · how early the earliest is, if times have a plane · least step of values, if steps
 *         are kept · planes of times, values, their higher halves, noise. `info` holds the count,
 *         the kind and the widths; a plane begins at a 32-bit word and has no padding inside.
 * Units:  32-bit words of a slab, counted from `at`, the even place of the header; widths in bits.
 * Errors: none.
 */

export const MAX_SAMPLES = 64;
export const HEADER_BYTES = 16;
/** Words of the header: a double, then these. */
export const LAST_OFFSET = 2;
export const INFO = 3;
export const COUNT_MASK = 127;
export const KIND_SHIFT = 7;
/** Kind 0 is a slot that is not encoded. */
export const KIND_MASK = 3 << KIND_SHIFT;
export const DECIMAL = 1;
export const XOR = 2;
export const TIME_WIDTH_SHIFT = 9;
/** Of the value form: a width in 7 bits, then what else it needs in 10. */
export const WIDTH_SHIFT = 15;
export const MORE_SHIFT = 22;
export const ORDER = 1 << MORE_SHIFT;
export const POWER_SHIFT = MORE_SHIFT + 1;
export const NOISE_SHIFT = MORE_SHIFT + 5;

/** Durations in seconds with nanoseconds have nine decimals. */
export const MAX_POWER = 9;
export const SCALES = Float64Array.from({ length: MAX_POWER + 1 }, (_, power) => 10 ** power);
/** Where the low half of a double is: 0 wherever this runs today. */
export const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
export const HIGH = 1 - LOW;
export const WORD = 2 ** 32;

export const FIRST = 4;
export const STEP = 6;
export const timeWidthOf = (info: number): number => (info >> TIME_WIDTH_SHIFT) & 63;
export const valueWidthOf = (info: number): number => (info >> WIDTH_SHIFT) & 127;
export const isDecimal = (info: number): boolean => (info & KIND_MASK) === DECIMAL << KIND_SHIFT;
export const isOfSteps = (info: number): boolean => isDecimal(info) && (info & ORDER) !== 0;
export const noiseWidthOf = (info: number): number =>
  isDecimal(info) ? (info >> NOISE_SHIFT) & 15 : 0;
export const wordsOf = (bits: number): number => (bits + 31) >> 5;

/** Places of the planes, counted from that of the header. */
export const timesAt = (info: number, at: number): number =>
  at + STEP + (timeWidthOf(info) > 0 ? 2 : 1) + (isOfSteps(info) ? 1 : 0);
export const valuesAt = (info: number, at: number): number =>
  timesAt(info, at) + wordsOf(timeWidthOf(info) * (info & COUNT_MASK));
export const valueCount = (info: number): number => (info & COUNT_MASK) - (isOfSteps(info) ? 1 : 0);
export const highsAt = (info: number, at: number): number =>
  valuesAt(info, at) + wordsOf(Math.min(32, valueWidthOf(info)) * valueCount(info));
export const noiseAt = (info: number, at: number): number =>
  highsAt(info, at) + wordsOf(Math.max(0, valueWidthOf(info) - 32) * valueCount(info));

/** The number as 32 bits with sign, for it may have all of them. */
export const pick = (u32: Uint32Array, plane: number, width: number, nth: number): number => {
  const bit = nth * width;
  const at = plane + (bit >>> 5);
  const shift = bit & 31;
  const low = u32[at]! >>> shift;
  const all = shift + width > 32 ? low | (u32[at + 1]! << (32 - shift)) : low;
  return width === 32 ? all | 0 : all & ((1 << width) - 1);
};
