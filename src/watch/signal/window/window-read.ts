/**
 * One series of the recent window, as a query reads it.
 *
 * Units:  ms; both ends of the range are included.
 * Errors: none.
 */
import { type Labels, type SampleBuffer, type SeriesData, reserve } from "../series.ts";
import { SLOT_SAMPLES, type Slots } from "./window-samples.ts";

/** Labels, and slots in time order; a slot may get another number between two readings. */
type Stored = { readonly labels: Labels; readonly slots: readonly number[] };

/** Samples are copied when they are read, and only then: most queries read one at a time. */
export class SeriesView implements SeriesData {
  readonly labels: Labels;
  readonly #slots: Slots;
  readonly #series: Stored;
  readonly #fromMs: number;
  readonly #toMs: number;
  #copy: SampleBuffer | undefined;

  // A selection makes one for each of its series: methods of a class cost no closures.
  constructor(slots: Slots, series: Stored, fromMs: number, toMs: number) {
    this.labels = series.labels;
    this.#slots = slots;
    this.#series = series;
    this.#fromMs = fromMs;
    this.#toMs = toMs;
  }

  readInto(buffer: SampleBuffer): void {
    read(this.#slots, this.#series.slots, this.#fromMs, this.#toMs, buffer);
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
  slots: Slots,
  own: readonly number[],
  fromMs: number,
  toMs: number,
  buffer: SampleBuffer,
): void => {
  let first = 0;
  while (first < own.length && slots.last(own[first]!) < fromMs) first++;
  let end = first;
  while (end < own.length && slots.first(own[end]!) <= toMs) end++;
  reserve(buffer, (end - first) * SLOT_SAMPLES);
  buffer.length = 0;
  for (let nth = first; nth < end; nth++) {
    const slot = own[nth]!;
    const from = slots.first(slot) >= fromMs ? 0 : slots.search(slot, fromMs);
    const to = slots.last(slot) <= toMs ? slots.count(slot) : slots.search(slot, toMs + 1);
    if (to <= from) continue;
    slots.copy(slot, from, to, buffer.timestamps, buffer.values, buffer.length);
    buffer.length += to - from;
  }
};
