import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  MeterProvider,
  MetricReader,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { describe, expect, test } from "vitest";
import { gauge, lines, newBook, NOW_MS, OPEN } from "../../../../test/otlp/metrics.ts";
import { at, BOTH, pairs, request, taken, text } from "../../../../test/otlp/metrics.ts";
import { metricBodies } from "../../../../test/otlp/official.ts";
import type { Json } from "../../../../test/otlp/proto.ts";
import { newCatalog } from "../decode/catalog.ts";
import { decodeMetricsJson } from "./metrics-json.ts";
import { decodeMetrics } from "./metrics.ts";
import { newSeriesBook, type MetricFamily } from "./series-book.ts";

describe("what OpenTelemetry's own exporters send", () => {
  class OneLook extends MetricReader {
    async look(): Promise<ResourceMetrics> {
      return (await this.collect()).resourceMetrics;
    }
    protected override async onShutdown(): Promise<void> {}
    protected override async onForceFlush(): Promise<void> {}
  }

  const collected = async (temporality: AggregationTemporality): Promise<ResourceMetrics> => {
    const reader = new OneLook({ aggregationTemporalitySelector: () => temporality });
    const resource = resourceFromAttributes({
      ...{ "service.name": "shop", "service.namespace": "prod", "service.instance.id": "i-1" },
      "host.name": "h1",
    });
    const provider = new MeterProvider({ readers: [reader], resource });
    const meter = provider.getMeter("m", "1.2.3");
    const duration = meter.createHistogram("http.server.request.duration", {
      ...{ unit: "s", description: "How long" },
      advice: { explicitBucketBoundaries: [0.005, 0.5] },
    });
    for (const value of [0.001, 0.1, 7]) duration.record(value, { "http.route": "/a" });
    meter.createCounter("requests", { unit: "{request}" }).add(3, { ok: true, codes: ["a", "b"] });
    meter.createUpDownCounter("queue.size", { unit: "1" }).add(-2);
    meter.createGauge("disk.used", { unit: "1" }).record(0.25);
    meter
      .createObservableGauge("memory", { unit: "By" })
      .addCallback((result) => result.observe(2 ** 40, { n: 12 }));
    const found = await reader.look();
    await provider.shutdown();
    return found;
  };

  test("protobuf and JSON give the same samples, of every kind", async () => {
    const bodies = await metricBodies(await collected(AggregationTemporality.CUMULATIVE));
    const families: MetricFamily[] = [];
    const proto = decodeMetrics(newBook(families), bodies.proto, OPEN);
    const json = decodeMetricsJson(newBook(), bodies.json, OPEN);
    if (!proto.ok || !json.ok) throw new Error("a body was refused");
    const common = 'instance="i-1",job="prod/shop",otel_scope_name="m",otel_scope_version="1.2.3"';
    const bucket = (le: string, count: number) =>
      'http_server_request_duration_seconds_bucket{http_route="/a",instance="i-1",' +
      `job="prod/shop",le="${le}",otel_scope_name="m",otel_scope_version="1.2.3"} ${count}`;
    expect(lines(proto.value).map((line) => line.replace(/ @\d+$/, ""))).toEqual([
      bucket("0.005", 1),
      bucket("0.5", 2),
      bucket("+Inf", 3),
      `http_server_request_duration_seconds_count{http_route="/a",${common}} 3`,
      `http_server_request_duration_seconds_sum{http_route="/a",${common}} 7.101`,
      `requests_total{codes="[\\"a\\",\\"b\\"]",${common.replace("otel", 'ok="true",otel')}} 3`,
      `queue_size{${common}} -2`,
      `disk_used_ratio{${common}} 0.25`,
      `memory_bytes{${common.replace("otel", 'n="12",otel')}} 1099511627776`,
      'target_info{host_name="h1",instance="i-1",job="prod/shop"} 1',
    ]);
    expect(lines(json.value)).toEqual(lines(proto.value));
    expect([proto.value.rejected.count, json.value.rejected.count]).toEqual([0, 0]);
    expect(families).toContainEqual({
      name: "http_server_request_duration_seconds",
      type: "histogram",
      help: "How long",
      unit: "seconds",
    });
    expect(families.map(({ type }) => type).join()).toBe("histogram,counter,gauge,gauge,gauge");
  });

  test("delta temporality is rejected point by point, and the answer says what to set", async () => {
    const bodies = await metricBodies(await collected(AggregationTemporality.DELTA));
    for (const result of [
      decodeMetrics(newBook(), bodies.proto, OPEN),
      decodeMetricsJson(newBook(), bodies.json, OPEN),
    ]) {
      if (!result.ok) throw new Error(result.error.message);
      expect(result.value.rejected.count).toBe(3);
      expect(result.value.rejected.messages[0]).toMatch(
        /duration: delta .*OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative/,
      );
      expect(lines(result.value).join()).toContain("disk_used_ratio");
    }
  });
});

describe.each(BOTH)("from %s", (way) => {
  test("a time is whole milliseconds, exactly, however many nanoseconds", () => {
    const times = ["1760000000123999999", "1760000000124000000", "1", "999999", "1000000"];
    const points = times.map((time_unix_nano) => ({ time_unix_nano, as_int: "1" }));
    const { samples } = taken(way, request([{ name: "a", gauge: { data_points: points } }]));
    const expected = [NOW_MS, NOW_MS + 1, 0, 0, 1];
    expect([...samples.timesMs]).toEqual(expected);
  });

  test.each([
    ["system.cpu.time", "s", "sum", "system_cpu_time_seconds_total"],
    ["requests_total", "{request}", "sum", "requests_total"],
    ["total.sent", "By", "sum", "sent_bytes_total"],
    ["speed", "By/s", "gauge", "speed_bytes_per_second"],
    ["speed.bytes_per_second", "km/s", "gauge", "speed_bytes_per_second_km_per_second"],
    ["rate", "{packet}/min", "gauge", "rate_per_minute"],
    ["disk.utilization", "1", "gauge", "disk_utilization_ratio"],
    ["hits", "1", "sum", "hits_total"],
    ["queue", "1", "updown", "queue"],
    ["process.uptime.seconds", "s", "gauge", "process_uptime_seconds"],
    ["9lives", "", "gauge", "_9lives"],
    ["a..b--c", "%", "gauge", "a_b_c_percent"],
    ["job:rule", "m", "gauge", "job:rule_meters"],
    ["_x_", "Cel", "gauge", "x_celsius"],
  ])("metric %s of unit %j, a %s, is %s", (name, unit, kind, expected) => {
    const data = { data_points: [{ ...at(), as_double: 1 }], aggregation_temporality: 2 };
    const metric =
      kind === "gauge"
        ? { name, unit, gauge: { data_points: data.data_points } }
        : { name, unit, sum: { ...data, is_monotonic: kind === "sum" } };
    expect(taken(way, request([metric])).samples.series[0]?.metric).toBe(expected);
  });

  test("attributes of every kind become text, names that meet are joined", () => {
    const value: Json = {
      kvlist_value: {
        values: pairs({ a: { int_value: "9007199254740993" }, 'b"': { array_value: {} }, c: {} }),
      },
    };
    const attributes = {
      ...{ "a.b": text("2"), a_b: text("1"), "a/b": text("") },
      ...{ "http..route": text("x"), _private: text("p"), "1st": text("n"), __keep__: text("k") },
      int: { int_value: "-9223372036854775808" },
      small: { int_value: "-5" },
      double: { double_value: 1e21 },
      nan: { double_value: Number.NaN },
      bool: { bool_value: false },
      bytes: { bytes_value: Uint8Array.from([0, 255, 1, 2]) },
      none: {},
      list: value,
    };
    const { samples } = taken(way, request([gauge("g", "", attributes)]));
    expect(Object.fromEntries(samples.series[0]!.labels)).toEqual({
      ...{ __name__: "g", job: "api", a_b: "2;;1", http_route: "x", key_private: "p" },
      ...{ key_1st: "n", __keep__: "k", int: "-9223372036854775808", small: "-5", double: "1e+21" },
      ...{ nan: "NaN", bool: "false", bytes: "AP8BAg==" },
      list: '{"a":9007199254740993,"b\\"":[],"c":null}',
    });
  });

  test("what the hub says itself stands over what a sender says", () => {
    const attributes = { job: text("x"), le: text("x"), __name__: text("x") };
    const { samples } = taken(way, request([gauge("g", "", attributes)]));
    expect(samples.series[0]!.labels).toEqual([
      ["__name__", "g"],
      ["job", "api"],
      ["le", "x"],
    ]);
  });

  test("the scope with its attributes and schema is labels, two schemas are two series", () => {
    const scope = {
      name: "lib",
      version: "2",
      attributes: pairs({ name: text("n"), k: text("v") }),
    };
    const book = newBook();
    const one = taken(way, request([gauge("g")], { scope, schema_url: "https://s/1" }), book);
    const two = taken(way, request([gauge("g")], { scope, schema_url: "https://s/2" }), book);
    expect(lines(one)[0]).toBe(
      'g{job="api",otel_scope_k="v",otel_scope_name="lib",' +
        `otel_scope_schema_url="https://s/1",otel_scope_version="2"} 1.5 @${NOW_MS}`,
    );
    expect(lines(two)[0]).toContain("https://s/2");
  });

  test("without service.name there is neither job nor target_info", () => {
    const resource = { attributes: pairs({ "host.name": text("h") }) };
    expect(lines(taken(way, request([gauge("g")], { resource })))).toEqual([`g{} 1.5 @${NOW_MS}`]);
  });

  test("a summary is its quantiles, count and sum", () => {
    const point = {
      ...{ ...at({ k: text("v") }), count: "4", sum: 10 },
      quantile_values: [
        { quantile: 0, value: 1 },
        { quantile: 0.99, value: 3.5 },
      ],
    };
    const metric = { name: "rpc", unit: "ms", summary: { data_points: [point] } };
    expect(lines(taken(way, request([metric])))).toEqual([
      `rpc_milliseconds{job="api",k="v",quantile="0"} 1 @${NOW_MS}`,
      `rpc_milliseconds{job="api",k="v",quantile="0.99"} 3.5 @${NOW_MS}`,
      `rpc_milliseconds_count{job="api",k="v"} 4 @${NOW_MS}`,
      `rpc_milliseconds_sum{job="api",k="v"} 10 @${NOW_MS}`,
    ]);
  });

  const histogram = (points: readonly Json[]): Json => ({
    name: "h",
    histogram: { aggregation_temporality: 2, data_points: points },
  });

  test("a histogram may have no sum, no buckets, other buckets than before, +Inf for its last", () => {
    const book = newBook();
    const point = (more: Json): Json => ({ ...at(), count: "6", ...more });
    const look = (more: Json): readonly string[] =>
      lines(taken(way, request([histogram([point(more)])]), book)).map((line) =>
        line.replace('job="api"', "").replace(` @${NOW_MS}`, "").replace(",le", "le"),
      );
    expect(look({ sum: 2 })).toEqual(['h_bucket{le="+Inf"} 6', "h_count{} 6", "h_sum{} 2"]);
    const small = { explicit_bounds: [1e-7, 1e21], bucket_counts: ["1", "2", "3"] };
    expect(look(small)).toEqual([
      'h_bucket{le="0.0000001"} 1',
      'h_bucket{le="1000000000000000000000"} 3',
      'h_bucket{le="+Inf"} 6',
      "h_count{} 6",
    ]);
    const open = { explicit_bounds: [1, Infinity], bucket_counts: ["1", "5", "0"] };
    expect(look(open)).toEqual(['h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 6', "h_count{} 6"]);
    expect(look(small)).toHaveLength(4);
  });

  test.each([
    ["bounds that fall", { explicit_bounds: [2, 1], bucket_counts: ["1", "1", "1"] }, /ascend/],
    ["a bound that is NaN", { explicit_bounds: [NaN], bucket_counts: ["1", "1"] }, /ascend/],
    ["a count too few", { explicit_bounds: [1, 2], bucket_counts: ["1", "1"] }, /one more/],
    ["counts without bounds", { bucket_counts: ["1", "1"] }, /one more/],
    [
      "1,001 bounds",
      {
        explicit_bounds: Array.from({ length: 1_001 }, (_, n) => n),
        bucket_counts: Array.from({ length: 1_002 }, () => "1"),
      },
      /over 1000/,
    ],
    [
      "an attribute twice",
      { attributes: [...pairs({ a: {} }), ...pairs({ a: {} })] },
      /a is there/,
    ],
    ["a year beyond", { time_unix_nano: "18446744073709551615" }, /2200/],
  ])("%s: that point is rejected, its neighbours are taken", (_title, more, why) => {
    const good = { ...at(), count: "1" };
    const bad = { ...good, ...more };
    const result = taken(way, request([histogram([good, bad, good])]));
    expect([result.samples.count, result.rejected.count]).toEqual([4, 1]);
    expect(result.rejected.messages.join()).toMatch(why);
  });

  test("exponential histograms are rejected with what to set", () => {
    const points = [at(), at()];
    const exponential = { name: "e", exponential_histogram: { data_points: points } };
    const { rejected, samples } = taken(way, request([exponential, gauge("g")]));
    expect([samples.count, rejected.count]).toEqual([1, 2]);
    expect(rejected.messages[0]).toMatch(/^e: exponential .*explicit_bucket_histogram/);
  });

  test("no recorded value is a stale marker, in every series of the point", () => {
    const stale = { ...at(), flags: 1 };
    const metrics = [
      { name: "g", gauge: { data_points: [stale] } },
      histogram([{ ...stale, explicit_bounds: [1], bucket_counts: ["0", "0"], sum: 0 }]),
    ];
    expect(lines(taken(way, request(metrics))).map((line) => line.split(" ")[1])).toEqual(
      Array.from({ length: 5 }, () => "stale"),
    );
  });

  test("a number without a value is rejected", () => {
    const { rejected } = taken(way, request([{ name: "g", gauge: { data_points: [at()] } }]));
    expect(rejected).toEqual({ count: 1, messages: ["g: it has no value"] });
  });

  test("points out of bounds count once each, and keep their places for a replay", () => {
    const points = ["5", "50", "500"].map((ms) => ({ time_unix_nano: `${ms}000000` }));
    const narrow = { notBeforeMs: 10, notAfterMs: 100 };
    const body = request([histogram(points)]);
    const { samples, rejected } = taken(way, body, newBook(), narrow);
    expect([samples.count, samples.tooOld, samples.tooNew]).toEqual([2, 2, 2]);
    expect(rejected.count).toBe(2);
    expect(rejected.messages.join()).toMatch(/older than the retention.*ahead of this hub's clock/);
  });

  test("a series that is not admitted rejects its point, and is noted by its place", () => {
    const admit = ({ metric }: { readonly metric: string }) => metric !== "h_sum";
    const terms = { ...OPEN, admit };
    const { samples, rejected } = taken(
      way,
      request([gauge("g"), histogram([{ ...at(), count: "1", sum: 1 }]), gauge("i")]),
      newBook(),
      terms,
    );
    expect([samples.refused, samples.count, rejected.count]).toEqual([[3], 4, 1]);
    expect(rejected.messages).toEqual(["h_bucket: a limit on series does not admit it"]);
  });

  test("a book that is full forgets and goes on, with the same answers", () => {
    const tiny = newSeriesBook(newCatalog(), () => undefined, 3_000);
    for (let nth = 0; nth < 50; nth += 1) {
      const of = { n: text(String(nth % 20)) };
      const body = request([gauge("a", "", of), gauge("b", "s", of)]);
      expect(lines(taken(way, body, tiny))).toEqual(lines(taken(way, body)));
      expect(tiny.budget.heldBytes).toBeLessThanOrEqual(3_000);
    }
    expect(tiny.budget.age).toBeGreaterThan(5);
  });

  test("a resource that says a thing twice, a name of nothing: their points are rejected", () => {
    const twice = [...pairs({ a: text("1") }), ...pairs({ a: text("2") })];
    const bad = taken(way, request([gauge("g")], { resource: { attributes: twice } }));
    expect(bad.rejected).toEqual({
      count: 1,
      messages: ["resource: attribute a is there twice"],
    });
    const scoped = taken(way, request([gauge("g")], { scope: { attributes: twice } }));
    expect(scoped.rejected.messages).toEqual(["scope: attribute a is there twice"]);
    const unnamed = taken(way, request([gauge("日本"), gauge("ok")]));
    expect([unnamed.rejected.count, unnamed.samples.count]).toEqual([1, 1]);
  });
});
