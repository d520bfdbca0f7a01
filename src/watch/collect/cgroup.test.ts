/** Control groups of version 1 and 2, as hosts, containers and systemd show them. */
import { describe, expect, test } from "vitest";
import { cgroupLevels, readAllowance, type Allowance } from "./cgroup.ts";

const GIB = 1024 ** 3;
const HOST = { cpus: 8, memoryBytes: 32 * GIB };
type Files = Readonly<Record<string, string>>;

const allowanceOf = (mountinfo: string, self: string, files: Files): Allowance =>
  readAllowance(
    {
      cpu: cgroupLevels(mountinfo, self, "cpu"),
      cpuacct: cgroupLevels(mountinfo, self, "cpuacct"),
      memory: cgroupLevels(mountinfo, self, "memory"),
    },
    HOST,
    (path) => files[path],
  );
const NONE: Allowance = {
  cpuCores: undefined,
  cpuUsedSeconds: undefined,
  memoryLimitBytes: undefined,
  memoryUsedBytes: undefined,
};

describe("version 2", () => {
  const MOUNT = "35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";

  test("in a container the group is the root of the mount", () => {
    const files = {
      "/sys/fs/cgroup/cpu.max": "150000 100000\n",
      "/sys/fs/cgroup/cpu.stat": "usage_usec 12500000\nuser_usec 1\nsystem_usec 2\n",
      "/sys/fs/cgroup/memory.max": "1073741824\n",
      "/sys/fs/cgroup/memory.current": "629145600\n",
      "/sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 104857600\nactive_file 5\n",
    };
    expect(allowanceOf(MOUNT, "0::/\n", files)).toEqual({
      cpuCores: 1.5,
      cpuUsedSeconds: 12.5,
      memoryLimitBytes: GIB,
      memoryUsedBytes: 524288000,
    });
  });

  test("the tightest level above counts, with its own usage", () => {
    const at = "/sys/fs/cgroup/system.slice";
    const files = {
      [`${at}/nova.service/cpu.max`]: "max 100000\n",
      [`${at}/nova.service/memory.max`]: "max\n",
      [`${at}/cpu.max`]: "200000 100000\n",
      [`${at}/cpu.stat`]: "usage_usec 7000000\n",
      [`${at}/memory.max`]: `${4 * GIB}\n`,
      [`${at}/memory.current`]: `${GIB}\n`,
    };
    expect(allowanceOf(MOUNT, "0::/system.slice/nova.service\n", files)).toEqual({
      cpuCores: 2,
      cpuUsedSeconds: 7,
      memoryLimitBytes: 4 * GIB,
      memoryUsedBytes: GIB,
    });
  });

  test("no limit, or one above the machine, is none", () => {
    const at = "/sys/fs/cgroup";
    const files = { [`${at}/cpu.max`]: "1600000 100000\n", [`${at}/memory.max`]: `${64 * GIB}\n` };
    expect(allowanceOf(MOUNT, "0::/\n", files)).toEqual(NONE);
    expect(allowanceOf(MOUNT, "0::/\n", {})).toEqual(NONE);
  });

  test("garbage in a file is no limit", () => {
    const at = "/sys/fs/cgroup";
    const files = { [`${at}/cpu.max`]: "lots of it\n", [`${at}/memory.max`]: "some\n" };
    expect(allowanceOf(MOUNT, "0::/\n", files)).toEqual(NONE);
  });
});

describe("version 1", () => {
  const MOUNTS = [
    "30 24 0:26 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct",
    "31 24 0:27 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
  ].join("\n");
  const SELF = "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n";
  const FILES = {
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage": "3500000000\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": "400000000\n",
    "/sys/fs/cgroup/memory/memory.stat":
      "cache 1\ninactive_file 9\ntotal_inactive_file 100000000\n",
  };

  test("limits and usage of a container", () => {
    expect(allowanceOf(MOUNTS, SELF, FILES)).toEqual({
      cpuCores: 0.5,
      cpuUsedSeconds: 3.5,
      memoryLimitBytes: 536870912,
      memoryUsedBytes: 300000000,
    });
  });

  test("-1 and the huge number mean unlimited", () => {
    const files = {
      ...FILES,
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    };
    expect(allowanceOf(MOUNTS, SELF, files)).toEqual(NONE);
  });

  test("beside version 2 (hybrid) the controllers of version 1 count", () => {
    const hybrid = `${MOUNTS}\n40 24 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw`;
    expect(allowanceOf(hybrid, `${SELF}0::/docker/abc\n`, FILES).cpuCores).toBe(0.5);
  });
});

test("without control groups nothing limits", () => {
  expect(cgroupLevels("", "", "cpu")).toEqual([]);
  expect(allowanceOf("garbage\n", "more\n", {})).toEqual(NONE);
});
