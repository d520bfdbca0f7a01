/**
 * One process per directory: an empty file whose name says who holds it.
 *
 * Shape:  `lock.<pid>.<start>.<nonce>` is a claim, `held.…` of the same ending says that it won.
 *         `start` tells a living holder from a stranger with a reused pid (Linux: boot id and start
 *         time of the process; elsewhere empty, so the pid alone counts).
 * Why:    a claim is laid down first and the others are looked at afterwards, so of two at least
 *         one sees the other; and a name is never used twice, so that a dead one can be removed
 *         without a race for it. (A single file that contenders move aside had two winners.)
 * Errors: DirectoryBusy with the holder's pid.
 */
import { randomBytes } from "node:crypto";
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DirectoryBusy, faultCode } from "../disk.ts";

type Claim = {
  readonly name: string;
  readonly isHeld: boolean;
  readonly pid: number;
  readonly start: string;
};

const CLAIM = /^(lock|held)\.(\d+)\.([\w-]*)\.[0-9a-f]+$/;
const NONCE_BYTES = 8;
const FILE_MODE = 0o600;
/** How long one waits for others that came at the same moment. */
const ATTEMPTS = 40;
const MAX_PAUSE_MS = 20;
/** Field 22 of /proc/<pid>/stat, counted after the command's closing parenthesis. */
const START_TIME_FIELD = 19;

/** Ended, and only its parent has not looked yet: it holds nothing any more. */
const ENDED = "ended";

export const lockDirectory = async (dir: string): Promise<() => Promise<void>> => {
  const nonce = randomBytes(NONCE_BYTES).toString("hex");
  const ending = `${process.pid}.${await startOf(process.pid)}.${nonce}`;
  const mine = `lock.${ending}`;
  const release = async (): Promise<void> => {
    await rm(join(dir, `held.${ending}`), { force: true });
    await rm(join(dir, mine), { force: true });
  };
  let other: Claim | undefined;
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      await writeFile(join(dir, mine), "", { mode: FILE_MODE });
      const others = (await livingClaims(dir)).filter(({ name }) => name !== mine);
      if (others.length === 0) {
        await writeFile(join(dir, `held.${ending}`), "", { mode: FILE_MODE });
        return release;
      }
      other = others.find(({ isHeld }) => isHeld) ?? others[0];
      if (other?.isHeld === true) break;
      // Of those that came together the first by name stays, and the others make way for it.
      if (others.some(({ name }) => name < mine)) await rm(join(dir, mine), { force: true });
      await delay(Math.random() * MAX_PAUSE_MS);
    }
  } catch (fault) {
    await release().catch(() => undefined);
    throw fault;
  }
  await release();
  throw new DirectoryBusy(dir, other?.pid ?? 0);
};

/** Those of the dead are removed on the way. */
const livingClaims = async (dir: string): Promise<readonly Claim[]> => {
  const living: Claim[] = [];
  for (const name of await readdir(dir)) {
    const [, kind, pid, start = ""] = CLAIM.exec(name) ?? [];
    if (kind === undefined) continue;
    const claim = { name, isHeld: kind === "held", pid: Number(pid), start };
    if (await lives(claim)) living.push(claim);
    else await rm(join(dir, name), { force: true });
  }
  return living;
};

const lives = async ({ pid, start }: Claim): Promise<boolean> => {
  try {
    process.kill(pid, 0);
  } catch (fault) {
    if (faultCode(fault) === "ESRCH") return false;
  }
  const startNow = await startOf(pid);
  if (startNow === ENDED) return false;
  return startNow === "" || start === "" || startNow === start;
};

const startOf = async (pid: number): Promise<string> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return ENDED;
    return `${boot.trim()}-${fields[START_TIME_FIELD] ?? ""}`;
  } catch {
    return "";
  }
};
