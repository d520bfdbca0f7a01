/**
 * The recent window: the last hour of every series, in memory, for PromQL and for KPIs.
 *
 * Shape:  labels → `intern` → a reference; `append(ref, t, v)`; `select(matchers, from, to)`.
 *         A reference of a dropped series is never valid again, so a decoder may keep references
 *         and learn from "unknown_series" that it must intern anew.
 * Units:  ms since the epoch (whole), bytes. Bounds are in `WindowLimits`.
 * Errors: a label set beyond a limit is a `Refusal` that names the limit; a sample that is not
 *         stored says why. The first value at a timestamp wins; another is a "conflict".
 * Why:    time comes in through `advance`, so the window has no clock; memory is cut at one
 *         instant for all series, so `completeFromMs` says where history must take over.
 */
import { type Result, err, ok } from "../../../kernel/result.ts";
import { type LabelIndex, newLabelIndex } from "./label-index.ts";
import { type Matcher, compileMatcher } from "../matcher.ts";
import {
  type Labels,
  METRIC_NAME,
  type SampleBuffer,
  type SeriesData,
  labelValue,
  reserve,
  writeStale,
} from "../series.ts";
import { hashOf, newSeriesTable, type SeriesTable } from "./series-table.ts";
import { MAX_OFFSET_MS, SLOT_BYTES, SLOT_SAMPLES, type Slots, newSlots } from "./window-samples.ts";

export type SeriesRef = number;

export type WindowLimits = {
  readonly retentionMs: number;
  /** Sample memory; labels and their index come on top and are bounded by `maxSeries`. */
  readonly maxBytes: number;
  readonly maxSeries: number;
  readonly maxLabels: number;
  readonly maxNameLength: number;
  readonly maxValueLength: number;
  /** How far a sample's clock may be ahead of ours. */
  readonly maxAheadMs: number;
};

const WINDOW_LIMITS: WindowLimits = {
  retentionMs: 3_600_000,
  maxBytes: 256 * 1024 * 1024,
  maxSeries: 200_000,
  maxLabels: 64,
  maxNameLength: 256,
  maxValueLength: 4096,
  maxAheadMs: 600_000,
};

export type Refusal = {
  readonly code:
    | "too_many_series"
    | "too_many_labels"
    | "name_too_long"
    | "value_too_long"
    | "bad_labels";
  readonly message: string;
};

export type Appended =
  | "stored"
  | "duplicate"
  | "conflict"
  | "too_old"
  | "too_new"
  | "bad_timestamp"
  | "no_room"
  | "unknown_series";

export type WindowStats = {
  readonly series: number;
  readonly samples: number;
  readonly bytes: number;
  readonly outOfOrder: number;
  readonly conflicts: number;
  readonly refused: number;
  readonly dropped: number;
  readonly lastSampleMs: number | null;
  /** From here on nothing was thrown away for want of room or by age. */
  readonly completeFromMs: number | null;
};

export type Window = {
  readonly intern: (labels: Labels) => Result<SeriesRef, Refusal>;
  readonly labelsOf: (ref: SeriesRef) => Labels | undefined;
  readonly append: (ref: SeriesRef, tMs: number, value: number) => Appended;
  /** The series ends here, until it has another sample. */
  readonly appendStale: (ref: SeriesRef, tMs: number) => Appended;
  /** Samples with fromMs <= t <= toMs of every series that matches and has one. */
  readonly select: (matchers: readonly Matcher[], fromMs: number, toMs: number) => SeriesData[];
  /** The oldest time any sample had that was offered since this was last asked; or Infinity. */
  readonly takeTouchedMs: () => number;
  /** Tells the time: old samples go, series without samples go. */
  readonly advance: (nowMs: number) => void;
  readonly labelNames: () => string[];
  readonly labelValues: (name: string) => string[];
  readonly seriesOfMetric: (metric: string) => number;
  readonly labelsOfMetric: (metric: string) => readonly Labels[];
  readonly stats: () => WindowStats;
};

type Entry = {
  readonly ref: SeriesRef;
  readonly labels: Labels;
  readonly hash: number;
  /** Another series with the same hash. */
  next: Entry | undefined;
  readonly labelBytes: number;
  slots: number[];
  lastMs: number;
  samples: number;
  bornInSweep: number;
};

type State = {
  readonly limits: WindowLimits;
  readonly slots: Slots;
  readonly index: LabelIndex<Entry>;
  readonly entries: (Entry | undefined)[];
  readonly freeEntries: number[];
  readonly table: SeriesTable<Entry>;
  generation: number;
  sweeps: number;
  sweptAtMs: number;
  nowMs: number | undefined;
  floorMs: number;
  completeFromMs: number;
  lastSampleMs: number;
  touchedMs: number;
  samples: number;
  labelBytes: number;
  outOfOrder: number;
  conflicts: number;
  refused: number;
  dropped: number;
};

/** A reference is place + generation * 2^20, so its low bits find the place without a division. */
const PLACE_BITS = 2 ** 20;
const PLACE_MASK = PLACE_BITS - 1;
const SWEEP_EVERY_MS = 10_000;
/** What one cut for want of room gives back, as a share of all slots. */
const ROOM_SHARE = 0.05;
/** Objects, map entries and index lists of one series, beside its strings; measured. */
const SERIES_BYTES = 640;
const LABEL_BYTES = 48;

/** Read at each use: only a typed array keeps the marker's bits. */
const STALE = new Float64Array(1);
writeStale(STALE, 0);

export const newWindow = (limits: Partial<WindowLimits> = {}): Window => {
  const state = newState({ ...WINDOW_LIMITS, ...limits });
  const refuse = (refusal: Refusal): Result<SeriesRef, Refusal> => {
    state.refused++;
    return err(refusal);
  };
  return {
    intern: (labels) => {
      const known = state.table.find(hashOf(labels), labels);
      if (known !== undefined) return ok(known.ref);
      const kept = labels.some(([, value]) => value === "")
        ? labels.filter(([, value]) => value !== "")
        : labels;
      const refusal = refusalOf(state, kept);
      if (refusal !== undefined) return refuse(refusal);
      const hash = hashOf(kept);
      const entry = state.table.find(hash, kept) ?? create(state, hash, kept);
      return ok(entry.ref);
    },
    labelsOf: (ref) => entryOf(state, ref)?.labels,
    append: (ref, tMs, value) => append(state, ref, tMs, value),
    appendStale: (ref, tMs) => append(state, ref, tMs, STALE[0]!),
    select: (matchers, fromMs, toMs) => select(state, matchers, fromMs, toMs),
    takeTouchedMs: () => {
      const { touchedMs } = state;
      state.touchedMs = Infinity;
      return touchedMs;
    },
    advance: (nowMs) => advance(state, nowMs),
    labelNames: () => state.index.names(),
    labelValues: (name) => state.index.values(name),
    seriesOfMetric: (metric) => state.index.count(METRIC_NAME, metric),
    labelsOfMetric: (metric) => {
      const named = compileMatcher({ name: METRIC_NAME, op: "=", value: metric });
      return state.index.select([named]).map(({ labels }) => labels);
    },
    stats: () => statsOf(state),
  };
};

const newState = (limits: WindowLimits): State => {
  const entries: (Entry | undefined)[] = [];
  const present = function* (): Iterable<Entry> {
    for (const entry of entries) if (entry !== undefined) yield entry;
  };
  return {
    limits,
    slots: newSlots(Math.max(1, Math.floor(limits.maxBytes / SLOT_BYTES))),
    index: newLabelIndex<Entry>(present),
    entries,
    freeEntries: [],
    table: newSeriesTable(),
    generation: 0,
    sweeps: 0,
    sweptAtMs: -Infinity,
    nowMs: undefined,
    floorMs: -Infinity,
    completeFromMs: -Infinity,
    lastSampleMs: -Infinity,
    touchedMs: Infinity,
    samples: 0,
    labelBytes: 0,
    outOfOrder: 0,
    conflicts: 0,
    refused: 0,
    dropped: 0,
  };
};

const refusalOf = (state: State, labels: Labels): Refusal | undefined => {
  const { limits } = state;
  const metric = labelValue(labels, METRIC_NAME);
  if (labels.length > limits.maxLabels) {
    const message = `${metric}: ${labels.length} labels, at most ${limits.maxLabels} are allowed`;
    return { code: "too_many_labels", message };
  }
  let before = "";
  for (const [name, value] of labels) {
    if (name === "" || name <= before) {
      const message = `${metric}: label names must be unique, sorted and not empty`;
      return { code: "bad_labels", message };
    }
    before = name;
    if (name.length > limits.maxNameLength) {
      const message = `${metric}: a label name has ${name.length} characters, at most ${limits.maxNameLength}`;
      return { code: "name_too_long", message };
    }
    if (value.length > limits.maxValueLength) {
      const message = `${metric}: label ${name} has ${value.length} characters, at most ${limits.maxValueLength}`;
      return { code: "value_too_long", message };
    }
  }
  if (state.table.size() < limits.maxSeries) return undefined;
  const message = `${metric}: the window holds ${state.table.size()} series, no new one is taken`;
  return { code: "too_many_series", message };
};

const create = (state: State, hash: number, labels: Labels): Entry => {
  const place = state.freeEntries.pop() ?? state.entries.length;
  const canonical = state.index.canonical(labels);
  const entry: Entry = {
    ref: place + state.generation++ * PLACE_BITS,
    labels: canonical,
    hash,
    next: undefined,
    labelBytes: SERIES_BYTES + canonical.length * LABEL_BYTES + lengthOf(canonical),
    slots: [],
    lastMs: -Infinity,
    samples: 0,
    bornInSweep: state.sweeps,
  };
  state.entries[place] = entry;
  state.table.add(entry);
  state.index.add(entry);
  state.labelBytes += entry.labelBytes;
  return entry;
};

const lengthOf = (labels: Labels): number =>
  labels.reduce((sum, [name, value]) => sum + name.length + value.length, 0);

const entryOf = (state: State, ref: SeriesRef): Entry | undefined => {
  const entry = state.entries[ref & PLACE_MASK];
  return entry !== undefined && entry.ref === ref ? entry : undefined;
};

const append = (state: State, ref: SeriesRef, tMs: number, value: number): Appended => {
  const entry = state.entries[ref & PLACE_MASK];
  if (entry === undefined || entry.ref !== ref) return "unknown_series";
  if (!Number.isSafeInteger(tMs)) return "bad_timestamp";
  if (tMs < state.touchedMs) state.touchedMs = tMs;
  if (tMs < state.floorMs) return "too_old";
  if (state.nowMs !== undefined && tMs > state.nowMs + state.limits.maxAheadMs) return "too_new";
  if (tMs <= entry.lastMs) return appendLate(state, entry, tMs, value);
  const { slots } = state;
  let slot = entry.slots.length === 0 ? -1 : entry.slots[entry.slots.length - 1]!;
  if (slot < 0 || slots.count(slot) === SLOT_SAMPLES || tMs - slots.base(slot) > MAX_OFFSET_MS) {
    slot = takeSlot(state);
    if (slot < 0) return "no_room";
    entry.slots.push(slot);
  }
  slots.push(slot, tMs, value);
  entry.lastMs = tMs;
  counted(state, entry, tMs);
  return "stored";
};

const counted = (state: State, entry: Entry, tMs: number): void => {
  entry.samples++;
  state.samples++;
  if (tMs > state.lastSampleMs) state.lastSampleMs = tMs;
};

/** A sample at or before the newest one: find its place, keep what is there. */
const appendLate = (state: State, entry: Entry, tMs: number, value: number): Appended => {
  const { slots } = state;
  let at = entry.slots.findLastIndex((slot) => slots.first(slot) <= tMs);
  if (at < 0) at = 0;
  let slot = entry.slots[at];
  if (slot === undefined) return "too_old";
  let index = slots.search(slot, tMs);
  if (index < slots.count(slot) && slots.timeAt(slot, index) === tMs) {
    if (Object.is(slots.valueAt(slot, index), value)) return "duplicate";
    state.conflicts++;
    return "conflict";
  }
  const span = Math.max(slots.last(slot), tMs) - Math.min(slots.first(slot), tMs);
  if (span > MAX_OFFSET_MS) return "too_old";
  if (slots.count(slot) === SLOT_SAMPLES) {
    const upper = takeSlot(state);
    // Making room may have freed the very slot; the series then starts after this sample.
    if (upper < 0 || entry.slots[at] !== slot) {
      if (upper >= 0) slots.free(upper);
      return "too_old";
    }
    slots.split(slot, upper);
    entry.slots.splice(at + 1, 0, upper);
    if (tMs > slots.first(upper)) slot = upper;
    index = slots.search(slot, tMs);
  }
  slots.insert(slot, index, tMs, value);
  state.outOfOrder++;
  counted(state, entry, tMs);
  return "stored";
};

const takeSlot = (state: State): number => {
  const slot = state.slots.take();
  if (slot >= 0) return slot;
  makeRoom(state);
  return state.slots.take();
};

/** Cuts the oldest share of all slots at one instant. */
const makeRoom = (state: State): void => {
  const ends: number[] = [];
  for (const entry of state.entries) {
    for (const slot of entry?.slots ?? []) ends.push(state.slots.last(slot));
  }
  const sorted = Float64Array.from(ends).sort();
  const cut = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * ROOM_SHARE))];
  if (cut !== undefined) trim(state, cut + 1);
};

const advance = (state: State, nowMs: number): void => {
  state.nowMs = nowMs;
  const floorMs = nowMs - state.limits.retentionMs;
  if (floorMs > state.floorMs) state.floorMs = floorMs;
  if (Math.abs(nowMs - state.sweptAtMs) < SWEEP_EVERY_MS) return;
  state.sweptAtMs = nowMs;
  trim(state, state.floorMs);
  dropEmpty(state);
};

/** Frees every slot that ends before the instant. */
const trim = (state: State, beforeMs: number): void => {
  const { slots } = state;
  for (const entry of state.entries) {
    if (entry === undefined) continue;
    let gone = 0;
    while (gone < entry.slots.length && slots.last(entry.slots[gone]!) < beforeMs) {
      const slot = entry.slots[gone++]!;
      entry.samples -= slots.count(slot);
      state.samples -= slots.count(slot);
      slots.free(slot);
    }
    if (gone > 0) entry.slots.splice(0, gone);
  }
  if (beforeMs > state.completeFromMs) state.completeFromMs = beforeMs;
  if (beforeMs > state.floorMs) state.floorMs = beforeMs;
};

const dropEmpty = (state: State): void => {
  const empty = new Set<Entry>();
  for (const entry of state.entries) {
    if (entry === undefined || entry.slots.length > 0) continue;
    if (entry.bornInSweep < state.sweeps) empty.add(entry);
  }
  state.sweeps++;
  if (empty.size === 0) return;
  for (const entry of empty) {
    const place = entry.ref & PLACE_MASK;
    state.entries[place] = undefined;
    state.freeEntries.push(place);
    state.table.remove(entry);
    state.labelBytes -= entry.labelBytes;
  }
  state.index.remove(empty);
  state.dropped += empty.size;
};

const select = (
  state: State,
  matchers: readonly Matcher[],
  fromMs: number,
  toMs: number,
): SeriesData[] => {
  const found: SeriesData[] = [];
  for (const entry of state.index.select(matchers.map(compileMatcher))) {
    const { slots } = entry;
    if (slots.length === 0 || entry.lastMs < fromMs) continue;
    if (state.slots.first(slots[0]!) > toMs) continue;
    found.push(new SeriesView(state, entry, fromMs, toMs));
  }
  return found;
};

/** Samples are copied when they are read, and only then: most queries read one at a time. */
class SeriesView implements SeriesData {
  readonly labels: Labels;
  readonly #state: State;
  readonly #entry: Entry;
  readonly #fromMs: number;
  readonly #toMs: number;
  #copy: SampleBuffer | undefined;

  // A selection makes one for each of its series: methods of a class cost no closures.
  constructor(state: State, entry: Entry, fromMs: number, toMs: number) {
    this.labels = entry.labels;
    this.#state = state;
    this.#entry = entry;
    this.#fromMs = fromMs;
    this.#toMs = toMs;
  }

  readInto(buffer: SampleBuffer): void {
    read(this.#state, this.#entry, this.#fromMs, this.#toMs, buffer);
  }

  get timestamps(): Float64Array {
    return this.#copied().timestamps;
  }

  get values(): Float64Array {
    return this.#copied().values;
  }

  #copied(): SampleBuffer {
    if (this.#copy !== undefined) return this.#copy;
    const buffer = { timestamps: new Float64Array(), values: new Float64Array(), length: 0 };
    this.readInto(buffer);
    const { length } = buffer;
    this.#copy = {
      timestamps: buffer.timestamps.slice(0, length),
      values: buffer.values.slice(0, length),
      length,
    };
    return this.#copy;
  }
}

const read = (
  state: State,
  entry: Entry,
  fromMs: number,
  toMs: number,
  buffer: SampleBuffer,
): void => {
  const { slots } = state;
  let first = 0;
  while (first < entry.slots.length && slots.last(entry.slots[first]!) < fromMs) first++;
  let end = first;
  while (end < entry.slots.length && slots.first(entry.slots[end]!) <= toMs) end++;
  reserve(buffer, (end - first) * SLOT_SAMPLES);
  buffer.length = 0;
  for (let nth = first; nth < end; nth++) {
    const slot = entry.slots[nth]!;
    const from = slots.first(slot) >= fromMs ? 0 : slots.search(slot, fromMs);
    const to = slots.last(slot) <= toMs ? slots.count(slot) : slots.search(slot, toMs + 1);
    slots.copy(slot, from, to, buffer.timestamps, buffer.values, buffer.length);
    buffer.length += to - from;
  }
};

const statsOf = (state: State): WindowStats => ({
  series: state.table.size(),
  samples: state.samples,
  bytes: state.slots.used() * SLOT_BYTES + state.labelBytes,
  outOfOrder: state.outOfOrder,
  conflicts: state.conflicts,
  refused: state.refused,
  dropped: state.dropped,
  lastSampleMs: Number.isFinite(state.lastSampleMs) ? state.lastSampleMs : null,
  completeFromMs: Number.isFinite(state.completeFromMs) ? state.completeFromMs : null,
});
