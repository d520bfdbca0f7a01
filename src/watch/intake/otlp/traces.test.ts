import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BOTH, pairs, text } from "../../../../test/otlp/metrics.ts";
import { traceBodies } from "../../../../test/otlp/official.ts";
import type { Json } from "../../../../test/otlp/proto.ts";
import { id, only, OPEN, request, span, START_MS, taken } from "../../../../test/otlp/traces.ts";
import { SPAN_LIMITS, type Span } from "./span.ts";
import { decodeTracesJson } from "./traces-json.ts";
import { decodeTraces } from "./traces.ts";

test("protobuf and JSON of OpenTelemetry's own exporters give the spans the SDK made", async () => {
  const exporter = new InMemorySpanExporter();
  const resource = resourceFromAttributes({ "service.name": "shop", "host.name": "h1" });
  const spanProcessors = [new SimpleSpanProcessor({ exporter })];
  const provider = new TracerProvider({ resource, spanProcessors });
  const tracer = provider.getTracer("lib", "2");
  const links = [{ context: { traceId: "ab".repeat(16), spanId: "cd".repeat(8), traceFlags: 1 } }];
  const parent = tracer.startSpan("GET /pay", { kind: SpanKind.SERVER, links });
  const inner = trace.setSpan(context.active(), parent);
  const child = tracer.startSpan("SELECT", { kind: SpanKind.CLIENT }, inner);
  child.setAttributes({ "db.system": "postgresql", rows: 3, ok: true, tags: ["a", "b"] });
  child.addEvent("retry", { nth: 2 });
  child.setStatus({ code: SpanStatusCode.ERROR, message: "deadlock" });
  child.end();
  parent.end();
  await provider.forceFlush();
  const made = exporter.getFinishedSpans();
  const bodies = await traceBodies(made);
  const proto = decodeTraces(bodies.proto, OPEN);
  const json = decodeTracesJson(bodies.json, OPEN);
  if (!proto.ok || !json.ok) throw new Error("a body was refused");
  expect(json.value).toEqual(proto.value);
  const nsOf = ([seconds, ns]: readonly [number, number]) =>
    BigInt(seconds) * 10n ** 9n + BigInt(ns);
  const { spans } = proto.value;
  const startNs = ({ start }: Span) => BigInt(start.ms) * 1_000_000n + BigInt(start.nsBeyond);
  expect(spans.map((span) => [startNs(span), startNs(span) + BigInt(span.durationNs)])).toEqual(
    made.map(({ startTime, endTime }) => [nsOf(startTime), nsOf(endTime)]),
  );
  const [select, pay] = spans;
  expect(select).toMatchObject({
    ...{ name: "SELECT", kind: "client", status: "error", statusMessage: "deadlock" },
    ...{ traceId: made[0]!.spanContext().traceId, spanId: made[0]!.spanContext().spanId },
    parentSpanId: made[1]!.spanContext().spanId,
    scope: { name: "lib", version: "2" },
    resource: { serviceName: "shop" },
    attributes: new Map([
      ["db.system", "postgresql"],
      ["rows", "3"],
      ["ok", "true"],
      ["tags", '["a","b"]'],
    ]),
    events: [{ name: "retry", attributes: new Map([["nth", "2"]]) }],
    ...{ dropped: 0, cut: 0 },
  });
  expect(pay).toMatchObject({
    ...{ name: "GET /pay", kind: "server", status: "unset", parentSpanId: "" },
    links: [{ traceId: "ab".repeat(16), spanId: "cd".repeat(8) }],
  });
});

describe.each(BOTH)("from %s", (way) => {
  test("instants and durations are exact to the nanosecond", () => {
    const { start, durationNs } = only(way, {});
    expect([start, durationNs]).toEqual([{ ms: START_MS, nsBeyond: 456_789 }, 5_000_001]);
  });

  test("an end before its start is no negative duration", () => {
    expect(only(way, { end_time_unix_nano: "0" }).durationNs).toBe(0);
  });

  test("a later attribute of a name replaces the earlier one", () => {
    const attributes = [...pairs({ a: text("1") }), ...pairs({ a: text("2") })];
    expect(only(way, { attributes }).attributes).toEqual(new Map([["a", "2"]]));
  });

  test.each([
    ["no trace id", { trace_id: new Uint8Array() }, /trace id is not 16 bytes/],
    ["a trace id of zeros", { trace_id: new Uint8Array(16) }, /trace id is not 16 bytes/],
    ["a trace id of 17 bytes", { trace_id: id(17, 1) }, /trace id is not 16 bytes/],
    ["a span id of 7 bytes", { span_id: id(7, 1) }, /span id is not 8 bytes/],
    ["a parent's id of 3 bytes", { parent_span_id: id(3, 1) }, /parent's id/],
    ["the year 2500", { start_time_unix_nano: "16725225600000000000" }, /year 2200/],
    ["an end in the year 2500", { end_time_unix_nano: "16725225600000000000" }, /year 2200/],
    ["a start ahead of the clock", { start_time_unix_nano: "4000000000001000000" }, /ahead/],
  ])("%s: that span is rejected, its neighbours are taken", (_title, more, why) => {
    const { spans, rejected } = taken(way, request([span(), span(more), span()]));
    expect([spans.length, rejected.count]).toEqual([2, 1]);
    expect(rejected.messages.join()).toMatch(why);
    expect(rejected.messages.join()).toContain("span GET /a: ");
  });

  test("a parent's id of zeros is a root, a service without a name is unknown", () => {
    const [root] = taken(way, request([span({ parent_span_id: new Uint8Array(8) })], "")).spans;
    expect([root?.parentSpanId, root?.resource.serviceName]).toEqual(["", "unknown_service"]);
  });

  test("attributes, events and links over their limits are dropped and counted", () => {
    const many = (of: number) =>
      Array.from({ length: of }, (_, n) => ({ key: `k${n}`, value: text("v") }));
    const event = { name: "e", attributes: many(33) };
    const kept = only(way, {
      attributes: many(200),
      events: Array.from({ length: 130 }, () => event),
      links: Array.from({ length: 129 }, () => ({ trace_id: id(16, 1), span_id: id(8, 1) })),
      ...{ dropped_attributes_count: 1, dropped_events_count: 2, dropped_links_count: 3 },
    });
    expect([kept.attributes.size, kept.events.length, kept.links.length]).toEqual([128, 128, 128]);
    expect(kept.events[0]!.attributes.size).toBe(32);
    expect(kept.dropped).toBe(72 + 2 + 1 + 128 + 6);
  });

  test("texts over their limits are cut at a whole character, and counted", () => {
    const { maxValueLength, maxNameLength } = SPAN_LIMITS;
    const value = text("x".repeat(maxValueLength - 1) + "😀".repeat(9));
    const kept = only(way, {
      name: "é".repeat(maxNameLength + 1),
      attributes: pairs({ long: value, fit: text("x".repeat(maxValueLength)) }),
      status: { message: "m".repeat(1 << 20), code: 2 },
    });
    expect(kept.name).toBe("é".repeat(maxNameLength));
    expect(kept.attributes.get("long")).toBe("x".repeat(maxValueLength - 1));
    expect(kept.attributes.get("fit")).toHaveLength(maxValueLength);
    expect([kept.statusMessage.length, kept.cut]).toEqual([maxValueLength, 3]);
  });

  test("a value nested too deep is dropped and counted, the rest is kept", () => {
    let deep: Json = text("x");
    for (let level = 0; level < 9; level += 1) deep = { array_value: { values: [deep] } };
    const kept = only(way, { attributes: pairs({ deep, shallow: text("y") }) });
    expect([[...kept.attributes.keys()], kept.dropped]).toEqual([["shallow"], 1]);
  });
});

test("law: both encodings give the same spans", () => {
  const word = fc.string({ unit: "grapheme", maxLength: 9 }).filter((word) => word.isWellFormed());
  const value = fc.oneof(
    word.map(text),
    fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map((n): Json => ({ int_value: String(n) })),
    fc.double().map((double_value): Json => ({ double_value })),
    fc.uint8Array({ maxLength: 5 }).map((bytes_value): Json => ({ bytes_value })),
    fc.array(word.map(text)).map((values): Json => ({ array_value: { values } })),
  );
  const attributes = fc.array(fc.record({ key: word, value }), { maxLength: 4 });
  const nanos = fc.bigInt(0n, 4_100_000_000_000_000_000n).map(String);
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const ids = { trace_id: bytes(16), span_id: bytes(8) };
  const event = fc.record({ time_unix_nano: nanos, name: word, attributes });
  const arbitrary = fc.record(
    {
      ...{ ...ids, name: word, kind: fc.nat(7), attributes, trace_state: word },
      ...{ start_time_unix_nano: nanos, end_time_unix_nano: nanos },
      parent_span_id: fc.oneof(bytes(8), bytes(0)),
      events: fc.array(event, { maxLength: 2 }),
      links: fc.array(fc.record({ ...ids, trace_state: word, attributes }), { maxLength: 2 }),
      status: fc.record({ message: word, code: fc.nat(3) }),
    },
    { requiredKeys: ["trace_id", "span_id"] },
  );
  let spans = 0;
  fc.assert(
    fc.property(fc.array(arbitrary, { maxLength: 4 }), word, (sent, service) => {
      const proto = taken("protobuf", request(sent, service));
      expect(taken("JSON", request(sent, service))).toEqual(proto);
      expect(proto.spans.length + proto.rejected.count).toBe(sent.length);
      spans += proto.spans.length;
    }),
    { numRuns: 400 },
  );
  expect(spans).toBeGreaterThan(400);
});
