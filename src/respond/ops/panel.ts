/**
 * The charts of the operations page: what is asked, and how the answer becomes lines.
 *
 * Units: error rates are shares, latencies seconds, traffic bytes per second; instants ms.
 */
type PanelId =
  | "error-rate"
  | "latency"
  | "disk-io"
  | "network-io"
  | "span-rate"
  | "span-errors"
  | "span-latency";
export type PanelLine = { readonly name: string; readonly expr: string };

const API = 'surface="api"';
const quantile = (q: number): string =>
  `histogram_quantile(${q}, sum by (le) (rate(novaevo_http_request_duration_seconds_bucket{${API}}[1m])))`;

const io = (metric: string, direction: string): string =>
  `sum(rate(${metric}{device!="lo",direction="${direction}"}[1m]))`;

const CALLS = "traces_span_metrics_calls_total";
/** As spans say it, over 5 min: they arrive in batches. */
const CHANNELS = [
  ["API", "api"],
  ["Web", "web"],
  ["Mobile", "mobile"],
] as const;
const calls = (channel: string, more = ""): string =>
  `sum(rate(${CALLS}{channel="${channel}"${more}}[5m]))`;
const spanQuantile = (q: number): string =>
  `histogram_quantile(${q}, sum by (le) ` +
  `(rate(traces_span_metrics_duration_milliseconds_bucket[5m]))) / 1000`;

/** The error rate is by channel: one line each that reports (no `channel` is the API itself). */
const LINES: Readonly<Record<PanelId, readonly PanelLine[]>> = {
  "error-rate": [
    {
      name: "API",
      expr:
        `(sum(rate(novaevo_http_requests_total{${API},status=~"5.."}[1m])) or vector(0)) / ` +
        `sum(rate(novaevo_http_requests_total{${API}}[1m]))`,
    },
  ],
  latency: [
    { name: "P50", expr: quantile(0.5) },
    { name: "P90", expr: quantile(0.9) },
    { name: "P99", expr: quantile(0.99) },
  ],
  "disk-io": [
    { name: "read", expr: io("system_disk_io_bytes_total", "read") },
    { name: "write", expr: io("system_disk_io_bytes_total", "write") },
  ],
  "network-io": [
    { name: "receive", expr: io("system_network_io_bytes_total", "receive") },
    { name: "transmit", expr: io("system_network_io_bytes_total", "transmit") },
  ],
  "span-rate": CHANNELS.map(([name, channel]) => ({ name, expr: calls(channel) })),
  "span-errors": CHANNELS.map(([name, channel]) => ({
    name,
    expr:
      `(${calls(channel, ',status_code="STATUS_CODE_ERROR"')} or vector(0)) / ` + calls(channel),
  })),
  "span-latency": [
    { name: "P50", expr: spanQuantile(0.5) },
    { name: "P90", expr: spanQuantile(0.9) },
    { name: "P99", expr: spanQuantile(0.99) },
  ],
};
export const UNIT: Readonly<Record<PanelId, "ratio" | "s" | "By/s" | "req/s">> = {
  "error-rate": "ratio",
  latency: "s",
  "disk-io": "By/s",
  "network-io": "By/s",
  "span-rate": "req/s",
  "span-errors": "ratio",
  "span-latency": "s",
};

export const panelLines = (id: PanelId): readonly PanelLine[] => LINES[id];

const MAX_POINTS = 300;
const MIN_STEP_MS = 1_000;
export const MAX_RANGE_MS = 31 * 86_400_000;

/** A whole number of seconds that keeps the line under the number of points a chart can show. */
export const stepFor = (fromMs: number, toMs: number): number =>
  Math.max(MIN_STEP_MS, Math.ceil((toMs - fromMs) / MAX_POINTS / 1_000) * 1_000);

/** One point per step, `null` where nothing was measured: a gap is drawn as a gap. */
export const fillGaps = (
  samples: ReadonlyMap<number, number>,
  range: { readonly startMs: number; readonly endMs: number; readonly stepMs: number },
): [number, number | null][] => {
  const points: [number, number | null][] = [];
  for (let at = range.startMs; at <= range.endMs; at += range.stepMs) {
    const value = samples.get(at);
    points.push([at, value === undefined || !Number.isFinite(value) ? null : value]);
  }
  return points;
};
