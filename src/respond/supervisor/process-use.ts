/**
 * What a process uses, from two looks at /proc.
 *
 * Units:  clock ticks of 10 ms; pages in, bytes out; shares of the bounds.
 * Errors: undefined for a text that is not what proc(5) says.
 * Source: proc(5): fields 14, 15 and 22 of /proc/PID/stat, field 2 of /proc/PID/statm.
 */
export type Look = { readonly atMs: number; readonly cpuMs: number; readonly rssBytes: number };
export type Use = { readonly cpu: number | null; readonly memory: number };

/** USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MS = 10;
const PAGE_BYTES = 4_096;
/** After the command's closing parenthesis, from 0. */
const USER_TIME = 11;
const SYSTEM_TIME = 12;
const START_TIME = 19;

export const lookOf = (stat: string, statm: string, atMs: number): Look | undefined => {
  const fields = fieldsOf(stat);
  const ticks = Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME]);
  const pages = Number(statm.split(" ")[1]);
  if (!Number.isFinite(ticks) || !Number.isFinite(pages)) return undefined;
  return { atMs, cpuMs: ticks * TICK_MS, rssBytes: pages * PAGE_BYTES };
};

/** When a process began, in ticks since the machine's start: with the pid, it is that process. */
export const startTimeOf = (stat: string): string | undefined => fieldsOf(stat)[START_TIME];

export const useOf = (
  before: Look | undefined,
  now: Look,
  bounds: { readonly cpuCores: number; readonly memoryBytes: number },
): Use => {
  const passedMs = before === undefined ? 0 : now.atMs - before.atMs;
  const usedMs = before === undefined ? 0 : now.cpuMs - before.cpuMs;
  return {
    cpu: passedMs > 0 ? Math.max(0, usedMs / passedMs) / bounds.cpuCores : null,
    memory: now.rssBytes / bounds.memoryBytes,
  };
};

const fieldsOf = (stat: string): readonly string[] =>
  stat.slice(stat.lastIndexOf(")") + 2).split(" ");
