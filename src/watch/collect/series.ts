/**
 * A series, named once: its labels and their bytes on the wire are made when it is first seen, so
 * that a sample costs a lookup and sixteen bytes.
 *
 * Shape:  labels sorted by name, `__name__` among them, no empty values (to Prometheus an empty
 *         label is an absent one).
 * Units:  a sample's `timeMs` is ms since the epoch; values are in the base unit of the metric.
 */
export type Labels = readonly (readonly [name: string, value: string])[];

export type Series = {
  readonly labels: Labels;
  /** Field 1 of a remote write TimeSeries, repeated: every label with tag and length. */
  readonly wire: Uint8Array;
  /** The latest stamp sent; a later sample never carries an earlier one. */
  lastMs: number;
  /** The round in which a collector last saw it. */
  round: number;
};

export type Sample = {
  readonly series: Series;
  readonly value: number;
  /** The series ended: sent as Prometheus's stale NaN, whatever `value` says. */
  readonly stale?: true;
  /** Set when the source gave a time of its own. */
  readonly timeMs?: number;
};

const LABEL_TAG = 0x0a;
const NAME_TAG = 0x0a;
const VALUE_TAG = 0x12;
const utf8 = new TextEncoder();

export const varintSize = (value: number): number => {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
};

/** Writes an unsigned integer below 2^53; returns where it ended. */
export const putVarint = (bytes: Uint8Array, at: number, value: number): number => {
  let rest = value;
  let end = at;
  while (rest >= 0x80) {
    bytes[end++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[end++] = rest;
  return end;
};

const byName = (a: readonly [string, string], b: readonly [string, string]): number =>
  a[0] < b[0] ? -1 : Number(a[0] > b[0]);

const encodeLabels = (labels: Labels): Uint8Array => {
  const parts = labels.map(([name, value]) => {
    const pair = { name: utf8.encode(name), value: utf8.encode(value), size: 0 };
    pair.size =
      2 +
      varintSize(pair.name.length) +
      pair.name.length +
      varintSize(pair.value.length) +
      pair.value.length;
    return pair;
  });
  const bytes = new Uint8Array(parts.reduce((n, { size }) => n + 1 + varintSize(size) + size, 0));
  let at = 0;
  for (const { name, value, size } of parts) {
    bytes[at] = LABEL_TAG;
    at = putVarint(bytes, at + 1, size);
    for (const [tag, text] of [
      [NAME_TAG, name],
      [VALUE_TAG, value],
    ] as const) {
      bytes[at] = tag;
      at = putVarint(bytes, at + 1, text.length);
      bytes.set(text, at);
      at += text.length;
    }
  }
  return bytes;
};

export const seriesOf = (labels: Iterable<readonly [string, string]>): Series => {
  const sorted = [...labels].filter(([, value]) => value !== "").sort(byName);
  return { labels: sorted, wire: encodeLabels(sorted), lastMs: Number.NEGATIVE_INFINITY, round: 0 };
};
