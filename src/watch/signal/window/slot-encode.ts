/**
 * Up to 64 samples of one series in as few bytes as their times and values need, bit by bit.
 *
 * Shape:  times are a straight line and what each is off it. Values have the cheaper of two forms:
 *           decimal: whole units of 10^-k, or their steps, above the smallest of them; where sums
 *                    of fractions left noise, a few bits say how many doubles each is off n/10^k;
 *           xor:     what differs from the first value's bits, between the bits all share at
 *                    either end. It holds constants, floats, NaN with any payload, anything.
 *         `slot-layout.ts` says where each of these is.
 * Units:  ms; sizes in bytes; positions in 32-bit words, `at` is even.
 * Errors: none. Times are at most 49 days apart, so what they are off their line has 32 bits.
 * Source: frame of reference and decimals with exceptions as in ALP (Afroozeh, Kuffó, Boncz 2023);
 *         a window of differing bits as in Gorilla (Pelkonen et al. 2015), one for all 64.
 */
import type { Words } from "./slot-blobs.ts";
import {
  DECIMAL,
  FIRST,
  HIGH,
  INFO,
  KIND_SHIFT,
  LAST_OFFSET,
  LOW,
  MAX_POWER,
  MAX_SAMPLES,
  MORE_SHIFT,
  NOISE_SHIFT,
  ORDER,
  POWER_SHIFT,
  SCALES,
  STEP,
  TIME_WIDTH_SHIFT,
  WIDTH_SHIFT,
  WORD,
  XOR,
  highsAt,
  noiseAt,
  noiseWidthOf,
  timesAt,
  valuesAt,
  wordsOf,
} from "./slot-layout.ts";

/** Sums and differences of units stay exact. */
const MAX_UNITS = 2 ** 51;
const MAX_NOISE = 127;
/** Scrapes come every so many whole seconds. */
const SECOND_MS = 1000;
const DELAY_MS = 500;
/** How much of what is beside the line the last time may be, before the line is doubted. */
const DRIFT_SHARE = 0.9;
const PROBE_EVERY = 16;
/** Bits of a value from which on the other form is tried too. */
const TRY_XOR_BITS = 12;

/** What `measure` found and `write` puts down; one for all, so that nothing is made per slot. */
type Plan = {
  count: number;
  stepMs: number;
  /** How far the earliest is before the line; 0 without a time plane. */
  earlyMs: number;
  timeWidth: number;
  kind: number;
  width: number;
  /** Decimal: power of ten, whether steps are kept, from which units on, bits of noise. */
  power: number;
  ofSteps: boolean;
  units: number;
  leastStep: number;
  noiseWidth: number;
  /** Xor: bits that are zero at the low end of every difference. */
  trailing: number;
};

export type SlotEncoder = {
  /** Bytes that samples at these places of arrays would take. */
  readonly measure: (from: Words, offsetsAt: number, valuesAt: number, count: number) => number;
  /** Writes what was measured just before. */
  readonly write: (to: Words, at: number, baseMs: number) => void;
};

export const newSlotEncoder = (): SlotEncoder => {
  const plan = newPlan();
  const work = newWork();
  return {
    measure: (from, offsetsAt, valuesAt, count) => {
      plan.count = count;
      measureTimes(plan, from.u32, offsetsAt);
      const bits = measureDecimal(plan, work, from, valuesAt);
      if (bits > TRY_XOR_BITS) measureXor(plan, from.u32, valuesAt, bits);
      work.from = from;
      work.offsetsAt = offsetsAt;
      work.valuesAt = valuesAt;
      const info = infoOf(plan);
      return (noiseAt(info, 0) + wordsOf(noiseWidthOf(info) * count)) * 4;
    },
    write: (to, at, baseMs) => write(plan, work, to, at, baseMs),
  };
};

type Work = {
  /** Units of each sample, and by how many doubles it is beside units / scale. */
  readonly units: Float64Array;
  readonly noise: Int32Array;
  /** Numbers that are packed next, and their halves above 32 bits. */
  readonly lows: Int32Array;
  readonly highs: Int32Array;
  /** A double whose bits are looked at. */
  readonly bits: Words;
  from: Words;
  offsetsAt: number;
  valuesAt: number;
};

const newWork = (): Work => {
  const f64 = new Float64Array(1);
  const bits = { f64, u32: new Uint32Array(f64.buffer) };
  return {
    units: new Float64Array(MAX_SAMPLES),
    noise: new Int32Array(MAX_SAMPLES),
    lows: new Int32Array(MAX_SAMPLES),
    highs: new Int32Array(MAX_SAMPLES),
    ...{ bits, from: bits, offsetsAt: 0, valuesAt: 0 },
  };
};

const newPlan = (): Plan => ({
  ...{ count: 0, stepMs: 0, earlyMs: 0, timeWidth: 0, kind: XOR, width: 0 },
  ...{ power: 0, ofSteps: false, units: 0, leastStep: 0, noiseWidth: 0, trailing: 0 },
});

/** How many bits a whole number from 0 to 2^53 needs. */
const widthOf = (most: number): number =>
  most < WORD ? 32 - Math.clz32(most) : 64 - Math.clz32(Math.floor(most / WORD));

/**
 * The line from the first time to the last, in steps of whole ms; of whole seconds where these
 * are so near that a scrape's delays may be what is between them.
 */
const measureTimes = (plan: Plan, u32: Uint32Array, offsetsAt: number): void => {
  const { count } = plan;
  const lastMs = u32[offsetsAt + count - 1]!;
  const mean = count > 1 ? Math.round(lastMs / (count - 1)) : 0;
  const whole = Math.round(mean / SECOND_MS) * SECOND_MS;
  const endMs = Math.abs(lastMs - whole * (count - 1));
  if (mean === whole || endMs > DELAY_MS) {
    measureLine(plan, u32, offsetsAt, mean);
    return;
  }
  const range = measureLine(plan, u32, offsetsAt, whole);
  // All of it is what came together on the way to the last: these steps are not whole seconds.
  if (range > 0 && endMs > range * DRIFT_SHARE) measureLine(plan, u32, offsetsAt, mean);
};

const measureLine = (plan: Plan, u32: Uint32Array, offsetsAt: number, stepMs: number): number => {
  const end = offsetsAt + plan.count;
  let least = 0;
  let most = 0;
  for (let i = offsetsAt + 1, lineMs = stepMs; i < end; i++, lineMs += stepMs) {
    const off = u32[i]! - lineMs;
    if (off < least) least = off;
    else if (off > most) most = off;
  }
  plan.stepMs = stepMs;
  plan.earlyMs = -least;
  plan.timeWidth = widthOf(most - least);
  return most - least;
};

/** Bits a value needs as a decimal; Infinity when these are none. */
const measureDecimal = (plan: Plan, work: Work, from: Words, valuesAt: number): number => {
  const { count } = plan;
  const { units, noise } = work;
  let [least, most, leastStep, mostStep] = [Infinity, -Infinity, Infinity, -Infinity];
  let before = 0;
  let mostNoise = 0;
  let power = leastPower(work, from, valuesAt, count);
  for (let i = 0; i < count; i++) {
    if (!toUnits(work, i, from, valuesAt + i, power)) {
      // A digit more for all of them: what is a decimal of so many is one of more too.
      if (++power > MAX_POWER) return Infinity;
      [least, most, leastStep, mostStep] = [Infinity, -Infinity, Infinity, -Infinity];
      mostNoise = 0;
      i = -1;
      continue;
    }
    const now = units[i]!;
    if (now < least) least = now;
    if (now > most) most = now;
    mostNoise |= Math.abs(noise[i]!);
    if (i > 0) {
      const step = now - before;
      if (step < leastStep) leastStep = step;
      if (step > mostStep) mostStep = step;
    }
    before = now;
  }
  const width = widthOf(most - least);
  const stepWidth = count > 1 ? widthOf(mostStep - leastStep) : width;
  plan.kind = DECIMAL;
  plan.ofSteps = stepWidth < width && leastStep === (leastStep | 0);
  plan.width = plan.ofSteps ? stepWidth : width;
  plan.units = plan.ofSteps ? units[0]! : least;
  plan.leastStep = leastStep;
  plan.power = power;
  plan.noiseWidth = mostNoise === 0 ? 0 : widthOf(mostNoise) + 1;
  return plan.width + plan.noiseWidth;
};

/** What a few of the values need: then the others seldom need more. */
const leastPower = (work: Work, from: Words, valuesAt: number, count: number): number => {
  let power = 0;
  for (let i = 0; i < count; i += PROBE_EVERY) {
    while (power < MAX_POWER && !toUnits(work, i, from, valuesAt + i, power)) power++;
  }
  return power;
};

/** Units of a value at a power of ten, and its noise; false when it is none. */
const toUnits = (work: Work, i: number, from: Words, at: number, power: number): boolean => {
  const { bits } = work;
  const value = from.f64[at]!;
  const scale = SCALES[power]!;
  const units = Math.floor(power === 0 ? value + 0.5 : value * scale + 0.5);
  // A NaN is not within the bounds either.
  if (!(units <= MAX_UNITS && units >= -MAX_UNITS)) return false;
  const near = power === 0 ? units : units / scale;
  let noise = 0;
  if (near !== value || value === 0) {
    bits.f64[0] = near;
    const high = from.u32[at * 2 + HIGH]! - bits.u32[HIGH]!;
    noise = high * WORD + from.u32[at * 2 + LOW]! - bits.u32[LOW]!;
    if (noise > MAX_NOISE || noise < -MAX_NOISE) return false;
  }
  work.units[i] = units;
  work.noise[i] = noise;
  return true;
};

/** Takes the differing bits where it needs fewer bits than the decimals. */
const measureXor = (plan: Plan, u32: Uint32Array, valuesAt: number, bits: number): void => {
  const start = valuesAt * 2;
  const end = start + plan.count * 2;
  const low = u32[start + LOW]!;
  const high = u32[start + HIGH]!;
  let lows = 0;
  let highs = 0;
  for (let at = start; at < end; at += 2) {
    lows |= u32[at + LOW]! ^ low;
    highs |= u32[at + HIGH]! ^ high;
  }
  const leading = highs === 0 ? 32 + Math.clz32(lows) : Math.clz32(highs);
  const trailing = leading === 64 ? 0 : lows === 0 ? 32 + zerosBelow(highs) : zerosBelow(lows);
  const width = 64 - leading - trailing;
  if (width >= bits) return;
  plan.kind = XOR;
  plan.width = width;
  plan.trailing = trailing;
  plan.ofSteps = false;
  plan.noiseWidth = 0;
};

const zerosBelow = (word: number): number => 31 - Math.clz32(word & -word);

const infoOf = (plan: Plan): number => {
  const { kind, count, timeWidth, width, noiseWidth } = plan;
  const shape =
    count | (kind << KIND_SHIFT) | (timeWidth << TIME_WIDTH_SHIFT) | (width << WIDTH_SHIFT);
  if (kind === XOR) return shape | (plan.trailing << MORE_SHIFT);
  const order = plan.ofSteps ? ORDER : 0;
  return shape | order | (plan.power << POWER_SHIFT) | (noiseWidth << NOISE_SHIFT);
};

const write = (plan: Plan, work: Work, to: Words, at: number, baseMs: number): void => {
  const { count, timeWidth, stepMs, earlyMs } = plan;
  const { from, offsetsAt } = work;
  const info = infoOf(plan);
  const { u32, f64 } = to;
  f64[at >> 1] = baseMs;
  u32[at + LAST_OFFSET] = from.u32[offsetsAt + count - 1]!;
  u32[at + INFO] = info;
  u32[at + STEP] = stepMs;
  if (timeWidth > 0) u32[at + STEP + 1] = earlyMs;
  if (timeWidth > 0) {
    const { lows } = work;
    for (let i = 0, lineMs = -earlyMs; i < count; i++, lineMs += stepMs) {
      lows[i] = from.u32[offsetsAt + i]! - lineMs;
    }
    pack(lows, count, timeWidth, u32, timesAt(info, at));
  }
  if (plan.kind === DECIMAL) writeDecimal(plan, work, to, at, info);
  else writeXor(plan, work, u32, at, info);
};

const writeDecimal = (plan: Plan, work: Work, to: Words, at: number, info: number): void => {
  const { count, width, ofSteps, units: least, leastStep, noiseWidth } = plan;
  const { units, noise, lows, highs } = work;
  const { u32 } = to;
  to.f64[(at + FIRST) >> 1] = least;
  if (ofSteps) u32[timesAt(info, at) - 1] = leastStep;
  if (width > 0) {
    const first = ofSteps ? 1 : 0;
    for (let i = first; i < count; i++) {
      const above = units[i]! - (ofSteps ? units[i - 1]! + leastStep : least);
      lows[i - first] = above;
      if (width > 32) highs[i - first] = Math.floor(above / WORD);
    }
    packWide(work, count - first, width, u32, at, info);
  }
  if (noiseWidth === 0) return;
  const bias = 1 << (noiseWidth - 1);
  for (let i = 0; i < count; i++) lows[i] = noise[i]! + bias;
  pack(lows, count, noiseWidth, u32, noiseAt(info, at));
};

/** Numbers that have more than 32 bits are in two planes. */
const packWide = (
  { lows, highs }: Work,
  count: number,
  width: number,
  u32: Uint32Array,
  at: number,
  info: number,
): void => {
  pack(lows, count, Math.min(32, width), u32, valuesAt(info, at));
  if (width > 32) pack(highs, count, width - 32, u32, highsAt(info, at));
};

const writeXor = (plan: Plan, work: Work, u32: Uint32Array, at: number, info: number): void => {
  const { count, width, trailing } = plan;
  const source = work.from.u32;
  const start = work.valuesAt * 2;
  const low = source[start + LOW]!;
  const high = source[start + HIGH]!;
  u32[at + FIRST + LOW] = low;
  u32[at + FIRST + HIGH] = high;
  if (width === 0) return;
  const { lows, highs } = work;
  for (let i = 0; i < count; i++) {
    const l = source[start + i * 2 + LOW]! ^ low;
    const h = source[start + i * 2 + HIGH]! ^ high;
    if (trailing >= 32) lows[i] = h >>> (trailing - 32);
    else {
      // Twice, for a shift by 32 is none.
      lows[i] = (l >>> trailing) | ((h << 1) << (31 - trailing));
      highs[i] = h >>> trailing;
    }
  }
  packWide(work, count, width, u32, at, info);
};

/** Numbers of 1 to 32 bits, without anything above these, to a plane. */
const pack = (
  from: Int32Array,
  count: number,
  width: number,
  u32: Uint32Array,
  plane: number,
): void => {
  let at = plane;
  let bits = 0;
  let shift = 0;
  for (let i = 0; i < count; i++) {
    const number = from[i]!;
    bits |= number << shift;
    shift += width;
    if (shift < 32) continue;
    u32[at++] = bits;
    shift -= 32;
    bits = shift > 0 ? number >>> (width - shift) : 0;
  }
  if (shift > 0) u32[at] = bits;
};
