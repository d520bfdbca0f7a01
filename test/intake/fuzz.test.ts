/**
 * Hostile remote write bodies: each is refused in clear words or taken, nothing throws, nothing
 * piles up. 10^5 damaged bodies; `npm run test:fuzz` does 10^6.
 */
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { newCatalog } from "../../src/watch/intake/decode/catalog.ts";
import { MAX_BODY_BYTES } from "../../src/watch/intake/body.ts";
import { decodeRemoteWrite } from "../../src/watch/intake/decode/remote-write.ts";
import { CORPUS, encode, fuzz, heldBytes, TERMS, type Decode, type Label } from "./fuzz.ts";

const RUNS = Number(process.env["NOVAEVO_FUZZ_RUNS"] ?? "100000");
const SEED = Number(process.env["NOVAEVO_FUZZ_SEED"] ?? "20260101");
/** Enough for a control to be found out. */
const CONTROL_RUNS = 5_000;
const LONG_MS = 60_000 + RUNS / 2;
const MIB = 1024 * 1024;
/** What the engine itself may have added meanwhile. */
const KEPT_BYTES = 4 * MIB;

const up: Label = ["__name__", "up"];
const at = 1.6e12;
const answerTo = (body: Uint8Array): string => {
  const result = decodeRemoteWrite(newCatalog(), body, TERMS);
  return result.ok
    ? `taken: ${result.value.count}`
    : `${result.error.code}: ${result.error.message}`;
};

test(
  `${RUNS} damaged bodies: none throws, contradicts itself, spoils the next or is kept`,
  () => {
    expect(fuzz(decodeRemoteWrite, { runs: RUNS, seed: SEED })).toEqual([]);
  },
  LONG_MS,
);

test("every body cut at every byte is refused, or whole up to a series", () => {
  for (const body of CORPUS) {
    const counts = Array.from({ length: body.length + 1 }, (_, length) => {
      const answer = answerTo(body.subarray(0, length));
      expect(answer).toMatch(/^taken: \d+$|^bad_request: .*(?:truncated|no __name__)/);
      return Number(/^taken: (\d+)/.exec(answer)?.[1] ?? "0");
    });
    // The whole has the most; only a cut between two fields is taken at all.
    expect(Math.max(...counts)).toBe(counts.at(-1));
  }
});

const varint = (value: number): readonly number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
const field = (tag: number, content: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.from([tag, ...varint(content.length)]), content]);
const SERIES = 0x0a;
const LABEL = 0x0a;
const SAMPLE = 0x12;
const MINUS_ONE = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
const label = (name: string, value: string): Uint8Array =>
  field(LABEL, Buffer.concat([field(0x0a, Buffer.from(name)), field(0x12, Buffer.from(value))]));
const repeated = (bytes: Uint8Array, times: number): Uint8Array =>
  Buffer.alloc(bytes.length * times, bytes);

/** A body as large as is taken, its content the longest run of one thing. */
const filled = (unit: Uint8Array, head: Uint8Array = new Uint8Array(0)): Uint8Array =>
  field(SERIES, Buffer.concat([head, repeated(unit, Math.floor((15 * MIB) / unit.length))]));
const sample = field(SAMPLE, Uint8Array.from([0x10, ...varint(at)]));

describe("a hostile body", () => {
  const bodies: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
    [
      "of a million labels",
      () =>
        encode([
          {
            labels: [up, ...Array.from({ length: 1e6 }, (_, n): Label => [`l${n}`, "v"])],
            samples: [[1, at]],
          },
        ]),
      /over 64 labels/,
    ],
    [
      "of a label of a megabyte",
      () => encode([{ labels: [up, ["a", "v".repeat(MIB)]], samples: [[1, at]] }]),
      /label a has 1048576 characters, over 4096/,
    ],
    [
      "of a label's name of a megabyte",
      () => encode([{ labels: [up, ["n".repeat(MIB), "v"]], samples: [[1, at]] }]),
      /label name of 1048576 characters is over 256/,
    ],
    ["of a negative length", () => Uint8Array.from([SERIES, ...MINUS_ONE]), /negative/],
    [
      "of a label's negative length",
      () => field(SERIES, Uint8Array.from([LABEL, ...MINUS_ONE])),
      /negative/,
    ],
    [
      "of a varint of eleven bytes",
      () => field(SERIES, Uint8Array.from([0x28, ...MINUS_ONE.map(() => 0xff), 0x01])),
      /longer than 10 bytes|no __name__/,
    ],
    [
      "of a time of over 64 bits",
      () =>
        field(
          SERIES,
          Buffer.concat([
            label("__name__", "up"),
            field(SAMPLE, Uint8Array.from([0x10, ...MINUS_ONE.slice(0, 9), 0x7f])),
          ]),
        ),
      /over 64 bits/,
    ],
    [
      "of UTF-8 that is none",
      () => encode([{ labels: [up, ["a", Uint8Array.of(0xed, 0xa0, 0x80)]], samples: [[1, at]] }]),
      /label a .*UTF-8/,
    ],
    [
      "of the same label twice",
      () => encode([{ labels: [up, ["a", "1"], ["a", "1"]], samples: [[1, at]] }]),
      /label a is there twice/,
    ],
    [
      "of the year 9999",
      () => encode([{ labels: [up], samples: [[1, 253_402_300_799_000]] }]),
      /up: timestamp 253402300799000 is not between 1970 and 2200/,
    ],
    ["of nothing but empty series", () => repeated(Uint8Array.of(SERIES, 0), 8e6), /no __name__/],
    ["of nothing but empty labels", () => filled(Uint8Array.of(LABEL, 0)), /over 64 labels/],
    [
      "of nothing but empty samples",
      () => filled(Uint8Array.of(SAMPLE, 0), label("__name__", "up")),
      /every sample is out of bounds/,
    ],
    ["of nothing but samples", () => filled(sample, label("__name__", "up")), /^taken: \d{7}$/],
    ["of nothing but zeros", () => new Uint8Array(MAX_BODY_BYTES), /number 0/],
    ["of nothing but ones", () => new Uint8Array(MAX_BODY_BYTES).fill(255), /negative|longer than/],
  ];

  test.each(bodies)("%s", (_, make, expected) => {
    const body = make();
    const before = heldBytes();
    expect(answerTo(body)).toMatch(expected);
    // Nothing of it is kept.
    expect(heldBytes() - before).toBeLessThan(KEPT_BYTES);
  });

  test("that is taken whole costs a few times its size while it is decoded, no more", () => {
    const body = filled(sample, label("__name__", "up"));
    const before = heldBytes();
    const result = decodeRemoteWrite(newCatalog(), body, TERMS);
    const held = heldBytes() - before;
    expect(result.ok).toBe(true);
    expect(held).toBeLessThan(5 * body.length);
    // Control: that it costs anything is seen.
    expect(held).toBeGreaterThan(body.length);
  });

  test("of one new series and much else is not kept by that series", () => {
    const catalog = newCatalog();
    const much = field(0x1a, new Uint8Array(MIB));
    const before = heldBytes();
    for (let nth = 0; nth < 100; nth += 1) {
      const given = encode([{ labels: [up, ["id", String(nth)]], samples: [[1, at]] }]);
      // A Buffer, as Node's unpackers answer: its `slice` is a view of the whole.
      const body = Buffer.concat([given, much]);
      expect(decodeRemoteWrite(catalog, body, TERMS).ok).toBe(true);
    }
    expect(catalog.size()).toBe(100);
    expect(heldBytes() - before).toBeLessThan(KEPT_BYTES);
  });

  test("whose every series is new does not fill the catalog", () => {
    const catalog = newCatalog({
      ...{ maxLabels: 64, maxNameLength: 256, maxValueLength: 4_096, maxWires: 1_000 },
    });
    for (let body = 0; body < 20; body += 1) {
      const given = Array.from({ length: 1_000 }, (_, n) => ({
        labels: [up, ["id", `${body}-${n}`] satisfies Label],
        samples: [[1, at] as const],
      }));
      expect(decodeRemoteWrite(catalog, encode(given), TERMS).ok).toBe(true);
      expect(catalog.size()).toBeLessThanOrEqual(1_000);
    }
  });
});

describe("controls: the fuzz finds", () => {
  const { root } = protobuf.parse(`syntax = "proto3";
    message WriteRequest { repeated TimeSeries timeseries = 1; }
    message TimeSeries { repeated Label labels = 1; }
    message Label { string name = 1; string value = 2; }`);
  const theirs = root.lookupType("WriteRequest");
  const found = (decode: Decode): string =>
    fuzz(decode, { runs: CONTROL_RUNS, seed: SEED })[0] ?? "nothing";

  test("a decoder that throws", () => {
    const throwing: Decode = (catalog, body, terms) => {
      theirs.decode(body);
      return decodeRemoteWrite(catalog, body, terms);
    };
    expect(found(throwing)).toContain("threw");
  });

  test("one that trusts the times it is given", () => {
    const trusting: Decode = (catalog, body) =>
      decodeRemoteWrite(catalog, body, { notBeforeMs: 0, notAfterMs: 1e15 });
    expect(found(trusting)).toContain("a time of");
  });

  test("one whose answer depends on what came before", () => {
    let last = 0;
    const forgetful: Decode = (catalog, body, terms) => {
      const result = decodeRemoteWrite(catalog, body, terms);
      last += 1;
      if (!result.ok || last % 50 !== 0) return result;
      return { ok: true, value: { ...result.value, histograms: last } };
    };
    expect(found(forgetful)).toContain(", not ");
  });

  test("one that keeps what it was sent", () => {
    const kept: Uint8Array[] = [];
    const hoarding: Decode = (catalog, body, terms) => {
      kept.push(new Uint8Array(4_096));
      return decodeRemoteWrite(catalog, body, terms);
    };
    expect(found(hoarding)).toContain("more held");
  });
});
