/**
 * OTLP traces, decoded by hand from protobuf.
 *
 * Shape:  ExportTraceServiceRequest { 1: ResourceSpans { 1: resource, 2: ScopeSpans { 1: scope,
 *         2: Span } } } → spans in the order sent.
 * Units:  instants from ns since the epoch to ms and the nanoseconds beyond, without a BigInt.
 * Errors: a Problem "bad_request" for what is no protobuf; nothing of the body is then taken. What
 *         is wrong with one span rejects that span; text that is not UTF-8 is repaired, a value
 *         too deep or too large is dropped and counted.
 * Source: opentelemetry/proto/trace/v1/trace.proto, collector/trace/v1; OTLP 1.
 */
import { err, ok, type Result } from "../../../kernel/result.ts";
import type { Bounds } from "../decode/samples.ts";
import {
  FIXED64,
  LENGTH_DELIMITED,
  newReader,
  readInt64,
  readLength,
  readTag,
  skipField,
  VARINT,
  WireFault,
  type Reader,
} from "../decode/wire.ts";
import { readAnyValue, type TextReader } from "./any-value.ts";
import { MAX_SHORT_BYTES, newShortTexts, shortText, type ShortTexts } from "./short-text.ts";
import { msOf, nsBeyondMs, stepFixed64, tagOf } from "./fields.ts";
import {
  cutText,
  EPOCH,
  finishSpans,
  hasRoom,
  keepSpan,
  newDraft,
  newSpanBatch,
  resourceWith,
  SPAN_LIMITS,
  type Draft,
  type Instant,
  type SpanBatch,
  type SpanResource,
  type SpanScope,
  type TracesTaken,
} from "./span.ts";

type Reading = {
  readonly batch: SpanBatch;
  readonly texts: ShortTexts;
  readonly readValueText: TextReader;
};

const text = (field: number): number => tagOf(field, LENGTH_DELIMITED);

export const decodeTraces = (body: Uint8Array, bounds: Bounds): Result<TracesTaken> => {
  const batch = newSpanBatch(bounds);
  const texts = newShortTexts();
  const readValueText: TextReader = (reader, end) =>
    readCut(reading, reader, end, SPAN_LIMITS.maxValueLength);
  const reading = { batch, texts, readValueText };
  const reader = newReader(body);
  try {
    while (reader.at < body.length) {
      const tag = readTag(reader, body.length);
      if (tag === text(1)) readResourceSpans(reading, reader, readLength(reader, body.length));
      else skipField(reader, tag, body.length);
    }
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    return err({ code: "bad_request", message: `OTLP traces: ${fault.message}` });
  }
  return ok(finishSpans(batch));
};

const again = ({ bytes, view, at }: Reader): Reader => ({ bytes, view, at });

const readResourceSpans = (reading: Reading, reader: Reader, end: number): void => {
  const resource = readResource(reading, again(reader), end);
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === text(2)) readScopeSpans(reading, resource, reader, readLength(reader, end));
    else skipField(reader, tag, end);
  }
};

const readResource = (reading: Reading, reader: Reader, end: number): SpanResource => {
  const attributes = new Map<string, string>();
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag !== text(1)) {
      skipField(reader, tag, end);
      continue;
    }
    const resourceEnd = readLength(reader, end);
    while (reader.at < resourceEnd) {
      const field = readTag(reader, resourceEnd);
      if (field === text(1)) {
        const attributeEnd = readLength(reader, resourceEnd);
        readAttribute(reading, reader, attributeEnd, attributes, SPAN_LIMITS.maxAttributes);
      } else skipField(reader, field, resourceEnd);
    }
  }
  return resourceWith(attributes);
};

const readScopeSpans = (
  reading: Reading,
  resource: SpanResource,
  reader: Reader,
  end: number,
): void => {
  const scope = readScope(reading, again(reader), end);
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === text(2)) {
      const { batch } = reading;
      const { cut } = batch;
      const draft = readSpan(reading, reader, readLength(reader, end));
      keepSpan(batch, draft, resource, scope, batch.cut - cut);
    } else skipField(reader, tag, end);
  }
};

const readScope = (reading: Reading, reader: Reader, end: number): SpanScope => {
  const scope = { name: "", version: "" };
  const { maxNameLength } = SPAN_LIMITS;
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag !== text(1)) {
      skipField(reader, tag, end);
      continue;
    }
    const scopeEnd = readLength(reader, end);
    while (reader.at < scopeEnd) {
      const field = readTag(reader, scopeEnd);
      if (field === text(1)) scope.name = readField(reading, reader, scopeEnd, maxNameLength);
      else if (field === text(2))
        scope.version = readField(reading, reader, scopeEnd, maxNameLength);
      else skipField(reader, field, scopeEnd);
    }
  }
  return scope;
};

const readSpan = (reading: Reading, reader: Reader, end: number): Draft => {
  const draft = newDraft();
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === text(9)) {
      const attributeEnd = readLength(reader, end);
      draft.dropped += Number(
        !readAttribute(reading, reader, attributeEnd, draft.attributes, SPAN_LIMITS.maxAttributes),
      );
    } else if (tag === text(1)) draft.traceId = readId(reader, end);
    else if (tag === text(2)) draft.spanId = readId(reader, end);
    else if (tag === text(4)) draft.parentSpanId = readId(reader, end);
    else if (tag === text(5))
      draft.name = readField(reading, reader, end, SPAN_LIMITS.maxNameLength);
    else if (tag === tagOf(6, VARINT)) draft.kind = readInt64(reader, end);
    else if (tag === tagOf(7, FIXED64)) draft.start = readInstant(reader, end);
    else if (tag === tagOf(8, FIXED64)) draft.end = readInstant(reader, end);
    else if (tag === text(11)) readEvent(reading, reader, readLength(reader, end), draft);
    else if (tag === text(13)) readLink(reading, reader, readLength(reader, end), draft);
    else if (tag === text(15)) readStatus(reading, reader, readLength(reader, end), draft);
    else if (tag === text(3)) {
      draft.traceState = readField(reading, reader, end, SPAN_LIMITS.maxTraceStateLength);
    } else if (isDroppedCount(tag)) draft.dropped += lossOf(readInt64(reader, end));
    else skipField(reader, tag, end);
  }
  return draft;
};

/** How many attributes, events, links the sender itself left out. */
const isDroppedCount = (tag: number): boolean =>
  tag === tagOf(10, VARINT) || tag === tagOf(12, VARINT) || tag === tagOf(14, VARINT);

const MAX_UINT32 = 0xffff_ffff;

const lossOf = (count: number): number => Math.min(Math.max(count, 0), MAX_UINT32);

/** One KeyValue into the map; false if it is not kept. */
const readAttribute = (
  reading: Reading,
  reader: Reader,
  end: number,
  into: Map<string, string>,
  max: number,
): boolean => {
  const { batch, readValueText } = reading;
  if (into.size >= max || !hasRoom(batch)) {
    reader.at = end;
    return false;
  }
  let key = "";
  let value = "";
  try {
    while (reader.at < end) {
      const tag = readTag(reader, end);
      if (tag === text(1)) key = readField(reading, reader, end, SPAN_LIMITS.maxKeyLength);
      else if (tag === text(2)) {
        value = readAnyValue(reader, readLength(reader, end), readValueText);
      } else skipField(reader, tag, end);
    }
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    reader.at = end;
    return false;
  }
  if (key === "") return false;
  batch.parts += 1;
  into.set(key, cutText(batch, value, SPAN_LIMITS.maxValueLength));
  return true;
};

const readEvent = (reading: Reading, reader: Reader, end: number, draft: Draft): void => {
  const { batch } = reading;
  if (draft.events.length >= SPAN_LIMITS.maxEvents || !hasRoom(batch)) {
    draft.dropped += 1;
    reader.at = end;
    return;
  }
  batch.parts += 1;
  let time = EPOCH;
  let name = "";
  const attributes = new Map<string, string>();
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === tagOf(1, FIXED64)) time = readInstant(reader, end);
    else if (tag === text(2)) name = readField(reading, reader, end, SPAN_LIMITS.maxNameLength);
    else if (tag === text(3)) readInner(reading, reader, end, attributes, draft);
    else if (tag === tagOf(4, VARINT)) draft.dropped += lossOf(readInt64(reader, end));
    else skipField(reader, tag, end);
  }
  draft.events.push({ time, name, attributes });
};

const readInner = (
  reading: Reading,
  reader: Reader,
  end: number,
  into: Map<string, string>,
  draft: Draft,
): void => {
  const { maxInnerAttributes } = SPAN_LIMITS;
  const attributeEnd = readLength(reader, end);
  if (!readAttribute(reading, reader, attributeEnd, into, maxInnerAttributes)) draft.dropped += 1;
};

const readLink = (reading: Reading, reader: Reader, end: number, draft: Draft): void => {
  const { batch } = reading;
  if (draft.links.length >= SPAN_LIMITS.maxLinks || !hasRoom(batch)) {
    draft.dropped += 1;
    reader.at = end;
    return;
  }
  batch.parts += 1;
  const link = { traceId: "", spanId: "", traceState: "", attributes: new Map<string, string>() };
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === text(1)) link.traceId = readId(reader, end);
    else if (tag === text(2)) link.spanId = readId(reader, end);
    else if (tag === text(3)) {
      link.traceState = readField(reading, reader, end, SPAN_LIMITS.maxTraceStateLength);
    } else if (tag === text(4)) readInner(reading, reader, end, link.attributes, draft);
    else if (tag === tagOf(5, VARINT)) draft.dropped += lossOf(readInt64(reader, end));
    else skipField(reader, tag, end);
  }
  draft.links.push(link);
};

const readStatus = (reading: Reading, reader: Reader, end: number, draft: Draft): void => {
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === tagOf(3, VARINT)) draft.status = readInt64(reader, end);
    else if (tag === text(2)) {
      draft.statusMessage = readField(reading, reader, end, SPAN_LIMITS.maxValueLength);
    } else skipField(reader, tag, end);
  }
};

const readInstant = (reader: Reader, end: number): Instant => {
  const at = stepFixed64(reader, end);
  const low = reader.view.getUint32(at, true);
  const high = reader.view.getUint32(at + 4, true);
  return { ms: msOf(high, low), nsBeyond: nsBeyondMs(high, low) };
};

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const MAX_ID_BYTES = 16;

/** An id as hex; one that is too long as more hex than any has. */
const readId = (reader: Reader, end: number): string => {
  const to = readLength(reader, end);
  let id = "";
  const last = Math.min(to, reader.at + MAX_ID_BYTES + 1);
  for (let at = reader.at; at < last; at += 1) id += HEX[reader.bytes[at]!]!;
  reader.at = to;
  return id;
};

const readField = (reading: Reading, reader: Reader, end: number, maxLength: number): string =>
  readCut(reading, reader, readLength(reader, end), maxLength);

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const MAX_UTF8_BYTES = 4;

/** Text up to `end`; of a long one only what can be kept is decoded. */
const readCut = (
  { batch, texts }: Reading,
  reader: Reader,
  end: number,
  maxLength: number,
): string => {
  const { bytes, at } = reader;
  const length = end - at;
  reader.at = end;
  if (length <= MAX_SHORT_BYTES) return shortText(texts, bytes, at, length);
  const enough = Math.min(end, at + MAX_UTF8_BYTES * (maxLength + 1));
  return cutText(batch, utf8.decode(bytes.subarray(at, enough)), maxLength);
};
