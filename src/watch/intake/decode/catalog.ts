/**
 * Every series somebody sent, found again by the bytes of its labels.
 *
 * Shape:  wire bytes of the labels → `Known` (labels, store id, what its owner noted). Senders keep
 *         an order, so a series remembers which came after it: the next lookup is one comparison.
 * Units:  at most `maxWires` spellings; the ones not seen lately are forgotten first.
 * Errors: a label set that is not acceptable is a WireFault that names the label.
 */
import type { Labels } from "../../signal/series.ts";
import { METRIC_NAME, labelValue } from "../../signal/series.ts";
import { seriesIdOf, type SeriesId } from "./series-id.ts";
import {
  LENGTH_DELIMITED,
  newReader,
  readLength,
  readTag,
  readText,
  skipField,
  WireFault,
  type Reader,
} from "./wire.ts";

export type Known = {
  /** Its owner may put equal labels here that it holds anyway. */
  labels: Labels;
  readonly metric: string;
  readonly id: SeriesId;
  /** The window's reference, -1 while it has none. */
  ref: number;
  /** The last day the store was told of this series, -1 for none. */
  storedDay: number;
  /** Who brought it first, and the last hour it was counted for him. */
  source: string;
  seenHour: number;
  /** Another series whose number begins alike. */
  next: Known | undefined;
};

/** No hour is one after it. */
const NEVER = -2;

export type LabelLimits = {
  readonly maxLabels: number;
  readonly maxNameLength: number;
  readonly maxValueLength: number;
  readonly maxWires: number;
};
export const LABEL_LIMITS: LabelLimits = {
  maxLabels: 64,
  maxNameLength: 256,
  maxValueLength: 4096,
  maxWires: 400_000,
};

/** One spelling of a series' labels; two senders may order them differently. */
type Wire = {
  /** Where its bytes lie: a slab shared with others. */
  readonly slab: DataView;
  readonly at: number;
  readonly length: number;
  readonly series: Known;
  readonly hash: number;
  /** Another spelling with the same hash. */
  next: Wire | undefined;
  after: Wire | undefined;
  seenIn: number;
};

export type Catalog = {
  /** The series whose labels are `body[from, to)`, made known if they are new. */
  readonly find: (body: Pick<Reader, "bytes" | "view">, from: number, to: number) => Known;
  /** The series with these labels, in any order; empty values count as absent. */
  readonly ofLabels: (labels: Labels) => Known;
  /** Where the expected next series' labels would end, if they begin at `from`; else -1. */
  readonly predict: (body: DataView, from: number) => number;
  readonly predicted: () => Known;
  readonly size: () => number;
};

export const newCatalog = (limits: LabelLimits = LABEL_LIMITS): Catalog => {
  const byHash = new Map<number, Wire>();
  const series = newKnownBook();
  const slabs = newSlabs();
  let wires = 0;
  let round = 0;
  let last: Wire | undefined;

  const step = (wire: Wire): Known => {
    if (last !== undefined) last.after = wire;
    wire.seenIn = round;
    last = wire;
    return wire.series;
  };
  /** Keeps what was seen since the last clearing; a wire that comes back is made again. */
  const clear = (): void => {
    const fresh = [...chained(byHash.values())].filter(({ seenIn }) => seenIn === round);
    byHash.clear();
    series.clear();
    wires = 0;
    if (fresh.length <= limits.maxWires / 2) {
      for (const wire of fresh) {
        wire.after = undefined;
        put(wire);
        series.keep(wire.series);
      }
    }
    last = undefined;
    round += 1;
  };
  const put = (wire: Wire): void => {
    wire.next = byHash.get(wire.hash);
    byHash.set(wire.hash, wire);
    wires += 1;
  };
  const create = (bytes: Uint8Array, hash: number): Wire => {
    if (wires >= limits.maxWires) clear();
    const known = series.of(acceptable(readLabels(bytes, limits), limits));
    const place = slabs.copy(bytes);
    const wire: Wire = {
      slab: place.slab,
      at: place.at,
      length: bytes.length,
      series: known,
      hash,
      next: undefined,
      after: undefined,
      seenIn: round,
    };
    put(wire);
    return wire;
  };
  return {
    find: ({ bytes, view }, from, to) => {
      const hash = hashOf(bytes, from, to);
      let wire = byHash.get(hash);
      while (wire !== undefined && !(wire.length === to - from && begins(view, from, wire))) {
        wire = wire.next;
      }
      return step(wire ?? create(bytes.subarray(from, to), hash));
    },
    ofLabels: (labels) => {
      if (series.size() >= limits.maxWires) clear();
      return series.of(acceptable(labels, limits));
    },
    predict: (body, from) => {
      const next = last?.after;
      return next !== undefined && begins(body, from, next) ? from + next.length : -1;
    },
    predicted: () => step(last!.after!),
    size: series.size,
  };
};

function* chained(firsts: Iterable<Wire>): Iterable<Wire> {
  for (const first of firsts) {
    for (let wire: Wire | undefined = first; wire !== undefined; wire = wire.next) yield wire;
  }
}

/** Over the size that malloc maps by itself, so that they keep no memory of others from going. */
const SLAB_BYTES = 1024 * 1024;

/** Bytes of many wires in few pieces of memory; a piece goes when its last wire does. */
const newSlabs = () => {
  let slab = new Uint8Array();
  let view = new DataView(slab.buffer);
  let used = 0;
  return {
    copy: (bytes: Uint8Array): { readonly slab: DataView; readonly at: number } => {
      if (bytes.length > slab.length - used) {
        slab = new Uint8Array(Math.max(SLAB_BYTES, bytes.length));
        view = new DataView(slab.buffer);
        used = 0;
      }
      slab.set(bytes, used);
      used += bytes.length;
      return { slab: view, at: used - bytes.length };
    },
  };
};

/** Series by their labels, found by their number in the store, which is made of them anyway. */
const newKnownBook = () => {
  const byLow = new Map<number, Known>();
  let size = 0;
  const put = (known: Known): void => {
    known.next = byLow.get(known.id.low);
    byLow.set(known.id.low, known);
    size += 1;
  };
  const find = (id: SeriesId, labels: Labels): Known | undefined => {
    let known = byLow.get(id.low);
    while (known !== undefined && !(known.id.high === id.high && isSame(known.labels, labels))) {
      known = known.next;
    }
    return known;
  };
  return {
    of: (labels: Labels): Known => {
      const id = seriesIdOf(labels);
      const found = find(id, labels);
      if (found !== undefined) return found;
      const metric = labelValue(labels, METRIC_NAME);
      const known: Known = {
        labels,
        metric,
        id,
        ref: -1,
        storedDay: -1,
        source: "",
        seenHour: NEVER,
        next: undefined,
      };
      put(known);
      return known;
    },
    keep: (known: Known): void => {
      if (find(known.id, known.labels) === undefined) put(known);
    },
    clear: (): void => {
      byLow.clear();
      size = 0;
    },
    size: () => size,
  };
};

const isSame = (a: Labels, b: Labels): boolean => {
  if (a.length !== b.length) return false;
  for (let nth = 0; nth < a.length; nth += 1) {
    if (a[nth]![1] !== b[nth]![1] || a[nth]![0] !== b[nth]![0]) return false;
  }
  return true;
};

/** Four bytes at a time, the end first: neighbours differ in their last label more often. */
const begins = (body: DataView, from: number, { slab, at, length }: Wire): boolean => {
  if (from + length > body.byteLength) return false;
  let nth = length - 4;
  for (; nth >= 0; nth -= 4) {
    if (body.getUint32(from + nth) !== slab.getUint32(at + nth)) return false;
  }
  for (nth += 3; nth >= 0; nth -= 1) {
    if (body.getUint8(from + nth) !== slab.getUint8(at + nth)) return false;
  }
  return true;
};

const hashOf = (bytes: Uint8Array, from: number, to: number): number => {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash;
};

const readLabels = (bytes: Uint8Array, limits: LabelLimits): Labels => {
  const reader = newReader(bytes);
  const labels: [string, string][] = [];
  while (reader.at < bytes.length) {
    readTag(reader, bytes.length);
    labels.push(readLabel(reader, readLength(reader, bytes.length)));
    // Not all of a million are read just to be refused.
    if (labels.length > limits.maxLabels) break;
  }
  return labels;
};

/** Labels sorted by name, without empty values; refused if they say a thing twice. */
const acceptable = (labels: Labels, limits: LabelLimits): Labels => {
  if (labels.length > limits.maxLabels)
    throw new WireFault(`${nameIn(labels)}: over ${limits.maxLabels} labels`);
  const metric = nameIn(labels);
  for (const [name, value] of labels) {
    if (name === "") throw new WireFault(`${metric}: a label has no name`);
    if (name.includes("\0") || value.includes("\0"))
      throw new WireFault(`${metric}: label ${JSON.stringify(name.slice(0, 64))} has a NUL in it`);
    if (name.length > limits.maxNameLength)
      throw new WireFault(
        `${metric}: a label name of ${name.length} characters is over ${limits.maxNameLength}`,
      );
    if (value.length > limits.maxValueLength)
      throw new WireFault(
        `${metric}: label ${name} has ${value.length} characters, over ${limits.maxValueLength}`,
      );
  }
  const sorted = labels.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)));
  const twice = sorted.find(([name], nth) => name === sorted[nth + 1]?.[0]);
  if (twice !== undefined) throw new WireFault(`${metric}: label ${twice[0]} is there twice`);
  if (labelValue(labels, METRIC_NAME) === "")
    throw new WireFault(`a series has no ${METRIC_NAME}: ${JSON.stringify(labels).slice(0, 200)}`);
  return sorted.filter(([, value]) => value !== "");
};

const nameIn = (labels: Labels): string =>
  labelValue(labels, METRIC_NAME).slice(0, 128) || "a series";

const NAME_FIELD = 1;
const VALUE_FIELD = 2;

const readLabel = (reader: Reader, end: number): [string, string] => {
  let name = "";
  let value = "";
  while (reader.at < end) {
    const tag = readTag(reader, end);
    const field = tag >>> 3;
    if ((tag & 7) !== LENGTH_DELIMITED || (field !== NAME_FIELD && field !== VALUE_FIELD)) {
      skipField(reader, tag, end);
      continue;
    }
    const textEnd = readLength(reader, end);
    if (field === NAME_FIELD) name = readText(reader, textEnd, "a label name");
    else value = readText(reader, textEnd, `the value of label ${name.slice(0, 64)}`);
  }
  return [name, value];
};
