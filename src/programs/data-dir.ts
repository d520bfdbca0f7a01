/**
 * The data folder: made, proven writable, and held by one `novaevo up` at a time.
 *
 * Errors: throws a Refusal whose sentence says what to do.
 */
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import path from "node:path";
import { lockDirectory } from "../io/disk/adapters/directory-lock.ts";
import { DirectoryBusy, faultCode } from "../io/disk/disk.ts";

/** Something the person at the keyboard can mend; printed without a stack. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

export const MIN_FREE_BYTES = 256 * 1024 * 1024;
const MEBIBYTE = 1024 * 1024;

export type DataDir = { readonly release: () => Promise<void> };

export const holdDataDir = async (dataDir: string): Promise<DataDir> => {
  const runDir = path.join(dataDir, "run");
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    // Not recursive: that would call a read-only disk a missing folder.
    await mkdir(runDir, { mode: 0o700 }).catch((fault: unknown) => {
      if (faultCode(fault) !== "EEXIST") throw fault;
    });
    const probe = path.join(runDir, "write-probe");
    await writeFile(probe, "ok");
    await rm(probe);
  } catch (fault) {
    throw new Refusal(unwritable(dataDir, fault), { cause: fault });
  }
  const { bavail, bsize } = await statfs(dataDir);
  if (bavail * bsize < MIN_FREE_BYTES) {
    throw new Refusal(
      `${dataDir}: ${Math.floor((bavail * bsize) / MEBIBYTE)} MiB are free, ` +
        `${MIN_FREE_BYTES / MEBIBYTE} MiB are needed; free some, or set NOVAEVO_DATA`,
    );
  }
  try {
    return { release: await lockDirectory(runDir) };
  } catch (fault) {
    if (!(fault instanceof DirectoryBusy)) throw fault;
    throw new Refusal(
      `NovaEvo already runs on ${dataDir} (pid ${fault.holderPid}); stop it first, or set ` +
        "NOVAEVO_DATA to another folder",
      { cause: fault },
    );
  }
};

const unwritable = (dataDir: string, fault: unknown): string => {
  const code = faultCode(fault);
  const why =
    {
      EROFS: "is on a read-only disk",
      ENOSPC: "is on a full disk",
      EACCES: "is not ours to write",
    }[code] ?? `cannot be written (${String(fault)})`;
  return `${dataDir} ${why}; set NOVAEVO_DATA to a folder that can be written`;
};
