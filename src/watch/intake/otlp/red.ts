/**
 * Rate, errors and durations of services, counted from their spans.
 *
 * Shape:  spans of kind server and consumer → `traces_span_metrics_calls_total` and
 *         `traces_span_metrics_duration_milliseconds`, by service_name, span_name, span_kind,
 *         status_code, http_route and channel. Errors are the calls of STATUS_CODE_ERROR.
 * Units:  durations in ms.
 * Errors: none; what is over the limit on series is counted as otel_metric_overflow="true".
 * Source: the OpenTelemetry collector's spanmetrics connector, whose names and labels these are.
 */
import type { Span, SpanAttributes, SpanKind, SpanStatus } from "./span.ts";
import { newTally, TALLY_LIMITS, type EmittedSample, type TallyLimits } from "./tally.ts";

export type Channel = "api" | "web" | "mobile";

export type Red = {
  readonly observe: (spans: readonly Span[]) => void;
  /** Samples of what changed since the last emission; new series are 0 one interval earlier. */
  readonly emit: (nowMs: number) => readonly EmittedSample[];
};

const CALLS = "traces_span_metrics_calls_total";
const DURATION = "traces_span_metrics_duration_milliseconds";
const BOUNDS_MS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const;
const NS_PER_MS = 1_000_000;
const MAX_LABEL_LENGTH = 256;

const KINDS: Readonly<Partial<Record<SpanKind, string>>> = {
  server: "SPAN_KIND_SERVER",
  consumer: "SPAN_KIND_CONSUMER",
};
const STATUSES: Readonly<Record<SpanStatus, string>> = {
  unset: "STATUS_CODE_UNSET",
  ok: "STATUS_CODE_OK",
  error: "STATUS_CODE_ERROR",
};

export const newRed = (limits: TallyLimits = TALLY_LIMITS): Red => {
  const tally = newTally(
    { counters: [CALLS], histograms: [{ name: DURATION, bounds: BOUNDS_MS }] },
    limits,
  );
  const observe = (span: Span): void => {
    const kind = KINDS[span.kind];
    if (kind === undefined) return;
    const service = short(span.resource.serviceName);
    const name = short(span.name);
    const route = short(routeOf(span.attributes));
    const channel = channelOf(span);
    const key = [service, name, kind, span.status, route, channel].join("\0");
    const cell = tally.cell(key, () => [
      ...([
        ["service_name", service],
        ["span_name", name],
        ["span_kind", kind],
        ["status_code", STATUSES[span.status]],
        ["http_route", route],
        ["channel", channel],
      ] as const),
    ]);
    tally.count(cell, 0);
    tally.observe(cell, 0, span.durationNs / NS_PER_MS);
  };
  return { observe: (spans) => spans.forEach(observe), emit: tally.emit };
};

const short = (text: string): string =>
  text.slice(0, MAX_LABEL_LENGTH).toWellFormed().replaceAll("\0", "");

/** What was asked for, without what is different in every call; "" if nobody says. */
const routeOf = (attributes: SpanAttributes): string => {
  const route = attributes.get("http.route");
  if (route !== undefined) return route;
  const method = attributes.get("rpc.method") ?? "";
  const service = attributes.get("rpc.service") ?? "";
  return service === "" || method === "" ? method : `${service}/${method}`;
};

const CHANNELS: ReadonlyMap<string, Channel> = new Map([
  ...([
    ["api", "api"],
    ["web", "web"],
    ["browser", "web"],
  ] as const),
  ...([
    ["mobile", "mobile"],
    ["app", "mobile"],
    ["android", "mobile"],
    ["ios", "mobile"],
  ] as const),
]);
/** Said outright, in this order; on the span, or for all of a service on its resource. */
const SAYING = ["novaevo.channel", "channel", "client.type"] as const;
const MOBILE_AGENT = /okhttp|CFNetwork|Dalvik|Dart\/|Alamofire|Expo\/|ReactNative/i;
const BROWSER_AGENT = /^(?:Mozilla|Opera)\//;
const MAX_AGENT_LENGTH = 512;

const channelOf = ({ attributes, resource }: Span): Channel => {
  for (const name of SAYING) {
    const said = attributes.get(name) ?? resource.attributes.get(name);
    const channel = said === undefined ? undefined : CHANNELS.get(said.toLowerCase());
    if (channel !== undefined) return channel;
  }
  const agent = attributes.get("user_agent.original") ?? attributes.get("http.user_agent") ?? "";
  const start = agent.slice(0, MAX_AGENT_LENGTH);
  if (MOBILE_AGENT.test(start)) return "mobile";
  return BROWSER_AGENT.test(start) ? "web" : "api";
};
