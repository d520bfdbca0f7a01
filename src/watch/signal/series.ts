/**
 * A series is a set of labels and its samples in time order.
 *
 * Shape:  labels sorted by name, unique, `__name__` among them; samples ascending, no duplicates.
 * Units:  timestamps in whole ms since the epoch.
 * Errors: none.
 * Source: a stale marker is Prometheus' own bit pattern, a signalling NaN that arithmetic or a
 *         typed array's copy may quieten; both forms are one marker here, no other NaN is. An
 *         ordinary array or object field forgets it (the engine keeps one NaN there), so a marker
 *         travels as bits or by its own name, never as a number in a list.
 */

export type Labels = readonly (readonly [name: string, value: string])[];

/** Where a reader puts samples it decodes, so that one buffer serves thousands of series. */
export type SampleBuffer = {
  timestamps: Float64Array;
  values: Float64Array;
  length: number;
};

export type SeriesData = {
  readonly labels: Labels;
  readonly timestamps: Float64Array;
  readonly values: Float64Array;
  /** Fills the buffer instead of making arrays; same samples as above. */
  readonly readInto?: (buffer: SampleBuffer) => void;
};

export const METRIC_NAME = "__name__";

/** It grows to what is read: a query of one series should not cost tens of kilobytes. */
const FIRST_CAPACITY = 64;

export const newSampleBuffer = (): SampleBuffer => ({
  timestamps: new Float64Array(FIRST_CAPACITY),
  values: new Float64Array(FIRST_CAPACITY),
  length: 0,
});

/** Makes room for `capacity` samples; what was in the buffer is lost. */
export const reserve = (buffer: SampleBuffer, capacity: number): void => {
  if (buffer.values.length >= capacity) return;
  const next = 2 ** Math.ceil(Math.log2(capacity));
  buffer.timestamps = new Float64Array(next);
  buffer.values = new Float64Array(next);
};

export const labelValue = (labels: Labels, name: string): string => {
  for (const label of labels) if (label[0] === name) return label[1];
  return "";
};

/** Orders like Prometheus: name, value, name, value, …, then the shorter set first. */
export const compareLabels = (a: Labels, b: Labels): number => {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const [nameA, valueA] = a[i]!;
    const [nameB, valueB] = b[i]!;
    if (nameA !== nameB) return nameA < nameB ? -1 : 1;
    if (valueA !== valueB) return valueA < valueB ? -1 : 1;
  }
  return a.length - b.length;
};

const STALE_LOW = 2;
const STALE_HIGH = 0x7ff00000;
/** Everything but the quiet bit, which a store may set. */
const HIGH_MASK = 0xfff7ffff;

const scratch = new Float64Array(1);
const scratchBits = new Uint32Array(scratch.buffer);
/** Index of the low half of a double: 0 wherever this runs today. */
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

/** Is a value (already known to be NaN, or not) the stale marker? */
export const isStale = (value: number): boolean => {
  if (value === value) return false;
  scratch[0] = value;
  return areStaleBits(scratchBits[LOW]!, scratchBits[HIGH]!);
};

/** Same question about `values[index]`, asked of the bits so that no register can change them. */
export const isStaleAt = (values: Float64Array, index: number): boolean => {
  const value = values[index]!;
  if (value === value) return false;
  const bits = new Uint32Array(values.buffer, values.byteOffset + index * 8, 2);
  return areStaleBits(bits[LOW]!, bits[HIGH]!);
};

/** Writes the marker with its exact bits. */
export const writeStale = (values: Float64Array, index: number): void => {
  const bits = new Uint32Array(values.buffer, values.byteOffset + index * 8, 2);
  bits[LOW] = STALE_LOW;
  bits[HIGH] = STALE_HIGH;
};

const areStaleBits = (low: number, high: number): boolean =>
  low === STALE_LOW && (high & HIGH_MASK) === STALE_HIGH;
