/**
 * Samples of every series of the recent window: slots of up to 64, raw while they are written,
 * encoded from then on.
 *
 * Shape:  a slot is a blob, known by its number, and gets another number when it is encoded, made
 *         wider or raw again: who keeps slots keeps what these functions answer. Both forms begin
 *         with a header: time of the first (a double), offset of the last, count and form. A raw
 *         slot goes on with 32-bit offsets and 64-bit values, room for 16, 32, 48 or 64 of each.
 * Units:  ms; an offset spans 49 days.
 * Errors: none; what needs memory answers -1 when the budget is spent, and then changed nothing.
 * Why:    no object or array per slot, so memory is exact and freeing costs the collector nothing.
 */

import { isStale, writeStale } from "../series.ts";
import { type Blobs, UNIT_BYTES, newBlobs, slabOf, wordOf } from "./slot-blobs.ts";
import { decodeTimes, newValueDecoder, timeAt as timeOf } from "./slot-decode.ts";
import { newSlotEncoder } from "./slot-encode.ts";
import {
  COUNT_MASK,
  HEADER_BYTES,
  INFO,
  KIND_MASK,
  LAST_OFFSET,
  MAX_SAMPLES,
} from "./slot-layout.ts";

export const SLOT_SAMPLES = MAX_SAMPLES;
export const MAX_OFFSET_MS = 2 ** 32 - 1;
const SAMPLE_BYTES = 12;
/** A raw slot grows by so many: most series have one, on the average half full. */
const GROWTH = 16;
/** Where a raw slot keeps its room, in growths; an encoded one has a kind beside it. */
const ROOM_SHIFT = 9;
const HEADER_WORDS = HEADER_BYTES / 4;
const unitsOf = (room: number): number => (HEADER_BYTES + room * SAMPLE_BYTES) / UNIT_BYTES;

/** Late: not after the last one. Full: no room, encoded, or too long after the first. */
export type Pushed = "pushed" | "late" | "full";

export type Slots = {
  /** An empty raw slot, or -1. */
  readonly take: () => number;
  readonly free: (slot: number) => void;
  readonly used: () => number;
  readonly bytes: () => number;
  readonly base: (slot: number) => number;
  readonly count: (slot: number) => number;
  readonly first: (slot: number) => number;
  readonly last: (slot: number) => number;
  readonly timeAt: (slot: number, index: number) => number;
  readonly valueAt: (slot: number, index: number) => number;
  /** First index whose time is >= tMs. */
  readonly search: (slot: number, tMs: number) => number;
  /** Copies samples [from, to) of the slot to the arrays at `at`. */
  readonly copy: (
    slot: number,
    from: number,
    to: number,
    timestamps: Float64Array,
    values: Float64Array,
    at: number,
  ) => void;
  /** Adds the newest sample, where it is that and the slot can take it. */
  readonly push: (slot: number, tMs: number, value: number) => Pushed;
  /** Puts a sample at an index, moving later ones; the slot must have room. */
  readonly insert: (slot: number, index: number, tMs: number, value: number) => void;
  /** The same samples as a raw slot that has room for one more, unless they are 64; or -1. */
  readonly widen: (slot: number) => number;
  /** Moves the upper half of a raw slot of 64 into a new one, which it answers; or -1. */
  readonly split: (slot: number) => number;
  /** The same samples in fewer bytes, where that can be had; else the slot as it is. */
  readonly freeze: (slot: number) => number;
};

/** A register may quieten the stale marker on its way; its bits are written whole again. */
const store = (values: Float64Array, at: number, value: number): void => {
  values[at] = value;
  if (value !== value && isStale(value)) writeStale(values, at);
};

const roomOf = (info: number): number => (info >> ROOM_SHIFT) * GROWTH;
const isRaw = (info: number): boolean => (info & KIND_MASK) === 0;
/** Index of a raw slot's first value, among the doubles of its slab. */
const rawValuesAt = (at: number, info: number): number => (at + HEADER_WORDS + roomOf(info)) >> 1;

export const newSlots = (maxBytes: number): Slots => {
  const blobs = newBlobs(maxBytes, unitsOf(SLOT_SAMPLES));
  const encoder = newSlotEncoder();
  const decodeValues = newValueDecoder();
  let used = 0;
  const take = (room: number): number => {
    const slot = blobs.take(unitsOf(room));
    if (slot < 0) return slot;
    used++;
    const { u32 } = blobs.slabs[slabOf(slot)]!;
    u32[wordOf(slot) + INFO] = (room / GROWTH) << ROOM_SHIFT;
    return slot;
  };
  const free = (slot: number): void => {
    blobs.free(slot);
    used--;
  };
  const readers = readersOf(blobs, decodeValues);
  return {
    take: () => take(GROWTH),
    free,
    used: () => used,
    bytes: blobs.bytes,
    ...readers,
    ...writersOf(blobs),
    ...formsOf(blobs, decodeValues, take, free),
    freeze: (slot) => {
      const from = blobs.slabs[slabOf(slot)]!;
      const at = wordOf(slot);
      const info = from.u32[at + INFO]!;
      if (!isRaw(info)) return slot;
      const offsetsAt = at + HEADER_WORDS;
      const bytes = encoder.measure(from, offsetsAt, rawValuesAt(at, info), info & COUNT_MASK);
      const units = Math.ceil(bytes / UNIT_BYTES);
      if (units >= unitsOf(roomOf(info))) return slot;
      const frozen = blobs.take(units);
      if (frozen < 0) return slot;
      encoder.write(blobs.slabs[slabOf(frozen)]!, wordOf(frozen), from.f64[at >> 1]!);
      blobs.free(slot);
      return frozen;
    },
  };
};

const readersOf = ({ slabs }: Blobs, decodeValues: Decode) => {
  const one = new Float64Array(1);
  const base = (slot: number): number => slabs[slabOf(slot)]!.f64[wordOf(slot) >> 1]!;
  const infoOf = (slot: number): number => slabs[slabOf(slot)]!.u32[wordOf(slot) + INFO]!;
  const timeAt = (slot: number, index: number): number => {
    const slab = slabs[slabOf(slot)]!;
    const at = wordOf(slot);
    if (!isRaw(slab.u32[at + INFO]!)) return timeOf(slab, at, index);
    return slab.f64[at >> 1]! + slab.u32[at + HEADER_WORDS + index]!;
  };
  return {
    base,
    count: (slot: number): number => infoOf(slot) & COUNT_MASK,
    // Of any slot the base is the time of its first sample.
    first: base,
    last: (slot: number): number => {
      const slab = slabs[slabOf(slot)]!;
      const at = wordOf(slot);
      return slab.f64[at >> 1]! + slab.u32[at + LAST_OFFSET]!;
    },
    timeAt,
    valueAt: (slot: number, index: number): number => {
      const slab = slabs[slabOf(slot)]!;
      const at = wordOf(slot);
      const info = slab.u32[at + INFO]!;
      if (isRaw(info)) return slab.f64[rawValuesAt(at, info) + index]!;
      decodeValues(slab, at, index, index + 1, one, 0);
      return one[0]!;
    },
    search: (slot: number, tMs: number): number => {
      let low = 0;
      let high = infoOf(slot) & COUNT_MASK;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (timeAt(slot, middle) < tMs) low = middle + 1;
        else high = middle;
      }
      return low;
    },
    copy: (
      slot: number,
      from: number,
      to: number,
      timestamps: Float64Array,
      values: Float64Array,
      at: number,
    ): void => {
      const slab = slabs[slabOf(slot)]!;
      const word = wordOf(slot);
      const info = slab.u32[word + INFO]!;
      if (!isRaw(info)) {
        decodeTimes(slab, word, from, to, timestamps, at);
        decodeValues(slab, word, from, to, values, at);
        return;
      }
      const base = slab.f64[word >> 1]!;
      const { u32 } = slab;
      const start = word + HEADER_WORDS;
      for (let i = start + from, j = at; i < start + to; i++, j++) timestamps[j] = base + u32[i]!;
      const first = rawValuesAt(word, info);
      // Set as a whole, for a register may change the bits of a NaN.
      values.set(slab.f64.subarray(first + from, first + to), at);
    },
  };
};

const writersOf = ({ slabs }: Blobs) => ({
  push: (slot: number, tMs: number, value: number): Pushed => {
    const { u32, f64 } = slabs[slabOf(slot)]!;
    const at = wordOf(slot);
    const info = u32[at + INFO]!;
    const count = info & COUNT_MASK;
    if (count === 0) f64[at >> 1] = tMs;
    const offset = tMs - f64[at >> 1]!;
    if (count > 0 && offset <= u32[at + LAST_OFFSET]!) return "late";
    if (!isRaw(info) || count === roomOf(info) || offset > MAX_OFFSET_MS) return "full";
    u32[at + LAST_OFFSET] = offset;
    u32[at + HEADER_WORDS + count] = offset;
    store(f64, rawValuesAt(at, info) + count, value);
    u32[at + INFO] = info + 1;
    return "pushed";
  },
  insert: (slot: number, index: number, tMs: number, value: number): void => {
    const { u32, f64 } = slabs[slabOf(slot)]!;
    const at = wordOf(slot);
    const info = u32[at + INFO]!;
    const count = info & COUNT_MASK;
    const offsets = at + HEADER_WORDS;
    const values = rawValuesAt(at, info);
    const shift = f64[at >> 1]! - tMs;
    if (shift > 0) {
      for (let i = offsets; i < offsets + count; i++) u32[i]! += shift;
      f64[at >> 1] = tMs;
    }
    u32.copyWithin(offsets + index + 1, offsets + index, offsets + count);
    f64.copyWithin(values + index + 1, values + index, values + count);
    u32[offsets + index] = tMs - f64[at >> 1]!;
    store(f64, values + index, value);
    u32[at + LAST_OFFSET] = u32[offsets + count]!;
    u32[at + INFO] = info + 1;
  },
});

type Decode = ReturnType<typeof newValueDecoder>;
type Take = (room: number) => number;
type Free = (slot: number) => void;

/** From one slot to another: the same samples, or some of them. */
const formsOf = ({ slabs }: Blobs, decodeValues: Decode, take: Take, free: Free) => {
  const times = new Float64Array(SLOT_SAMPLES);
  const decode = (from: number, to: number): void => {
    const source = slabs[slabOf(from)]!;
    const { u32, f64 } = slabs[slabOf(to)]!;
    const at = wordOf(to);
    const count = source.u32[wordOf(from) + INFO]! & COUNT_MASK;
    const baseMs = source.f64[wordOf(from) >> 1]!;
    decodeTimes(source, wordOf(from), 0, count, times, 0);
    for (let i = 0; i < count; i++) u32[at + HEADER_WORDS + i] = times[i]! - baseMs;
    const info = u32[at + INFO]! + count;
    decodeValues(source, wordOf(from), 0, count, f64, rawValuesAt(at, info));
    f64[at >> 1] = baseMs;
    u32[at + LAST_OFFSET] = source.u32[wordOf(from) + LAST_OFFSET]!;
    u32[at + INFO] = info;
  };
  /** Raw samples [first, end) to an empty raw slot. */
  const move = (from: number, first: number, end: number, to: number): void => {
    const source = slabs[slabOf(from)]!;
    const { u32, f64 } = slabs[slabOf(to)]!;
    const at = wordOf(to);
    const sourceAt = wordOf(from);
    const start = sourceAt + HEADER_WORDS + first;
    const shift = source.u32[start]!;
    const count = end - first;
    for (let i = 0; i < count; i++) {
      u32[at + HEADER_WORDS + i] = source.u32[start + i]! - shift;
    }
    const info = u32[at + INFO]! + count;
    // As words: that keeps the bits of a NaN, and a view of so few would cost more than they do.
    let word = (rawValuesAt(sourceAt, source.u32[sourceAt + INFO]!) + first) * 2;
    const wordEnd = word + count * 2;
    let wordTo = rawValuesAt(at, info) * 2;
    while (word < wordEnd) u32[wordTo++] = source.u32[word++]!;
    f64[at >> 1] = source.f64[sourceAt >> 1]! + shift;
    u32[at + LAST_OFFSET] = u32[at + HEADER_WORDS + count - 1]!;
    u32[at + INFO] = info;
  };
  return {
    widen: (slot: number): number => {
      const info = slabs[slabOf(slot)]!.u32[wordOf(slot) + INFO]!;
      const count = info & COUNT_MASK;
      if (isRaw(info) && (count < roomOf(info) || count === SLOT_SAMPLES)) return slot;
      const room = Math.min(SLOT_SAMPLES, Math.ceil((count + 1) / GROWTH) * GROWTH);
      const wider = take(room);
      if (wider < 0) return wider;
      if (isRaw(info)) move(slot, 0, count, wider);
      else decode(slot, wider);
      free(slot);
      return wider;
    },
    split: (slot: number): number => {
      const half = SLOT_SAMPLES >> 1;
      const upper = take(half + GROWTH);
      if (upper < 0) return upper;
      move(slot, half, SLOT_SAMPLES, upper);
      const { u32 } = slabs[slabOf(slot)]!;
      const at = wordOf(slot);
      u32[at + INFO]! -= half;
      u32[at + LAST_OFFSET] = u32[at + HEADER_WORDS + half - 1]!;
      return upper;
    },
  };
};
