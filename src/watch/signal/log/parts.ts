/**
 * What a record of the body log holds, decoded: columns ready for the window and for the store.
 *
 * Shape:  one part per record, in the order of the log. A part whose content was given up to save
 *         memory is decoded again from the log when it is its turn.
 */
import type { Span } from "../../intake/otlp/span.ts";
import type { Samples } from "../../intake/decode/samples.ts";
import type { BodyHead } from "./hub-record.ts";
import type { KpiReadingRow } from "../signals.ts";

export type Content =
  | { readonly kind: "samples"; readonly head: BodyHead; readonly samples: Samples }
  | { readonly kind: "spans"; readonly head: BodyHead; readonly spans: readonly Span[] }
  | { readonly kind: "readings"; readonly readings: readonly KpiReadingRow[] }
  /** A record that cannot be read any more; counted, and stepped over. */
  | { readonly kind: "damaged" };

export type Part = {
  readonly index: number;
  readonly rows: number;
  readonly kind: Content["kind"];
  content: Content | undefined;
};

export const rowsOf = (content: Content): number => {
  switch (content.kind) {
    case "samples":
      return content.samples.count;
    case "spans":
      return content.spans.length;
    case "readings":
      return content.readings.length;
    case "damaged":
      return 0;
  }
};

export type Batch = {
  readonly samples: number;
  readonly readings: number;
  readonly spans: number;
  /** First and last time of any row; null when there is none. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Hours since the epoch that have samples here. */
  readonly hours: readonly number[];
  /** Per agent, the highest sequence number in the range. */
  readonly agents: ReadonlyMap<string, number>;
};

export const HOUR_MS = 3_600_000;

const addHours = (hours: Set<number>, { count, minMs, maxMs, timesMs }: Samples): void => {
  if (count === 0) return;
  const first = Math.floor(minMs / HOUR_MS);
  const last = Math.floor(maxMs / HOUR_MS);
  hours.add(first);
  hours.add(last);
  if (last - first < 2) return;
  for (let nth = 0; nth < count; nth += 1) hours.add(Math.floor(timesMs[nth]! / HOUR_MS));
};

export const batchOf = (contents: readonly Content[]): Batch => {
  let samples = 0;
  let readings = 0;
  let spans = 0;
  let fromMs = Infinity;
  let toMs = -Infinity;
  const saw = (firstMs: number, lastMs = firstMs): void => {
    if (firstMs < fromMs) fromMs = firstMs;
    if (lastMs > toMs) toMs = lastMs;
  };
  const agents = new Map<string, number>();
  const hours = new Set<number>();
  for (const content of contents) {
    if (content.kind === "samples") {
      const { head, samples: columns } = content;
      samples += columns.count;
      if (columns.count > 0) saw(columns.minMs, columns.maxMs);
      addHours(hours, columns);
      const { agent } = head;
      if (agent !== undefined) {
        agents.set(agent.id, Math.max(agent.seq, agents.get(agent.id) ?? 0));
      }
    } else if (content.kind === "readings") {
      readings += content.readings.length;
      for (const { atMs } of content.readings) saw(atMs);
    } else if (content.kind === "spans") {
      spans += content.spans.length;
      // A start is finer than a millisecond.
      for (const { start } of content.spans) saw(start.ms, start.ms + 1);
    }
  }
  const isEmpty = fromMs > toMs;
  return {
    ...{ samples, readings, spans, agents, hours: [...hours] },
    fromMs: isEmpty ? null : fromMs,
    toMs: isEmpty ? null : toMs,
  };
};
