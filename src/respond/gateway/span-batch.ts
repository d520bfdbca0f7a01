/**
 * One SERVER span a request, as OTLP's protobuf: of which the hub makes its rates by route.
 *
 * Shape:  `add` writes a span's bytes at once; what is alike in many (name, route, method, status,
 *         channel, outcome) is encoded once and copied. `take` gives the body of one export.
 * Units:  ms, with fractions, in; ns on the wire.
 * Errors: none; beyond `MAX_BATCH_BYTES` spans are counted as dropped, not kept.
 * Source: opentelemetry/proto/trace/v1/trace.proto; attribute names of the HTTP conventions 1.23.
 */
import { newLru } from "./lru.ts";

export type SpanFacts = {
  readonly trace: string;
  readonly span: string;
  readonly parent: string;
  readonly startMs: number;
  readonly endMs: number;
};
export type SpanKindFacts = {
  readonly method: string;
  readonly route: string;
  readonly service: string;
  readonly channel: string;
  readonly status: number;
  readonly outcome: string;
};

export type SpanBatch = {
  readonly add: (facts: SpanFacts, kind: SpanKindFacts) => void;
  /** undefined: nothing was added. */
  readonly take: () => { readonly body: Uint8Array; readonly spans: number } | undefined;
  readonly spans: () => number;
  readonly dropped: () => number;
};

export const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const FIRST_BYTES = 64 * 1024;
const MAX_KINDS = 2_000;
const KIND_SERVER = 2;
const STATUS_ERROR = 2;
const ID_BYTES = 8;
const TRACE_BYTES = 16;
const WORD = 2 ** 32;
const NS_PER_US = 1_000;
const utf8 = new TextEncoder();

export const newSpanBatch = (
  resource: Readonly<Record<string, string>>,
  maxBytes: number = MAX_BATCH_BYTES,
): SpanBatch => {
  const kinds = newLru<string, Uint8Array>(MAX_KINDS);
  const head = resourceBytes(resource);
  let bytes = new Uint8Array(FIRST_BYTES);
  let end = 0;
  let spans = 0;
  let dropped = 0;

  const room = (wanted: number): boolean => {
    if (end + wanted <= bytes.length) return true;
    if (end + wanted > maxBytes) return false;
    const larger = new Uint8Array(Math.min(maxBytes, Math.max(end + wanted, bytes.length * 2)));
    larger.set(bytes.subarray(0, end));
    bytes = larger;
    return true;
  };
  const kindOf = (kind: SpanKindFacts): Uint8Array => {
    const { method, route, channel, status, outcome } = kind;
    const key = `${method} ${route} ${channel} ${status} ${outcome}`;
    const known = kinds.get(key);
    if (known !== undefined) return known;
    const made = kindBytes(kind);
    kinds.set(key, made);
    return made;
  };
  const hex = (text: string, tag: number, length: number): void => {
    bytes[end] = tag;
    bytes[end + 1] = length;
    end += 2;
    for (let at = 0; at < length; at += 1)
      bytes[end + at] = (nibble(text, at * 2) << 4) | nibble(text, at * 2 + 1);
    end += length;
  };
  const time = (tag: number, ms: number): void => {
    bytes[end] = tag;
    const us = Math.round(ms * 1_000);
    const low = (us % WORD) * NS_PER_US;
    word(bytes, end + 1, low % WORD);
    word(bytes, end + 5, Math.floor(us / WORD) * NS_PER_US + Math.floor(low / WORD));
    end += 9;
  };

  return {
    spans: () => spans,
    dropped: () => dropped,
    add: (facts, kind) => {
      const shared = kindOf(kind);
      const hasParent = facts.parent !== "";
      const ids = 2 + TRACE_BYTES + (2 + ID_BYTES) * (hasParent ? 2 : 1);
      const length = ids + 18 + shared.length;
      if (!room(length + 6)) {
        dropped += 1;
        return;
      }
      bytes[end] = tagOf(2, 2);
      end = varint(bytes, end + 1, length);
      hex(facts.trace, tagOf(1, 2), TRACE_BYTES);
      hex(facts.span, tagOf(2, 2), ID_BYTES);
      if (hasParent) hex(facts.parent, tagOf(4, 2), ID_BYTES);
      time(tagOf(7, 1), facts.startMs);
      time(tagOf(8, 1), facts.endMs);
      bytes.set(shared, end);
      end += shared.length;
      spans += 1;
    },
    take: () => {
      if (spans === 0) return undefined;
      const scope = message(1, text(1, "novaevo.gateway"));
      const scoped = concat([scope, bytes.subarray(0, end)]);
      const body = message(1, concat([head, message(2, scoped)]));
      const taken = { body, spans };
      end = 0;
      spans = 0;
      return taken;
    },
  };
};

const resourceBytes = (resource: Readonly<Record<string, string>>): Uint8Array =>
  message(1, concat(Object.entries(resource).map(([key, value]) => attribute(1, key, value))));

/** Everything of a span but its ids and times. */
const kindBytes = (kind: SpanKindFacts): Uint8Array => {
  const { method, route, service, channel, status, outcome } = kind;
  return concat([
    text(5, `${method} ${route}`),
    Uint8Array.of(tagOf(6, 0), KIND_SERVER),
    attribute(9, "http.request.method", method),
    attribute(9, "http.route", route),
    attribute(9, "http.response.status_code", status),
    attribute(9, "novaevo.channel", channel),
    attribute(9, "novaevo.service", service),
    attribute(9, "novaevo.outcome", outcome),
    status >= 500 ? message(15, Uint8Array.of(tagOf(3, 0), STATUS_ERROR)) : new Uint8Array(0),
  ]);
};

const attribute = (field: number, key: string, value: string | number): Uint8Array => {
  const said = typeof value === "string" ? text(1, value) : whole(3, value);
  return message(field, concat([text(1, key), message(2, said)]));
};
const text = (field: number, value: string): Uint8Array => message(field, utf8.encode(value));
const whole = (field: number, value: number): Uint8Array => {
  const into = new Uint8Array(11);
  into[0] = tagOf(field, 0);
  return into.slice(0, varint(into, 1, value));
};
const message = (field: number, body: Uint8Array): Uint8Array => {
  const into = new Uint8Array(6 + body.length);
  into[0] = tagOf(field, 2);
  const at = varint(into, 1, body.length);
  into.set(body, at);
  return into.subarray(0, at + body.length);
};
const concat = (parts: readonly Uint8Array[]): Uint8Array => {
  const into = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    into.set(part, at);
    at += part.length;
  }
  return into;
};
/** Of fields up to 15: one byte. */
const tagOf = (field: number, wire: number): number => (field << 3) | wire;
const varint = (into: Uint8Array, from: number, value: number): number => {
  let at = from;
  let left = value;
  while (left > 0x7f) {
    into[at] = (left & 0x7f) | 0x80;
    left = Math.floor(left / 128);
    at += 1;
  }
  into[at] = left;
  return at + 1;
};
const word = (into: Uint8Array, at: number, value: number): void => {
  into[at] = value & 0xff;
  into[at + 1] = (value >>> 8) & 0xff;
  into[at + 2] = (value >>> 16) & 0xff;
  into[at + 3] = (value >>> 24) & 0xff;
};
/** Of a lower-case hexadecimal digit. */
const nibble = (digits: string, at: number): number => {
  const code = digits.charCodeAt(at);
  return code < 58 ? code - 48 : code - 87;
};
