/**
 * Samples of an encoded slot, straight into a reader's arrays.
 *
 * Shape:  `slot-layout.ts` says where the bits are, `slot-encode.ts` what they mean.
 * Units:  ms; `at` in 32-bit words; samples [first, end) go to `to` from `toAt` on.
 * Errors: none.
 * Why:    most widths are under 32 bits; their loops keep the word at hand and build no number from
 *         two halves, which is three times as fast as picking one by one. Never is a word read that
 *         is behind a plane.
 */
import type { Words } from "./slot-blobs.ts";
import {
  FIRST,
  HIGH,
  INFO,
  LOW,
  MAX_SAMPLES,
  MORE_SHIFT,
  POWER_SHIFT,
  SCALES,
  STEP,
  WORD,
  highsAt,
  isDecimal,
  isOfSteps,
  noiseAt,
  noiseWidthOf,
  pick,
  timeWidthOf,
  timesAt,
  valueWidthOf,
  valuesAt,
} from "./slot-layout.ts";

type Decode = (
  from: Words,
  at: number,
  first: number,
  end: number,
  to: Float64Array,
  toAt: number,
) => void;

export const timeAt = ({ u32, f64 }: Words, at: number, index: number): number => {
  const info = u32[at + INFO]!;
  const width = timeWidthOf(info);
  const lineMs = f64[at >> 1]! + index * u32[at + STEP]!;
  if (width === 0) return lineMs;
  return lineMs - u32[at + STEP + 1]! + (pick(u32, timesAt(info, at), width, index) >>> 0);
};

export const decodeTimes: Decode = ({ u32, f64 }, at, first, end, to, toAt) => {
  const info = u32[at + INFO]!;
  const width = timeWidthOf(info);
  const stepMs = u32[at + STEP]!;
  let lineMs = f64[at >> 1]! + first * stepMs;
  if (width === 0) {
    for (let i = first, j = toAt; i < end; i++, j++, lineMs += stepMs) to[j] = lineMs;
    return;
  }
  lineMs -= u32[at + STEP + 1]!;
  const plane = timesAt(info, at);
  if (width < 32) addTo(u32, plane, width, first, end, lineMs, stepMs, to, toAt);
  else {
    for (let i = first, j = toAt; i < end; i++, j++, lineMs += stepMs)
      to[j] = lineMs + u32[plane + i]!;
  }
};

/** A line, and above it numbers of 1 to 31 bits. */
const addTo = (
  u32: Uint32Array,
  plane: number,
  width: number,
  first: number,
  end: number,
  lineMs: number,
  stepMs: number,
  to: Float64Array,
  toAt: number,
): void => {
  const mask = (1 << width) - 1;
  let word = plane + ((first * width) >>> 5);
  let shift = (first * width) & 31;
  let bits = u32[word]! | 0;
  for (let i = first, j = toAt; i < end; i++, j++) {
    if (shift > 31) {
      shift -= 32;
      bits = u32[++word]! | 0;
    }
    let found = bits >>> shift;
    shift += width;
    if (shift > 32) {
      shift -= 32;
      bits = u32[++word]! | 0;
      found |= bits << (width - shift);
    }
    to[j] = lineMs + (found & mask);
    lineMs += stepMs;
  }
};

/** One for all reads, so that nothing is made per slot. */
export const newValueDecoder = (): Decode => {
  const f64 = new Float64Array(MAX_SAMPLES);
  const work: Work = {
    bits: { f64, u32: new Uint32Array(f64.buffer) },
    lows: new Int32Array(MAX_SAMPLES),
    highs: new Int32Array(MAX_SAMPLES),
  };
  return (from, at, first, end, to, toAt) => {
    const info = from.u32[at + INFO]!;
    if (!isDecimal(info)) {
      decodeXor(work, from.u32, at, first, end);
      deliver(f64, end - first, to, toAt);
    } else if (noiseWidthOf(info) === 0) decodeUnits(work, from, at, first, end, to, toAt);
    else {
      decodeUnits(work, from, at, first, end, f64, 0);
      addNoise(work, from.u32, at, first, end);
      deliver(f64, end - first, to, toAt);
    }
  };
};

type Work = {
  /** Values whose bits are put together, on their way to an array of doubles. */
  readonly bits: Words;
  readonly lows: Int32Array;
  readonly highs: Int32Array;
};

/** Set as a whole, for a register may change the bits of a NaN. */
const deliver = (values: Float64Array, count: number, to: Float64Array, toAt: number): void => {
  to.set(count === values.length ? values : values.subarray(0, count), toAt);
};

const decodeUnits = (
  work: Work,
  { u32, f64 }: Words,
  at: number,
  first: number,
  end: number,
  to: Float64Array,
  toAt: number,
): void => {
  const info = u32[at + INFO]!;
  const width = valueWidthOf(info);
  const scale = SCALES[(info >> POWER_SHIFT) & 15]!;
  const units = f64[(at + FIRST) >> 1]!;
  const plane = valuesAt(info, at);
  const step = isOfSteps(info) ? u32[timesAt(info, at) - 1]! | 0 : 0;
  if (width === 0) {
    let now = units + step * first;
    for (let j = toAt; j < toAt + end - first; j++, now += step) to[j] = now / scale;
  } else if (width >= 32) {
    decodeWide(work, u32, at, first, end, units, to, toAt);
  } else if (isOfSteps(info)) {
    sumSteps(u32, plane, width, first, end, units, step, scale, to, toAt);
  } else {
    unpack(u32, plane, width, first, end, work.lows);
    const { lows } = work;
    for (let i = 0, j = toAt; i < end - first; i++, j++) to[j] = (units + lows[i]!) / scale;
  }
};

/** Units that grow by a least step and numbers of 1 to 31 bits above it. */
const sumSteps = (
  u32: Uint32Array,
  plane: number,
  width: number,
  first: number,
  end: number,
  units: number,
  step: number,
  scale: number,
  to: Float64Array,
  toAt: number,
): void => {
  const mask = (1 << width) - 1;
  let word = plane;
  let shift = 0;
  let bits = u32[word]! | 0;
  if (first === 0) to[toAt] = units / scale;
  for (let i = 1, j = toAt + 1 - first; i < end; i++, j++) {
    if (shift > 31) {
      shift -= 32;
      bits = u32[++word]! | 0;
    }
    let found = bits >>> shift;
    shift += width;
    if (shift > 32) {
      shift -= 32;
      bits = u32[++word]! | 0;
      found |= bits << (width - shift);
    }
    units += step + (found & mask);
    if (i >= first) to[j] = units / scale;
  }
};

const decodeWide = (
  { lows, highs }: Work,
  u32: Uint32Array,
  at: number,
  first: number,
  end: number,
  units: number,
  to: Float64Array,
  toAt: number,
): void => {
  const info = u32[at + INFO]!;
  const scale = SCALES[(info >> POWER_SHIFT) & 15]!;
  const ofSteps = isOfSteps(info);
  const from = ofSteps ? 0 : first;
  const count = end - from - (ofSteps ? 1 : 0);
  unpack(u32, valuesAt(info, at), 32, from, from + count, lows);
  unpack(u32, highsAt(info, at), valueWidthOf(info) - 32, from, from + count, highs);
  const numberAt = (i: number): number => highs[i]! * WORD + (lows[i]! >>> 0);
  if (!ofSteps) {
    for (let i = 0, j = toAt; i < count; i++, j++) to[j] = (units + numberAt(i)) / scale;
    return;
  }
  const step = u32[timesAt(info, at) - 1]! | 0;
  let now = units;
  for (let i = 0; i < end; i++) {
    if (i > 0) now += step + numberAt(i - 1);
    if (i >= first) to[toAt + i - first] = now / scale;
  }
};

/** Moves each double by as many as its noise says. */
const addNoise = (work: Work, u32: Uint32Array, at: number, first: number, end: number): void => {
  const info = u32[at + INFO]!;
  const width = noiseWidthOf(info);
  const bias = 1 << (width - 1);
  const { lows } = work;
  const bits = work.bits.u32;
  unpack(u32, noiseAt(info, at), width, first, end, lows);
  for (let i = 0, j = 0; i < end - first; i++, j += 2) {
    const noise = lows[i]! - bias;
    const before = bits[j + LOW]! | 0;
    const after = (before + noise) | 0;
    bits[j + LOW] = after;
    if ((before ^ after) >= 0) continue;
    // The uppermost bit has changed: by a carry, unless it only went over the middle.
    if (noise > 0 && before < 0) bits[j + HIGH]!++;
    else if (noise < 0 && before >= 0) bits[j + HIGH]!--;
  }
};

const decodeXor = (work: Work, u32: Uint32Array, at: number, first: number, end: number): void => {
  const info = u32[at + INFO]!;
  const width = valueWidthOf(info);
  const trailing = (info >> MORE_SHIFT) & 63;
  const low = u32[at + FIRST + LOW]!;
  const high = u32[at + FIRST + HIGH]!;
  const { lows, highs } = work;
  const bits = work.bits.u32;
  const count = end - first;
  unpack(u32, valuesAt(info, at), Math.min(32, width), first, end, lows);
  if (trailing >= 32) {
    for (let i = 0, j = 0; i < count; i++, j += 2) {
      bits[j + LOW] = low;
      bits[j + HIGH] = high ^ (lows[i]! << (trailing - 32));
    }
    return;
  }
  unpack(u32, highsAt(info, at), Math.max(0, width - 32), first, end, highs);
  for (let i = 0, j = 0; i < count; i++, j += 2) {
    const found = lows[i]!;
    // Twice, for a shift by 32 is none.
    const carried = (found >>> 1) >>> (31 - trailing);
    bits[j + LOW] = low ^ (found << trailing);
    bits[j + HIGH] = high ^ ((highs[i]! << trailing) | carried);
  }
};

/** Numbers [first, end) of a plane, of 0 to 32 bits, as 32 bits with sign. */
const unpack = (
  u32: Uint32Array,
  plane: number,
  width: number,
  first: number,
  end: number,
  to: Int32Array,
): void => {
  const count = end - first;
  if (width === 0) {
    to.fill(0, 0, count);
    return;
  }
  const mask = width === 32 ? -1 : (1 << width) - 1;
  let word = plane + ((first * width) >>> 5);
  let shift = (first * width) & 31;
  let bits = count > 0 ? u32[word]! | 0 : 0;
  for (let i = 0; i < count; i++) {
    if (shift > 31) {
      shift -= 32;
      bits = u32[++word]! | 0;
    }
    let found = bits >>> shift;
    shift += width;
    if (shift > 32) {
      shift -= 32;
      bits = u32[++word]! | 0;
      found |= bits << (width - shift);
    }
    to[i] = found & mask;
  }
};
