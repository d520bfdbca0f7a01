import { describe, expect, test } from "vitest";
import { pairs, text } from "../../../../test/otlp/metrics.ts";
import { request, span, taken } from "../../../../test/otlp/traces.ts";
import type { Json } from "../../../../test/otlp/proto.ts";
import { newRed } from "./red.ts";
import type { Span } from "./span.ts";
import { newTally, TALLY_LIMITS, type EmittedSample } from "./tally.ts";

const NOW = 1_760_000_000_000;
const STEP = TALLY_LIMITS.intervalMs;

const spans = (service: string, ...more: readonly Json[]): readonly Span[] =>
  taken("protobuf", request(more.map(span), service)).spans;
const took = (ms: number): Json => ({
  start_time_unix_nano: `${NOW}000000`,
  end_time_unix_nano: `${NOW + ms}000000`,
});

const lines = (samples: readonly EmittedSample[], of: RegExp): readonly string[] =>
  samples
    .map(({ labels, timeMs, value }) => {
      const shown = labels.map(([name, said]) => `${name}=${said}`).join();
      return `${shown} ${value} @${(timeMs - NOW) / 1000}`;
    })
    .filter((line) => of.test(line));

const labelsOf = (made: Span): Readonly<Record<string, string>> => {
  const red = newRed();
  red.observe([made]);
  const calls = red
    .emit(NOW)
    .find(({ labels }) => labels.some(([, said]) => said.endsWith("calls_total")));
  return Object.fromEntries(calls?.labels ?? []);
};

describe("calls, errors and durations of a service", () => {
  test("are counters by service, name, kind, status, route and channel; first zero, then one", () => {
    const red = newRed();
    const attributes = pairs({ "http.route": text("/a/{id}") });
    red.observe(spans("api", { attributes, ...took(7) }, { attributes, ...took(30) }));
    const emitted = red.emit(NOW);
    const common =
      "channel=api,http_route=/a/{id},service_name=api,span_kind=SPAN_KIND_SERVER," +
      "span_name=GET /a,status_code=STATUS_CODE_UNSET";
    expect(lines(emitted, /calls/)).toEqual([
      `__name__=traces_span_metrics_calls_total,${common} 0 @-15`,
      `__name__=traces_span_metrics_calls_total,${common} 2 @0`,
    ]);
    const buckets = lines(emitted, /_bucket.* @0$/).map((line) => {
      const [, le, count] = /le=([^,]+).* (\d+) @0$/.exec(line) ?? [];
      return `${le}:${count}`;
    });
    expect(buckets).toEqual([
      ...["1:0", "2:0", "5:0", "10:1", "25:1", "50:2", "100:2", "250:2", "500:2"],
      ...["1000:2", "2500:2", "5000:2", "10000:2", "+Inf:2"],
    ]);
    expect(lines(emitted, /duration_milliseconds_sum.* @0$/)[0]).toContain(" 37 @0");
    expect(lines(emitted, /duration_milliseconds_count.* @0$/)[0]).toContain(" 2 @0");
  });

  test("an error is a call of its own status; clients and inner spans do not count", () => {
    const red = newRed();
    red.observe(spans("api", { status: { code: 2 } }, { kind: 3 }, { kind: 1 }, { kind: 5 }));
    const calls = lines(red.emit(NOW), /calls.* 1 @0/);
    expect(calls).toHaveLength(2);
    expect(calls[0]).toContain("SPAN_KIND_SERVER,span_name=GET /a,status_code=STATUS_CODE_ERROR");
    expect(calls[1]).toContain("SPAN_KIND_CONSUMER,span_name=GET /a,status_code=STATUS_CODE_UNSET");
  });

  test.each([
    [{ "novaevo.channel": "Mobile", channel: "web" }, "mobile"],
    [{ channel: "WEB" }, "web"],
    [{ channel: "toaster", "client.type": "ios" }, "mobile"],
    [{ "user_agent.original": "Mozilla/5.0 (X11) Firefox/140.0" }, "web"],
    [{ "http.user_agent": "okhttp/4.12.0" }, "mobile"],
    [{ "user_agent.original": "Shop/3 CFNetwork/1568 Darwin/24" }, "mobile"],
    [{ "user_agent.original": "curl/8.9" }, "api"],
    [{}, "api"],
  ])("a call with %j is of channel %s", (said, channel) => {
    const told = Object.fromEntries(Object.entries(said).map(([key, of]) => [key, text(of)]));
    const [made] = spans("api", { attributes: pairs(told) });
    expect(labelsOf(made!)["channel"]).toBe(channel);
  });

  test("the route of a remote call is its service and method", () => {
    const attributes = pairs({ "rpc.service": text("pay.Pay"), "rpc.method": text("Charge") });
    const [made] = spans("api", { attributes, name: "x".repeat(400) });
    expect(labelsOf(made!)["http_route"]).toBe("pay.Pay/Charge");
    expect(labelsOf(made!)["span_name"]).toBe("x".repeat(256));
  });

  test("over the limit there is one more series, of the overflow", () => {
    const red = newRed({ ...TALLY_LIMITS, maxCells: 3 });
    for (let nth = 0; nth < 10; nth += 1) red.observe(spans("api", { name: `n${nth}` }));
    const calls = lines(red.emit(NOW), /calls.* @0/);
    expect(calls).toHaveLength(4);
    expect(calls[3]).toBe(
      "__name__=traces_span_metrics_calls_total,otel_metric_overflow=true 7 @0",
    );
  });
});

describe("what is emitted", () => {
  const counter = (limits = TALLY_LIMITS) => {
    const tally = newTally({ counters: ["c_total"], histograms: [] }, limits);
    const hit = (key: string) =>
      tally.count(
        tally.cell(key, () => [["k", key]]),
        0,
      );
    const emit = (nth: number) =>
      tally.emit(NOW + nth * STEP).map(({ labels, timeMs, value }) => {
        return `${labels[1]![1]}=${value} @${(timeMs - NOW) / STEP}`;
      });
    return { hit, emit, tally };
  };

  test("is what changed, an idle series again once a minute, with its old value before a change", () => {
    const { hit, emit } = counter();
    hit("a");
    expect(emit(0)).toEqual(["a=0 @-1", "a=1 @0"]);
    hit("a");
    expect(emit(1)).toEqual(["a=2 @1"]);
    expect([emit(2), emit(3), emit(4)]).toEqual([[], [], []]);
    hit("a");
    expect(emit(4.5)).toEqual(["a=2 @3.5", "a=3 @4.5"]);
    expect([emit(5), emit(8.5), emit(9)]).toEqual([[], ["a=3 @8.5"], []]);
  });

  test("an emission a little late makes no sample more", () => {
    const { hit, emit } = counter();
    hit("a");
    emit(0);
    hit("a");
    expect(emit(1.2)).toEqual(["a=2 @1.2"]);
  });

  test("a series idle for an hour is forgotten, and begins again from zero", () => {
    const { hit, emit, tally } = counter();
    hit("a");
    emit(0);
    emit(240);
    expect(tally.size()).toBe(0);
    hit("a");
    expect(emit(241)).toEqual(["a=0 @240", "a=1 @241"]);
  });
});
