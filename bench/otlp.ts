/**
 * CPU of decoding OTLP metrics per million data points, beside what others' first step costs.
 *
 * Shape:  `node bench/otlp.ts [bodies=300]`; bodies of 1,000 points of one resource and scope, a
 *         tenth of them new in each body where churn is on; protobuf and JSON by the hub's
 *         decoders, to samples; protobufjs' decode alone and JSON.parse alone. Four ways in turns,
 *         so that a noise of the machine is everybody's; the medians of their rounds are said.
 * Units:  CPU-s of the process per 1,000,000 data points.
 * Errors: throws unless every point became a sample.
 */
import protobuf from "protobufjs";
import { newCatalog } from "../src/watch/intake/decode/catalog.ts";
import { decodeMetricsJson } from "../src/watch/intake/otlp/metrics-json.ts";
import { decodeMetrics } from "../src/watch/intake/otlp/metrics.ts";
import { newSeriesBook, type SeriesBook } from "../src/watch/intake/otlp/series-book.ts";
import { decodeTraces } from "../src/watch/intake/otlp/traces.ts";
import { pairs, request, text } from "../test/otlp/metrics.ts";
import { encode, jsonOf, messageType, type Json } from "../test/otlp/proto.ts";
import { request as spansOf, span } from "../test/otlp/traces.ts";

const POINTS = 1_000;
const BODIES_AT_ONCE = 20;
const ROUNDS = 5;
const NOW_MS = 1_760_000_000_000;
const STEP_MS = 1_000;
const TERMS = { notBeforeMs: 0, notAfterMs: 4e12 };

type Shape = "gauges" | "sums, 10 % new" | "histograms";

/** As a service of a few routes and a few hosts says it: about eight attributes of short values. */
const attributesOf = (nth: number, body: number): readonly Json[] =>
  pairs({
    ...{ "http.request.method": text("GET"), "http.route": text(`/api/v1/items/${nth % 100}`) },
    "http.response.status_code": { int_value: String(nth % 7 === 0 ? 500 : 200) },
    ...{ "server.address": text("shop.example"), "url.scheme": text("https") },
    ...{ shard: { int_value: String(nth) }, build: text(`b${body}`) },
  });

const bodyOf = (shape: Shape, body: number): Json => {
  const time_unix_nano = `${NOW_MS + body * STEP_MS}000000`;
  const data_points = Array.from({ length: POINTS }, (_, nth) => {
    const isNew = shape === "sums, 10 % new" && nth % 10 === 0;
    const point = { attributes: attributesOf(nth, isNew ? body : 0), time_unix_nano };
    if (shape !== "histograms") return { ...point, as_double: nth + body / 7 };
    const bucket_counts = Array.from({ length: 13 }, () => String(body));
    const explicit_bounds = Array.from({ length: 12 }, (__, bound) => 0.001 * 2 ** bound);
    return { ...point, count: String(13 * body), sum: body, bucket_counts, explicit_bounds };
  });
  const data = { data_points, aggregation_temporality: 2, is_monotonic: true };
  if (shape === "gauges") return request([{ name: "load", gauge: { data_points } }]);
  if (shape === "histograms") return request([{ name: "latency", unit: "s", histogram: data }]);
  return request([{ name: "requests", unit: "{request}", sum: data }]);
};

type Way = { readonly title: string; readonly run: (bodies: Bodies) => number };
type Bodies = { readonly proto: readonly Uint8Array[]; readonly json: readonly Uint8Array[] };

const MetricsRequest: protobuf.Type = messageType("MetricsRequest");
const utf8 = new TextDecoder();

const newWays = (perPoint: number): readonly Way[] => {
  const books: readonly SeriesBook[] = [0, 1].map(() =>
    newSeriesBook(newCatalog(), () => undefined),
  );
  const taken = (decode: typeof decodeMetrics, book: SeriesBook, body: Uint8Array): number => {
    const result = decode(book, body, TERMS);
    const expected = POINTS * perPoint;
    const count = result.ok ? result.value.samples.count : 0;
    if (count !== expected) throw new Error(`${count} samples instead of ${expected}`);
    return POINTS;
  };
  const sum = (bodies: readonly Uint8Array[], one: (body: Uint8Array) => number): number =>
    bodies.reduce((total, body) => total + one(body), 0);
  return [
    {
      title: "protobuf to samples",
      run: ({ proto }) => sum(proto, (body) => taken(decodeMetrics, books[0]!, body)),
    },
    {
      title: "protobufjs decode alone",
      run: ({ proto }) =>
        sum(proto, (body) => {
          const message = MetricsRequest.decode(body) as unknown as Json;
          return Array.isArray(message["resource_metrics"]) ? POINTS : 0;
        }),
    },
    {
      title: "JSON to samples",
      run: ({ json }) => sum(json, (body) => taken(decodeMetricsJson, books[1]!, body)),
    },
    {
      title: "JSON.parse alone",
      run: ({ json }) => sum(json, (body) => (JSON.parse(utf8.decode(body)) === null ? 0 : POINTS)),
    },
  ];
};

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

const metrics = (shape: Shape, bodyCount: number): void => {
  const ways = newWays(shape === "histograms" ? 15 : 1);
  const costs = ways.map((): number[] => []);
  const perRound = Math.max(BODIES_AT_ONCE, Math.floor(bodyCount / ROUNDS));
  for (let round = -1; round < ROUNDS; round += 1) {
    const spent = ways.map(() => ({ cpuS: 0, points: 0 }));
    for (let from = 0; from < perRound; from += BODIES_AT_ONCE) {
      const sent = Array.from({ length: BODIES_AT_ONCE }, (_, nth) =>
        bodyOf(shape, (round + 1) * perRound + from + nth),
      );
      const proto = sent.map((message) => encode("MetricsRequest", message));
      const bodies = { proto, json: sent.map(jsonOf) };
      ways.forEach(({ run }, nth) => {
        const before = cpuSeconds();
        spent[nth]!.points += run(bodies);
        spent[nth]!.cpuS += cpuSeconds() - before;
      });
    }
    // The first round is for the compiler.
    if (round < 0) continue;
    spent.forEach(({ cpuS, points }, nth) => costs[nth]!.push(cpuS / (points / 1e6)));
  }
  console.log(`\n${shape}, ${POINTS} points a body, ${perRound * ROUNDS} bodies`);
  ways.forEach(({ title }, nth) => {
    console.log(`  ${title.padEnd(26)}${median(costs[nth]!).toFixed(2).padStart(8)}`);
  });
};

const spans = (bodyCount: number): void => {
  const attributes = attributesOf(3, 0);
  const body = encode(
    "TracesRequest",
    spansOf(Array.from({ length: POINTS }, () => span({ attributes }))),
  );
  const costs: number[] = [];
  for (let round = -1; round < ROUNDS; round += 1) {
    const before = cpuSeconds();
    const count = Math.max(10, Math.floor(bodyCount / ROUNDS));
    for (let nth = 0; nth < count; nth += 1) {
      const result = decodeTraces(body, TERMS);
      if (!result.ok || result.value.spans.length !== POINTS) throw new Error("spans were lost");
    }
    if (round >= 0) costs.push((cpuSeconds() - before) / ((count * POINTS) / 1e6));
  }
  console.log(`\nspans of 7 attributes, ${POINTS} a body`);
  console.log(`  ${"protobuf to spans".padEnd(26)}${median(costs).toFixed(2).padStart(8)}`);
};

const bodyCount = Number(process.argv[2] ?? 300);
console.log("CPU-s per 1 M data points (of a histogram: 15 samples each)");
for (const shape of ["gauges", "sums, 10 % new", "histograms"] as const) metrics(shape, bodyCount);
spans(bodyCount);
