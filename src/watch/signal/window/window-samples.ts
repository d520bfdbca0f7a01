/**
 * Samples of every series of the recent window, in fixed slots cut from large slabs.
 *
 * Shape:  a slab is three typed arrays; a slot is 64 samples of one series: the time of the first
 *         (a double), then a 32-bit offset and a 64-bit value each: 12 bytes a sample.
 * Units:  ms; an offset spans 49 days.
 * Errors: none; `take` answers -1 when the budget is spent.
 * Why:    no object or array per chunk, so memory is exact and freeing costs the collector nothing.
 */

import { isStale, writeStale } from "../series.ts";

export const SLOT_SAMPLES = 64;
const SLOT_SHIFT = 6;
const SLAB_SLOTS = 1024;
const SLAB_SHIFT = 10;
const SLAB_MASK = SLAB_SLOTS - 1;
/** Base (8), count (4) and bookkeeping (12) beside the samples themselves. */
export const SLOT_BYTES = SLOT_SAMPLES * 12 + 24;
export const MAX_OFFSET_MS = 2 ** 32 - 1;

type Slab = {
  readonly offsets: Uint32Array;
  readonly values: Float64Array;
  readonly bases: Float64Array;
  readonly counts: Uint32Array;
};

export type Slots = {
  /** A free slot, or -1 when all are taken. */
  readonly take: () => number;
  readonly free: (slot: number) => void;
  readonly used: () => number;
  readonly base: (slot: number) => number;
  readonly count: (slot: number) => number;
  readonly first: (slot: number) => number;
  readonly last: (slot: number) => number;
  readonly timeAt: (slot: number, index: number) => number;
  readonly valueAt: (slot: number, index: number) => number;
  /** Puts a sample at an index, moving later ones; the slot must have room. */
  readonly insert: (slot: number, index: number, tMs: number, value: number) => void;
  readonly push: (slot: number, tMs: number, value: number) => void;
  /** Moves the upper half of a full slot into an empty one. */
  readonly split: (from: number, to: number) => void;
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
};

const newSlab = (): Slab => ({
  offsets: new Uint32Array(SLAB_SLOTS * SLOT_SAMPLES),
  values: new Float64Array(SLAB_SLOTS * SLOT_SAMPLES),
  bases: new Float64Array(SLAB_SLOTS),
  counts: new Uint32Array(SLAB_SLOTS),
});

/** A register may quieten the stale marker on its way; its bits are written whole again. */
const store = (values: Float64Array, at: number, value: number): void => {
  values[at] = value;
  if (value !== value && isStale(value)) writeStale(values, at);
};

/** Values travel through `set` and `copyWithin` where they may be NaN: those keep the bits. */
export const newSlots = (maxSlots: number): Slots => {
  const slabs: Slab[] = [];
  const freed: number[] = [];
  let next = 0;
  return {
    take: () => {
      const reused = freed.pop();
      if (reused !== undefined) return reused;
      if (next >= maxSlots) return -1;
      if (next >> SLAB_SHIFT === slabs.length) slabs.push(newSlab());
      return next++;
    },
    free: (slot) => {
      slabs[slot >> SLAB_SHIFT]!.counts[slot & SLAB_MASK] = 0;
      freed.push(slot);
    },
    used: () => next - freed.length,
    ...readers(slabs),
    ...writers(slabs),
  };
};

const startOf = (slot: number): number => (slot & SLAB_MASK) << SLOT_SHIFT;

const readers = (slabs: readonly Slab[]) => {
  const slabOf = (slot: number): Slab => slabs[slot >> SLAB_SHIFT]!;
  const count = (slot: number): number => slabOf(slot).counts[slot & SLAB_MASK]!;
  const timeAt = (slot: number, index: number): number => {
    const slab = slabOf(slot);
    return slab.bases[slot & SLAB_MASK]! + slab.offsets[startOf(slot) + index]!;
  };
  return {
    count,
    timeAt,
    base: (slot: number): number => slabOf(slot).bases[slot & SLAB_MASK]!,
    first: (slot: number): number => timeAt(slot, 0),
    last: (slot: number): number => timeAt(slot, count(slot) - 1),
    valueAt: (slot: number, index: number): number => slabOf(slot).values[startOf(slot) + index]!,
    search: (slot: number, tMs: number): number => {
      let low = 0;
      let high = count(slot);
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
      const slab = slabOf(slot);
      const base = slab.bases[slot & SLAB_MASK]!;
      const start = startOf(slot);
      const { offsets } = slab;
      for (let i = from, j = at; i < to; i++, j++) timestamps[j] = base + offsets[start + i]!;
      values.set(slab.values.subarray(start + from, start + to), at);
    },
  };
};

const writers = (slabs: readonly Slab[]) => {
  const slabOf = (slot: number): Slab => slabs[slot >> SLAB_SHIFT]!;
  return {
    push: (slot: number, tMs: number, value: number): void => {
      const slab = slabOf(slot);
      const local = slot & SLAB_MASK;
      const count = slab.counts[local]!;
      if (count === 0) slab.bases[local] = tMs;
      const at = (local << SLOT_SHIFT) + count;
      slab.offsets[at] = tMs - slab.bases[local]!;
      store(slab.values, at, value);
      slab.counts[local] = count + 1;
    },
    insert: (slot: number, index: number, tMs: number, value: number): void => {
      const slab = slabOf(slot);
      const start = startOf(slot);
      const local = slot & SLAB_MASK;
      const count = slab.counts[local]!;
      const shift = slab.bases[local]! - tMs;
      if (shift > 0) {
        for (let i = start; i < start + count; i++) slab.offsets[i]! += shift;
        slab.bases[local] = tMs;
      }
      slab.offsets.copyWithin(start + index + 1, start + index, start + count);
      slab.values.copyWithin(start + index + 1, start + index, start + count);
      slab.offsets[start + index] = tMs - slab.bases[local]!;
      store(slab.values, start + index, value);
      slab.counts[local] = count + 1;
    },
    split: (from: number, to: number): void => {
      const half = SLOT_SAMPLES >> 1;
      const source = slabOf(from);
      const target = slabOf(to);
      const middle = startOf(from) + half;
      const shift = source.offsets[middle]!;
      for (let i = 0; i < half; i++) {
        target.offsets[startOf(to) + i] = source.offsets[middle + i]! - shift;
      }
      target.values.set(source.values.subarray(middle, middle + half), startOf(to));
      target.bases[to & SLAB_MASK] = source.bases[from & SLAB_MASK]! + shift;
      target.counts[to & SLAB_MASK] = half;
      source.counts[from & SLAB_MASK] = half;
    },
  };
};
