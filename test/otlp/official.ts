/**
 * Bodies as OpenTelemetry's own exporters send them, caught on a loopback port.
 *
 * Shape:  one collection of an SDK, sent by the protobuf and by the JSON exporter.
 * Errors: throws what an exporter reports.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { OTLPMetricExporter as JsonMetrics } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtoMetrics } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter as JsonTraces } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoTraces } from "@opentelemetry/exporter-trace-otlp-proto";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

type ExportResult = { readonly error?: Error };

export type Bodies = { readonly proto: Uint8Array; readonly json: Uint8Array };

type Exporter<T> = {
  readonly export: (data: T, done: (result: ExportResult) => void) => void;
  readonly shutdown: () => Promise<void>;
};
type NewExporter<T> = new (config: { readonly url: string }) => Exporter<T>;

export const metricBodies = (data: ResourceMetrics): Promise<Bodies> =>
  bodies<ResourceMetrics>(ProtoMetrics, JsonMetrics, data);

export const traceBodies = (spans: ReadableSpan[]): Promise<Bodies> =>
  bodies<ReadableSpan[]>(ProtoTraces, JsonTraces, spans);

const bodies = async <T>(Proto: NewExporter<T>, Json: NewExporter<T>, data: T): Promise<Bodies> => {
  const caught = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    void catchBody(request).then((body) => {
      caught.set(request.headers["content-type"] ?? "", body);
      return response.writeHead(200, { "content-type": request.headers["content-type"] }).end("");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    for (const Exporter of [Proto, Json]) await sent(new Exporter({ url }), data);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  return { proto: body(caught, "application/x-protobuf"), json: body(caught, "application/json") };
};

const catchBody = (request: IncomingMessage): Promise<Buffer> => buffer(request);

const body = (caught: ReadonlyMap<string, Buffer>, type: string): Uint8Array => {
  const found = caught.get(type);
  if (found === undefined) throw new Error(`no ${type} body among ${[...caught.keys()].join()}`);
  return found;
};

const sent = async <T>(exporter: Exporter<T>, data: T): Promise<void> => {
  const result = await new Promise<ExportResult>((resolve) => exporter.export(data, resolve));
  await exporter.shutdown();
  if (result.error !== undefined) throw result.error;
};
