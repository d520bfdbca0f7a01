/**
 * Remote write, everything on, beside Prometheus and VictoriaMetrics on the same bodies, in turns.
 *
 * Shape:  `node bench/ingest-peers.ts [series=10000] [steps=1100] [alone]`; a step is one sample of
 *         every series, 3 s apart up to now (so that the window holds them, as it holds what comes
 *         live), in bodies of 2,000 over five connections; every hour of that time a tenth of the
 *         series is replaced, and every tenth step a rate is asked for. Ours is the whole of `up`
 *         but its agent: HTTP, snappy, log with fsync, index, window, ClickHouse, PostgreSQL.
 * Units:  CPU-s of a process and all below it, per million samples; bytes on disk per sample after
 *         all merges (ours: the table's own); RSS in MB of 10^6 at the end (ours: hub and store).
 * Errors: throws when a body is refused, or a sample is not there at the end.
 * Source: /proc/PID/stat; bars: 0.35 x Prometheus, 1.0 x VictoriaMetrics, 2.0 bytes, 900 MB.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { compress } from "snappy";
import { freePort } from "../src/io/process/port.ts";
import { encodeWriteRequest } from "../src/watch/collect/remote-write.ts";
import { seriesOf, type Series } from "../src/watch/collect/series.ts";
import { startPrometheus } from "../test/peers/promql-prometheus.ts";
import { removed, startUp, temporary } from "../test/programs/lab.ts";
import { cpuOf, rssOf, treeOf } from "./process-tree.ts";

const STEP_MS = 3_000;
const BODY_SAMPLES = 2_000;
const CONNECTIONS = 5;
const STEPS_A_TURN = 20;
const STEPS_A_QUERY = 10;
const HOUR_MS = 3_600_000;
const CHURN_PARTS = 10;
const VICTORIA = process.env["VICTORIA_METRICS"] ?? "/usr/bin/victoria-metrics";
const QUERY = "sum by (job) (rate(http_requests_total[5m]))";

type Target = {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly pids: () => Promise<readonly number[]>;
  readonly stop: () => Promise<unknown>;
  /** Bytes of the samples on disk, once merged; undefined where nobody can say. */
  readonly diskBytes?: () => Promise<number>;
  /** Those whose memory the bar is about: hub and store. */
  readonly memoryPids?: () => Promise<readonly number[]>;
  cpuS: number;
  queryMs: number[];
};

const main = async (seriesCount: number, steps: number, isAlone: boolean): Promise<void> => {
  const root = await temporary("novaevo-bench-");
  const targets: Target[] = [];
  try {
    targets.push(await ours(root));
    if (!isAlone) targets.push(await prometheus(root));
    if (!isAlone && existsSync(VICTORIA)) targets.push(await victoria(root));
    const samples = await run(targets, seriesCount, steps);
    await report(targets, samples);
  } finally {
    for (const target of targets) await target.stop();
    await removed(root);
  }
};

const run = async (
  targets: readonly Target[],
  seriesCount: number,
  steps: number,
): Promise<number> => {
  const startMs = Math.floor(Date.now() / STEP_MS) * STEP_MS - steps * STEP_MS;
  const series = churning(seriesCount, startMs);
  let samples = 0;
  for (let from = 0; from < steps; from += STEPS_A_TURN) {
    const until = Math.min(steps, from + STEPS_A_TURN);
    const bodies: Uint8Array[][] = [];
    for (let step = from; step < until; step += 1) {
      bodies.push(await bodiesOf(series, startMs + step * STEP_MS, step));
      samples += seriesCount;
    }
    // Who goes first changes with every turn.
    const turn = from / STEPS_A_TURN;
    const order = targets.map((_, nth) => targets[(nth + turn) % targets.length]!);
    for (const target of order) await measured(target, bodies, startMs + from * STEP_MS);
  }
  // What is still on its way to disk belongs to the samples that were sent.
  for (const target of targets) {
    const before = await cpuOf(await target.pids());
    await delay(10_000);
    target.cpuS += (await cpuOf(await target.pids())) - before;
  }
  return samples;
};

/** The series at an instant: each hour another tenth has a new pod. */
const churning = (count: number, startMs: number) => {
  let hour = -1;
  let all: Series[] = [];
  return (atMs: number): readonly Series[] => {
    const now = Math.floor((atMs - startMs) / HOUR_MS);
    if (now !== hour) {
      all = Array.from({ length: count }, (_, nth) => {
        const part = nth % CHURN_PARTS;
        const born = now - ((((now - part) % CHURN_PARTS) + CHURN_PARTS) % CHURN_PARTS);
        if (all[nth] !== undefined && born !== now) return all[nth];
        return seriesOf(labelsOf(nth, Math.max(born, 0)));
      });
      hour = now;
    }
    return all;
  };
};

const labelsOf = (nth: number, life: number): [string, string][] => [
  ["__name__", ["http_requests_total", "process_cpu_seconds_total", "queue_length"][nth % 3]!],
  ["cluster", "eu-west-3-production"],
  ["datacenter", `paris-${nth % 3}`],
  ["environment", "production"],
  ["instance", `10.${nth >> 16}.${(nth >> 8) & 255}.${nth & 255}:9100`],
  ["job", `service-${nth % 40}`],
  ["namespace", `team-${nth % 8}`],
  [
    "pod",
    `service-${nth % 40}-${life}-${((nth + life * 31) * 7919).toString(36).padStart(7, "x")}`,
  ],
  ["status", String(200 + (nth % 4) * 100)],
];

const bodiesOf = async (
  series: (atMs: number) => readonly Series[],
  timeMs: number,
  step: number,
): Promise<Uint8Array[]> => {
  const all = series(timeMs);
  const bodies: Promise<Buffer>[] = [];
  for (let from = 0; from < all.length; from += BODY_SAMPLES) {
    const part = all.slice(from, from + BODY_SAMPLES).map((one, i) => {
      const nth = from + i;
      // Counters grow by whole requests or by fractions of a second; a gauge walks.
      const value =
        nth % 3 === 0
          ? step * (nth % 50) + ((nth * step) % 7)
          : nth % 3 === 1
            ? step * 0.013 * (1 + (nth % 11)) + ((nth * step) % 13) / 1000
            : 20 + ((nth * 31 + step * step) % 17);
      return { series: one, timeMs, value };
    });
    bodies.push(compress(Buffer.from(encodeWriteRequest(part))));
  }
  return Promise.all(bodies);
};

const measured = async (target: Target, turns: readonly Uint8Array[][], fromMs: number) => {
  const before = await cpuOf(await target.pids());
  for (const [nth, bodies] of turns.entries()) {
    for (let from = 0; from < bodies.length; from += CONNECTIONS) {
      await Promise.all(bodies.slice(from, from + CONNECTIONS).map((body) => send(target, body)));
    }
    if (nth % STEPS_A_QUERY === 0) {
      const startMs = performance.now();
      await ask(target, (fromMs + nth * STEP_MS) / 1000);
      target.queryMs.push(performance.now() - startMs);
    }
  }
  target.cpuS += (await cpuOf(await target.pids())) - before;
};

const send = async ({ url, headers, name }: Target, body: Uint8Array): Promise<void> => {
  for (;;) {
    const answer = await fetch(`${url}/api/v1/write`, {
      method: "POST",
      headers: {
        ...{ "content-type": "application/x-protobuf", "content-encoding": "snappy" },
        ...{ "x-prometheus-remote-write-version": "0.1.0", ...headers },
      },
      body: body as Uint8Array<ArrayBuffer>,
    });
    const text = await answer.text();
    if (answer.ok) return;
    if (answer.status !== 503) throw new Error(`${name}: ${answer.status} ${text}`);
    await delay(100);
  }
};

const ask = async ({ url, headers, name }: Target, timeS: number): Promise<void> => {
  const search = new URLSearchParams({ query: QUERY, time: String(timeS) });
  const answer = await fetch(`${url}/api/v1/query?${search}`, { headers });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${text.slice(0, 300)}`);
};

const ours = async (root: string): Promise<Target> => {
  const up = await startUp(path.join(root, "novaevo"));
  const token = await up.token();
  const headers = { authorization: `Bearer ${token}` };
  const pids = async (): Promise<readonly number[]> => {
    const [hub, store, postgres] = await Promise.all(["hub", "store", "postgres"].map(up.pid));
    return [hub!, store!, ...(await treeOf(postgres!))];
  };
  const engines = path.join(up.dataDir, "run", "engines.json");
  const memoryPids = async () => Promise.all(["hub", "store"].map(up.pid));
  return {
    memoryPids,
    ...{ name: "NovaEvo", url: up.url, headers, pids, stop: up.stop, cpuS: 0, queryMs: [] },
    diskBytes: async () => {
      await clickhouse(engines, "OPTIMIZE TABLE samples FINAL");
      const rows = await clickhouse(
        engines,
        `SELECT toFloat64(sum(bytes_on_disk)) / sum(rows) AS bytes FROM system.parts
          WHERE active AND table = 'samples' FORMAT TSV`,
      );
      return Number(rows);
    },
  };
};

const clickhouse = async (enginesFile: string, query: string): Promise<string> => {
  const { clickhouseUrl } = JSON.parse(await readFile(enginesFile, "utf8")) as {
    clickhouseUrl: string;
  };
  const { origin, username, password } = new URL(clickhouseUrl);
  const answer = await fetch(`${origin}/`, {
    method: "POST",
    headers: { "x-clickhouse-user": username, "x-clickhouse-key": password },
    body: query,
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`ClickHouse: ${answer.status} ${text}`);
  return text;
};

const prometheus = async (root: string): Promise<Target> => {
  const peer = await startPrometheus(path.join(root, "prometheus"));
  const pids = async () => [peer.pid];
  const { url, version, stop } = peer;
  return {
    ...{ name: `Prometheus ${version}`, url, headers: {}, pids, stop },
    cpuS: 0,
    queryMs: [],
  };
};

const victoria = async (root: string): Promise<Target> => {
  const port = await freePort();
  const child = spawn(
    VICTORIA,
    [
      `-storageDataPath=${path.join(root, "victoria")}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      "-retentionPeriod=12",
    ],
    { stdio: "ignore" },
  );
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await delay(50);
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
  const pids = async () => [child.pid!];
  return { ...{ name: "VictoriaMetrics", url, headers: {}, pids, stop }, cpuS: 0, queryMs: [] };
};

const report = async (targets: readonly Target[], samples: number): Promise<void> => {
  const million = samples / 1e6;
  console.log(`${(samples / 1e6).toFixed(1)} M samples each`);
  const mine = targets[0]!.cpuS;
  for (const { name, cpuS, pids, memoryPids = pids, queryMs, diskBytes } of targets) {
    const rss = (await rssOf(await memoryPids())) / 1e6;
    const sorted = queryMs.toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
    const bytes = diskBytes === undefined ? "" : ` · ${(await diskBytes()).toFixed(2)} B/sample`;
    console.log(
      `${name.padEnd(20)} ${(cpuS / million).toFixed(2)} CPU-s/M · ours is ` +
        `${(mine / cpuS).toFixed(2)} x · RSS ${rss.toFixed(0)} MB · query ${median.toFixed(0)} ms${bytes}`,
    );
  }
};

const [, , series = "10000", steps = "1100", alone] = process.argv;
await main(Number(series), Number(steps), alone === "alone");
