/**
 * The processor's share of an instance: a cgroup of its own where we may make one, else a lower
 * priority than the supervisor and the gateway have.
 *
 * Shape:  `<root>/<instance>/cpu.max` of cgroup v2, where `root` hands the cpu controller down.
 * Units:  cores; microseconds of a period of 100 ms.
 * Errors: none; what the kernel refuses leaves the instance at what it had.
 * Source: kernel.org, "Control Group v2", cpu.max and "No Internal Process Constraint".
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import path from "node:path";
import type { CPU_BOUNDS } from "../../control/messages.ts";

export type CpuBound = {
  readonly by: (typeof CPU_BOUNDS)[number];
  readonly bind: (instance: string, pid: number, cores: number) => void;
  /** Its process is gone. */
  readonly release: (instance: string) => void;
};

const CGROUPS = "/sys/fs/cgroup";
const PERIOD_US = 100_000;
/** Below what decides and routes, so that those keep going when all are busy. */
const NICENESS = 5;

export const cpuBound = (givenRoot: string | undefined): CpuBound => {
  const root = givenRoot ?? ownCgroup();
  if (root !== undefined && handsDown(root)) return inCgroups(root);
  return {
    by: canBeNice() ? "nice" : "reported",
    bind: (_, pid) => {
      attempt(() => setPriority(pid, NICENESS));
    },
    release: () => undefined,
  };
};

const inCgroups = (root: string): CpuBound => ({
  by: "cgroup",
  bind: (instance, pid, cores) => {
    attempt(() => {
      const dir = path.join(root, instance);
      mkdirSync(dir, { recursive: true });
      writeFileSync(path.join(dir, "cpu.max"), `${Math.round(cores * PERIOD_US)} ${PERIOD_US}`);
      writeFileSync(path.join(dir, "cgroup.procs"), String(pid));
    });
  },
  release: (instance) => {
    attempt(() => rmdirSync(path.join(root, instance)));
  },
});

/** Of the unified hierarchy; others are no use here. */
const ownCgroup = (): string | undefined => {
  try {
    const [, own] = /^0::(\/.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8")) ?? [];
    return own === undefined ? undefined : path.join(CGROUPS, own);
  } catch {
    return undefined;
  }
};

const handsDown = (root: string): boolean => {
  try {
    const control = readFileSync(path.join(root, "cgroup.subtree_control"), "utf8");
    if (!control.split(/\s+/).includes("cpu")) return false;
    const probe = path.join(root, `probe-${process.pid}`);
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
};

const canBeNice = (): boolean => process.platform !== "win32";

const attempt = (act: () => void): void => {
  try {
    act();
  } catch {
    // It is gone, or not ours to bind: it runs on as it is.
  }
};
