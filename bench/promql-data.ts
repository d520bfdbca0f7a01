/**
 * Samples as a fleet of 1,000 instances sends them: 10,000 series, one sample every 15 s.
 *
 * Shape:  4,000 request counters of 40 jobs, 2,400 buckets of 200 histograms, 3,600 gauges of
 *         which 200 are one metric; nine labels of about 190 bytes. Counters grow by noisy
 *         traffic with a daily shape and start at 0 when an instance does, about once a day;
 *         gauges walk at random. Each instance has an offset and a jitter of its own, so that no
 *         sample is on the border of a range.
 * Units:  ms since the epoch. The same seed gives the same samples, wherever they are made.
 */
import { seriesOf, type Series } from "../src/watch/collect/series.ts";

export const SERIES = 10_000;
export const STEP_MS = 15_000;
/** The end of every query is a whole step after it. */
export const T0_MS = 1_800_000_000_000;
const COUNTERS = 4_000;
const BUCKETS = 2_400;
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, Infinity];
const DAY_MS = 86_400_000;
const RESTARTS_PER_DAY = 1;
const JITTER_MS = 40;

/** Samples [from, from + count) of one series; the arrays are used again for the next. */
export type Chunk = {
  readonly nth: number;
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  readonly count: number;
};

const instanceOf = (nth: number): number =>
  nth < COUNTERS
    ? nth >> 2
    : nth < COUNTERS + BUCKETS
      ? Math.floor((nth - COUNTERS) / BOUNDS.length)
      : (nth - COUNTERS - BUCKETS) % 1_000;

export const fleetSeries = (): readonly Series[] =>
  Array.from({ length: SERIES }, (_, nth) => seriesOf(labelsOf(nth)));

const labelsOf = (nth: number): [string, string][] => {
  const i = instanceOf(nth);
  const common: [string, string][] = [
    ["cluster", "eu-west-3-production"],
    ["datacenter", `paris-${i % 3}`],
    ["environment", "production"],
    ["instance", `10.0.${i >> 8}.${i & 255}:9100`],
    ["job", `service-${i % 40}`],
    ["namespace", `team-${i % 8}`],
    ["pod", `service-${i % 40}-7c9f8b6d5-${(i * 7919).toString(36).padStart(5, "x")}`],
  ];
  if (nth < COUNTERS) {
    const status = String(200 + (nth % 4) * 100);
    return [["__name__", "http_requests_total"], ...common, ["status", status]];
  }
  if (nth < COUNTERS + BUCKETS) {
    const bound = BOUNDS[(nth - COUNTERS) % BOUNDS.length]!;
    const le = bound === Infinity ? "+Inf" : String(bound);
    return [["__name__", "http_duration_seconds_bucket"], ...common, ["le", le]];
  }
  const gauge = nth - COUNTERS - BUCKETS;
  const name = gauge < 200 ? "cpu_utilization_ratio" : `gauge_${gauge % 17}`;
  return [["__name__", name], ...common, ["zone", `z${Math.floor(gauge / 1_000)}`]];
};

/** Marsaglia's xorshift, 32 bits: enough for noise, the same everywhere. */
const newNoise = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
};

/** All samples, `slice` steps of every series at a time, series after series. */
export const fleetSamples = function* (steps: number, slice: number): Iterable<Chunk> {
  const makers = Array.from({ length: SERIES }, (_, nth) => makerOf(nth));
  const timesMs = new Float64Array(slice);
  const values = new Float64Array(slice);
  for (let from = 0; from < steps; from += slice) {
    const count = Math.min(slice, steps - from);
    for (const [nth, make] of makers.entries()) {
      const offsetMs = 200 + ((instanceOf(nth) * 7_919) % (STEP_MS - 400));
      const jitter = newNoise(nth + 1 + from * 31);
      for (let k = 0; k < count; k++) {
        const atMs = T0_MS + (from + k) * STEP_MS + offsetMs;
        timesMs[k] = atMs + Math.floor(jitter() * JITTER_MS);
        values[k] = make(atMs);
      }
      yield { nth, timesMs, values, count };
    }
  }
};

const dayShape = (atMs: number): number => 1 + 0.6 * Math.sin((2 * Math.PI * atMs) / DAY_MS);

const makerOf = (nth: number): ((atMs: number) => number) => {
  if (nth < COUNTERS + BUCKETS) return counterOf(nth);
  const noise = newNoise(nth + 77);
  let level = 0.2 + 0.6 * noise();
  return () => {
    level += (noise() - 0.5) * 0.02 + (0.5 - level) * 0.001;
    return Math.round(level * 1e4) / 1e4;
  };
};

const counterOf = (nth: number): ((atMs: number) => number) => {
  const instance = instanceOf(nth);
  // Series of one instance share its traffic and its restarts, so that buckets stay in order.
  const noise = newNoise(instance * 2 + 1_013);
  const perStep = Math.exp(3 + 3 * newNoise(instance + 5)()) * 2;
  const isBucket = nth >= COUNTERS;
  const bound = BOUNDS[(nth - COUNTERS) % BOUNDS.length]!;
  const share = [0.9, 0.05, 0.03, 0.02][nth % 4]!;
  const restart = (RESTARTS_PER_DAY * STEP_MS) / DAY_MS;
  let total = Math.floor(perStep * 10_000 * (isBucket ? 1 : share));
  let latencyS = 0.05;
  if (isBucket) total = Math.floor(total * (1 - Math.exp(-bound / latencyS)));
  return (atMs) => {
    const came = Math.floor(perStep * dayShape(atMs) * (0.5 + noise()));
    latencyS = Math.max(0.005, latencyS + (0.08 - latencyS) * 0.01 + (noise() - 0.5) * 0.01);
    if (noise() < restart) total = 0;
    if (isBucket) total += Math.floor(came * (1 - Math.exp(-bound / latencyS)));
    else total += Math.floor(came * share + 0.5);
    return total;
  };
};
