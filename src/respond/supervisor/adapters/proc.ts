/**
 * /proc: what a process uses and when it began.
 *
 * Errors: undefined where /proc is absent (darwin) or the process is gone.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { lookOf, startTimeOf, type Look } from "../process-use.ts";

export const lookAt = async (pid: number, nowMs: () => number): Promise<Look | undefined> => {
  try {
    const [stat, statm] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/statm`, "utf8"),
    ]);
    return lookOf(stat, statm, nowMs());
  } catch {
    return undefined;
  }
};

/** Boot and start time: the same pid in another life, or after a reboot, is another process. */
export const markOf = (pid: number): string | undefined => {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const start = startTimeOf(readFileSync(`/proc/${pid}/stat`, "utf8"));
    return start === undefined ? undefined : `${boot}-${start}`;
  } catch {
    return undefined;
  }
};
