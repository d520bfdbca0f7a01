/** The host collector on this machine, compared with what the kernel says. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, platform, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/io/clock.ts";
import { hostCollector } from "../../src/watch/collect/adapters/host-collector.ts";
import { sleep } from "../../src/watch/collect/adapters/sleep.ts";
import type { Sample } from "../../src/watch/collect/series.ts";

const collectorOf = (processes: Parameters<typeof hostCollector>[1]["processes"] = []) =>
  hostCollector(
    { clock: systemClock, sleep },
    { host: "h", intervalMs: 1_000, timeoutMs: 900, processes },
  );
const look = (collector: ReturnType<typeof collectorOf>) =>
  collector.collect({ signal: new AbortController().signal });
const find = (samples: readonly Sample[], name: string, labels: Record<string, string> = {}) =>
  samples.find(({ series }) => {
    const own = new Map(series.labels);
    return (
      own.get("__name__") === name &&
      Object.entries(labels).every(([key, value]) => own.get(key) === value)
    );
  })?.value;

describe.skipIf(platform() !== "linux")("on Linux", () => {
  test("memory, load and processors are the kernel's", async () => {
    const samples = await look(collectorOf());
    expect(find(samples, "system_cpu_logical_count")).toBe(cpus().length);
    expect(find(samples, "system_memory_limit_bytes")).toBeLessThanOrEqual(totalmem());
    const [one] = (await readFile("/proc/loadavg", "utf8")).split(" ").map(Number);
    expect(Math.abs(find(samples, "system_load_average_1m")! - one!)).toBeLessThan(1);
    expect(find(samples, "system_memory_utilization_ratio")).toBeGreaterThan(0);
    expect(find(samples, "system_memory_utilization_ratio")).toBeLessThan(1);
    const root = find(samples, "system_filesystem_utilization_ratio", { mountpoint: "/" });
    expect(root).toBeGreaterThan(0);
    expect(root).toBeLessThanOrEqual(1);
  });

  test("CPU time grows as /proc/stat says, between two looks around it", async () => {
    const userSeconds = async (): Promise<number> =>
      Number((await readFile("/proc/stat", "utf8")).split(/\s+/)[1]) / 100;
    const collector = collectorOf();
    const before = await userSeconds();
    const first = find(await look(collector), "system_cpu_time_seconds_total", { mode: "user" })!;
    const between = await userSeconds();
    const second = find(await look(collector), "system_cpu_time_seconds_total", { mode: "user" })!;
    const after = await userSeconds();
    expect(before <= first && first <= between && between <= second && second <= after).toBe(true);
  });

  test("a process that works shows its share, and one that ends is down", async () => {
    const dir = await mkdtemp(join(tmpdir(), "novaevo-host-"));
    const pidFile = join(dir, "busy.pid");
    const child = spawn(process.execPath, ["-e", 'console.log("up"); for (;;) {}'], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await once(child.stdout, "data");
    await writeFile(pidFile, `${child.pid}\n`);
    const collector = collectorOf([
      { name: "busy", service: "s", saysUp: true, pidFile },
      { name: "absent", service: "a", saysUp: true, pidFile: join(dir, "none.pid") },
    ]);
    let samples = await look(collector);
    const busy = { process: "busy", service: "s" };
    const timeOf = () => find(samples, "process_cpu_time_seconds_total", busy)!;
    const began = timeOf();
    while (timeOf() < began + 0.05) samples = await look(collector);
    expect(find(samples, "up", busy)).toBe(1);
    expect(find(samples, "up", { service: "a" })).toBe(0);
    const status = await readFile(`/proc/${child.pid}/status`, "utf8");
    const resident = Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1_024;
    const memory = find(samples, "process_memory_usage_bytes", busy)!;
    expect(Math.abs(memory - resident) / resident).toBeLessThan(0.2);
    expect(find(samples, "process_memory_utilization_ratio", busy)).toBeGreaterThan(0);

    const gone = once(child, "close");
    child.kill("SIGKILL");
    await gone;
    samples = await look(collector);
    expect(find(samples, "up", busy)).toBe(0);
    expect(find(samples, "process_cpu_utilization_ratio", busy)).toBeUndefined();
    await rm(dir, { recursive: true });
  });
});
