/** Real targets: Debian's node exporter and Prometheus, and the Node client in OpenMetrics. */
import { spawn } from "node:child_process";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Counter, Histogram, Registry } from "prom-client";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/io/clock.ts";
import { nodeDisk } from "../../src/io/disk/adapters/node-disk.ts";
import { scrapeCollector } from "../../src/watch/collect/adapters/prometheus-scrape.ts";
import type { Collector } from "../../src/watch/collect/collector.ts";
import { closedPort, httpTarget, lookAt, type Seen } from "./target.ts";

const OPENMETRICS = Registry.OPENMETRICS_CONTENT_TYPE;
const EXPORTER = "/usr/bin/prometheus-node-exporter";
const PROMETHEUS = "/usr/bin/prometheus";
const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
const has = { exporter: await isThere(EXPORTER), prometheus: await isThere(PROMETHEUS) };

const closers: (() => Promise<unknown> | undefined)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const started = (program: string, words: readonly string[]): void => {
  const child = spawn(program, words, { stdio: "ignore" });
  closers.push(async () => {
    const gone = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await gone;
  });
};
const collectorOf = (port: number): Collector => {
  const collector = scrapeCollector(systemClock, {
    ...{ job: "j", url: `http://127.0.0.1:${port}/metrics`, labels: {}, externalLabels: {} },
    ...{ intervalMs: 1_000, timeoutMs: 20_000, maxBytes: 16 << 20, maxSamples: 20_000 },
    ...{ honorLabels: false, honorTimestamps: true, maxRedirects: 5 },
  });
  closers.push(() => collector.close?.());
  return collector;
};
const firstLook = async (collector: Collector): Promise<Seen> => {
  let seen = await lookAt(collector);
  while (/ECONNREFUSED|HTTP 503/.test(seen.why ?? "")) seen = await lookAt(collector);
  return seen;
};

describe.skipIf(!has.exporter)("prometheus-node-exporter", () => {
  test("is read whole, and agrees with the kernel", async () => {
    const port = await closedPort();
    started(EXPORTER, [`--web.listen-address=127.0.0.1:${port}`]);
    const collector = collectorOf(port);
    const seen = await firstLook(collector);
    expect(seen.why).toBeUndefined();
    expect(seen.samples.length).toBeGreaterThan(200);
    const file = await nodeDisk.open("/proc/meminfo", "read");
    const text = Buffer.from(await file.read(0, 4_096)).toString();
    await file.close();
    const totalBytes = Number(/^MemTotal:\s+(\d+)/.exec(text)![1]) * 1_024;
    expect(seen.values["node_memory_MemTotal_bytes"]).toBe(totalBytes);
    const families = new Map(collector.families?.().map((one) => [one.name, one]));
    expect(families.get("node_cpu_seconds_total")).toMatchObject({
      type: "counter",
      help: "Seconds the CPUs spent in each mode.",
    });
  });
});

describe("prom-client in OpenMetrics", () => {
  test("is read whole: counters, histograms, exemplars, the end", async () => {
    const registry = new Registry<typeof OPENMETRICS>();
    registry.setContentType(OPENMETRICS);
    const requests = new Counter({
      ...{ name: "requests_total", help: 'How "many"', labelNames: ["code", "traceId"] },
      ...{ registers: [registry], enableExemplars: true },
    });
    requests.inc({ labels: { code: "200" }, value: 3, exemplarLabels: { traceId: "a # b}" } });
    const took = new Histogram({
      ...{ name: "took_seconds", help: "How long", buckets: [0.1, 1] },
      ...{ registers: [registry], enableExemplars: true },
    });
    took.observe({ labels: {}, value: 0.5, exemplarLabels: { traceId: "c" } });
    const target = await httpTarget((_, response) => {
      response.setHeader("content-type", registry.contentType);
      void registry.metrics().then((text) => response.end(text));
    });
    closers.push(target.close);
    const text = await registry.metrics();
    expect(text).toContain(" # {");
    expect(text).toContain("# EOF");
    const collector = collectorOf(target.port);
    const seen = await lookAt(collector);
    expect(seen.why).toBeUndefined();
    expect(seen.values).toMatchObject({
      ...{ requests_total: 3, took_seconds_bucket: 1, took_seconds_sum: 0.5, up: 1 },
      ...{ scrape_samples_scraped: 6 },
    });
    const families = new Map(collector.families?.().map((one) => [one.name, one.type]));
    expect(Object.fromEntries(families)).toEqual({
      ...{ requests: "counter", took_seconds: "histogram" },
    });
  });
});

describe.skipIf(!has.prometheus)("prometheus", () => {
  const startPrometheus = async (): Promise<number> => {
    const port = await closedPort();
    const dir = await mkdtemp(path.join(tmpdir(), "novaevo-prometheus-"));
    closers.push(() => rm(dir, { recursive: true, force: true }));
    const config = path.join(dir, "prometheus.yml");
    await writeFile(config, "global: {}\n");
    started(PROMETHEUS, [
      `--config.file=${config}`,
      `--storage.tsdb.path=${path.join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    return port;
  };

  test("is read whole, whatever of the two it answers in", async () => {
    const port = await startPrometheus();
    const at = `http://127.0.0.1:${port}`;
    const isReady = async (): Promise<boolean> => (await fetch(`${at}/-/ready`)).ok;
    await expect.poll(() => isReady().catch(() => false), { timeout: 30_000 }).toBe(true);
    // What it says without being asked for OpenMetrics; later it has no less.
    const plain = await fetch(`${at}/metrics`, { headers: { accept: "*/*" } });
    const collector = collectorOf(port);
    const seen = await lookAt(collector);
    expect(seen.why).toBeUndefined();
    expect(seen.values["up"]).toBe(1);
    const names = (await plain.text())
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => /^[a-zA-Z0-9_:]+/.exec(line)![0]);
    const missing = names.filter((name) => !(name in seen.values));
    expect([...new Set(missing)]).toEqual([]);
    const families = new Map(collector.families?.().map((one) => [one.name, one.type]));
    expect(families.get("prometheus_http_requests_total")).toBe("counter");
    expect(families.get("go_gc_duration_seconds")).toBe("summary");
    expect(families.get("prometheus_http_request_duration_seconds")).toBe("histogram");
  });

  test("asks as we do: its own request for metrics is ours", async () => {
    const asked: Record<string, string>[] = [];
    const target = await httpTarget((request, response) => {
      asked.push({ ...request.headers } as Record<string, string>);
      response.end("m 1\n");
    });
    closers.push(target.close);
    const dir = await mkdtemp(path.join(tmpdir(), "novaevo-prometheus-"));
    closers.push(() => rm(dir, { recursive: true, force: true }));
    const config = path.join(dir, "prometheus.yml");
    const job = `{job_name: j, static_configs: [{targets: ["127.0.0.1:${target.port}"]}]}`;
    await writeFile(config, `global: {scrape_interval: 1s}\nscrape_configs: [${job}]\n`);
    started(PROMETHEUS, [
      ...[`--config.file=${config}`, `--storage.tsdb.path=${path.join(dir, "data")}`],
      `--web.listen-address=127.0.0.1:${await closedPort()}`,
    ]);
    await expect.poll(() => asked.length, { timeout: 30_000 }).toBeGreaterThan(0);
    const [theirs] = asked.splice(0);
    await lookAt(collectorOf(target.port));
    const ours = asked.find((headers) => headers["user-agent"] === "novaevo-agent");
    for (const name of ["accept", "accept-encoding"]) expect(ours?.[name]).toBe(theirs![name]);
  });
});
