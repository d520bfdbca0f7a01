import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LogFault } from "../../../io/log/segment-log.ts";
import { newCatalog } from "../../intake/decode/catalog.ts";
import { decodeRemoteWrite } from "../../intake/decode/remote-write.ts";
import type { Samples } from "../../intake/decode/samples.ts";
import type { Span } from "../../intake/otlp/span.ts";
import type { Content } from "./parts.ts";
import { openSpanRecords, type SpanRecords } from "./span-record.flow.ts";

const OPEN = { notBeforeMs: 0, notAfterMs: 4e12 };
const NOON = 1_700_000_000_000;
const HEAD = { source: "s", format: "otlp-traces", encoding: "identity", atMs: NOON } as const;

const span: Span = {
  ...{ traceId: "a".repeat(32), spanId: "b".repeat(16), parentSpanId: "", traceState: "" },
  ...{ name: "GET /", kind: "server", start: { ms: NOON, nsBeyond: 0 }, durationNs: 5e6 },
  ...{ status: "ok", statusMessage: "", scope: { name: "", version: "" } },
  resource: { serviceName: "shop", attributes: new Map() },
  ...{ attributes: new Map(), events: [], links: [], dropped: 0, cut: 0 },
};

const callsOf = (samples: Samples): number | undefined => {
  let calls: number | undefined;
  for (let nth = 0; nth < samples.count; nth += 1) {
    if (samples.series[nth]!.metric === "traces_span_metrics_calls_total") {
      calls = samples.values[nth]!;
    }
  }
  return calls;
};

type Step = "span" | "write" | "die" | "die while writing" | "full" | "trim";

/** A hub with a log, over several lives; what a rate would add up to in the end. */
const world = (forgets = (records: SpanRecords, index: number) => records.mayForget(index)) => {
  const log: { index: number; content: Content }[] = [];
  let next = 1;
  let nowMs = NOON;
  let trouble: "none" | "dies" | "full" = "none";
  let ended = 0;
  let current = 0;
  const add = (content: Content): number => {
    log.push({ index: next, content });
    next += 1;
    return next - 1;
  };
  const boot = (): SpanRecords => {
    ended += current;
    current = 0;
    const records = openSpanRecords({
      now: () => (nowMs += 5_000),
      append: async (body, spansThrough) => {
        if (trouble === "dies") throw new Error("the process ended");
        if (trouble === "full") throw new LogFault("full", "no room");
        const samples = decodeRemoteWrite(newCatalog(), body, OPEN);
        if (!samples.ok) throw new Error(samples.error.message);
        const head = { ...HEAD, format: "remote-write", spansThrough } as const;
        add({ kind: "samples", head, samples: samples.value });
        current = callsOf(samples.value) ?? current;
      },
    });
    for (const { index, content } of log) records.replayed(index, content);
    records.begin();
    return records;
  };
  let records = boot();
  let sent = 0;
  const take = async (step: Step): Promise<void> => {
    if (step === "span") {
      const content: Content = { kind: "spans", head: HEAD, spans: [span, span] };
      records.taken(add(content), content);
      sent += 2;
    } else if (step === "die") {
      records = boot();
    } else if (step === "trim") {
      while (log[0] !== undefined) {
        const { index, content } = log[0];
        if (content.kind === "spans" && !forgets(records, index)) return;
        log.shift();
      }
    } else {
      trouble = step === "full" ? "full" : step === "die while writing" ? "dies" : "none";
      await records.write().catch(() => undefined);
      trouble = "none";
      if (step === "die while writing") records = boot();
    }
  };
  return {
    take,
    sent: () => sent,
    counted: async (): Promise<number> => {
      await take("write");
      return ended + current;
    },
  };
};

describe("spans are counted once", () => {
  const steps = fc.array(
    fc.constantFrom<Step>("span", "span", "write", "die", "die while writing", "trim"),
    { maxLength: 40 },
  );

  test("law: wherever the process ends, and whatever the log has forgotten", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { take, sent, counted } = world();
        for (const step of all) await take(step);
        expect(await counted()).toBe(sent());
      }),
      { numRuns: 500 },
    );
  });

  test("control: a log that forgets spans before they are written down loses some", async () => {
    const { take, sent, counted } = world(() => true);
    for (const step of ["span", "trim", "die"] as const) await take(step);
    expect(await counted()).toBeLessThan(sent());
  });
});

test("a full log holds nothing up: its spans may leave, the counters go on", async () => {
  const { take, sent, counted } = world();
  for (const step of ["span", "full", "trim", "span", "write"] as const) await take(step);
  expect(await counted()).toBe(sent());
});
