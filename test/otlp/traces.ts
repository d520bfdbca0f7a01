/** Requests of spans in both encodings, and what is taken of them. */
import { decodeTracesJson } from "../../src/watch/intake/otlp/traces-json.ts";
import { decodeTraces } from "../../src/watch/intake/otlp/traces.ts";
import type { Span, TracesTaken } from "../../src/watch/intake/otlp/span.ts";
import { pairs, text, type Way } from "./metrics.ts";
import { encode, jsonOf, type Json } from "./proto.ts";

export const OPEN = { notBeforeMs: 0, notAfterMs: 4e12 };
export const START_MS = 1_760_000_000_123;

export const id = (bytes: number, last: number): Uint8Array => {
  const made = new Uint8Array(bytes);
  made[0] = 0xab;
  made[bytes - 1] = last;
  return made;
};

export const span = (more: Json = {}): Json => ({
  ...{ trace_id: id(16, 1), span_id: id(8, 2), name: "GET /a", kind: 2 },
  ...{ start_time_unix_nano: `${START_MS}456789`, end_time_unix_nano: `${START_MS + 5}456790` },
  ...more,
});

export const request = (spans: readonly Json[], service = "api"): Json => ({
  resource_spans: [
    {
      resource: { attributes: pairs({ "service.name": text(service) }) },
      scope_spans: [{ scope: { name: "lib", version: "1" }, spans }],
    },
  ],
});

export const taken = (way: Way, message: Json, bounds = OPEN): TracesTaken => {
  const result =
    way === "protobuf"
      ? decodeTraces(encode("TracesRequest", message), bounds)
      : decodeTracesJson(jsonOf(message), bounds);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

export const only = (way: Way, more: Json): Span => {
  const [first] = taken(way, request([span(more)])).spans;
  if (first === undefined) throw new Error("the span was not taken");
  return first;
};
