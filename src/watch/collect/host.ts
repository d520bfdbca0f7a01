/**
 * A host between two looks: totals become rates, usage becomes a share of what may be used.
 *
 * Shape:  `observeHost(previous, current)`; without a previous look there are no rates.
 * Units:  seconds, bytes, shares from 0 to 1. In a limited container CPU and memory are shares of
 *         the container's limit, not of the machine.
 * Source: OpenTelemetry semantic conventions, system and process metrics
 */
import type { Allowance } from "./cgroup.ts";
import { counter, gauge, type Observation } from "./observation.ts";
import { CPU_MODES, type CpuTimes, type DiskIo, type Memory, type NetworkIo } from "./procfs.ts";

export type FileSystem = {
  readonly device: string;
  readonly mountpoint: string;
  readonly type: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Free for everyone: what root keeps for itself is neither free nor used. */
  readonly availableBytes: number;
};
export type ProcessUse = {
  readonly name: string;
  readonly service: string;
  /** Whether `up` of its service comes from here; else somebody asks the service itself. */
  readonly saysUp: boolean;
  /** Absent while it does not run. `identity` changes when another process takes its place. */
  readonly running?: {
    readonly identity: string;
    readonly cpuSeconds: number;
    readonly memoryBytes: number;
  };
};
export type HostLook = {
  /** Monotonic. */
  readonly atMs: number;
  readonly cpu: CpuTimes | undefined;
  readonly load: readonly [number, number, number] | undefined;
  readonly memory: Memory | undefined;
  readonly allowance: Allowance;
  readonly disks: readonly DiskIo[];
  readonly networks: readonly (NetworkIo & { readonly bitsPerSecond?: number })[];
  readonly fileSystems: readonly FileSystem[];
  readonly processes: readonly ProcessUse[];
};

const BITS_PER_BYTE = 8;

const share = (value: number): number => Math.min(1, Math.max(0, value));

const elapsedSeconds = (before: HostLook | undefined, now: HostLook): number =>
  before === undefined ? Number.NaN : (now.atMs - before.atMs) / 1_000;

const busySeconds = ({ seconds }: CpuTimes): number =>
  CPU_MODES.reduce((sum, mode) => sum + seconds[mode], 0) - seconds.idle - seconds.iowait;

const totalSeconds = ({ seconds }: CpuTimes): number =>
  CPU_MODES.reduce((sum, mode) => sum + seconds[mode], 0);

const cpuShare = (before: HostLook | undefined, now: HostLook): number => {
  const { cpuCores, cpuUsedSeconds } = now.allowance;
  const usedBefore = before?.allowance.cpuUsedSeconds;
  if (cpuCores !== undefined && cpuUsedSeconds !== undefined && usedBefore !== undefined) {
    return share((cpuUsedSeconds - usedBefore) / (elapsedSeconds(before, now) * cpuCores));
  }
  if (before?.cpu === undefined || now.cpu === undefined || cpuCores !== undefined) {
    return Number.NaN;
  }
  const total = totalSeconds(now.cpu) - totalSeconds(before.cpu);
  return total > 0 ? share((busySeconds(now.cpu) - busySeconds(before.cpu)) / total) : Number.NaN;
};

const observeCpu = (before: HostLook | undefined, now: HostLook): readonly Observation[] => [
  gauge("system.cpu.utilization", "1", cpuShare(before, now)),
  gauge("system.cpu.logical.count", "{cpu}", now.cpu?.cpus ?? Number.NaN),
  gauge("system.cpu.limit", "{cpu}", now.allowance.cpuCores ?? now.cpu?.cpus ?? Number.NaN),
  ...CPU_MODES.map((mode) =>
    counter("system.cpu.time", "s", now.cpu?.seconds[mode] ?? Number.NaN, { mode }),
  ),
  ...(["1m", "5m", "15m"] as const).map((span, nth) =>
    gauge(`system.load_average.${span}`, "{thread}", now.load?.[nth] ?? Number.NaN),
  ),
];

const memoryUsage = (state: string, bytes: number): Observation =>
  gauge("system.memory.usage", "By", bytes, { state });

const observeMemory = ({ memory, allowance }: HostLook): readonly Observation[] => {
  if (memory === undefined) return [];
  const total = allowance.memoryLimitBytes ?? memory.totalBytes;
  const machineUsed = memory.totalBytes - memory.availableBytes;
  const used = allowance.memoryLimitBytes === undefined ? machineUsed : allowance.memoryUsedBytes;
  const swapUsed = memory.swapTotalBytes - memory.swapFreeBytes;
  return [
    gauge("system.memory.limit", "By", total),
    gauge("system.memory.utilization", "1", share((used ?? Number.NaN) / total)),
    memoryUsage("used", used ?? Number.NaN),
    memoryUsage("free", memory.freeBytes),
    memoryUsage("buffers", memory.buffersBytes),
    memoryUsage("cached", memory.cachedBytes),
    gauge("system.paging.usage", "By", swapUsed, { state: "used" }),
    gauge("system.paging.usage", "By", memory.swapFreeBytes, { state: "free" }),
    gauge("system.paging.utilization", "1", swapUsed / memory.swapTotalBytes),
  ];
};

const observeDisks = ({ disks }: HostLook): readonly Observation[] =>
  disks.flatMap(({ device, reads, readBytes, writes, writeBytes, ioSeconds }) => {
    const read = { device, direction: "read" };
    const write = { device, direction: "write" };
    return [
      counter("system.disk.io", "By", readBytes, read),
      counter("system.disk.io", "By", writeBytes, write),
      counter("system.disk.operations", "{operation}", reads, read),
      counter("system.disk.operations", "{operation}", writes, write),
      counter("system.disk.io_time", "s", ioSeconds, { device }),
    ];
  });

const observeNetworks = (before: HostLook | undefined, now: HostLook): readonly Observation[] =>
  now.networks.flatMap((network) => {
    const { device, bitsPerSecond = Number.NaN } = network;
    const earlier = before?.networks.find((other) => other.device === device);
    const rate = (direction: "receive" | "transmit"): number =>
      (network[direction].bytes - (earlier?.[direction].bytes ?? Number.NaN)) /
      elapsedSeconds(before, now);
    const busiest = Math.max(rate("receive"), rate("transmit")) * BITS_PER_BYTE;
    return [
      gauge("system.network.utilization", "1", share(busiest / bitsPerSecond), { device }),
      ...(["receive", "transmit"] as const).flatMap((direction) => [
        counter("system.network.io", "By", network[direction].bytes, { device, direction }),
        counter("system.network.errors", "{error}", network[direction].errors, {
          device,
          direction,
        }),
        counter("system.network.dropped", "{packet}", network[direction].dropped, {
          device,
          direction,
        }),
      ]),
    ];
  });

const observeFileSystems = ({ fileSystems }: HostLook): readonly Observation[] =>
  fileSystems.flatMap(({ device, mountpoint, type, totalBytes, freeBytes, availableBytes }) => {
    const labels = { device, mountpoint, type };
    const used = totalBytes - freeBytes;
    const usage = (state: string, bytes: number): Observation =>
      gauge("system.filesystem.usage", "By", bytes, { ...labels, state });
    return [
      gauge("system.filesystem.utilization", "1", share(used / (used + availableBytes)), labels),
      usage("used", used),
      usage("free", availableBytes),
      usage("reserved", freeBytes - availableBytes),
    ];
  });

const observeProcesses = (before: HostLook | undefined, now: HostLook): readonly Observation[] => {
  const cores = now.allowance.cpuCores ?? now.cpu?.cpus ?? Number.NaN;
  const memory = now.allowance.memoryLimitBytes ?? now.memory?.totalBytes ?? Number.NaN;
  return now.processes.flatMap(({ name, service, saysUp, running }) => {
    const labels = { process: name, service };
    const isUp = running === undefined ? 0 : 1;
    const up = [
      gauge("process.up", "", isUp, labels),
      ...(saysUp ? [gauge("up", "", isUp, { ...labels, job: "process" })] : []),
    ];
    if (running === undefined) return up;
    const earlier = before?.processes.find((other) => other.name === name)?.running;
    const isSame = earlier?.identity === running.identity;
    const spent = isSame ? running.cpuSeconds - earlier.cpuSeconds : Number.NaN;
    const cpu = share(spent / (elapsedSeconds(before, now) * cores));
    return [
      ...up,
      gauge("process.cpu.utilization", "1", cpu, labels),
      counter("process.cpu.time", "s", running.cpuSeconds, labels),
      gauge("process.memory.usage", "By", running.memoryBytes, labels),
      gauge("process.memory.utilization", "1", share(running.memoryBytes / memory), labels),
    ];
  });
};

export const observeHost = (
  before: HostLook | undefined,
  now: HostLook,
): readonly Observation[] => [
  ...observeCpu(before, now),
  ...observeMemory(now),
  ...observeDisks(now),
  ...observeNetworks(before, now),
  ...observeFileSystems(now),
  ...observeProcesses(before, now),
];
