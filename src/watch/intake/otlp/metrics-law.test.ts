import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lines, newBook, OPEN, request, taken, text } from "../../../../test/otlp/metrics.ts";
import { encode, type Json } from "../../../../test/otlp/proto.ts";
import { decodeMetrics } from "./metrics.ts";

const up = (name: string): readonly [string, string] => ["__name__", name];

describe("against protobufjs, and protobuf against JSON", () => {
  const word = fc
    .string({ unit: "grapheme", maxLength: 8 })
    .filter((word) => word.isWellFormed() && !word.includes("\0"));
  const plain = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
  const key = fc.oneof({ arbitrary: plain, weight: 30 }, { arbitrary: word, weight: 1 });
  const { value } = fc.letrec<{ value: Json; list: Json; array: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      word.map(text),
      fc.boolean().map((bool_value): Json => ({ bool_value })),
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map((n): Json => ({ int_value: String(n) })),
      fc.double().map((double_value): Json => ({ double_value })),
      fc.uint8Array({ maxLength: 8 }).map((bytes_value): Json => ({ bytes_value })),
      fc.constant<Json>({}),
      tie("array"),
      tie("list"),
    ),
    array: fc
      .array(tie("value"), { maxLength: 3 })
      .map((values): Json => ({ array_value: { values } })),
    list: fc
      .array(fc.record({ key: word, value: tie("value") }), { maxLength: 3 })
      .map((values): Json => ({ kvlist_value: { values } })),
  }));
  const attributes = fc.uniqueArray(fc.record({ key, value }), {
    ...{ selector: ({ key }: { key: string }) => key, maxLength: 4 },
  });
  const nanos = fc.bigInt(0n, 5_000_000_000_000_000_000n).map(String);
  const common = { attributes, time_unix_nano: nanos };
  const numbers = fc.array(
    fc.oneof(
      fc.record({ ...common, as_double: fc.double() }),
      fc.record({ ...common, as_int: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String) }),
    ),
    { maxLength: 3 },
  );
  const counts = fc.bigInt(0n, 2n ** 53n - 1n).map(String);
  const histograms = fc.array(
    fc.record(
      {
        ...{ ...common, count: counts, sum: fc.double(), flags: fc.nat(2) },
        bucket_counts: fc.array(counts, { maxLength: 3 }),
        explicit_bounds: fc.array(fc.double(), { maxLength: 2 }),
      },
      { requiredKeys: ["attributes", "time_unix_nano", "count"] },
    ),
    { maxLength: 3 },
  );
  const quantile = fc.record({
    quantile: fc.double({ min: -0.1, max: 1.1, noNaN: true }),
    value: fc.double(),
  });
  const summaries = fc.array(
    fc.record({
      ...{ ...common, count: counts, sum: fc.double() },
      quantile_values: fc.array(quantile, { maxLength: 3 }),
    }),
    { maxLength: 3 },
  );
  const named = { name: key, unit: fc.constantFrom("", "s", "1", "By/s"), description: word };
  const temporality = { aggregation_temporality: fc.constantFrom(0, 1, 2, 2, 2) };
  const metric: fc.Arbitrary<Json> = fc.oneof(
    fc.record({ ...named, gauge: fc.record({ data_points: numbers }) }),
    fc.record({
      ...named,
      sum: fc.record({ ...temporality, data_points: numbers, is_monotonic: fc.boolean() }),
    }),
    fc.record({ ...named, histogram: fc.record({ ...temporality, data_points: histograms }) }),
    fc.record({ ...named, summary: fc.record({ data_points: summaries }) }),
  );
  const message = fc.record({
    resource_metrics: fc.array(
      fc.record({
        resource: fc.record({ attributes }),
        scope_metrics: fc.array(
          fc.record({
            scope: fc.record({ name: word, version: word, attributes }),
            metrics: fc.array(metric, { maxLength: 3 }),
            schema_url: fc.constantFrom("", "https://s"),
          }),
          { maxLength: 2 },
        ),
      }),
      { maxLength: 2 },
    ),
  });

  test("law: both encodings give the same samples and rejections, also from a full memory", () => {
    const books = { protobuf: newBook(), JSON: newBook() };
    let samples = 0;
    fc.assert(
      fc.property(message, (sent) => {
        const proto = taken("protobuf", sent, books.protobuf);
        const json = taken("JSON", sent, books.JSON);
        expect(lines(json)).toEqual(lines(proto));
        expect(json.rejected).toEqual(proto.rejected);
        expect(lines(taken("protobuf", sent))).toEqual(lines(proto));
        samples += proto.samples.count;
      }),
      { numRuns: 400 },
    );
    expect(samples).toBeGreaterThan(500);
  });

  test("law: every gauge's value, time and attributes are those that were sent", () => {
    const book = newBook();
    const point = fc.record({
      of: fc.uniqueArray(fc.tuple(plain, word.filter(Boolean)), { selector: ([name]) => name }),
      value: fc.double({ noNaN: true }),
      ns: fc.bigInt(0n, 3_000_000_000_000_000_000n),
    });
    const points = fc.array(fc.tuple(plain, point), { maxLength: 6 });
    fc.assert(
      fc.property(points, (sent) => {
        const metrics = sent.map(([name, { of, value, ns }]) => {
          const attributes = of.map(([key, said]) => ({ key, value: text(said) }));
          const data = { attributes, as_double: value, time_unix_nano: String(ns) };
          return { name, gauge: { data_points: [data] } };
        });
        const { samples } = taken("protobuf", request(metrics, { resource: {} }), book);
        const got = samples.series.map(({ labels }) => Object.fromEntries(labels));
        expect(got).toEqual(sent.map(([name, { of }]) => Object.fromEntries([...of, up(name)])));
        expect([...samples.values]).toEqual(sent.map(([, { value }]) => value));
        const times = sent.map(([, { ns }]) => Number(ns / 1_000_000n));
        expect([...samples.timesMs]).toEqual(times);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the order of fields", () => {
  type Field = { readonly tag: number; readonly bytes: Uint8Array };
  /** Messages that stand in messages, by the path of field numbers to them. */
  const INNER = /^1(\.2(\.2(\.(5|7|9|11)(\.1)?)?)?)?$/;

  const varintEnd = (bytes: Uint8Array, from: number): number => {
    let at = from;
    while (bytes[at]! > 127) at += 1;
    return at + 1;
  };
  const valueOf = (bytes: Uint8Array, from: number, to: number): number =>
    bytes.subarray(from, to).reduceRight((value, byte) => value * 128 + (byte & 127), 0);
  const endOfField = (bytes: Uint8Array, type: number, from: number): number => {
    if (type === 1) return from + 8;
    const end = varintEnd(bytes, from);
    return type === 0 ? end : end + valueOf(bytes, from, end);
  };
  const varint = (value: number): readonly number[] =>
    value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];

  const shuffled = (bytes: Uint8Array, path: string, draw: () => number): Uint8Array => {
    const fields: Field[] = [];
    for (let at = 0; at < bytes.length;) {
      const tag = valueOf(bytes, at, varintEnd(bytes, at));
      const from = varintEnd(bytes, at);
      const to = endOfField(bytes, tag & 7, from);
      const inner = path === "" ? String(tag >>> 3) : `${path}.${tag >>> 3}`;
      const isInner = (tag & 7) === 2 && INNER.test(inner);
      const value = isInner ? bytes.subarray(varintEnd(bytes, from), to) : bytes.subarray(from, to);
      const said = isInner ? shuffled(value, inner, draw) : value;
      const head = isInner ? [...varint(tag), ...varint(said.length)] : varint(tag);
      fields.push({ tag, bytes: Uint8Array.from([...head, ...said]) });
      at = to;
    }
    const order = fields.map((field) => ({ field, by: draw() })).toSorted((a, b) => a.by - b.by);
    return Buffer.concat(order.map(({ field }) => field.bytes));
  };

  test("law: whatever it is, the samples are the same", () => {
    const attributes = ["a", "b", "c", "d"].map((key) => ({ key, value: text(`${key}!`) }));
    const point = { attributes, time_unix_nano: "1760000000123456789" };
    const number = {
      data_points: [
        { ...point, as_int: "7" },
        { ...point, as_double: 0.5 },
      ],
    };
    const histogram = { ...point, count: "3", bucket_counts: ["1", "2"], explicit_bounds: [1] };
    const cumulative = { aggregation_temporality: 2, is_monotonic: true };
    const named = { description: "d", unit: "s", metadata: attributes };
    const message = request([
      { ...named, name: "g", gauge: number },
      { ...named, name: "c", sum: { ...number, ...cumulative } },
      { ...named, name: "h", histogram: { data_points: [histogram], ...cumulative } },
    ]);
    const body = encode("MetricsRequest", message);
    const expected = lines(taken("protobuf", message)).toSorted();
    expect(expected).toHaveLength(7);
    const kept = newBook();
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ noNaN: true })), fc.boolean(), (stream, isKept) => {
        const draw = (): number => stream.next().value;
        const book = isKept ? kept : newBook();
        const result = decodeMetrics(book, shuffled(body, "", draw), OPEN);
        expect(result.ok && lines(result.value).toSorted()).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});
