/**
 * Looks at a Linux host through /proc, /sys and statfs.
 *
 * Reads of /proc are synchronous: they are answered from the kernel's memory in microseconds, where
 * a trip through the thread pool costs more than the read. Only statfs can wait for a device; a
 * mount that has not answered yet is left out until it does.
 *
 * Errors: none; what cannot be read is left out.
 */
import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { cgroupLevels, readAllowance, type GroupLevels, type ReadText } from "../cgroup.ts";
import type { FileSystem, HostLook, ProcessUse } from "../host.ts";
import {
  parseCpuStat,
  parseDisks,
  parseLoad,
  parseMemory,
  parseMounts,
  parseNetwork,
  parseProcessMemory,
  parseProcessStat,
  type Mount,
  type NetworkIo,
} from "../procfs.ts";

export type WatchedProcess = {
  readonly name: string;
  readonly service: string;
  readonly saysUp: boolean;
  readonly pid?: number | undefined;
  /** Holds the pid on its first line, as PostgreSQL's does; may change while we run. */
  readonly pidFile?: string | undefined;
};

const MAX_TREE = 512;
/** Bits per second of one Mbit/s, the unit of /sys/class/net. */
const MEGABIT = 1e6;

const readText: ReadText = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

export const pidOf = ({ pid, pidFile }: WatchedProcess): number | undefined => {
  if (pid !== undefined) return pid;
  const line = pidFile === undefined ? undefined : readText(pidFile)?.split("\n", 1)[0]?.trim();
  return line !== undefined && /^\d{1,10}$/.test(line) ? Number(line) : undefined;
};

/** The process and its children, so that a server with workers counts as a whole. */
const treeOf = (root: number): readonly number[] => {
  const tree = [root];
  for (let at = 0; at < tree.length && tree.length < MAX_TREE; at += 1) {
    const children = readText(`/proc/${tree[at]}/task/${tree[at]}/children`) ?? "";
    tree.push(
      ...children
        .split(" ")
        .filter((pid) => pid !== "")
        .map(Number),
    );
  }
  return tree.slice(0, MAX_TREE);
};

const lookAtProcess = (watched: WatchedProcess): ProcessUse => {
  const { name, service, saysUp } = watched;
  const root = pidOf(watched);
  const stat =
    root === undefined ? undefined : parseProcessStat(readText(`/proc/${root}/stat`) ?? "");
  if (root === undefined || stat === undefined) return { name, service, saysUp };
  let cpuSeconds = 0;
  let memoryBytes = 0;
  for (const pid of treeOf(root)) {
    cpuSeconds += parseProcessStat(readText(`/proc/${pid}/stat`) ?? "")?.cpuSeconds ?? 0;
    const memory = parseProcessMemory(readText(`/proc/${pid}/status`) ?? "");
    memoryBytes += (pid === root ? memory?.residentBytes : memory?.ownBytes) ?? 0;
  }
  return {
    name,
    service,
    saysUp,
    running: { identity: `${root}:${stat.startTicks}`, cpuSeconds, memoryBytes },
  };
};

const withSpeed = (network: NetworkIo): HostLook["networks"][number] => {
  const megabits = Number(readText(`/sys/class/net/${network.device}/speed`)?.trim() ?? Number.NaN);
  return megabits > 0 ? { ...network, bitsPerSecond: megabits * MEGABIT } : network;
};

/** Asks every mount, waits for none: a look takes the answers that are there. */
const mountWatch = () => {
  const known = new Map<string, FileSystem>();
  const asking = new Map<string, Promise<void>>();
  const ask = async ({ device, path, type }: Mount): Promise<void> => {
    try {
      const { bsize, blocks, bfree, bavail } = await statfs(path);
      if (blocks === 0) return void known.delete(path);
      const sizes = {
        totalBytes: blocks * bsize,
        freeBytes: bfree * bsize,
        availableBytes: bavail * bsize,
      };
      known.set(path, { device, mountpoint: path, type, ...sizes });
    } catch {
      known.delete(path);
    } finally {
      asking.delete(path);
    }
  };
  return async (mounts: readonly Mount[], patience: Promise<void>): Promise<FileSystem[]> => {
    for (const mount of mounts) {
      if (!asking.has(mount.path)) asking.set(mount.path, ask(mount));
    }
    await Promise.race([Promise.all(asking.values()), patience]);
    return mounts
      .filter(({ path }) => !asking.has(path))
      .flatMap(({ path }) => known.get(path) ?? []);
  };
};

const groupLevels = (): GroupLevels => {
  const mountinfo = readText("/proc/self/mountinfo") ?? "";
  const self = readText("/proc/self/cgroup") ?? "";
  return {
    cpu: cgroupLevels(mountinfo, self, "cpu"),
    cpuacct: cgroupLevels(mountinfo, self, "cpuacct"),
    memory: cgroupLevels(mountinfo, self, "memory"),
  };
};

export type LookAtHost = (patience: Promise<void>) => Promise<HostLook>;

export const linuxHost = (
  clock: { readonly monotonic: () => number },
  processes: readonly WatchedProcess[],
): LookAtHost => {
  const askMounts = mountWatch();
  const levels = groupLevels();
  return async (patience) => {
    const fileSystems = await askMounts(parseMounts(readText("/proc/self/mounts") ?? ""), patience);
    const cpu = parseCpuStat(readText("/proc/stat") ?? "");
    const memory = parseMemory(readText("/proc/meminfo") ?? "");
    const host = {
      cpus: cpu?.cpus ?? Number.POSITIVE_INFINITY,
      memoryBytes: memory?.totalBytes ?? Number.POSITIVE_INFINITY,
    };
    return {
      atMs: clock.monotonic(),
      cpu,
      memory,
      load: parseLoad(readText("/proc/loadavg") ?? ""),
      allowance: readAllowance(levels, host, readText),
      disks: parseDisks(readText("/proc/diskstats") ?? ""),
      networks: parseNetwork(readText("/proc/net/dev") ?? "").map(withSpeed),
      fileSystems,
      processes: processes.map(lookAtProcess),
    };
  };
};
