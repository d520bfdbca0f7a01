/**
 * The metrics of spans as records of the log: what a crash leaves is counted again, never twice.
 *
 * Shape:  `replayed` for each record of the log at a start, then `begin`; `taken` for each new one;
 *         `write` puts what changed into the log as samples, with the place they reach to.
 * Units:  ms since the epoch.
 * Errors: a log that is full is no fault: the counters go on, and are written when there is room;
 *         until then spans may leave the log unsettled.
 */
import { LogFault } from "../../../io/log/segment-log.ts";
import type { Labels } from "../../collect/series.ts";
import { seriesOf, type Series } from "../../collect/series.ts";
import { encodeWriteRequest } from "../../collect/remote-write.ts";
import type { Span } from "../../intake/otlp/span.ts";
import type { Content } from "./parts.ts";
import { newSpanMetrics } from "./span-metrics.ts";

export type SpanRecords = {
  readonly replayed: (index: number, content: Content) => void;
  readonly begin: () => void;
  readonly taken: (index: number, content: Content) => void;
  readonly write: () => Promise<void>;
  readonly mayForget: (index: number) => boolean;
};

export type SpanRecordDeps = {
  readonly now: () => number;
  /** Keeps samples with the place they reach to. */
  readonly append: (body: Uint8Array, through: number) => Promise<void>;
};

export const openSpanRecords = ({ now, append }: SpanRecordDeps): SpanRecords => {
  const metrics = newSpanMetrics();
  const series = new WeakMap<Labels, Series>();
  const unwritten = new Map<number, readonly Span[]>();
  let isFull = false;
  let writing: Promise<void> | undefined;

  const known = (labels: Labels): Series => {
    const found = series.get(labels) ?? seriesOf(labels);
    series.set(labels, found);
    return found;
  };
  const write = async (): Promise<void> => {
    const { through, samples } = metrics.emit(now());
    if (samples.length > 0) {
      try {
        const body = encodeWriteRequest(
          samples.map(({ labels, timeMs, value }) => ({ series: known(labels), timeMs, value })),
        );
        await append(body, through);
        isFull = false;
      } catch (fault) {
        if (!(fault instanceof LogFault) || fault.reason !== "full") throw fault;
        isFull = true;
        return;
      }
    }
    metrics.settle(through);
  };
  return {
    replayed: (index, content) => {
      if (content.kind === "spans") unwritten.set(index, content.spans);
      const through = content.kind === "samples" ? content.head.spansThrough : undefined;
      if (through === undefined) return;
      for (const written of unwritten.keys()) if (written <= through) unwritten.delete(written);
      metrics.settle(through);
    },
    begin: () => {
      for (const [index, spans] of unwritten) metrics.observe(index, spans, now());
      unwritten.clear();
    },
    taken: (index, content) => {
      if (content.kind === "spans") metrics.observe(index, content.spans, now());
    },
    // One after the other: two at once could write an older state after a newer one.
    write: () => {
      writing ??= write().finally(() => {
        writing = undefined;
      });
      return writing;
    },
    mayForget: (index) => isFull || metrics.isSettled(index),
  };
};
