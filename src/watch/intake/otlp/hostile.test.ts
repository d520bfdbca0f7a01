/**
 * What a sender who means harm, or a wire that is broken, can do to the OTLP decoders.
 *
 * Shape:  NOVAEVO_FUZZ_RUNS mutations (100,000 unless it is set) from one seed, of bodies of every
 *         kind; each must be taken or refused, in bounded memory, and none may throw.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import {
  gauge,
  lines,
  newBook,
  OPEN,
  pairs,
  request,
  taken,
  text,
} from "../../../../test/otlp/metrics.ts";
import { encode, jsonOf, type Json } from "../../../../test/otlp/proto.ts";
import { request as spansOf, span, id } from "../../../../test/otlp/traces.ts";
import type { Result } from "../../../kernel/result.ts";
import { LABEL_LIMITS, newCatalog } from "../decode/catalog.ts";
import { decodeMetricsJson } from "./metrics-json.ts";
import { decodeMetrics } from "./metrics.ts";
import type { MetricsTaken } from "./metrics-batch.ts";
import type { Rejected } from "./rejections.ts";
import { newSeriesBook } from "./series-book.ts";
import { decodeTracesJson } from "./traces-json.ts";
import { decodeTraces } from "./traces.ts";

const FUZZ_RUNS = Number(process.env["NOVAEVO_FUZZ_RUNS"] ?? 100_000);
const TIME_NS = "1760000000123456789";

const point = { time_unix_nano: TIME_NS, attributes: pairs({ "http.route": text("/é") }) };
const METRICS = request([
  gauge("memory", "By", { ok: { bool_value: true } }),
  {
    name: "requests",
    sum: {
      data_points: [{ ...point, as_int: "-7" }],
      ...{ aggregation_temporality: 2, is_monotonic: true },
    },
  },
  {
    name: "latency",
    histogram: {
      data_points: [
        { ...point, count: "3", sum: 2, bucket_counts: ["1", "2"], explicit_bounds: [0.5] },
      ],
      aggregation_temporality: 2,
    },
  },
  {
    name: "rpc",
    summary: { data_points: [{ ...point, quantile_values: [{ quantile: 0.5, value: 1 }] }] },
  },
  { name: "exp", exponential_histogram: { data_points: [{ count: "1" }] } },
]);
const inner = {
  array_value: { values: [text("a"), { kvlist_value: { values: pairs({ k: {} }) } }] },
};
const SPANS = spansOf([
  span({
    ...{ attributes: pairs({ a: text("é"), b: inner }), parent_span_id: id(8, 1) },
    events: [{ time_unix_nano: TIME_NS, name: "e", attributes: pairs({ n: { int_value: "1" } }) }],
    ...{ links: [{ trace_id: id(16, 2), span_id: id(8, 3) }], status: { code: 2, message: "m" } },
  }),
  span({ trace_id: id(3, 1) }),
]);

type Outcome = Result<{ readonly rejected: Rejected }>;
type Case = {
  readonly title: string;
  readonly body: Uint8Array;
  readonly decode: (body: Uint8Array) => Outcome;
};

const MAX_BOOK_BYTES = 1024 * 1024;
const newCases = (): readonly Case[] => {
  const catalog = newCatalog({ ...LABEL_LIMITS, maxWires: 2_000 });
  const book = newSeriesBook(catalog, () => undefined, MAX_BOOK_BYTES);
  const metrics = (body: Uint8Array) => decodeMetrics(book, body, OPEN);
  const metricsJson = (body: Uint8Array) => decodeMetricsJson(book, body, OPEN);
  const traces = (body: Uint8Array) => decodeTraces(body, OPEN);
  const tracesJson = (body: Uint8Array) => decodeTracesJson(body, OPEN);
  return [
    { title: "metrics", body: encode("MetricsRequest", METRICS), decode: metrics },
    { title: "metrics as JSON", body: jsonOf(METRICS), decode: metricsJson },
    { title: "traces", body: encode("TracesRequest", SPANS), decode: traces },
    { title: "traces as JSON", body: jsonOf(SPANS), decode: tracesJson },
  ];
};
const CASES = newCases();

/** "taken", or the refusal's code; a decoder that throws fails its test. */
const outcome = (result: Outcome): string => (result.ok ? "taken" : result.error.code);

const random = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

const isJson = ({ title }: Case): boolean => title.endsWith("JSON");

describe.each(CASES)("a body of $title", ({ body, decode }) => {
  test("control: undamaged, it is taken but for what is wrong in it", () => {
    const result = decode(body);
    expect(result.ok && result.value.rejected.count).toBe(1);
  });

  test("cut at any byte is refused or taken, and never throws", () => {
    const outcomes = Array.from(body, (_, length) => outcome(decode(body.subarray(0, length))));
    const refused = outcomes.filter((said) => said === "bad_request").length;
    // Protobuf may be cut between two fields of the outermost message; there is one of them here.
    expect(refused).toBeGreaterThanOrEqual(body.length - 1);
    expect(outcomes.every((said) => said === "taken" || said === "bad_request")).toBe(true);
  });
});

describe.each(CASES.filter(isJson))("a body of $title", ({ body, decode }) => {
  test("that is not UTF-8, no JSON or no object is refused", () => {
    const broken = Buffer.from(body);
    broken[broken.indexOf("é")] = 0xff;
    for (const bad of [broken, Buffer.from("[]"), Buffer.from("nul"), Buffer.from("")]) {
      const result = decode(bad);
      expect(result.ok ? "taken" : result.error.message).toMatch(/UTF-8|no JSON|no object/);
    }
  });

  test("nested a million times, or of a million objects, is refused unparsed", () => {
    for (const [text, why] of [
      [`{"a":${"[".repeat(1 << 20)}`, /nested deeper than 64/],
      [`{"a":[${"{},".repeat(1 << 20)}{}]}`, /over 1000000 objects/],
    ] as const) {
      const result = decode(Buffer.from(text));
      expect(result.ok ? "taken" : result.error.message).toMatch(why);
    }
  });
});

describe.each(CASES.filter((one) => !isJson(one)))("a body of $title", ({ decode }) => {
  test.each([
    ["a negative length", [0x0a, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], /negative/],
    ["a length beyond the body", [0x0a, 0x7f, 0x0a], /truncated/],
    ["a varint that never ends", Array.from({ length: 20 }, () => 255), /10 bytes|negative/],
    ["a varint over 64 bits", [0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 127], /64 bits/],
    ["a group", [0x0b], /wire type 3/],
    ["a field of number 0", [0x02, 0], /number 0/],
    ["a tag over 32 bits", [255, 255, 255, 255, 127], /32 bits/],
  ])("of %s is refused", (_title, bytes, why) => {
    const result = decode(Uint8Array.from(bytes));
    expect(result.ok ? "taken" : result.error.message).toMatch(why);
  });
});

describe.each([["protobuf"], ["JSON"]] as const)("metrics from %s with", (way) => {
  const deep = (levels: number): Json =>
    levels === 0 ? text("x") : { array_value: { values: [deep(levels - 1)] } };
  const many = (of: number) =>
    Array.from({ length: of }, (_, nth) => ({ key: `k${nth}`, value: text("v") }));
  const bad = (more: Json): Json => ({
    name: "bad",
    gauge: { data_points: [{ time_unix_nano: TIME_NS, as_double: 1, ...more }] },
  });

  test.each([
    ["a label of 1 MB", bad({ attributes: pairs({ a: text("v".repeat(1 << 20)) }) }), /over 65536/],
    ["a label of 5,000", bad({ attributes: pairs({ a: text("v".repeat(5_000)) }) }), /over 4096/],
    ["an attribute twice", bad({ attributes: [...many(1), ...many(1)] }), /k0 is there twice/],
    ["65 attributes", bad({ attributes: many(65) }), /over 64 labels/],
    ["2,000 attributes", bad({ attributes: many(2_000) }), /over 1024 attributes/],
    ["a name of 20,000", { ...bad({}), name: "n".repeat(20_000) }, /over 16384 characters/],
    ["a value nested 9 deep", bad({ attributes: pairs({ a: deep(9) }) }), /deeper than 8/],
    ["the year 9999", bad({ time_unix_nano: "18446744073709551615" }), /year 2200/],
    ["a NUL in a label", bad({ attributes: pairs({ a: text("\0") }) }), /has a NUL/],
    ["a key of nothing", bad({ attributes: pairs({ "…": text("v") }) }), /no letter or digit/],
  ])("%s reject that point, and take its neighbours", (_title, metric, why) => {
    const { samples, rejected } = taken(way, request([gauge("a"), metric, gauge("b")]));
    expect([samples.count, rejected.count]).toEqual([2, 1]);
    expect(rejected.messages.join()).toMatch(why);
  });

  test("a long label named by every point fills the body; what is over is rejected unread", () => {
    const service = { "service.name": text("s".repeat(4_000)) };
    const data_points = Array.from({ length: 18_000 }, () => ({ as_double: 1 }));
    const metric = [{ name: "m", gauge: { data_points } }, bad({ attributes: many(65) })];
    const body = request(metric, { resource: { attributes: pairs(service) } });
    const { samples, rejected } = taken(way, body);
    // 64 Mi characters, of which a point names "__name__", "m", "job" and the service.
    const fitting = Math.floor((64 * 1024 * 1024) / (8 + 1 + 3 + 4_000));
    expect([samples.count, rejected.count]).toEqual([fitting, 18_001 - fitting]);
    expect(rejected.messages).toEqual([
      "over 67108864 characters of labels in one body; send smaller batches",
    ]);
  });

  test("a value nested 8 deep is a label", () => {
    const { samples } = taken(way, request([bad({ attributes: pairs({ a: deep(8) }) })]));
    expect(samples.series[0]!.labels).toContainEqual(["a", `${"[".repeat(8)}"x"${"]".repeat(8)}`]);
  });
});

test("text that is not UTF-8 in a label rejects its point, in a span it is repaired", () => {
  const broken = Buffer.from(encode("MetricsRequest", METRICS));
  broken[broken.indexOf("é")] = 0xff;
  const result = decodeMetrics(newBook(), broken, OPEN);
  expect(result.ok && result.value.rejected.messages.join()).toMatch(/not valid UTF-8/);
  const spans = Buffer.from(encode("TracesRequest", SPANS));
  spans[spans.indexOf("é")] = 0xff;
  const kept = decodeTraces(spans, OPEN);
  expect(kept.ok && kept.value.spans[0]!.attributes.get("a")).toMatch(/^�/);
});

test("a million attributes cost no more than being stepped over", () => {
  const attribute = [0x3a, 5, 0x0a, 1, 0x61, 0x12, 0];
  const count = 1_000_000;
  const attributes = Buffer.alloc(count * attribute.length, Uint8Array.from(attribute));
  const wrapped = (of: Uint8Array, tag: number): Uint8Array => {
    const length: number[] = [];
    for (let left = of.length; ; left >>>= 7) {
      length.push(left > 127 ? (left & 127) | 128 : left);
      if (left <= 127) break;
    }
    return Buffer.concat([Buffer.from([tag, ...length]), of]);
  };
  const body = [0x0a, 0x2a, 0x12, 0x12, 0x0a].reduce<Uint8Array>(wrapped, attributes);
  const result = decodeMetrics(newBook(), body, OPEN);
  expect(result.ok ? result.value.rejected.count : result.error.message).toBe(1);
  const ofSpan = attributes.map((byte) => (byte === 0x3a ? 0x4a : byte));
  const spans = [0x12, 0x12, 0x0a].reduce<Uint8Array>(wrapped, ofSpan);
  expect(decodeTraces(spans, OPEN)).toMatchObject({ ok: true, value: { rejected: { count: 1 } } });
});

test("a damaged body means the same to a hub that saw everything and to one that saw nothing", () => {
  const draw = random(4_711);
  const pick = (below: number): number => Math.floor(draw() * below);
  const old = newBook();
  const shown = (result: Result<MetricsTaken>) =>
    result.ok ? [lines(result.value), result.value.rejected] : result.error;
  for (const [at, decode] of [decodeMetrics, decodeMetricsJson].entries()) {
    const { body } = CASES[at]!;
    for (let run = 0; run < 2_000; run += 1) {
      const damaged = mutated(body, pick);
      expect(shown(decode(old, damaged, OPEN))).toEqual(shown(decode(newBook(), damaged, OPEN)));
    }
  }
});

const FUZZ_TIMEOUT_MS = Math.max(120_000, FUZZ_RUNS);

test(
  `${FUZZ_RUNS} mutations from one seed: none throws, memory stays where it was`,
  () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const draw = random(20_260_701);
    const pick = (below: number): number => Math.floor(draw() * below);
    const seen = new Map<string, number>();
    const settled = Math.floor(FUZZ_RUNS / 10);
    let heapBytes = 0;
    for (let run = 0; run < FUZZ_RUNS; run += 1) {
      const { title, body, decode } = CASES[run % CASES.length]!;
      const said = `${title} ${outcome(decode(mutated(body, pick)))}`;
      seen.set(said, (seen.get(said) ?? 0) + 1);
      if (run === settled) {
        collect();
        heapBytes = process.memoryUsage().heapUsed;
      }
    }
    collect();
    const grown = process.memoryUsage().heapUsed - heapBytes;
    expect([...seen.keys()].toSorted()).toEqual(
      CASES.flatMap(({ title }) => [`${title} bad_request`, `${title} taken`]).toSorted(),
    );
    expect(grown).toBeLessThan(24 * 1024 * 1024);
  },
  FUZZ_TIMEOUT_MS,
);

/** One to four changes: a byte, a bit, a stretch copied, removed or replaced by what is special. */
const mutated = (body: Uint8Array, pick: (below: number) => number): Uint8Array => {
  let bytes = Uint8Array.from(body);
  for (let changes = 1 + pick(4); changes > 0; changes -= 1) {
    const at = pick(bytes.length);
    const to = Math.min(bytes.length, at + 1 + pick(16));
    const kind = pick(6);
    if (kind === 0) bytes[at] = pick(256);
    else if (kind === 1) bytes[at]! ^= 1 << pick(8);
    else if (kind === 2) bytes = joined(bytes.subarray(0, to), bytes.subarray(at));
    else if (kind === 3) bytes = joined(bytes.subarray(0, at), bytes.subarray(to));
    else if (kind === 4) bytes.fill([0, 255, 128, 0x22][pick(4)]!, at, to);
    else bytes = bytes.slice(0, at + 1);
  }
  return bytes;
};

const joined = (a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> => {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
};
