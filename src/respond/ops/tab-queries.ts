/**
 * What the tabs of the operations page ask, all in one place.
 *
 * Shape:  each question is PromQL that answers one sample per row of a table.
 * Units:  those of the metrics: shares, bytes, per second; span durations in ms become seconds.
 */
const SYSTEM_WINDOW = "1m";
const SPAN_WINDOW = "5m";
/** A service that called nobody for longer is no longer listed. */
const SEEN_WINDOW = "1h";

const io = (metric: string, direction: string, by: string): string =>
  `sum by (${by}) (rate(${metric}{direction="${direction}"}[${SYSTEM_WINDOW}]))`;
const total = (metric: string, by: string): string =>
  `sum by (${by}) (rate(${metric}[${SYSTEM_WINDOW}]))`;

const DISK = "host, device";
const NET = 'system_network_io_bytes_total{device!="lo"}';
const netIo = (direction: string): string =>
  `sum by (host) (rate(${NET.replace("}", `,direction="${direction}"}`)}[${SYSTEM_WINDOW}]))`;
const FILES = "host, mountpoint, device, type";

export const INFRASTRUCTURE = {
  cpu: "max by (host) (system_cpu_utilization_ratio)",
  cores: "max by (host) (system_cpu_limit)",
  load: "max by (host) (system_load_average_1m)",
  memory: "max by (host) (system_memory_utilization_ratio)",
  memoryUsed: 'max by (host) (system_memory_usage_bytes{state="used"})',
  memoryLimit: "max by (host) (system_memory_limit_bytes)",
  storage: "max by (host) (system_filesystem_utilization_ratio)",
  hostRead: io("system_disk_io_bytes_total", "read", "host"),
  hostWrite: io("system_disk_io_bytes_total", "write", "host"),
  hostReceive: netIo("receive"),
  hostTransmit: netIo("transmit"),
  fileUsed: `max by (${FILES}) (system_filesystem_utilization_ratio)`,
  fileUsedBytes: `max by (${FILES}) (system_filesystem_usage_bytes{state="used"})`,
  fileFreeBytes: `max by (${FILES}) (system_filesystem_usage_bytes{state="free"})`,
  diskRead: io("system_disk_io_bytes_total", "read", DISK),
  diskWrite: io("system_disk_io_bytes_total", "write", DISK),
  diskOperations: total("system_disk_operations_total", DISK),
  diskBusy: total("system_disk_io_time_seconds_total", DISK),
  deviceReceive: io("system_network_io_bytes_total", "receive", DISK),
  deviceTransmit: io("system_network_io_bytes_total", "transmit", DISK),
  deviceUse: `max by (${DISK}) (system_network_utilization_ratio)`,
  deviceErrors: total("system_network_errors_total", DISK),
  deviceDropped: total("system_network_dropped_total", DISK),
} as const;

export const TRENDS = {
  cpu: INFRASTRUCTURE.cpu,
  memory: INFRASTRUCTURE.memory,
} as const;

const CALLS = "traces_span_metrics_calls_total";
const FAILED = `${CALLS}{status_code="STATUS_CODE_ERROR"}`;
const BUCKETS = "traces_span_metrics_duration_milliseconds_bucket";
const EDGES = "traces_service_graph_request_total";
const FAILED_EDGES = "traces_service_graph_request_failed_total";
const MS_PER_S = 1_000;

const spanRate = (metric: string, by: string): string =>
  `sum by (${by}) (rate(${metric}[${SPAN_WINDOW}]))`;
const spanQuantile = (q: number, by: string, matchers = ""): string =>
  `histogram_quantile(${q}, sum by (le, ${by}) ` +
  `(rate(${BUCKETS}${matchers}[${SPAN_WINDOW}]))) / ${MS_PER_S}`;

const ROUTE = "service_name, http_route";
const ROUTED = '{http_route!=""}';
const SPAN = "service_name, span_name, span_kind";
const HUB = 'surface="api"';
const HUB_ROUTE = "service, method, route";
const hubQuantile = (q: number): string =>
  `histogram_quantile(${q}, sum by (le, ${HUB_ROUTE}) ` +
  `(rate(novaevo_http_request_duration_seconds_bucket{${HUB}}[${SPAN_WINDOW}])))`;

export const APPLICATION = {
  hubRate: `sum by (${HUB_ROUTE}) (rate(novaevo_http_requests_total{${HUB}}[${SPAN_WINDOW}]))`,
  hubFailed:
    `sum by (${HUB_ROUTE}) ` +
    `(rate(novaevo_http_requests_total{${HUB},status=~"5.."}[${SPAN_WINDOW}]))`,
  hubP50: hubQuantile(0.5),
  hubP90: hubQuantile(0.9),
  hubP99: hubQuantile(0.99),
  routeRate: spanRate(`${CALLS}${ROUTED}`, ROUTE),
  routeFailed: spanRate(FAILED.replace("}", ',http_route!=""}'), ROUTE),
  routeP50: spanQuantile(0.5, ROUTE, ROUTED),
  routeP90: spanQuantile(0.9, ROUTE, ROUTED),
  routeP99: spanQuantile(0.99, ROUTE, ROUTED),
  serviceSeen: `group by (service_name) (last_over_time(${CALLS}[${SEEN_WINDOW}]))`,
  serviceRate: spanRate(CALLS, "service_name"),
  serviceFailed: spanRate(FAILED, "service_name"),
  serviceP50: spanQuantile(0.5, "service_name"),
  serviceP90: spanQuantile(0.9, "service_name"),
  serviceP95: spanQuantile(0.95, "service_name"),
  serviceP99: spanQuantile(0.99, "service_name"),
  spanRate: spanRate(CALLS, SPAN),
  spanFailed: spanRate(FAILED, SPAN),
  spanP50: spanQuantile(0.5, SPAN),
  spanP90: spanQuantile(0.9, SPAN),
  spanP99: spanQuantile(0.99, SPAN),
  edgeRate: spanRate(EDGES, "client, server"),
  edgeFailed: spanRate(FAILED_EDGES, "client, server"),
} as const;
