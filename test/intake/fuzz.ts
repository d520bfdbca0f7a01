/**
 * Damage to remote write bodies, from a seed, and what must hold whatever comes in.
 *
 * Shape:  `fuzz` decodes damaged bodies one after the other through one small catalog, as a hub
 *         does, and says in words what did not hold: a throw, a result that contradicts itself, a
 *         catalog that answers otherwise than a fresh one, memory that grows.
 * Units:  bytes.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import protobuf from "protobufjs";
import { seeded, type Random } from "../../sim/random.ts";
import type { Result } from "../../src/kernel/result.ts";
import { LABEL_LIMITS, newCatalog, type Catalog } from "../../src/watch/intake/decode/catalog.ts";
import type { Samples, Terms } from "../../src/watch/intake/decode/samples.ts";

export type Decode = (catalog: Catalog, body: Uint8Array, terms: Terms) => Result<Samples>;

/** The year 2001 to the year 2100. */
export const TERMS = { notBeforeMs: 1e12, notAfterMs: 4.1e12 } satisfies Terms;
/** Few spellings, so that forgetting them is part of every run. */
const LIMITS = { ...LABEL_LIMITS, maxWires: 500 };
const MAX_MESSAGE_LENGTH = 1_000;
const MAX_FAULTS = 5;
const MAX_DAMAGES = 4;
/** Every so often a body that is whole: damage before it must not have spoiled it. */
const WHOLE_EVERY = 100;
/** After the catalog is full; measured with the rubbish collected. */
const WARM_SHARE = 0.2;
const MAX_GROWTH_BYTES = 8 * 1024 * 1024;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
export const heldBytes = (): number => {
  // What is outside the heap goes with the turn after the one that found it unused.
  for (let turn = 0; turn < 3; turn += 1) collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

const { root } = protobuf.parse(`syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; repeated Metadata metadata = 3; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2;
                       repeated Exemplar exemplars = 3; repeated bytes histograms = 4; }
  message Label { bytes name = 1; bytes value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
  message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
  message Metadata { int32 type = 1; string name = 2; string help = 4; string unit = 5; }`);
const WriteRequest = root.lookupType("WriteRequest");

export type Label = readonly [name: string | Uint8Array, value: string | Uint8Array];
export type Given = {
  readonly labels: readonly Label[];
  readonly samples: readonly (readonly [value: number, timeMs: number])[];
};
const utf8 = (text: string | Uint8Array) => (typeof text === "string" ? Buffer.from(text) : text);
const pairs = (labels: readonly Label[]) =>
  labels.map(([name, value]) => ({ name: utf8(name), value: utf8(value) }));

export const encode = (given: readonly Given[], isRich = false): Uint8Array => {
  const request = WriteRequest.encode({
    timeseries: given.map(({ labels, samples }) => ({
      labels: pairs(labels),
      samples: samples.map(([value, timestamp]) => ({ value, timestamp })),
      ...(isRich
        ? {
            exemplars: [{ labels: pairs([["trace_id", "a1"]]), value: 1, timestamp: 1.5e12 }],
            histograms: [Uint8Array.of(0x08, 0x01)],
          }
        : {}),
    })),
    metadata: isRich ? [{ type: 1, name: "m", help: "What it is.", unit: "s" }] : [],
  });
  return Uint8Array.from(request.finish());
};

const ofMetric = (name: string, ...labels: readonly Label[]): readonly Label[] => [
  ["__name__", name],
  ...labels,
];
/** Whole bodies, each of another kind. */
export const CORPUS: readonly Uint8Array[] = [
  new Uint8Array(0),
  encode([{ labels: ofMetric("up", ["job", "j"]), samples: [[1, 1.6e12]] }]),
  encode(
    ["GET", "POST", "é世😀"].map((method) => ({
      labels: ofMetric("http_requests_total", ["method", method], ["code", "200"]),
      samples: [
        [1, 1.6e12],
        [Number.NaN, 1.6e12 + 15_000],
        [-0, 1.6e12 + 30_000],
      ],
    })),
  ),
  encode(
    [{ labels: ofMetric("m_bucket", ["le", "+Inf"], ["empty", ""]), samples: [[1e300, 1.7e12]] }],
    true,
  ),
  encode(
    Array.from({ length: 12 }, (_, nth) => ({
      labels: ofMetric("node_cpu_seconds_total", ["cpu", String(nth)], ["mode", "idle"]),
      samples: [[nth / 7, 1.65e12 + nth]],
    })),
  ),
  encode([{ labels: ofMetric("no_samples"), samples: [] }]),
];

const EXTREMES: readonly (readonly number[])[] = [
  [0x00],
  [0x7f],
  [0x80],
  [0xff],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  // -1, the smallest 64-bit number, and one of eleven bytes.
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  // UTF-8 that is none: overlong, a surrogate, cut short.
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf0, 0x9f],
];

const spliced = (body: Uint8Array, at: number, gone: number, put: Iterable<number>): Uint8Array =>
  Uint8Array.from([...body.subarray(0, at), ...put, ...body.subarray(at + gone)]);

const damage = (body: Uint8Array, random: Random): Uint8Array => {
  const at = random.below(body.length + 1);
  const length = random.below(24);
  switch (random.below(7)) {
    case 0:
      return body.subarray(0, at);
    case 1: {
      // Not `slice`: of a Buffer that is the same memory.
      const copy = Uint8Array.from(body);
      if (at < copy.length) copy[at] = copy[at]! ^ (1 << random.below(8));
      return copy;
    }
    case 2:
      return spliced(body, at, random.below(2), EXTREMES[random.below(EXTREMES.length)]!);
    case 3:
      return spliced(body, at, length, []);
    case 4:
      return spliced(body, at, 0, body.subarray(at, at + length));
    case 5:
      return spliced(body, at, length, random.bytes(random.below(8)));
    default: {
      const other = CORPUS[random.below(CORPUS.length)]!;
      return spliced(body, at, body.length, other.subarray(random.below(other.length + 1)));
    }
  }
};

export const damaged = (random: Random): Uint8Array => {
  let body = CORPUS[random.below(CORPUS.length)]!;
  for (let left = 1 + random.below(MAX_DAMAGES); left > 0; left -= 1) body = damage(body, random);
  return body;
};

/** What contradicts itself in an answer. */
const wrongIn = (result: Result<Samples>): string | undefined => {
  if (!result.ok) {
    const { code, message } = result.error;
    const isClear = message.length > 0 && message.length <= MAX_MESSAGE_LENGTH;
    return code === "bad_request" && isClear ? undefined : `an answer of ${code}: ${message}`;
  }
  const { count, series, timesMs, values } = result.value;
  if (series.length !== count || timesMs.length !== count || values.length !== count)
    return `columns of ${series.length}, ${timesMs.length}, ${values.length} for ${count}`;
  for (const timeMs of timesMs)
    if (!(timeMs >= TERMS.notBeforeMs && timeMs <= TERMS.notAfterMs)) return `a time of ${timeMs}`;
  for (const { labels, metric } of series) {
    if (metric === "") return "a series without a metric";
    const isSorted = labels.every(([name], nth) => nth === 0 || labels[nth - 1]![0] < name);
    if (!isSorted) return `labels out of order: ${JSON.stringify(labels)}`;
    if (labels.some(([name, value]) => name === "" || value === "")) return "an empty label";
  }
  return undefined;
};

/** Everything of an answer that another catalog must answer as well, bits included. */
const summaryOf = (result: Result<Samples>): string => {
  if (!result.ok) return result.error.message;
  const { count, series, timesMs, values, histograms, tooOld, tooNew } = result.value;
  const bits = Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex");
  const names = series.map(({ labels }) => labels);
  return JSON.stringify([count, names, [...timesMs], bits, histograms, tooOld, tooNew]);
};

export const fuzz = (
  decode: Decode,
  { runs, seed }: { readonly runs: number; readonly seed: number },
): readonly string[] => {
  const random = seeded(seed);
  const catalog = newCatalog(LIMITS);
  const whole = CORPUS.map((body) => summaryOf(decode(newCatalog(), body, TERMS)));
  const faults: string[] = [];
  let warmBytes = 0;
  const check = (body: Uint8Array, expected: string | undefined, nth: number): void => {
    try {
      const result = decode(catalog, body, TERMS);
      const is = summaryOf(result);
      const be = expected ?? summaryOf(decode(newCatalog(LIMITS), body, TERMS));
      const wrong = wrongIn(result) ?? (is === be ? undefined : `${is}, not ${be}`);
      if (wrong !== undefined) faults.push(`${nth}: ${wrong}`);
      if (catalog.size() > LIMITS.maxWires) faults.push(`${nth}: ${catalog.size()} series known`);
    } catch (fault) {
      faults.push(`${nth}: threw ${String(fault)} at ${Buffer.from(body).toString("hex")}`);
    }
  };
  for (let nth = 0; nth < runs && faults.length < MAX_FAULTS; nth += 1) {
    if (nth === Math.floor(runs * WARM_SHARE)) warmBytes = heldBytes();
    const which = random.below(CORPUS.length);
    if (nth % WHOLE_EVERY === 0) check(CORPUS[which]!, whole[which], nth);
    else check(damaged(random), undefined, nth);
  }
  const growth = heldBytes() - warmBytes;
  if (faults.length === 0 && growth > MAX_GROWTH_BYTES) faults.push(`${growth} bytes more held`);
  return faults;
};
