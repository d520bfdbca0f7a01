/**
 * OTLP traces from JSON into the same spans as from protobuf.
 *
 * Shape:  ExportTraceServiceRequest in protobuf's JSON with OTLP's exceptions: lowerCamelCase,
 *         trace and span ids as hex, enums as integers, 64-bit integers as numbers or digits.
 * Units:  instants from ns since the epoch to ms and the nanoseconds beyond.
 * Errors: a Problem "bad_request" for what is no JSON, or not of this shape above the spans; what
 *         is wrong with one span rejects that span.
 * Source: OTLP specification, "JSON Protobuf Encoding"; opentelemetry/proto/trace/v1.
 */
import { err, ok, type Result } from "../../../kernel/result.ts";
import type { Bounds } from "../decode/samples.ts";
import { WireFault } from "../decode/wire.ts";
import { anyValueOf } from "./any-value.ts";
import { fieldsOf, instantIn, integerIn, listIn, objectIn } from "./json-body.ts";
import { parseBody, textIn, type Fields } from "./json-body.ts";
import { reject } from "./rejections.ts";
import {
  cutText,
  finishSpans,
  hasRoom,
  keepSpan,
  newDraft,
  newSpanBatch,
  resourceWith,
  SPAN_LIMITS,
  type Draft,
  type SpanBatch,
  type SpanResource,
  type SpanScope,
  type TracesTaken,
} from "./span.ts";

export const decodeTracesJson = (body: Uint8Array, bounds: Bounds): Result<TracesTaken> => {
  const batch = newSpanBatch(bounds);
  try {
    for (const entry of listIn(parseBody(body), "resourceSpans")) {
      takeResourceSpans(batch, fieldsOf(entry, "an entry of resourceSpans"));
    }
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    return err({ code: "bad_request", message: `OTLP traces: ${fault.message}` });
  }
  return ok(finishSpans(batch));
};

const takeResourceSpans = (batch: SpanBatch, fields: Fields): void => {
  const attributes = new Map<string, string>();
  takeAttributes(batch, objectIn(fields, "resource"), attributes, SPAN_LIMITS.maxAttributes);
  const resource = resourceWith(attributes);
  for (const entry of listIn(fields, "scopeSpans")) {
    takeScopeSpans(batch, resource, fieldsOf(entry, "an entry of scopeSpans"));
  }
};

const takeScopeSpans = (batch: SpanBatch, resource: SpanResource, fields: Fields): void => {
  const told = objectIn(fields, "scope");
  const scope = {
    name: cutText(batch, textIn(told, "name"), SPAN_LIMITS.maxNameLength),
    version: cutText(batch, textIn(told, "version"), SPAN_LIMITS.maxNameLength),
  };
  for (const entry of listIn(fields, "spans")) takeSpan(batch, resource, scope, entry);
};

const takeSpan = (
  batch: SpanBatch,
  resource: SpanResource,
  scope: SpanScope,
  entry: unknown,
): void => {
  try {
    const { cut } = batch;
    const draft = draftOf(batch, fieldsOf(entry, "a span"));
    keepSpan(batch, draft, resource, scope, batch.cut - cut);
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    reject(batch.rejections, 1, `a span: ${fault.message}`);
  }
};

const draftOf = (batch: SpanBatch, fields: Fields): Draft => {
  const draft = newDraft();
  draft.traceId = idIn(fields, "traceId");
  draft.spanId = idIn(fields, "spanId");
  draft.parentSpanId = idIn(fields, "parentSpanId");
  draft.traceState = cutText(
    ...([batch, textIn(fields, "traceState"), SPAN_LIMITS.maxTraceStateLength] as const),
  );
  draft.name = cutText(batch, textIn(fields, "name"), SPAN_LIMITS.maxNameLength);
  draft.kind = integerIn(fields, "kind");
  draft.start = instantIn(fields, "startTimeUnixNano");
  draft.end = instantIn(fields, "endTimeUnixNano");
  const status = objectIn(fields, "status");
  draft.status = integerIn(status, "code");
  draft.statusMessage = cutText(batch, textIn(status, "message"), SPAN_LIMITS.maxValueLength);
  for (const count of ["droppedAttributesCount", "droppedEventsCount", "droppedLinksCount"]) {
    draft.dropped += lossIn(fields, count);
  }
  const { maxAttributes } = SPAN_LIMITS;
  draft.dropped += takeAttributes(batch, fields, draft.attributes, maxAttributes);
  for (const event of listIn(fields, "events")) takeEvent(batch, draft, event);
  for (const link of listIn(fields, "links")) takeLink(batch, draft, link);
  return draft;
};

const MAX_UINT32 = 0xffff_ffff;

const lossIn = (fields: Fields, name: string): number =>
  Math.min(Math.max(integerIn(fields, name), 0), MAX_UINT32);

/** Hex in either case; a longer text than any id has stays a wrong one. */
const idIn = (fields: Fields, name: string): string =>
  textIn(fields, name).slice(0, 64).toLowerCase();

/** How many of them are not kept. */
const takeAttributes = (
  batch: SpanBatch,
  fields: Fields,
  into: Map<string, string>,
  max: number,
): number => {
  let dropped = 0;
  for (const entry of listIn(fields, "attributes")) {
    if (into.size >= max || !hasRoom(batch) || !takeAttribute(batch, entry, into)) dropped += 1;
  }
  return dropped;
};

const takeAttribute = (batch: SpanBatch, entry: unknown, into: Map<string, string>): boolean => {
  try {
    const attribute = fieldsOf(entry, "an attribute");
    const key = cutText(batch, textIn(attribute, "key"), SPAN_LIMITS.maxKeyLength);
    const value = cutText(batch, anyValueOf(attribute["value"]), SPAN_LIMITS.maxValueLength);
    if (key === "") return false;
    batch.parts += 1;
    into.set(key, value);
    return true;
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    return false;
  }
};

const takeEvent = (batch: SpanBatch, draft: Draft, entry: unknown): void => {
  if (draft.events.length >= SPAN_LIMITS.maxEvents || !hasRoom(batch)) {
    draft.dropped += 1;
    return;
  }
  batch.parts += 1;
  const fields = fieldsOf(entry, "an event");
  const attributes = new Map<string, string>();
  draft.dropped += lossIn(fields, "droppedAttributesCount");
  draft.dropped += takeAttributes(batch, fields, attributes, SPAN_LIMITS.maxInnerAttributes);
  const time = instantIn(fields, "timeUnixNano");
  const name = cutText(batch, textIn(fields, "name"), SPAN_LIMITS.maxNameLength);
  draft.events.push({ time, name, attributes });
};

const takeLink = (batch: SpanBatch, draft: Draft, entry: unknown): void => {
  if (draft.links.length >= SPAN_LIMITS.maxLinks || !hasRoom(batch)) {
    draft.dropped += 1;
    return;
  }
  batch.parts += 1;
  const fields = fieldsOf(entry, "a link");
  const attributes = new Map<string, string>();
  draft.dropped += lossIn(fields, "droppedAttributesCount");
  draft.dropped += takeAttributes(batch, fields, attributes, SPAN_LIMITS.maxInnerAttributes);
  const traceState = textIn(fields, "traceState");
  draft.links.push({
    traceId: idIn(fields, "traceId"),
    spanId: idIn(fields, "spanId"),
    traceState: cutText(batch, traceState, SPAN_LIMITS.maxTraceStateLength),
    attributes,
  });
};
