/**
 * What spans say about services: RED metrics and the service graph, counted once each.
 *
 * Shape:  spans are observed by their record's place in the log; `emit` gives the samples of all
 *         that was observed, and the place they reach to. After a start the spans beyond the last
 *         place that was written down are counted anew, from zero: to a rate that is a restart.
 * Units:  ms; places are indexes of the log.
 * Errors: none.
 */
import { newRed } from "../../intake/otlp/red.ts";
import { GRAPH_LIMITS, newServiceGraph } from "../../intake/otlp/service-graph.ts";
import type { Span } from "../../intake/otlp/span.ts";
import { TALLY_LIMITS, type EmittedSample } from "../../intake/otlp/tally.ts";

/** How often what changed is said. */
export const SPAN_METRICS_MS = 5_000;

export type SpanMetrics = {
  readonly observe: (index: number, spans: readonly Span[], nowMs: number) => void;
  readonly emit: (nowMs: number) => {
    readonly through: number;
    readonly samples: readonly EmittedSample[];
  };
  /** Samples of the spans up to here are in the log. */
  readonly settle: (through: number) => void;
  /** Whether the log may forget the spans of this record. */
  readonly isSettled: (index: number) => boolean;
};

export const newSpanMetrics = (): SpanMetrics => {
  const red = newRed({ ...TALLY_LIMITS, intervalMs: SPAN_METRICS_MS });
  const graph = newServiceGraph({ ...GRAPH_LIMITS, intervalMs: SPAN_METRICS_MS });
  let observed = 0;
  let settled = 0;
  return {
    observe: (index, spans, nowMs) => {
      red.observe(spans);
      graph.observe(spans, nowMs);
      observed = Math.max(observed, index);
    },
    emit: (nowMs) => ({
      through: observed,
      samples: [...red.emit(nowMs), ...graph.emit(nowMs)],
    }),
    settle: (through) => {
      settled = Math.max(settled, through);
    },
    isSettled: (index) => index <= settled,
  };
};
