/** Requests of metrics in both encodings, and what is taken of them, as lines to read. */
import { newCatalog } from "../../src/watch/intake/decode/catalog.ts";
import type { Terms } from "../../src/watch/intake/decode/samples.ts";
import type { MetricsTaken } from "../../src/watch/intake/otlp/metrics-batch.ts";
import { decodeMetricsJson } from "../../src/watch/intake/otlp/metrics-json.ts";
import { decodeMetrics } from "../../src/watch/intake/otlp/metrics.ts";
import { newSeriesBook, type MetricFamily } from "../../src/watch/intake/otlp/series-book.ts";
import type { SeriesBook } from "../../src/watch/intake/otlp/series-book.ts";
import { isStaleAt } from "../../src/watch/signal/series.ts";
import { encode, jsonOf, type Json } from "./proto.ts";

export const OPEN: Terms = { notBeforeMs: 0, notAfterMs: 4e12 };
const NOW_NS = "1760000000123456789";
export const NOW_MS = 1_760_000_000_123;

export const newBook = (told: MetricFamily[] = []): SeriesBook =>
  newSeriesBook(newCatalog(), (family) => told.push(family));

export const WAYS = {
  protobuf: { encode: (message: Json) => encode("MetricsRequest", message), decode: decodeMetrics },
  JSON: { encode: jsonOf, decode: decodeMetricsJson },
} as const;
export const BOTH = [["protobuf"], ["JSON"]] as const;
export type Way = keyof typeof WAYS;

export const taken = (way: Way, message: Json, book = newBook(), terms = OPEN): MetricsTaken => {
  const result = WAYS[way].decode(book, WAYS[way].encode(message), terms);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

/** Samples as `name{a="b"} value @ms`, in the order they came. */
export const lines = ({ samples }: MetricsTaken): readonly string[] =>
  samples.series.map(({ labels, metric }, nth) => {
    const shown = labels
      .filter(([name]) => name !== "__name__")
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    const value = isStaleAt(samples.values, nth) ? "stale" : samples.values[nth];
    return `${metric}{${shown.join()}} ${value} @${samples.timesMs[nth]}`;
  });

export const text = (value: string): Json => ({ string_value: value });
export const pairs = (of: Readonly<Record<string, Json>>): readonly Json[] =>
  Object.entries(of).map(([key, value]) => ({ key, value }));
export const request = (
  metric: readonly Json[],
  more: { readonly resource?: Json; readonly scope?: Json; readonly schema_url?: string } = {},
): Json => {
  const { resource = { attributes: pairs({ "service.name": text("api") }) } } = more;
  const { scope = {}, schema_url = "" } = more;
  return {
    resource_metrics: [{ resource, scope_metrics: [{ scope, metrics: metric, schema_url }] }],
  };
};
export const at = (attributes: Readonly<Record<string, Json>> = {}): Json => ({
  time_unix_nano: NOW_NS,
  attributes: pairs(attributes),
});
export const gauge = (
  name: string,
  unit = "",
  attributes: Readonly<Record<string, Json>> = {},
): Json => ({
  ...{ name, unit },
  gauge: { data_points: [{ ...at(attributes), as_double: 1.5 }] },
});
