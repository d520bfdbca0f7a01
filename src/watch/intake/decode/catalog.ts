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
  readonly labels: Labels;
  readonly metric: string;
  readonly id: SeriesId;
  /** The window's reference, -1 while it has none. */
  ref: number;
  /** The last day the store was told of this series, -1 for none. */
  storedDay: number;
  /** Who brought it first, and the last hour it was counted for him. */
  source: string;
  seenHour: number;
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
  readonly view: DataView;
  readonly series: Known;
  readonly hash: number;
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
  readonly known: () => Iterable<Known>;
  readonly size: () => number;
};

export const newCatalog = (limits: LabelLimits = LABEL_LIMITS): Catalog => {
  const byHash = new Map<number, Wire[]>();
  const bySeries = new Map<string, Known>();
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
    const kept = new Set<string>();
    for (const [hash, list] of byHash) {
      const fresh = list.filter(({ seenIn }) => seenIn === round);
      wires -= list.length - fresh.length;
      for (const { series } of fresh) kept.add(keyOf(series.labels));
      if (fresh.length === 0) byHash.delete(hash);
      else byHash.set(hash, fresh);
    }
    for (const key of bySeries.keys()) if (!kept.has(key)) bySeries.delete(key);
    if (wires > limits.maxWires / 2) {
      byHash.clear();
      bySeries.clear();
      wires = 0;
    }
    last = undefined;
    round += 1;
  };
  const knownBy = (labels: Labels): Known => {
    const key = keyOf(labels);
    const found = bySeries.get(key);
    if (found !== undefined) return found;
    const metric = labelValue(labels, METRIC_NAME);
    const id = seriesIdOf(labels);
    const series = { labels, metric, id, ref: -1, storedDay: -1, source: "", seenHour: NEVER };
    bySeries.set(key, series);
    return series;
  };
  const create = (bytes: Uint8Array, hash: number): Wire => {
    if (wires >= limits.maxWires) clear();
    const series = knownBy(acceptable(readLabels(bytes, limits), limits));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const wire = { view, series, hash, after: undefined, seenIn: round };
    const list = byHash.get(hash);
    if (list === undefined) byHash.set(hash, [wire]);
    else list.push(wire);
    wires += 1;
    return wire;
  };
  return {
    find: ({ bytes, view }, from, to) => {
      const hash = hashOf(bytes, from, to);
      const found = byHash
        .get(hash)
        ?.find((wire) => wire.view.byteLength === to - from && begins(view, from, wire.view));
      // Not `slice`: of a Buffer that is a view, which would keep the whole body.
      return step(found ?? create(new Uint8Array(bytes.subarray(from, to)), hash));
    },
    ofLabels: (labels) => {
      if (bySeries.size >= limits.maxWires) clear();
      return knownBy(acceptable(labels, limits));
    },
    predict: (body, from) => {
      const next = last?.after;
      return next !== undefined && begins(body, from, next.view) ? from + next.view.byteLength : -1;
    },
    predicted: () => step(last!.after!),
    known: () => bySeries.values(),
    size: () => bySeries.size,
  };
};

/** Four bytes at a time, the end first: neighbours differ in their last label more often. */
const begins = (body: DataView, from: number, expected: DataView): boolean => {
  const { byteLength } = expected;
  if (from + byteLength > body.byteLength) return false;
  let at = byteLength - 4;
  for (; at >= 0; at -= 4) if (body.getUint32(from + at) !== expected.getUint32(at)) return false;
  for (at += 3; at >= 0; at -= 1) {
    if (body.getUint8(from + at) !== expected.getUint8(at)) return false;
  }
  return true;
};

const hashOf = (bytes: Uint8Array, from: number, to: number): number => {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash;
};

const keyOf = (labels: Labels): string => {
  let key = "";
  for (const [name, value] of labels) key += `${name}\0${value}\0`;
  return key;
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
