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
import { type Labels, METRIC_NAME, type SeriesData, labelValue, writeStale } from "../series.ts";
import { hashOf, newSeriesTable, type SeriesTable } from "./series-table.ts";
import { SeriesView } from "./window-read.ts";
import { MAX_OFFSET_MS, SLOT_SAMPLES, type Slots, newSlots } from "./window-samples.ts";

export type SeriesRef = number;

export type WindowLimits = {
  readonly retentionMs: number;
  /**
   * Memory of all samples, half a MiB at least; labels and their index come on top and are
   * bounded by `maxSeries`.
   */
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
  bornInSweep: number;
};

type State = {
  readonly limits: WindowLimits;
  readonly slots: Slots;
  readonly index: LabelIndex<Entry>;
  readonly entries: (Entry | undefined)[];
  readonly freeEntries: number[];
  readonly table: SeriesTable<Entry>;
  /** Series with late samples since the last sweep: slots before their newest may be raw. */
  readonly thawed: Set<Entry>;
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
/** Ends of slots that are looked at for that; millions would be sorted for nothing. */
const MAX_ENDS = 20_000;
/** Of answers that are slots: none for want of room, and none for it was cut meanwhile. */
const NO_ROOM = -1;
const IS_CUT = -2;
/** First slots end after 64, 48, 32 or 16 samples, by runs of so many series. */
const FIRST_RUN = 1024;
const FIRST_SLOTS = 4;
const FIRST_SHORTER = 16;
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
    slots: newSlots(limits.maxBytes),
    index: newLabelIndex<Entry>(present),
    entries,
    freeEntries: [],
    table: newSeriesTable(),
    thawed: new Set(),
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
  const { slots } = state;
  const newest = entry.slots.length - 1;
  const pushed = newest < 0 ? "full" : slots.push(entry.slots[newest]!, tMs, value);
  if (pushed === "late") return appendLate(state, entry, tMs, value);
  if (pushed === "full") {
    const slot = nextSlot(state, entry, tMs);
    if (slot < 0) return "no_room";
    slots.push(slot, tMs, value);
  }
  counted(state, tMs);
  return "stored";
};

/** The newest slot made wider, or another after it: those before are then not written to again. */
const nextSlot = (state: State, entry: Entry, tMs: number): number => {
  const { slots } = state;
  const at = entry.slots.length - 1;
  const newest = entry.slots[at];
  if (newest !== undefined && tMs - slots.base(newest) <= MAX_OFFSET_MS) {
    const most = at > 0 ? SLOT_SAMPLES : firstSamples(entry);
    if (slots.count(newest) < most) {
      const wider = widened(state, entry, at);
      if (wider >= 0) return wider;
    }
  }
  // It may have been cut to make room.
  if (newest !== undefined && entry.slots[at] === newest) entry.slots[at] = slots.freeze(newest);
  const slot = withRoom(state, slots.take);
  // Not pushed: an array that grows keeps room for sixteen more, for each of its series.
  if (slot >= 0) entry.slots = entry.slots.concat(slot);
  return slot;
};

/**
 * Series that began together would all be full at once, so their first slots end apart; those
 * that are written one after the other still end together, for their memory is side by side.
 */
const firstSamples = ({ ref }: Entry): number =>
  SLOT_SAMPLES - (Math.floor(ref / FIRST_RUN) % FIRST_SLOTS) * FIRST_SHORTER;

/** The slot at a place with room for one more; -1 when it was cut for want of room. */
const widened = (state: State, entry: Entry, at: number): number => {
  const slot = entry.slots[at]!;
  const wider = withRoom(state, () =>
    entry.slots[at] === slot ? state.slots.widen(slot) : IS_CUT,
  );
  if (wider >= 0) entry.slots[at] = wider;
  return wider;
};

const counted = (state: State, tMs: number): void => {
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
  slot =
    slots.count(slot) === SLOT_SAMPLES ? halved(state, entry, at, tMs) : widened(state, entry, at);
  // Making room may have cut the very slot; the series then starts after this sample.
  if (slot < 0) return "too_old";
  index = slots.search(slot, tMs);
  slots.insert(slot, index, tMs, value);
  if (at < entry.slots.length - 1) state.thawed.add(entry);
  state.outOfOrder++;
  counted(state, tMs);
  return "stored";
};

/** A full slot made two: the one the time belongs to; -1 when it was cut for want of room. */
const halved = (state: State, entry: Entry, at: number, tMs: number): number => {
  const { slots } = state;
  const lower = widened(state, entry, at);
  if (lower < 0) return lower;
  const upper = withRoom(state, () => (entry.slots[at] === lower ? slots.split(lower) : IS_CUT));
  if (upper < 0) return upper;
  const isNewest = at === entry.slots.length - 1;
  entry.slots.splice(at + 1, 0, upper);
  if (tMs > slots.first(upper)) {
    entry.slots[at] = slots.freeze(lower);
    return upper;
  }
  if (!isNewest) entry.slots[at + 1] = slots.freeze(upper);
  return lower;
};

/** What `make` answers, once there is room for it: more and more is cut until there is. */
const withRoom = (state: State, make: () => number): number => {
  let made = make();
  for (let share = ROOM_SHARE; made === NO_ROOM && share < 2; share *= 2) {
    makeRoom(state, share);
    made = make();
  }
  return made;
};

/** Cuts about the oldest share of all slots, at one instant. */
const makeRoom = (state: State, share: number): void => {
  const ends: number[] = [];
  const stride = Math.ceil(state.slots.used() / MAX_ENDS);
  let nth = 0;
  for (const entry of state.entries) {
    for (const slot of entry?.slots ?? []) {
      if (nth++ % stride === 0) ends.push(state.slots.last(slot));
    }
  }
  const sorted = Float64Array.from(ends).sort();
  const cut = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share))];
  if (cut !== undefined) trim(state, cut + 1);
};

const advance = (state: State, nowMs: number): void => {
  state.nowMs = nowMs;
  const floorMs = nowMs - state.limits.retentionMs;
  if (floorMs > state.floorMs) state.floorMs = floorMs;
  if (Math.abs(nowMs - state.sweptAtMs) < SWEEP_EVERY_MS) return;
  state.sweptAtMs = nowMs;
  trim(state, state.floorMs);
  freezeAgain(state);
  dropEmpty(state);
};

const freezeAgain = ({ thawed, slots }: State): void => {
  for (const entry of thawed) {
    for (let at = 0; at < entry.slots.length - 1; at++) {
      entry.slots[at] = slots.freeze(entry.slots[at]!);
    }
  }
  thawed.clear();
};

/** Frees every slot that ends before the instant. */
const trim = (state: State, beforeMs: number): void => {
  const { slots } = state;
  for (const entry of state.entries) {
    if (entry === undefined) continue;
    let gone = 0;
    while (gone < entry.slots.length && slots.last(entry.slots[gone]!) < beforeMs) {
      const slot = entry.slots[gone++]!;
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
    if (slots.length === 0 || state.slots.last(slots.at(-1)!) < fromMs) continue;
    if (state.slots.first(slots[0]!) > toMs) continue;
    found.push(new SeriesView(state.slots, entry, fromMs, toMs));
  }
  return found;
};

const statsOf = (state: State): WindowStats => ({
  series: state.table.size(),
  samples: state.samples,
  bytes: state.slots.bytes() + state.labelBytes,
  outOfOrder: state.outOfOrder,
  conflicts: state.conflicts,
  refused: state.refused,
  dropped: state.dropped,
  lastSampleMs: Number.isFinite(state.lastSampleMs) ? state.lastSampleMs : null,
  completeFromMs: Number.isFinite(state.completeFromMs) ? state.completeFromMs : null,
});
