/**
 * What a process and those below it cost; Linux.
 *
 * Units:  seconds of CPU, bytes.
 * Source: proc(5): fields 14 and 15 of /proc/PID/stat, VmRSS; a tick is 10 ms on Linux.
 */
import { readdir, readFile } from "node:fs/promises";

const TICKS_A_SECOND = 100;
const KIB = 1024;

export const treeOf = async (pid: number): Promise<readonly number[]> => {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((id) => readFile(`/proc/${pid}/task/${id}/children`, "utf8").catch(() => "")),
  );
  const children = lists.join(" ").split(/\s+/).filter(Boolean).map(Number);
  return [pid, ...(await Promise.all(children.map(treeOf))).flat()];
};

/** User and system time, of ended children too. */
export const cpuOf = async (pids: readonly number[]): Promise<number> => {
  const all = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return [11, 12].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0);
    }),
  );
  return all.reduce((sum, ticks) => sum + ticks, 0) / TICKS_A_SECOND;
};

export const rssOf = async (pids: readonly number[]): Promise<number> => {
  const all = await Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * KIB;
    }),
  );
  return all.reduce((sum, bytes) => sum + bytes, 0);
};
