/**
 * Those who send here unchanged: Debian's Prometheus and vmagent by remote write, OpenTelemetry's
 * SDK by its own exporters. What they sent is what the hub answers.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPMetricExporter as JsonMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { OTLPTraceExporter as JsonTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { endAll, removed, startUp, temporary, type Up } from "../programs/lab.ts";
import { countSpans } from "../programs/sender.ts";
import { hasPrometheus, startPrometheus } from "./promql-prometheus.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const PATIENCE = { timeout: 90_000, interval: 100 };
const VMAGENT = process.env["VMAGENT"] ?? "/usr/bin/vmagent";
const MINUTE_S = 60;

let root: string;
let up: Up;
let authorization: string;
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  root = await temporary();
  up = await startUp(path.join(root, "data"));
  await vi.waitUntil(async () => (await fetch(`${up.url}/readyz`)).ok, PATIENCE);
  authorization = `Bearer ${await up.token()}`;
});
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
  await endAll();
  await removed(root);
});

type Row = { readonly metric: Readonly<Record<string, string>>; readonly value: [number, string] };

const rowsAt = async (
  url: string,
  query: string,
  headers: Readonly<Record<string, string>> = {},
  timeS?: number,
): Promise<readonly Row[]> => {
  const search = new URLSearchParams({ query });
  if (timeS !== undefined) search.set("time", String(timeS));
  const answer = await fetch(`${url}/api/v1/query?${search}`, { headers });
  const body = (await answer.json()) as { data?: { result: readonly Row[] }; error?: string };
  if (body.data === undefined) throw new Error(`${query}: ${answer.status} ${body.error}`);
  return body.data.result;
};
const ours = (query: string, timeS?: number) => rowsAt(up.url, query, { authorization }, timeS);
const numberOf = async (query: string): Promise<number> =>
  Number((await ours(query))[0]?.value[1] ?? Number.NaN);

const byLabels = (rows: readonly Row[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    rows.map(({ metric, value }) => {
      // What a server says of itself when it sends on; its own answers are without it.
      const { sender: _, ...labels } = metric;
      return [
        JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))),
        value[1],
      ];
    }),
  );

const remoteWrite = async (): Promise<string> => `
remote_write:
  - url: ${up.url}/api/v1/write
    authorization: { credentials_file: ${path.join(up.dataDir, "admin-token")} }
    queue_config: { batch_send_deadline: 500ms }
    metadata_config: { send_interval: 1s }
`;

describe.skipIf(!hasPrometheus())("Debian's Prometheus", () => {
  test("sends what it scrapes; both give the same answer, and the metric's description", async () => {
    const peer = await startPrometheus(
      path.join(root, "prometheus"),
      [],
      async (address) => `
global: { scrape_interval: 1s, external_labels: { sender: debian } }
scrape_configs:
  - job_name: itself
    static_configs: [{ targets: ["${address}"] }]
${await remoteWrite()}`,
    );
    stops.push(peer.stop);
    await expect
      .poll(() => numberOf('count_over_time(up{job="itself"}[1m])'), PATIENCE)
      .toBeGreaterThan(10);
    // Both have everything up to a scrape that is already here; between two, so on no boundary.
    const lastS = await numberOf('timestamp(up{job="itself"})');
    const atS = lastS - 2.5;
    for (const query of [
      'up{job="itself"}',
      'rate(prometheus_tsdb_head_samples_appended_total{job="itself"}[5s])',
      'sum by (handler) (increase(prometheus_http_requests_total{job="itself"}[7s]))',
      'histogram_quantile(0.9, prometheus_http_request_duration_seconds_bucket{job="itself"})',
      'count({job="itself"})',
    ]) {
      const [theirs, here] = await Promise.all([
        rowsAt(peer.url, query, {}, atS),
        ours(query, atS),
      ]);
      expect(byLabels(here), query).toEqual(byLabels(theirs));
      expect(theirs.length, query).toBeGreaterThan(0);
    }
    await expect
      .poll(async () => {
        const said = await fetch(`${up.url}/api/v1/metadata?metric=prometheus_build_info`, {
          headers: { authorization },
        });
        return ((await said.json()) as { data: Record<string, { type: string }[]> }).data;
      }, PATIENCE)
      .toMatchObject({ prometheus_build_info: [{ type: "gauge" }] });
  });
});

describe.skipIf(!existsSync(VMAGENT))("vmagent", () => {
  test("sends what it scrapes, unchanged", async () => {
    const dir = path.join(root, "vmagent");
    await mkdir(dir);
    const config = path.join(dir, "scrape.yml");
    const metrics = new URL(up.url).host;
    await writeFile(
      config,
      `scrape_configs:
  - job_name: hub
    scrape_interval: 1s
    static_configs: [{ targets: ["${metrics}"] }]
`,
    );
    const child = spawn(
      VMAGENT,
      [
        ...[`-promscrape.config=${config}`, `-remoteWrite.url=${up.url}/api/v1/write`],
        `-remoteWrite.bearerTokenFile=${path.join(up.dataDir, "admin-token")}`,
        ...[`-remoteWrite.tmpDataPath=${dir}`, "-httpListenAddr=127.0.0.1:0"],
      ],
      { stdio: "ignore" },
    );
    const exited = once(child, "close");
    stops.push(async () => {
      child.kill("SIGTERM");
      await exited;
    });
    await expect
      .poll(() => numberOf('count_over_time(up{job="hub"}[1m])'), PATIENCE)
      .toBeGreaterThan(3);
    expect(await numberOf('count({job="hub"})')).toBeGreaterThan(20);
  });
});

describe("OpenTelemetry's SDK", () => {
  const headers = (): Record<string, string> => ({ authorization });
  const resource = (name: string) =>
    resourceFromAttributes({
      ...{ "service.name": name, "service.instance.id": `${name}-1`, "cloud.region": "paris" },
    });

  test.each([
    ["protobuf", OTLPMetricExporter],
    ["JSON", JsonMetricExporter],
  ])("sends metrics as %s, packed", async (encoding, Exporter) => {
    const name = `shop-${encoding}`;
    const exporter = new Exporter({
      url: `${up.url}/v1/metrics`,
      headers: headers(),
      compression: "gzip" as never,
    });
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ resource: resource(name), readers: [reader] });
    const meter = provider.getMeter("orders");
    meter.createCounter("orders", { unit: "{order}" }).add(3, { channel: "web" });
    const duration = meter.createHistogram("checkout.duration", { unit: "s" });
    for (const s of [0.02, 0.3, 4]) duration.record(s, { channel: "web" });
    await reader.forceFlush();
    const of = `{job="${name}",instance="${name}-1"}`;
    expect(await numberOf(`orders_total${of}`)).toBe(3);
    expect(await numberOf(`checkout_duration_seconds_count${of}`)).toBe(3);
    expect(await numberOf(`checkout_duration_seconds_sum${of}`)).toBeCloseTo(4.32);
    expect(await numberOf(`checkout_duration_seconds_bucket{job="${name}",le="+Inf"}`)).toBe(3);
    expect(await numberOf(`target_info{job="${name}",cloud_region="paris"}`)).toBe(1);
    await provider.shutdown();
  });

  test.each([
    ["protobuf", OTLPTraceExporter],
    ["JSON", JsonTraceExporter],
  ])("sends spans as %s: kept, counted by route and channel, and drawn", async (way, Exporter) => {
    const tracerOf = (name: string) => {
      const exporter = new Exporter({ url: `${up.url}/v1/traces`, headers: headers() });
      const provider = new TracerProvider({
        resource: resource(name),
        spanProcessors: [new SimpleSpanProcessor({ exporter })],
      });
      return { provider, tracer: provider.getTracer("test") };
    };
    const gateway = tracerOf(`gateway-${way}`);
    const service = tracerOf(`obd2-${way}`);
    const calls = 5;
    for (let nth = 0; nth < calls; nth += 1) {
      const outer = gateway.tracer.startSpan("call", { kind: SpanKind.CLIENT });
      const inner = service.tracer.startSpan(
        "GET /vehicles/{id}",
        {
          kind: SpanKind.SERVER,
          attributes: { "http.route": "/vehicles/{id}", "novaevo.channel": "mobile" },
        },
        trace.setSpan(context.active(), outer),
      );
      if (nth === 0) inner.setStatus({ code: SpanStatusCode.ERROR, message: "no dongle" });
      inner.end();
      outer.end();
    }
    await gateway.provider.shutdown();
    await service.provider.shutdown();
    const of = `service_name="obd2-${way}",http_route="/vehicles/{id}",channel="mobile"`;
    const edge = `client="gateway-${way}",server="obd2-${way}"`;
    await expect
      .poll(() => numberOf(`sum(traces_span_metrics_calls_total{${of}})`), PATIENCE)
      .toBe(calls);
    await expect
      .poll(() => numberOf(`sum(traces_service_graph_request_total{${edge}})`), PATIENCE)
      .toBe(calls);
    expect(await numberOf(`sum(traces_service_graph_request_failed_total{${edge}})`)).toBe(1);
    const bucket = `traces_span_metrics_duration_milliseconds_bucket{${of},le="+Inf"}`;
    expect(await numberOf(`sum(${bucket})`)).toBe(calls);
    // The first calls are seen by an increase, though the series began with them.
    const increase = `sum(increase(traces_span_metrics_calls_total{${of}}[${MINUTE_S}s]))`;
    expect(await numberOf(increase)).toBeGreaterThan(calls - 1);
    await expect
      .poll(() => countSpans(path.join(up.dataDir, "run", "engines.json"), `obd2-${way}`), PATIENCE)
      .toEqual({ spans: calls, errors: 1, routes: 1 });
  });
});

test("what a sender must not send again is said in its own protocol", async () => {
  const post = (door: string, body: string | Uint8Array<ArrayBuffer>, more: object) =>
    fetch(`${up.url}${door}`, {
      method: "POST",
      headers: { authorization, ...more },
      body,
    });
  const json = { "content-type": "application/json" };
  const wrong = await post("/v1/metrics", "{", json);
  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toMatchObject({ code: 3 });
  const bomb = await post("/v1/traces", "not gzip", { ...json, "content-encoding": "gzip" });
  expect(await bomb.json()).toEqual({
    code: 3,
    message: "body: is not gzip, as content-encoding says",
  });
  const year = 31_536_000_000;
  const old = String((Date.now() - year) * 1e6);
  const point = { asDouble: 1, timeUnixNano: old, attributes: [] };
  const partial = await post(
    "/v1/metrics",
    JSON.stringify({
      resourceMetrics: [
        { scopeMetrics: [{ metrics: [{ name: "old", gauge: { dataPoints: [point] } }] }] },
      ],
    }),
    json,
  );
  expect(partial.status).toBe(200);
  expect(await partial.json()).toMatchObject({ partialSuccess: { rejectedDataPoints: "1" } });
  const snappy = { "content-type": "application/x-protobuf", "content-encoding": "gzip" };
  expect((await post("/api/v1/write", "x", snappy)).status).toBe(415);
  const version2 = {
    "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    "content-encoding": "snappy",
  };
  expect((await post("/api/v1/write", "x", version2)).status).toBe(415);
});
