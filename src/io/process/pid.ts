/**
 * Processes by pid: alive, and really ours (pids are reused).
 */
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 25;

/** `mark` is a word of its command line; where /proc is absent, existence has to do. */
export const isAlive = async (pid: number, mark?: string): Promise<boolean> => {
  try {
    process.kill(pid, 0);
  } catch (fault) {
    return fault instanceof Error && "code" in fault && fault.code === "EPERM";
  }
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // A zombie has ended; only its parent has not looked yet.
  if (stat !== undefined && /\) Z /.test(stat)) return false;
  if (mark === undefined) return true;
  const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => undefined);
  return words === undefined || words.includes(mark);
};

/** Sends `first`, waits up to `graceMs`, then sends `last` until the process is gone. */
export const stopPid = async (
  pid: number,
  how: { readonly first: NodeJS.Signals; readonly graceMs: number; readonly last: NodeJS.Signals },
): Promise<void> => {
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(pid, name);
    } catch {
      // Gone already.
    }
  };
  signal(how.first);
  const until = performance.now() + how.graceMs;
  while (await isAlive(pid)) {
    if (performance.now() > until) signal(how.last);
    await delay(POLL_MS);
  }
};
