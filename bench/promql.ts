/**
 * CPU of seven PromQL queries on a resident window of 10,000 series × 6 h, beside Prometheus.
 *
 * Shape:  `node bench/promql.ts [hours=6] [rounds=7]`; both answer over HTTP with Prometheus' JSON,
 *         each in a process of its own, from the same samples; the rounds take turns. Prints the
 *         median CPU of a query on either side, their ratio, and the geometric mean of the ratios.
 *         `PROMETHEUS_DATA=folder` keeps the peer's data for the next run; without a Prometheus
 *         only our side is measured.
 * Units:  CPU ms of the whole process (user and system, garbage collection included), read from
 *         /proc in ticks of 10 ms, so each query is repeated until its ticks are many.
 * Errors: throws where the two answers differ by more than rounding.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { hasPrometheus, type Peer, startPrometheus } from "../test/peers/promql-prometheus.ts";
import { fleetSamples, fleetSeries, STEP_MS, T0_MS } from "./promql-data.ts";

const HOUR_MS = 3_600_000;
const TICK_MS = 10;
/** A side's measured time of one query in one round: ten ticks or more. */
const ROUND_MS = 250;
const WARM_RUNS = 25;
const SLICE_STEPS = 40;
const SERIES_A_BODY = 500;
/** Of CPU, in so many ms, a peer may use and still count as resting. */
const REST_MS = 3_000;
const REST_CPU_MS = 60;
const TOLERANCE = 1e-9;

type Query = {
  readonly title: string;
  readonly expr: string;
  readonly spanMs?: number;
  readonly stepMs?: number;
};

const REQUESTS = "sum by (job) (rate(http_requests_total[5m]))";
const P95 = "histogram_quantile(0.95, sum by (le, job) (rate(http_duration_seconds_bucket[5m])))";

const queriesOf = (hours: number): readonly Query[] => [
  { title: "instant sum by(rate[5m]), 4,000 series", expr: REQUESTS },
  { title: "range 1 h / 15 s, same", expr: REQUESTS, spanMs: HOUR_MS, stepMs: 15_000 },
  {
    title: `range ${hours} h / 60 s, same`,
    expr: REQUESTS,
    ...{ spanMs: hours * HOUR_MS, stepMs: 60_000 },
  },
  { title: "instant histogram p95, 2,400 buckets", expr: P95 },
  { title: "range 1 h / 60 s histogram p95", expr: P95, spanMs: HOUR_MS, stepMs: 60_000 },
  {
    title: "topk avg_over_time[1h], 200 series",
    expr: "topk(5, avg_over_time(cpu_utilization_ratio[1h]))",
  },
  { title: "one series", expr: 'http_requests_total{instance="10.0.1.7:9100", status="200"}' },
];

type Side = {
  readonly name: string;
  readonly pid: number;
  readonly get: (pathAndQuery: string) => Promise<string>;
};

const main = async (hours: number, rounds: number): Promise<void> => {
  const steps = Math.floor((hours * HOUR_MS) / STEP_MS);
  const ours = await startOurs(steps);
  const kept = process.env["PROMETHEUS_DATA"];
  const dir = kept ?? (await mkdtemp(path.join(tmpdir(), "novaevo-promql-")));
  const peer = hasPrometheus() ? await startPeer(dir, steps) : undefined;
  try {
    const sides = [ours.side, ...(peer === undefined ? [] : [sideOf("prometheus", peer)])];
    for (const side of sides) await rested(side);
    const queries = queriesOf(hours);
    const costs = await measure(sides, queries, T0_MS + steps * STEP_MS, rounds);
    report(queries, costs);
  } finally {
    ours.child.stdin!.end();
    await peer?.stop();
    if (kept === undefined) await rm(dir, { recursive: true, force: true });
  }
};

const startOurs = async (steps: number): Promise<{ child: ChildProcess; side: Side }> => {
  const entry = fileURLToPath(new URL("./promql-server.ts", import.meta.url));
  const words = (process.env["NODE_FLAGS"] ?? "").split(" ").filter((word) => word !== "");
  const child = spawn(process.execPath, [...words, entry, String(steps)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const { port, samples, bytes, appendS } = JSON.parse(line) as Record<string, number>;
    console.log(
      `${samples} samples, ${(bytes! / samples!).toFixed(1)} bytes each in the window, ` +
        `${(appendS! / (samples! / 1e6)).toFixed(3)} CPU-s a million to append`,
    );
    return { child, side: sideOf("ours", { url: `http://127.0.0.1:${port}`, pid: child.pid! }) };
  }
  throw new Error("our side ended before it was ready");
};

const startPeer = async (dir: string, steps: number): Promise<Peer> => {
  const isFilled = existsSync(path.join(dir, "data"));
  const peer = await startPrometheus(dir);
  console.log(`prometheus ${peer.version}`);
  if (isFilled) return peer;
  const before = cpuMs(peer.pid);
  const series = fleetSeries();
  let lines: Parameters<Peer["fill"]>[0][number][] = [];
  for (const { nth, timesMs, values, count } of fleetSamples(steps, SLICE_STEPS)) {
    const copy = { timesMs: timesMs.slice(), values: values.slice(), count };
    lines.push({ series: series[nth]!, ...copy });
    if (lines.length < SERIES_A_BODY) continue;
    await peer.fill(lines);
    lines = [];
  }
  await peer.fill(lines);
  console.log(`prometheus was filled with ${((cpuMs(peer.pid) - before) / 1000).toFixed(0)} CPU-s`);
  return peer;
};

const sideOf = (name: string, { url, pid }: Pick<Peer, "url" | "pid">): Side => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    name,
    pid,
    get: (pathAndQuery) =>
      new Promise((resolve, reject) => {
        get(`${url}${pathAndQuery}`, { agent }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => chunks.push(chunk));
          answer.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            if (answer.statusCode === 200) resolve(text);
            else reject(new Error(`${name}: ${answer.statusCode} ${text}`));
          });
        }).on("error", reject);
      }),
  };
};

/** User and system time of a process: the 14th and 15th field, after a name in parentheses. */
const cpuMs = (pid: number): number => {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
};

/** What a fill leaves behind (blocks, garbage) is not a query's cost. */
const rested = async ({ pid }: Side): Promise<void> => {
  for (;;) {
    const before = cpuMs(pid);
    await delay(REST_MS);
    if (cpuMs(pid) - before <= REST_CPU_MS) return;
  }
};

const addressOf = ({ expr, spanMs, stepMs }: Query, endMs: number): string => {
  const end = String(endMs / 1000);
  if (spanMs === undefined || stepMs === undefined) {
    return `/api/v1/query?${new URLSearchParams({ query: expr, time: end }).toString()}`;
  }
  const start = String((endMs - spanMs) / 1000);
  const ask = { query: expr, start, end, step: String(stepMs / 1000) };
  return `/api/v1/query_range?${new URLSearchParams(ask).toString()}`;
};

/** CPU ms of one run, by query, side and round. */
type Costs = readonly (readonly { readonly name: string; readonly ms: readonly number[] }[])[];

const measure = async (
  sides: readonly Side[],
  queries: readonly Query[],
  endMs: number,
  rounds: number,
): Promise<Costs> => {
  const costs = queries.map(() => sides.map(({ name }) => ({ name, ms: [] as number[] })));
  const runs: number[][] = [];
  for (const query of queries) {
    const address = addressOf(query, endMs);
    const texts = [];
    for (const side of sides) texts.push(await side.get(address));
    if (texts.length > 1) compare(query.title, texts as [string, string]);
    const counts = [];
    for (const side of sides) {
      const before = cpuMs(side.pid);
      await repeated(side, address, WARM_RUNS);
      const each = Math.max(0.05, (cpuMs(side.pid) - before) / WARM_RUNS);
      counts.push(Math.ceil(ROUND_MS / each));
    }
    runs.push(counts);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [q, query] of queries.entries()) {
      const address = addressOf(query, endMs);
      for (const [s, side] of sides.entries()) {
        const before = cpuMs(side.pid);
        await repeated(side, address, runs[q]![s]!);
        costs[q]![s]!.ms.push((cpuMs(side.pid) - before) / runs[q]![s]!);
      }
    }
  }
  return costs;
};

const repeated = async (side: Side, address: string, times: number): Promise<void> => {
  for (let i = 0; i < times; i++) await side.get(address);
};

type Line = {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
};

/** By labels and time; only rounding may differ. */
const compare = (title: string, texts: readonly [string, string]): void => {
  const [a, b] = texts.map((text) => {
    const { data } = JSON.parse(text) as { data: { result: readonly Line[] } };
    const points = data.result.flatMap(({ metric, value, values = [value!] }) => {
      const labels = JSON.stringify(
        Object.entries(metric).toSorted(([x], [y]) => (x < y ? -1 : 1)),
      );
      return values.map(([at, v]): [string, number] => [`${labels} ${at}`, Number(v)]);
    });
    return new Map(points);
  }) as [Map<string, number>, Map<string, number>];
  if (a.size === 0 || a.size !== b.size)
    throw new Error(`${title}: ${a.size} and ${b.size} points`);
  for (const [key, value] of a) {
    const other = b.get(key) ?? NaN;
    if (Math.abs(value - other) <= TOLERANCE * Math.abs(other)) continue;
    throw new Error(`${title}: ${key} is ${value} here and ${other} there`);
  }
};

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
};

const report = (queries: readonly Query[], costs: Costs): void => {
  const ratios: number[] = [];
  console.log(
    `${"CPU ms a query, median".padEnd(42)}${costs[0]!.map(({ name }) => name.padStart(12)).join("")}`,
  );
  for (const [q, { title }] of queries.entries()) {
    const medians = costs[q]!.map(({ ms }) => median(ms));
    const [ours, theirs] = medians;
    const shown = medians.map((ms) => ms.toFixed(2).padStart(12)).join("");
    if (theirs === undefined) {
      console.log(`${title.padEnd(42)}${shown}`);
      continue;
    }
    ratios.push(ours! / theirs);
    console.log(`${title.padEnd(42)}${shown}  ${(ours! / theirs).toFixed(2)} ×`);
  }
  if (ratios.length === 0) return;
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  console.log(`geometric mean ${mean.toFixed(2)} ×, largest ${Math.max(...ratios).toFixed(2)} ×`);
};

await main(Number(process.argv[2] ?? 6), Number(process.argv[3] ?? 7));
