/**
 * Reads what Linux writes under /proc.
 *
 * Units:  seconds and bytes out; the kernel's ticks are 100 a second in everything user space sees.
 * Errors: none. A line or field that is not there is left out; missing is not zero.
 * Source: proc(5), Documentation/admin-guide/iostats.rst
 */
export const CPU_MODES = [
  "user",
  "nice",
  "system",
  "idle",
  "iowait",
  "irq",
  "softirq",
  "steal",
] as const;
export type CpuMode = (typeof CPU_MODES)[number];
export type CpuTimes = {
  readonly seconds: Readonly<Record<CpuMode, number>>;
  readonly cpus: number;
};

export type Memory = {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly availableBytes: number;
  readonly buffersBytes: number;
  readonly cachedBytes: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
};
export type DiskIo = {
  readonly device: string;
  readonly reads: number;
  readonly readBytes: number;
  readonly writes: number;
  readonly writeBytes: number;
  readonly ioSeconds: number;
};
export type NetworkIo = {
  readonly device: string;
  readonly receive: NetworkDirection;
  readonly transmit: NetworkDirection;
};
export type NetworkDirection = {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
};
export type Mount = { readonly device: string; readonly path: string; readonly type: string };
export type ProcessStat = { readonly startTicks: number; readonly cpuSeconds: number };

const TICKS_PER_SECOND = 100;
const SECTOR_BYTES = 512;
const KIB = 1024;

export const parseCpuStat = (text: string): CpuTimes | undefined => {
  const lines = text.split("\n");
  const total = lines.find((line) => line.startsWith("cpu "));
  if (total === undefined) return undefined;
  const ticks = total.trim().split(/\s+/).slice(1).map(Number);
  const seconds = Object.fromEntries(
    CPU_MODES.map((mode, nth) => [mode, (ticks[nth] ?? 0) / TICKS_PER_SECOND]),
  ) as Record<CpuMode, number>;
  return { seconds, cpus: lines.filter((line) => /^cpu\d/.test(line)).length };
};

export const parseLoad = (text: string): readonly [number, number, number] | undefined => {
  const [one, five, fifteen] = text.split(" ").map(Number);
  if ([one, five, fifteen].some((load) => load === undefined || Number.isNaN(load)))
    return undefined;
  return [one!, five!, fifteen!];
};

export const parseMemory = (text: string): Memory | undefined => {
  const field = (name: string): number | undefined => {
    const found = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text);
    return found === null ? undefined : Number(found[1]) * KIB;
  };
  const totalBytes = field("MemTotal");
  const freeBytes = field("MemFree");
  if (totalBytes === undefined || freeBytes === undefined) return undefined;
  const buffersBytes = field("Buffers") ?? 0;
  const cachedBytes = (field("Cached") ?? 0) + (field("SReclaimable") ?? 0);
  const availableBytes = field("MemAvailable") ?? freeBytes + buffersBytes + cachedBytes;
  const swapTotalBytes = field("SwapTotal") ?? 0;
  const swapFreeBytes = field("SwapFree") ?? 0;
  return {
    totalBytes,
    freeBytes,
    availableBytes,
    buffersBytes,
    cachedBytes,
    swapTotalBytes,
    swapFreeBytes,
  };
};

const IGNORED_DISK = /^(?:loop|ram|zram|fd|sr)\d/;
/** sda1 of sda, nvme0n1p2 of nvme0n1. */
const isPartitionOf = (name: string, disk: string): boolean =>
  name.length > disk.length && name.startsWith(disk) && /^p?\d+$/.test(name.slice(disk.length));

/** Whole devices only: counting partitions too would count everything twice. */
export const parseDisks = (text: string): readonly DiskIo[] => {
  const rows = text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length >= 14 && !IGNORED_DISK.test(fields[2]!));
  const names = rows.map((fields) => fields[2]!);
  return rows
    .filter((fields) => !names.some((disk) => isPartitionOf(fields[2]!, disk)))
    .map((fields) => ({
      device: fields[2]!,
      reads: Number(fields[3]),
      readBytes: Number(fields[5]) * SECTOR_BYTES,
      writes: Number(fields[7]),
      writeBytes: Number(fields[9]) * SECTOR_BYTES,
      ioSeconds: Number(fields[12]) / 1_000,
    }));
};

const IGNORED_NETWORK = /^(?:lo$|veth)/;

export const parseNetwork = (text: string): readonly NetworkIo[] =>
  text.split("\n").flatMap((line) => {
    const colon = line.indexOf(":");
    const device = line.slice(0, Math.max(colon, 0)).trim();
    if (device === "" || IGNORED_NETWORK.test(device)) return [];
    const counts = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    if (counts.length < 16) return [];
    const direction = (at: number): NetworkDirection => ({
      bytes: counts[at]!,
      packets: counts[at + 1]!,
      errors: counts[at + 2]!,
      dropped: counts[at + 3]!,
    });
    return [{ device, receive: direction(0), transmit: direction(8) }];
  });

/** Local file systems that store something. Network ones are left out: asking them may hang. */
const STORING = new Set([
  "ext2",
  "ext3",
  "ext4",
  "xfs",
  "btrfs",
  "zfs",
  "f2fs",
  "overlay",
  "vfat",
  "exfat",
  "ntfs3",
  "bcachefs",
]);
const MAX_MOUNTS = 64;

const unescapeMount = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));

/** One mount per device, the shortest path: a container sees one disk under many names. */
export const parseMounts = (text: string): readonly Mount[] => {
  const byDevice = new Map<string, Mount>();
  for (const line of text.split("\n")) {
    const [device, rawPath, type] = line.split(" ");
    if (device === undefined || rawPath === undefined || type === undefined) continue;
    const path = unescapeMount(rawPath);
    if (path !== "/" && !STORING.has(type)) continue;
    const key = type === "overlay" ? "overlay" : device;
    const known = byDevice.get(key);
    if (known === undefined || path.length < known.path.length) {
      byDevice.set(key, { device: unescapeMount(device), path, type });
    }
  }
  return [...byDevice.values()].slice(0, MAX_MOUNTS);
};

/** Own time and that of children it has already waited for, so that a short-lived worker counts. */
export const parseProcessStat = (text: string): ProcessStat | undefined => {
  // The command may hold blanks and parentheses; the last ")" ends it.
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + field, 0);
  const startTicks = fields[19];
  if (startTicks === undefined || Number.isNaN(ticks + startTicks)) return undefined;
  return { startTicks, cpuSeconds: ticks / TICKS_PER_SECOND };
};

export type ProcessMemory = { readonly residentBytes: number; readonly ownBytes: number };

/** `ownBytes` leaves out what may be shared, so that the memory of a tree of processes adds up. */
export const parseProcessMemory = (status: string): ProcessMemory | undefined => {
  const field = (name: string): number | undefined => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status);
    return found === null ? undefined : Number(found[1]) * KIB;
  };
  const residentBytes = field("VmRSS");
  if (residentBytes === undefined) return undefined;
  return { residentBytes, ownBytes: field("RssAnon") ?? residentBytes };
};
