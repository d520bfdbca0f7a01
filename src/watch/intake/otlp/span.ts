/**
 * A span as it is kept, whichever encoding it came in, and what it may hold at most.
 *
 * Shape:  ids as lower-case hex, attributes as text by key, the resource and the scope shared by
 *         the spans that were sent with them. What is over a limit is dropped or cut, and counted.
 * Units:  an instant in whole ms since the epoch and the nanoseconds beyond; a duration in ns.
 * Errors: none thrown; a span without ids or time is rejected alone, with the reason.
 * Source: OpenTelemetry specification, trace API and SDK (span limits); W3C trace context.
 */
import { MAX_TIME_MS, type Bounds } from "../decode/samples.ts";
import { newRejections, reject, type Rejected, type Rejections } from "./rejections.ts";

export type SpanKind = "unspecified" | "internal" | "server" | "client" | "producer" | "consumer";
export type SpanStatus = "unset" | "ok" | "error";
export type SpanAttributes = ReadonlyMap<string, string>;
export type Instant = { readonly ms: number; readonly nsBeyond: number };

export type SpanEvent = {
  readonly time: Instant;
  readonly name: string;
  readonly attributes: SpanAttributes;
};
export type SpanLink = {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly attributes: SpanAttributes;
};
export type SpanResource = {
  /** `service.name`, or "unknown_service" as the specification has it. */
  readonly serviceName: string;
  readonly attributes: SpanAttributes;
};
export type SpanScope = { readonly name: string; readonly version: string };

export type Span = {
  readonly traceId: string;
  readonly spanId: string;
  /** "" for a root. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: SpanKind;
  readonly start: Instant;
  readonly durationNs: number;
  readonly status: SpanStatus;
  readonly statusMessage: string;
  readonly resource: SpanResource;
  readonly scope: SpanScope;
  readonly attributes: SpanAttributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  /** Attributes, events and links that are not here, the sender's own losses included. */
  readonly dropped: number;
  /** Texts that were cut. */
  readonly cut: number;
};

export type TracesTaken = { readonly spans: readonly Span[]; readonly rejected: Rejected };

export const SPAN_LIMITS = {
  maxAttributes: 128,
  maxEvents: 128,
  maxLinks: 128,
  maxInnerAttributes: 32,
  maxKeyLength: 256,
  maxValueLength: 4_096,
  maxNameLength: 512,
  maxTraceStateLength: 512,
  /** Of one body. */
  maxSpans: 50_000,
  /** Attributes, events and links of one body: each costs many times its few bytes. */
  maxParts: 500_000,
} as const;

export type SpanBatch = {
  readonly bounds: Bounds;
  readonly spans: Span[];
  readonly rejections: Rejections;
  parts: number;
  cut: number;
};

export const newSpanBatch = (bounds: Bounds): SpanBatch => ({
  bounds,
  spans: [],
  rejections: newRejections(),
  parts: 0,
  cut: 0,
});

export const finishSpans = ({ spans, rejections }: SpanBatch): TracesTaken => ({
  spans,
  rejected: { count: rejections.count, messages: rejections.messages },
});

const KINDS: readonly SpanKind[] = [
  ...(["unspecified", "internal", "server", "client", "producer", "consumer"] as const),
];
const STATUSES: readonly SpanStatus[] = ["unset", "ok", "error"];

/** A span while it is read. */
export type Draft = {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  traceState: string;
  name: string;
  kind: number;
  start: Instant;
  end: Instant;
  status: number;
  statusMessage: string;
  readonly attributes: Map<string, string>;
  readonly events: SpanEvent[];
  readonly links: SpanLink[];
  dropped: number;
};

export const EPOCH: Instant = { ms: 0, nsBeyond: 0 };

export const newDraft = (): Draft => ({
  ...{ traceId: "", spanId: "", parentSpanId: "", traceState: "", name: "", kind: 0 },
  ...{ start: EPOCH, end: EPOCH, status: 0, statusMessage: "" },
  ...{ attributes: new Map(), events: [], links: [], dropped: 0 },
});

const NS_PER_MS = 1_000_000;

export const keepSpan = (
  batch: SpanBatch,
  draft: Draft,
  resource: SpanResource,
  scope: SpanScope,
  cut: number,
): void => {
  const why = wrongWith(batch, draft);
  if (why !== "") return reject(batch.rejections, 1, `span ${shown(draft)}: ${why}`);
  const { start, end } = draft;
  // A clock that was set back makes no negative duration.
  const ns = (end.ms - start.ms) * NS_PER_MS + end.nsBeyond - start.nsBeyond;
  batch.spans.push({
    ...{ traceId: draft.traceId, spanId: draft.spanId, parentSpanId: draft.parentSpanId },
    ...{ traceState: draft.traceState, name: draft.name, start, durationNs: Math.max(ns, 0) },
    kind: KINDS[draft.kind] ?? "unspecified",
    status: STATUSES[draft.status] ?? "unset",
    ...{ statusMessage: draft.statusMessage, resource, scope, attributes: draft.attributes },
    ...{ events: draft.events, links: draft.links, dropped: draft.dropped, cut },
  });
};

const shown = ({ name, spanId }: Draft): string => name.slice(0, 64) || spanId || "without a name";

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;
const NO_PARENT = /^0{16}$/;

const wrongWith = (batch: SpanBatch, draft: Draft): string => {
  const { notBeforeMs, notAfterMs } = batch.bounds;
  const { ms } = draft.start;
  if (!TRACE_ID.test(draft.traceId)) return "its trace id is not 16 bytes, one of them not zero";
  if (!SPAN_ID.test(draft.spanId)) return "its span id is not 8 bytes, one of them not zero";
  if (NO_PARENT.test(draft.parentSpanId)) draft.parentSpanId = "";
  if (draft.parentSpanId !== "" && !SPAN_ID.test(draft.parentSpanId)) {
    return "its parent's id is not 8 bytes";
  }
  if (ms > MAX_TIME_MS || draft.end.ms > MAX_TIME_MS) return "its time is beyond the year 2200";
  if (ms > notAfterMs) return "its start is too far ahead of this hub's clock";
  if (ms < notBeforeMs) return "its start is older than the retention";
  if (batch.spans.length < SPAN_LIMITS.maxSpans) return "";
  return `over ${SPAN_LIMITS.maxSpans} spans in one body; send smaller batches`;
};

/** Has the body room for one more attribute, event or link? */
export const hasRoom = (batch: SpanBatch): boolean => batch.parts < SPAN_LIMITS.maxParts;

/** Text of at most so many characters, never half of one. */
export const cutText = (batch: SpanBatch, text: string, maxLength: number): string => {
  if (text.length <= maxLength) return text;
  batch.cut += 1;
  const code = text.charCodeAt(maxLength - 1);
  const isHalf = code >= 0xd800 && code < 0xdc00;
  return text.slice(0, isHalf ? maxLength - 1 : maxLength);
};

const UNKNOWN_SERVICE = "unknown_service";

export const resourceWith = (attributes: SpanAttributes): SpanResource => ({
  serviceName: attributes.get("service.name") || UNKNOWN_SERVICE,
  attributes,
});
