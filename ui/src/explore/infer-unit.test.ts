import * as fc from "fast-check";
import { expect, test } from "vitest";
import { unitOf } from "./infer-unit.ts";

const known = {
  queue_wait: { type: "gauge", unit: "seconds" },
  jobs_done: { type: "counter", unit: "" },
};

test.each([
  ["system_memory_usage_bytes", "By"],
  ['system_memory_usage_bytes{state="used"}', "By"],
  ["rate(system_network_io_bytes_total[5m])", "By/s"],
  ["rate(system_network_io_bytes_total[5m]) * 8", "bit/s"],
  ["sum by (host) (rate(system_disk_io_bytes_total[5m]))", "By/s"],
  ["sum(rate(system_disk_io_bytes_total[5m])) by (host)", "By/s"],
  ["system_cpu_utilization_ratio", "ratio"],
  ["100 * system_cpu_utilization_ratio", "percent"],
  ["rate(novaevo_http_requests_total[1m])", "req/s"],
  ["rate(novaevo_stream_cut_total[1m])", "1/s"],
  ["increase(novaevo_stream_cut_total[1h])", "number"],
  ["rate(process_cpu_seconds_total[1m])", "number"],
  ["histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))", "s"],
  ["histogram_quantile(0.5, rate(traces_span_metrics_duration_milliseconds_bucket[1m]))", "ms"],
  [
    "rate(http_request_duration_seconds_sum[1m]) / rate(http_request_duration_seconds_count[1m])",
    "s",
  ],
  [
    'sum(rate(http_requests_total{status=~"5.."}[1m])) / sum(rate(http_requests_total[1m]))',
    "ratio",
  ],
  ["time() - process_start_time_seconds", "s"],
  ["process_start_time_seconds", "instant"],
  ["max_over_time(queue_wait[1h:1m] offset 1d)", "s"],
  ["avg(queue_wait) * 1000", "ms"],
  ["rate(jobs_done[5m])", "1/s"],
  ["topk(5, system_filesystem_usage_bytes)", "By"],
  ["count(up)", "number"],
  ["a_bytes / on (host) group_left () b_bytes", "ratio"],
  ["a_bytes > bool 5", "number"],
  ["a_bytes > 5", "By"],
  ["(a_seconds or b_seconds) and c", "s"],
  ["-a_seconds", "s"],
  ["a_seconds @ end() offset -5m", "s"],
])("%s is measured in %s", (expr, unit) => {
  expect(unitOf(expr, known)).toBe(unit);
});

test.each([
  "up",
  "a_seconds * 3",
  "a_seconds * b_bytes",
  "1 + 1",
  "{job='x'}",
  "sqrt(a_bytes)",
  "((",
])("of %s nothing is claimed", (expr) => {
  expect(unitOf(expr, known)).toBeUndefined();
});

test("law: whatever is typed, it answers, and soon", () => {
  const pieces = fc.constantFrom(
    ...["rate", "sum", "(", ")", "[5m]", "{", "}", "by", ",", "a_seconds", "1", "-", "*", "/"],
    ...["offset", "@", '"x', "'", "#", "\n", "bool", "on", "or", "é"],
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), (words) => {
      const unit = unitOf(words.join(" "), known);
      expect(["string", "undefined"]).toContain(typeof unit);
    }),
  );
});

test("ten thousand brackets are no unit and no overflow", () => {
  expect(unitOf("(".repeat(3_900), {})).toBeUndefined();
});
