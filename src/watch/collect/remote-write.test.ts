/** The encoder against protobufjs with Prometheus's own schema, and against the hub's decoder. */
import fc from "fast-check";
import protobuf from "protobufjs";
import { expect, test } from "vitest";
import { newCatalog } from "../intake/decode/catalog.ts";
import { decodeRemoteWrite } from "../intake/decode/remote-write.ts";
import { FAMILY_TYPES } from "./family.ts";
import { encodeWriteRequest, newestTimeMs, type StampedSample } from "./remote-write.ts";
import { seriesOf } from "./series.ts";

const { root } = protobuf.parse(`
  syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
  message MetricMetadata {
    enum MetricType {
      UNKNOWN = 0; COUNTER = 1; GAUGE = 2; HISTOGRAM = 3; GAUGEHISTOGRAM = 4; SUMMARY = 5;
      INFO = 6; STATESET = 7;
    }
    MetricType type = 1; string metric_family_name = 2; string help = 4; string unit = 5;
  }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
`);
const WriteRequest = root.lookupType("WriteRequest");
type Request = {
  readonly timeseries: readonly {
    readonly labels: readonly { readonly name: string; readonly value: string }[];
    readonly samples: readonly { readonly value: number; readonly timestamp: number }[];
  }[];
};
const decode = (bytes: Uint8Array): Request =>
  WriteRequest.toObject(WriteRequest.decode(bytes), {
    longs: Number,
    defaults: true,
    arrays: true,
  }) as Request;

const labelName = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,12}$/);
const labelValue = fc
  .string({ unit: "grapheme", maxLength: 200 })
  .filter((text) => text.isWellFormed() && !text.includes("\0"));
const samples: fc.Arbitrary<StampedSample[]> = fc.array(
  fc.record({
    series: fc
      .dictionary(labelName, labelValue, { maxKeys: 6, noNullPrototype: true })
      .map((labels) => seriesOf(Object.entries({ ...labels, __name__: "m" }))),
    value: fc.double(),
    timeMs: fc.integer({ min: 0, max: 7_258_118_400_000 }),
  }),
  { maxLength: 20 },
);

test("protobufjs reads what we write", () => {
  fc.assert(
    fc.property(samples, (given) => {
      const found = decode(encodeWriteRequest(given)).timeseries;
      expect(found).toEqual(
        given.map(({ series, value, timeMs }) => ({
          labels: series.labels.map(([name, text]) => ({ name, value: text })),
          samples: [{ value, timestamp: timeMs }],
        })),
      );
    }),
    { numRuns: 500 },
  );
});

test("protobufjs reads the metadata, and the newest time is still found", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 200 }).filter((one) => one.isWellFormed());
  const family = fc.record({
    name: fc.stringMatching(/^[a-z_]{1,200}$/),
    type: fc.constantFrom(...FAMILY_TYPES),
    ...{ help: text, unit: text },
  });
  fc.assert(
    fc.property(samples, fc.array(family, { maxLength: 5 }), (given, families) => {
      const bytes = encodeWriteRequest(given, families);
      const { metadata, timeseries } = WriteRequest.toObject(WriteRequest.decode(bytes), {
        ...{ enums: String, defaults: true, arrays: true },
      }) as { metadata: readonly object[]; timeseries: readonly object[] };
      expect(timeseries).toHaveLength(given.length);
      expect(metadata).toEqual(
        families.map(({ name, type, help, unit }) => ({
          ...{ type: type.toUpperCase(), metricFamilyName: name, help, unit },
        })),
      );
      expect(newestTimeMs(bytes)).toBe(newestTimeMs(encodeWriteRequest(given)));
    }),
    { numRuns: 300 },
  );
});

test("the hub's decoder reads what we write", () => {
  fc.assert(
    fc.property(samples, (given) => {
      const bounds = { notBeforeMs: 0, notAfterMs: Number.MAX_SAFE_INTEGER };
      const found = decodeRemoteWrite(newCatalog(), encodeWriteRequest(given), bounds);
      if (!found.ok) throw new Error(found.error.message);
      const { count, series, timesMs, values } = found.value;
      expect(count).toBe(given.length);
      expect([...timesMs]).toEqual(given.map(({ timeMs }) => timeMs));
      expect([...values]).toEqual(given.map(({ value }) => value));
      expect(series.map(({ labels }) => labels)).toEqual(given.map((one) => one.series.labels));
    }),
    { numRuns: 500 },
  );
});

test("labels are sorted by name, empty ones left out", () => {
  const series = seriesOf([
    ["b", "2"],
    ["a", "1"],
    ["empty", ""],
    ["__name__", "m"],
  ]);
  expect(series.labels.map(([name]) => name)).toEqual(["__name__", "a", "b"]);
});

test("the end of a series is Prometheus's stale NaN, another NaN is not", () => {
  const series = seriesOf([["__name__", "m"]]);
  const bitsOf = (stale: true | undefined): bigint => {
    const bytes = encodeWriteRequest([{ series, value: Number.NaN, stale, timeMs: 1 }]);
    // The sample ends the request: eight bytes of value, then tag and time.
    return new DataView(bytes.buffer).getBigUint64(bytes.length - 10, true);
  };
  expect(bitsOf(true)).toBe(0x7ff0000000000002n);
  expect(bitsOf(undefined)).toBe(0x7ff8000000000000n);
});

test("the newest time of a request", () => {
  expect(newestTimeMs(encodeWriteRequest([]))).toBe(Number.NEGATIVE_INFINITY);
  fc.assert(
    fc.property(samples, (given) => {
      const newest = Math.max(...given.map(({ timeMs }) => timeMs));
      expect(newestTimeMs(encodeWriteRequest(given))).toBe(newest);
    }),
  );
});
