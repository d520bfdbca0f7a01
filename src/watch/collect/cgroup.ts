/**
 * Where the control group of this process is, and what it allows.
 *
 * Shape:  levels from the process's own group up to the root that is mounted here; the tightest
 *         limit counts, with the usage of the level that sets it. Version 1 and 2, and both at
 *         once.
 * Units:  cores, seconds, bytes; `undefined` where nothing limits.
 * Source: cgroups(7), Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/
 */
export type Controller = "cpu" | "cpuacct" | "memory";
export type Level = { readonly version: 1 | 2; readonly dir: string };

/** The text of a file, or `undefined` where there is none. */
export type ReadText = (path: string) => string | undefined;

export type Allowance = {
  readonly cpuCores: number | undefined;
  readonly cpuUsedSeconds: number | undefined;
  readonly memoryLimitBytes: number | undefined;
  readonly memoryUsedBytes: number | undefined;
};

const MAX_LEVELS = 16;

type Mounted = { readonly root: string; readonly path: string };

/** The mount of a controller: `root` is what of the hierarchy is visible at `path`. */
const mountOf = (mountinfo: string, version: 1 | 2, controller: string): Mounted | undefined => {
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const [type, , options = ""] = right.split(" ");
    const fits =
      version === 2
        ? type === "cgroup2"
        : type === "cgroup" && options.split(",").includes(controller);
    const [, , , root, path] = left.split(" ");
    if (fits && root !== undefined && path !== undefined) return { root, path };
  }
  return undefined;
};

const groupOf = (self: string, version: 1 | 2, controller: string): string | undefined => {
  for (const line of self.split("\n")) {
    const [id, names = "", ...path] = line.split(":");
    const fits = version === 2 ? id === "0" && names === "" : names.split(",").includes(controller);
    if (fits) return path.join(":");
  }
  return undefined;
};

export const cgroupLevels = (
  mountinfo: string,
  self: string,
  controller: Controller,
): readonly Level[] => {
  for (const version of [1, 2] as const) {
    const mounted = mountOf(mountinfo, version, controller);
    const group = groupOf(self, version, controller);
    if (mounted === undefined || group === undefined) continue;
    // In a container the group may be named as the host sees it, above what is mounted here.
    const isBelow = mounted.root === "/" || group.startsWith(mounted.root);
    const inner = isBelow && mounted.root !== "/" ? group.slice(mounted.root.length) : group;
    const names = isBelow ? inner.split("/").filter((name) => name !== "" && name !== "..") : [];
    const kept = names.slice(0, MAX_LEVELS);
    return kept
      .map((_, nth) => kept.slice(0, kept.length - nth))
      .concat([[]])
      .map((parts) => ({ version, dir: [mounted.path, ...parts].join("/") }));
  }
  return [];
};

const numberIn = (text: string | undefined): number | undefined => {
  if (text === undefined || !/^-?\d+\s*$/.test(text)) return undefined;
  return Number(text);
};

const fieldIn = (text: string | undefined, name: string): number | undefined =>
  numberIn(new RegExp(`^${name} (\\d+)$`, "m").exec(text ?? "")?.[1]);

export const cpuLimitCores = ({ version, dir }: Level, read: ReadText): number | undefined => {
  const [quota, period] =
    version === 2
      ? (read(`${dir}/cpu.max`) ?? "").trim().split(" ").map(Number)
      : [numberIn(read(`${dir}/cpu.cfs_quota_us`)), numberIn(read(`${dir}/cpu.cfs_period_us`))];
  if (quota === undefined || period === undefined) return undefined;
  return quota > 0 && period > 0 ? quota / period : undefined;
};

const cpuUsedSeconds = ({ version, dir }: Level, read: ReadText): number | undefined => {
  if (version === 2) {
    const usedUs = fieldIn(read(`${dir}/cpu.stat`), "usage_usec");
    return usedUs === undefined ? undefined : usedUs / 1e6;
  }
  const usedNs = numberIn(read(`${dir}/cpuacct.usage`));
  return usedNs === undefined ? undefined : usedNs / 1e9;
};

export const memoryLimitBytes = ({ version, dir }: Level, read: ReadText): number | undefined =>
  numberIn(read(`${dir}/${version === 2 ? "memory.max" : "memory.limit_in_bytes"}`));

/** What cannot be given back at once: usage without file pages nobody used lately. */
const memoryUsedBytes = ({ version, dir }: Level, read: ReadText): number | undefined => {
  const used = numberIn(
    read(`${dir}/${version === 2 ? "memory.current" : "memory.usage_in_bytes"}`),
  );
  const stat = read(`${dir}/memory.stat`);
  const idle = fieldIn(stat, version === 2 ? "inactive_file" : "total_inactive_file") ?? 0;
  return used === undefined ? undefined : Math.max(0, used - idle);
};

const tightest = (
  levels: readonly Level[],
  limitOf: (level: Level) => number | undefined,
  host: number,
): { readonly nth: number; readonly limit: number } | undefined => {
  let found: { nth: number; limit: number } | undefined;
  levels.forEach((level, nth) => {
    const limit = limitOf(level);
    // A limit at or above the machine is none; version 1 writes "unlimited" as a huge number.
    if (limit === undefined || limit >= host || limit <= 0) return;
    if (found === undefined || limit < found.limit) found = { nth, limit };
  });
  return found;
};

export type GroupLevels = Readonly<Record<Controller, readonly Level[]>>;

export const readAllowance = (
  levels: GroupLevels,
  host: { readonly cpus: number; readonly memoryBytes: number },
  read: ReadText,
): Allowance => {
  const cpu = tightest(levels.cpu, (level) => cpuLimitCores(level, read), host.cpus);
  const memory = tightest(
    levels.memory,
    (level) => memoryLimitBytes(level, read),
    host.memoryBytes,
  );
  // Version 1 accounts in a controller of its own, whose group mirrors the limiting one.
  const cpuAt = cpu === undefined ? undefined : levels.cpu[cpu.nth]!;
  const usageAt = cpuAt?.version === 1 ? levels.cpuacct[cpu!.nth] : cpuAt;
  const memoryAt = memory === undefined ? undefined : levels.memory[memory.nth]!;
  return {
    cpuCores: cpu?.limit,
    cpuUsedSeconds: usageAt === undefined ? undefined : cpuUsedSeconds(usageAt, read),
    memoryLimitBytes: memory?.limit,
    memoryUsedBytes: memoryAt === undefined ? undefined : memoryUsedBytes(memoryAt, read),
  };
};
