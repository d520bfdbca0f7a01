import fc from "fast-check";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { isStaleAt } from "../../signal/series.ts";
import { LABEL_LIMITS, newCatalog } from "./catalog.ts";
import { decodeRemoteWrite } from "./remote-write.ts";
import type { Samples } from "./samples.ts";
import { hash128, seriesIdOf } from "./series-id.ts";

const { root } = protobuf.parse(`syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; repeated bytes metadata = 3; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2;
                       repeated bytes exemplars = 3; repeated bytes histograms = 4; }
  message Label { bytes name = 1; bytes value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }`);
const WriteRequest = root.lookupType("WriteRequest");

type Series = {
  readonly labels: readonly (readonly [string | Uint8Array, string | Uint8Array])[];
  readonly samples?: readonly (readonly [value: number, timeMs: number])[];
  readonly histograms?: readonly Uint8Array[];
};
const utf8 = (text: string | Uint8Array) => (typeof text === "string" ? Buffer.from(text) : text);
const encode = (series: readonly Series[], metadata: readonly Uint8Array[] = []): Uint8Array =>
  WriteRequest.encode({
    metadata,
    timeseries: series.map(({ labels, samples = [[1, 1000]], histograms = [] }) => ({
      labels: labels.map(([name, value]) => ({ name: utf8(name), value: utf8(value) })),
      samples: samples.map(([value, timestamp]) => ({ value, timestamp })),
      histograms,
    })),
  }).finish();

const OPEN = { notBeforeMs: 0, notAfterMs: 4e12 };
const decode = (body: Uint8Array, catalog = newCatalog()) => decodeRemoteWrite(catalog, body, OPEN);
const taken = (body: Uint8Array, catalog = newCatalog()): Samples => {
  const result = decode(body, catalog);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};
const rows = ({ series, timesMs, values }: Samples) =>
  series.map(({ labels }, i) => [labels, timesMs[i], values[i]]);
const up: readonly [string, string] = ["__name__", "up"];

describe("what is sent is what is taken", () => {
  test("law: any well-formed request decodes to its own content, also through one catalog", () => {
    const catalog = newCatalog();
    const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter(clean);
    const sample = fc.tuple(fc.double({ noNaN: true }), fc.integer({ min: 0, max: 4e12 }));
    const oneSeries = fc.record({
      labels: fc
        .uniqueArray(fc.tuple(word, word), { selector: ([name]) => name, maxLength: 6 })
        .map((labels) => [up].concat(labels.filter(([name]) => name !== "__name__"))),
      samples: fc.array(sample, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(oneSeries, { maxLength: 8 }), (request) => {
        const expected = request.flatMap(({ labels, samples }) => {
          const sorted = labels.toSorted(([a], [b]) => (a < b ? -1 : 1));
          return samples.map(([value, timeMs]) => [sorted, timeMs, value]);
        });
        expect(rows(taken(encode(request), catalog))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test("labels are sorted, empty values count as absent, both spellings are one series", () => {
    const catalog = newCatalog();
    const { series } = taken(
      encode([
        { labels: [["b", "2"], ["a", "1"], up, ["c", ""]] },
        { labels: [up, ["a", "1"], ["b", "2"]] },
      ]),
      catalog,
    );
    expect(series[0]!.labels).toEqual([up, ["a", "1"], ["b", "2"]]);
    expect(series[1]).toBe(series[0]);
    expect(catalog.size()).toBe(1);
  });

  test("a stale marker keeps its meaning, another NaN stays another", () => {
    const marker = Uint8Array.from([2, 0, 0, 0, 0, 0, 0xf0, 0x7f]);
    const body = Buffer.from(
      encode([
        {
          labels: [up],
          samples: [
            [1.5, 1],
            [Number.NaN, 2],
          ],
        },
      ]),
    );
    const place = new Uint8Array(Float64Array.of(1.5).buffer);
    body.set(marker, body.indexOf(place));
    const { values } = taken(body);
    expect([isStaleAt(values, 0), isStaleAt(values, 1)]).toEqual([true, false]);
  });

  test("a series with one label more than the expected one is not taken for it", () => {
    const catalog = newCatalog();
    const a: Series = { labels: [up, ["a", "1"]] };
    const longer: Series = { labels: [up, ["a", "1"], ["b", "1"]] };
    taken(encode([{ labels: [["__name__", "x"]] }, a]), catalog);
    const { series } = taken(encode([{ labels: [["__name__", "x"]] }, longer]), catalog);
    expect(series[1]!.labels).toHaveLength(3);
  });

  test("metadata and unknown fields are stepped over, native histograms are counted", () => {
    const body = encode([{ labels: [up], histograms: [Buffer.from("h")] }], [Buffer.from("m")]);
    expect(taken(body)).toMatchObject({ count: 1, histograms: 1 });
  });

  test("samples out of bounds are left out and counted", () => {
    const body = encode([
      {
        labels: [up],
        samples: [
          [1, 5],
          [2, 50],
          [3, 500],
        ],
      },
    ]);
    const result = decodeRemoteWrite(newCatalog(), body, { notBeforeMs: 10, notAfterMs: 100 });
    expect(result).toMatchObject({
      ok: true,
      value: { count: 1, tooOld: 1, tooNew: 1, minMs: 50 },
    });
  });

  test("a catalog that is full forgets and goes on", () => {
    const catalog = newCatalog({ ...LABEL_LIMITS, maxWires: 10 });
    for (let nth = 0; nth < 100; nth += 1) {
      const { series } = taken(encode([{ labels: [up, ["n", String(nth)]] }]), catalog);
      expect(series[0]!.labels[1]).toEqual(["n", String(nth)]);
      expect(catalog.size()).toBeLessThanOrEqual(10);
    }
  });
});

const clean = (text: string): boolean => text.isWellFormed() && !text.includes("\0");
const many = Array.from({ length: 65 }, (_, n) => [`l${n}`, "v"] as const);
const valid = encode([{ labels: [up, ["a", "1"]] }]);

describe("what cannot be right is refused, and the answer says why", () => {
  test.each([
    ["a body cut short", valid.subarray(0, valid.length - 3), /truncated/],
    ["a length beyond the body", Uint8Array.from([0x0a, 0x7f, 0x0a]), /truncated/],
    [
      "a negative length",
      Uint8Array.from([0x0a, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
      /negative/,
    ],
    ["a varint that never ends", new Uint8Array(20).fill(255), /longer than 10 bytes|negative/],
    ["a group", Uint8Array.from([0x0b]), /wire type 3/],
    [
      "a name that is not UTF-8",
      encode([{ labels: [up, [Uint8Array.from([0xff]), "v"]] }]),
      /UTF-8/,
    ],
    [
      "a value that is not UTF-8",
      encode([{ labels: [up, ["a", Uint8Array.from([0xc3])]] }]),
      /label a .*UTF-8/,
    ],
    ["a label twice", encode([{ labels: [up, ["a", "1"], ["a", "2"]] }]), /label a is there twice/],
    ["no __name__", encode([{ labels: [["a", "1"]] }]), /no __name__/],
    ["an empty __name__", encode([{ labels: [["__name__", ""]] }]), /no __name__/],
    ["a label without a name", encode([{ labels: [up, ["", "1"]] }]), /up: a label has no name/],
    ["too many labels", encode([{ labels: [up, ...many] }]), /up: over 64 labels/],
    ["a long value", encode([{ labels: [up, ["a", "v".repeat(1 << 20)]] }]), /label a has 1048576/],
    ["a long name", encode([{ labels: [up, ["n".repeat(300), "v"]] }]), /300 characters/],
    ["the year 9999", encode([{ labels: [up], samples: [[1, 253_402_300_799_000]] }]), /2200/],
    ["a time before 1970", encode([{ labels: [up], samples: [[1, -1]] }]), /timestamp -1 /],
    [
      "labels after samples",
      Uint8Array.from([0x0a, 14, 0x0a, 8, 0x0a, 2, 95, 95, 0x12, 2, 95, 95, 0x12, 0, 0x0a, 0]),
      /__name__|labels after/,
    ],
  ])("%s", (_title, body, why) => {
    const result = decode(body);
    expect(result.ok ? "taken" : result.error.message).toMatch(why);
  });

  test("law: any damage to a request is refused or decodes to something, and never throws", () => {
    const body = encode([
      {
        labels: [up, ["a", "1"]],
        samples: [
          [1, 1000],
          [2, 2000],
        ],
      },
      { labels: [up, ["a", "é"]], samples: [[3, 3000]] },
    ]);
    const catalog = newCatalog();
    const damage = fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { maxLength: 5 });
    fc.assert(
      fc.property(damage, fc.nat(body.length), (changes, length) => {
        const damaged = body.slice(0, length);
        for (const [at, byte] of changes) if (at < length) damaged[at] = byte;
        const result = decode(damaged, catalog);
        const answer = result.ok ? result.value.series.length : result.error.code;
        expect(answer).toBe(result.ok ? result.value.count : "bad_request");
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("a series' number", () => {
  test("is MurmurHash3 x86 128 as others compute it", () => {
    const hex = (text: string) => {
      const { low, high } = hash128(Buffer.from(text));
      return [low, high].map((word) => word.toString(16).padStart(8, "0")).join("");
    };
    expect(hex("")).toBe("0000000000000000");
    expect(hex("The quick brown fox jumps over the lazy dog")).toBe("2f1583c3ecee2c67");
  });

  test("differs where labels differ", () => {
    const ids = Array.from({ length: 20_000 }, (_, n) =>
      seriesIdOf([up, ["instance", `host-${n % 100}`], ["route", `/r/${n}`]]),
    );
    expect(new Set(ids.map(({ low, high }) => `${low}:${high}`)).size).toBe(ids.length);
  });
});
