/**
 * Samples of one body as columns, filled by whichever decoder reads it.
 *
 * Shape:  `beginSeries` once per series as it stands in the body, then `pushValue` or `pushBits`
 *         per sample. A series that is not admitted is noted by its place in the body, so that a
 *         replay leaves out the same ones.
 * Units:  timestamps in whole ms since the epoch.
 * Errors: none; what is left out is counted.
 */
import type { Known } from "./catalog.ts";

export type Samples = {
  readonly count: number;
  readonly series: readonly Known[];
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  readonly tooNew: number;
  readonly tooOld: number;
  /** Native histograms stepped over. */
  readonly histograms: number;
  /** Places of the series that were not admitted, in order, and their samples. */
  readonly refused: readonly number[];
  readonly refusedSamples: number;
  /** Of the first series that was refused. */
  readonly refusedMetric: string | undefined;
  readonly minMs: number;
  readonly maxMs: number;
};

/** Times outside are left out and counted. */
export type Bounds = { readonly notBeforeMs: number; readonly notAfterMs: number };

/** May this series, the nth of its body, have samples here? */
export type Admit = (series: Known, nth: number) => boolean;

export type Terms = Bounds & { readonly admit?: Admit | undefined };

/** The year 2200: a time beyond is no clock that is wrong, it is no time. */
export const MAX_TIME_MS = 7_258_118_400_000;
const FIRST_CAPACITY = 256;

export type SampleBuilder = {
  readonly terms: Terms;
  readonly series: Known[];
  readonly refused: number[];
  current: Known | undefined;
  places: number;
  timesMs: Float64Array;
  values: Float64Array;
  /** The same memory as `values`: a number in a register may lose which NaN it was. */
  bits: Uint32Array;
  count: number;
  tooNew: number;
  tooOld: number;
  histograms: number;
  refusedSamples: number;
  refusedMetric: string | undefined;
  minMs: number;
  maxMs: number;
};

/** `expected` samples: a guess, so that the columns need not grow. */
export const newSampleBuilder = (terms: Terms, expected = 0): SampleBuilder => {
  const capacity = Math.max(FIRST_CAPACITY, Math.ceil(expected));
  const values = new Float64Array(capacity);
  return {
    terms,
    series: [],
    refused: [],
    current: undefined,
    places: 0,
    timesMs: new Float64Array(capacity),
    values,
    bits: new Uint32Array(values.buffer),
    count: 0,
    tooNew: 0,
    tooOld: 0,
    histograms: 0,
    refusedSamples: 0,
    refusedMetric: undefined,
    minMs: Infinity,
    maxMs: -Infinity,
  };
};

export const beginSeries = (building: SampleBuilder, series: Known): void => {
  const { admit } = building.terms;
  const nth = building.places;
  building.places += 1;
  building.current = series;
  if (admit === undefined || admit(series, nth)) return;
  building.current = undefined;
  building.refused.push(nth);
  building.refusedMetric ??= series.metric;
};

/** Makes room for one more; its value may then be written at `count`, in `values` or `bits`. */
export const reserveSample = (building: SampleBuilder): void => {
  if (building.count < building.timesMs.length) return;
  const capacity = building.timesMs.length * 2;
  const timesMs = new Float64Array(capacity);
  timesMs.set(building.timesMs);
  const values = new Float64Array(capacity);
  const bits = new Uint32Array(values.buffer);
  bits.set(building.bits);
  building.timesMs = timesMs;
  building.values = values;
  building.bits = bits;
};

/** Keeps the sample whose value was written at `count`. */
export const keepSample = (building: SampleBuilder, timeMs: number): void => {
  const { current, terms, count } = building;
  if (current === undefined) building.refusedSamples += 1;
  else if (timeMs > terms.notAfterMs) building.tooNew += 1;
  else if (timeMs < terms.notBeforeMs) building.tooOld += 1;
  else {
    building.timesMs[count] = timeMs;
    building.series.push(current);
    building.count = count + 1;
    if (timeMs < building.minMs) building.minMs = timeMs;
    if (timeMs > building.maxMs) building.maxMs = timeMs;
  }
};

/** A value that is no stale marker; markers go by `reserveSample`, `writeStale`, `keepSample`. */
export const pushSample = (building: SampleBuilder, timeMs: number, value: number): void => {
  reserveSample(building);
  building.values[building.count] = value;
  keepSample(building, timeMs);
};

export const finishSamples = (building: SampleBuilder): Samples => {
  const { count, series, refused, tooNew, tooOld, histograms } = building;
  const { refusedSamples, refusedMetric } = building;
  return {
    ...{ count, series, refused, tooNew, tooOld, histograms, refusedSamples, refusedMetric },
    timesMs: building.timesMs.subarray(0, count),
    values: building.values.subarray(0, count),
    minMs: building.minMs,
    maxMs: building.maxMs,
  };
};
