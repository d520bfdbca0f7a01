/**
 * Pid files of what was started, and the end of what a killed supervisor left behind.
 *
 * Shape:  `<dir>/<instance>.pid` holds `{pid, mark}`; a process is only touched when it began when
 *         the mark says. Without /proc there is no mark, and nothing is touched: those processes
 *         stop by themselves when their stdin ends.
 * Errors: a file that cannot be written or read is said to `onFault`.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { stopPid } from "../../../io/process/pid.ts";
import { markOf } from "./proc.ts";

export type PidFiles = {
  /** Synchronous: a supervisor that ends right after the start must have noted it. */
  readonly note: (instance: string, pid: number) => void;
  readonly forget: (instance: string) => void;
};

const SUFFIX = ".pid";
const MAX_FILES = 1_000;
/** They were told already: their stdin has ended. */
const GRACE_MS = 1_500;
const noted = z.strictObject({ pid: z.int().positive(), mark: z.string().min(1) });

export const pidFiles = (dir: string, onFault: (fault: unknown) => void): PidFiles => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const attempt = (act: () => void): void => {
    try {
      act();
    } catch (fault) {
      onFault(fault);
    }
  };
  const fileOf = (instance: string): string => path.join(dir, `${instance}${SUFFIX}`);
  return {
    note: (instance, pid) => {
      const mark = markOf(pid);
      if (mark === undefined) return;
      attempt(() => writeFileSync(fileOf(instance), JSON.stringify({ pid, mark })));
    },
    forget: (instance) => attempt(() => rmSync(fileOf(instance), { force: true })),
  };
};

/** Answers the instances whose processes were still there. */
export const endLeftovers = async (dir: string): Promise<readonly string[]> => {
  const names = await readdir(dir).catch(() => []);
  const files = names.filter((name) => name.endsWith(SUFFIX)).slice(0, MAX_FILES);
  const ended = await Promise.all(
    files.map(async (name) => {
      const file = path.join(dir, name);
      const pid = await livingPid(file);
      if (pid !== undefined) {
        // A stopped process hears nothing else.
        signal(pid, "SIGCONT");
        await stopPid(pid, { first: "SIGTERM", graceMs: GRACE_MS, last: "SIGKILL" });
      }
      await rm(file, { force: true });
      return pid === undefined ? [] : [name.slice(0, -SUFFIX.length)];
    }),
  );
  return ended.flat();
};

const livingPid = async (file: string): Promise<number | undefined> => {
  try {
    const { pid, mark } = noted.parse(JSON.parse(await readFile(file, "utf8")));
    return markOf(pid) === mark ? pid : undefined;
  } catch {
    return undefined;
  }
};

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
};
