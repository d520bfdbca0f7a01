/**
 * Looks at a host through node:os where there is no /proc (macOS): CPU, memory, load, the root file
 * system, and whether named processes run.
 *
 * Errors: none; what cannot be read is left out.
 */
import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, freemem, loadavg, totalmem } from "node:os";
import type { FileSystem, HostLook } from "../host.ts";
import type { CpuTimes } from "../procfs.ts";
import { pidOf, type LookAtHost, type WatchedProcess } from "./linux-host.ts";

const NO_ALLOWANCE = {
  cpuCores: undefined,
  cpuUsedSeconds: undefined,
  memoryLimitBytes: undefined,
  memoryUsedBytes: undefined,
};

const cpuTimes = (): CpuTimes => {
  const sum = { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 };
  for (const { times } of cpus()) {
    for (const mode of Object.keys(sum) as (keyof typeof sum)[]) sum[mode] += times[mode] / 1_000;
  }
  const { user, nice, sys, idle, irq } = sum;
  const seconds = { user, nice, system: sys, idle, iowait: 0, irq, softirq: 0, steal: 0 };
  return { seconds, cpus: availableParallelism() };
};

const rootFileSystem = async (): Promise<FileSystem[]> => {
  try {
    const { bsize, blocks, bfree, bavail, type } = await statfs("/");
    const sizes = {
      totalBytes: blocks * bsize,
      freeBytes: bfree * bsize,
      availableBytes: bavail * bsize,
    };
    return [{ device: "root", mountpoint: "/", type: `0x${type.toString(16)}`, ...sizes }];
  } catch {
    return [];
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

export const portableHost =
  (clock: { readonly monotonic: () => number }, processes: readonly WatchedProcess[]): LookAtHost =>
  async () => {
    const totalBytes = totalmem();
    const freeBytes = freemem();
    const [one = 0, five = 0, fifteen = 0] = loadavg();
    return {
      atMs: clock.monotonic(),
      cpu: cpuTimes(),
      load: [one, five, fifteen],
      memory: {
        totalBytes,
        freeBytes,
        availableBytes: freeBytes,
        buffersBytes: 0,
        cachedBytes: 0,
        swapTotalBytes: 0,
        swapFreeBytes: 0,
      },
      allowance: NO_ALLOWANCE,
      disks: [],
      networks: [],
      fileSystems: await rootFileSystem(),
      processes: processes.map((watched): HostLook["processes"][number] => {
        const { name, service, saysUp } = watched;
        const pid = pidOf(watched);
        if (pid === undefined || !isAlive(pid)) return { name, service, saysUp };
        // Without /proc a process is only known to run: what it uses is unknown, not zero.
        const unknown = { cpuSeconds: Number.NaN, memoryBytes: Number.NaN };
        return { name, service, saysUp, running: { identity: String(pid), ...unknown } };
      }),
    };
  };
