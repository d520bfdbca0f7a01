/**
 * One process per directory: a `lock` file that names its holder.
 *
 * Shape:  `{ pid, start }`, where `start` tells a living holder from a stranger with a reused pid
 *         (Linux: boot id and start time of the process; elsewhere empty, so the pid alone counts).
 *         The file appears whole by link(2); the lock of a dead holder is taken over.
 * Errors: DirectoryBusy with the holder's pid.
 */
import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryBusy, faultCode } from "../disk.ts";

type Holder = { readonly pid: number; readonly start: string };

const LOCK_NAME = "lock";
const MAX_TAKEOVERS = 10;
/** Field 22 of /proc/<pid>/stat, counted after the command's closing parenthesis. */
const START_TIME_FIELD = 19;

/** Ended, and only its parent has not looked yet: it holds nothing any more. */
const ENDED = "ended";

const startOf = async (pid: number): Promise<string> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return ENDED;
    return `${boot.trim()}:${fields[START_TIME_FIELD] ?? ""}`;
  } catch {
    return "";
  }
};

const lives = async ({ pid, start }: Holder): Promise<boolean> => {
  try {
    process.kill(pid, 0);
  } catch (fault) {
    if (faultCode(fault) === "ESRCH") return false;
  }
  const startNow = await startOf(pid);
  if (startNow === ENDED) return false;
  return startNow === "" || start === "" || startNow === start;
};

const parseHolder = (text: string): Holder | undefined => {
  try {
    const { pid, start } = JSON.parse(text) as Partial<Holder>;
    return Number.isSafeInteger(pid) && pid! > 0 ? { pid: pid!, start: start ?? "" } : undefined;
  } catch {
    return undefined;
  }
};

const readLock = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, "utf8");
  } catch (fault) {
    if (faultCode(fault) === "ENOENT") return undefined;
    throw fault;
  }
};

/** Moves a dead holder's lock away, unless somebody replaced it since we read it. */
const clearStale = async (path: string, seen: string): Promise<void> => {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (fault) {
    if (faultCode(fault) === "ENOENT") return;
    throw fault;
  }
  if ((await readLock(aside)) !== seen) await link(aside, path).catch(() => undefined);
  await unlink(aside);
};

export const lockDirectory = async (dir: string): Promise<() => Promise<void>> => {
  const path = join(dir, LOCK_NAME);
  const mine = JSON.stringify({ pid: process.pid, start: await startOf(process.pid) });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, mine, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < MAX_TAKEOVERS; attempt += 1) {
      try {
        await link(draft, path);
        return () => rm(path, { force: true });
      } catch (fault) {
        if (faultCode(fault) !== "EEXIST") throw fault;
      }
      const seen = await readLock(path);
      if (seen === undefined) continue;
      const holder = parseHolder(seen);
      if (holder !== undefined && (await lives(holder))) throw new DirectoryBusy(dir, holder.pid);
      await clearStale(path, seen);
    }
    throw new Error(`${dir}: the lock kept changing hands`);
  } finally {
    await unlink(draft);
  }
};
