/**
 * CPU of seven PromQL queries on a resident window: 10,000 series, one sample every 15 s.
 *
 * Shape:  `node bench/promql.ts [hours] [rounds]`; prints the median CPU of each query in ms, and
 *         what a sample costs to append and to keep. Samples are off the range boundaries.
 * Source: 40 jobs × 100 instances of a counter (4,000), 2,400 buckets of 200 histograms, and
 *         3,600 gauges, of which 200 are one metric.
 */
import { evaluateInstant, evaluateRange } from "../src/watch/signal/promql/evaluate.ts";
import { parsePromql } from "../src/watch/signal/promql/parser.ts";
import type { Labels } from "../src/watch/signal/series.ts";
import { newWindow } from "../src/watch/signal/window.ts";

const HOUR_MS = 3_600_000;
const STEP_MS = 15_000;
const T0_MS = 1_800_000_007_000;

const hours = Number(process.argv[2] ?? 1);
const rounds = Number(process.argv[3] ?? 7);

const common = (i: number): [string, string][] => [
  ["cluster", "eu-west-3-production"],
  ["instance", `10.0.${i >> 8}.${i & 255}:9100`],
  ["job", `service-${i % 40}`],
];

const seriesLabels = (): Labels[] => {
  const all: Labels[] = [];
  for (let i = 0; i < 4000; i++) {
    const status = String(200 + (i % 4) * 100);
    all.push([["__name__", "http_requests_total"], ...common(i >> 2), ["status", status]]);
  }
  const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, "+Inf"];
  for (let i = 0; i < 2400; i++) {
    const le = String(bounds[i % 12]);
    const [cluster, instance, job] = common(Math.floor(i / 12)) as [never, never, never];
    const name: [string, string] = ["__name__", "http_duration_seconds_bucket"];
    all.push([name, cluster, instance, job, ["le", le]]);
  }
  for (let i = 0; i < 3600; i++) {
    const name = i < 200 ? "cpu_utilization_ratio" : `gauge_${i % 17}`;
    all.push([["__name__", name], ...common(i)]);
  }
  return all;
};

const cpuMs = (work: () => void): number => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

const window = newWindow({ retentionMs: Infinity, maxBytes: 2 ** 31 });
const refs = seriesLabels().map((labels) => {
  const interned = window.intern(labels);
  if (!interned.ok) throw new Error(interned.error.message);
  return interned.value;
});
const steps = Math.floor((hours * HOUR_MS) / STEP_MS);
const fillMs = cpuMs(() => {
  for (let k = 0; k < steps; k++) {
    for (const [i, ref] of refs.entries()) {
      const bucket = i >= 4000 && i < 6400 ? ((i - 4000) % 12) + 1 : 1;
      const value = i < 6400 ? k * (1 + (i % 7)) * bucket : 0.5 + ((k * 7 + i) % 50) / 100;
      window.append(ref, T0_MS + k * STEP_MS + (i % 1000), value);
    }
  }
});
const { samples, bytes } = window.stats();
const perMillion = fillMs / 1000 / (samples / 1e6);
console.log(
  `${refs.length} series, ${samples} samples, ${(bytes / samples).toFixed(1)} bytes each`,
);
console.log(`append: ${perMillion.toFixed(3)} CPU-s per million samples`);

const endMs = T0_MS + steps * STEP_MS;
const requests = "sum by (job) (rate(http_requests_total[5m]))";
const p95 = "histogram_quantile(0.95, sum by (le, job) (rate(http_duration_seconds_bucket[5m])))";
const one = 'http_requests_total{instance="10.0.1.7:9100", status="200"}';
const longMs = Math.min(hours, 6) * HOUR_MS;
const queries = [
  { title: "instant sum by(rate[5m]), 4,000 series", expr: requests },
  { title: "range 1 h / 15 s, same", expr: requests, spanMs: HOUR_MS, stepMs: 15_000 },
  {
    title: `range ${longMs / HOUR_MS} h / 60 s, same`,
    expr: requests,
    spanMs: longMs,
    stepMs: 60_000,
  },
  { title: "instant histogram p95, 2,400 buckets", expr: p95 },
  { title: "range 1 h / 60 s histogram p95", expr: p95, spanMs: HOUR_MS, stepMs: 60_000 },
  {
    title: "topk avg_over_time[1h], 200 series",
    expr: "topk(5, avg_over_time(cpu_utilization_ratio[1h]))",
  },
  { title: "one series", expr: one },
];

for (const { title, expr, spanMs, stepMs } of queries) {
  const parsed = parsePromql(expr);
  if (!parsed.ok) throw new Error(parsed.error.message);
  const run = (): void => {
    const result =
      spanMs === undefined || stepMs === undefined
        ? evaluateInstant(parsed.value, { timeMs: endMs }, window.select)
        : evaluateRange(parsed.value, { startMs: endMs - spanMs, endMs, stepMs }, window.select);
    if (!result.ok) throw new Error(result.error.message);
  };
  run();
  const times = Array.from({ length: rounds }, () => cpuMs(run));
  console.log(`${median(times).toFixed(2).padStart(9)} ms  ${title}`);
}
