/**
 * The charts of the operations page: what is asked, and how the answer becomes lines.
 *
 * Units: error rates are shares, latencies seconds; instants ms.
 */
type PanelId = "error-rate" | "latency";
export type PanelLine = { readonly name: string; readonly expr: string };

const API = 'surface="api"';
const quantile = (q: number): string =>
  `histogram_quantile(${q}, sum by (le) (rate(novaevo_http_request_duration_seconds_bucket{${API}}[1m])))`;

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
};
export const UNIT: Readonly<Record<PanelId, "ratio" | "s">> = {
  "error-rate": "ratio",
  latency: "s",
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
