/**
 * Traces and metrics of a process, by OpenTelemetry's SDK, sent to the hub each second.
 *
 * Shape:  resource service.name, service.instance.id, cloud.region, service.version. SERVER spans
 *         begin and end in `server.routes.ts`, CLIENT spans in `call.ts`. The event loop's use and
 *         the heap in bytes carry `service`.
 * Errors: none reach a request: what the hub does not take is dropped, within the SDK's bounds.
 */
import { performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { createNoopMeter, defaultTextMapGetter, defaultTextMapSetter } from "@opentelemetry/api";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Attributes, Context, Meter, Span, Tracer } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { FleetEnv } from "./env.ts";

type Headers = Readonly<Record<string, string | string[] | undefined>>;

export type Telemetry = {
  readonly meter: Meter;
  /** Undefined where nothing is sent: no request pays for what nobody reads. */
  readonly beginServer: (
    name: string,
    attributes: Attributes,
    headers: Headers,
  ) => Traced | undefined;
  readonly beginClient: (
    name: string,
    attributes: Attributes,
    headers: Record<string, string>,
  ) => Span | undefined;
  readonly within: <T>(traced: Traced | undefined, work: () => T) => T;
  readonly close: () => Promise<void>;
};
export type Traced = { readonly span: Span; readonly context: Context };

const EXPORT_EVERY_MS = 1_000;
const EXPORT_TIMEOUT_MS = 5_000;
/** Ten seconds of a busy instance while the hub is away; what is older is dropped. */
const MAX_QUEUED_SPANS = 8_192;
const SPANS_AT_ONCE = 1_024;
const FLUSH_WITHIN_MS = 2_000;

const HTTP_ERROR_FROM = 500;
/** `status` undefined: there was no answer. */
export const endSpan = (span: Span, status: number | undefined, errorFrom: number): void => {
  if (status !== undefined) span.setAttribute("http.response.status_code", status);
  if (status === undefined || status >= errorFrom) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
};
export const endServer = (span: Span, status: number): void =>
  endSpan(span, status, HTTP_ERROR_FROM);

export const startTelemetry = (env: FleetEnv): Telemetry => {
  if (env.otlp === undefined)
    return {
      meter: createNoopMeter(),
      beginServer: () => undefined,
      beginClient: () => undefined,
      within: (_, work) => work(),
      close: async () => undefined,
    };
  const resource = resourceFromAttributes({
    "service.name": env.service,
    "service.instance.id": env.instance,
    "cloud.region": env.region,
    "service.version": env.version,
  });
  const to = (path: string) => ({
    url: `${env.otlp!.url}${path}`,
    headers: { authorization: `Bearer ${env.otlp!.token}` },
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const processor = new BatchSpanProcessor({
    exporter: new OTLPTraceExporter(to("/v1/traces")),
    scheduledDelayMillis: EXPORT_EVERY_MS,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
    maxQueueSize: MAX_QUEUED_SPANS,
    maxExportBatchSize: SPANS_AT_ONCE,
  });
  const traces = new TracerProvider({ resource, spanProcessors: [processor] });
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(to("/v1/metrics")),
    exportIntervalMillis: EXPORT_EVERY_MS,
    exportTimeoutMillis: EXPORT_EVERY_MS,
  });
  const metrics = new MeterProvider({ resource, readers: [reader] });
  const meter = metrics.getMeter("novaevo.fleet");
  observeRuntime(meter, env.service);
  return {
    meter,
    ...tracing(traces.getTracer("novaevo.fleet")),
    close: async () => {
      const flushed = Promise.allSettled([traces.shutdown(), metrics.shutdown()]);
      await Promise.race([flushed, after(FLUSH_WITHIN_MS)]);
    },
  };
};

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, ms).unref());

const tracing = (tracer: Tracer): Pick<Telemetry, "beginServer" | "beginClient" | "within"> => {
  const propagator = new W3CTraceContextPropagator();
  const contexts = new AsyncLocalStorageContextManager().enable();
  return {
    beginServer: (name, attributes, headers) => {
      const outer = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, outer);
      return { span, context: trace.setSpan(outer, span) };
    },
    beginClient: (name, attributes, headers) => {
      const outer = contexts.active();
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, outer);
      propagator.inject(trace.setSpan(outer, span), headers, defaultTextMapSetter);
      return span;
    },
    within: (traced, work) => (traced === undefined ? work() : contexts.with(traced.context, work)),
  };
};

/**
 * What only the process itself knows. Whether it is up, its CPU and its memory are the supervisor's
 * to say: the dead push nothing.
 */
const observeRuntime = (meter: Meter, service: string): void => {
  const of = { service };
  let before = performance.eventLoopUtilization();
  meter.createObservableGauge("nodejs.eventloop.utilization", { unit: "1" }).addCallback((seen) => {
    const now = performance.eventLoopUtilization();
    seen.observe(performance.eventLoopUtilization(now, before).utilization, of);
    before = now;
  });
  meter.createObservableGauge("v8js.memory.heap.used", { unit: "By" }).addCallback((seen) => {
    seen.observe(getHeapStatistics().used_heap_size, of);
  });
};
