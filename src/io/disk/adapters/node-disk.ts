/**
 * The disk port over node:fs.
 *
 * Errors: Node's own, with their `code`.
 */
import { mkdir, open, readdir, rename, unlink, type FileHandle } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Disk, DiskFile } from "../disk.ts";
import { lockDirectory } from "./directory-lock.ts";

const FLAGS = { read: "r", write: "r+", create: "wx+" } as const;
const FILE_MODE = 0o600;
const DIR_MODE = 0o700;

const writeAll = async (handle: FileHandle, at: number, bytes: Uint8Array): Promise<void> => {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
};

const readUpTo = async (handle: FileHandle, at: number, length: number): Promise<Uint8Array> => {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
};

const fileOver = (handle: FileHandle): DiskFile => ({
  size: async () => (await handle.stat()).size,
  read: (at, length) => readUpTo(handle, at, length),
  write: (at, bytes) => writeAll(handle, at, bytes),
  truncate: (size) => handle.truncate(size),
  sync: () => handle.datasync(),
  close: () => handle.close(),
});

const syncDir = async (dir: string): Promise<void> => {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

export const nodeDisk: Disk = {
  makeDir: async (dir) => {
    const made = await mkdir(dir, { recursive: true, mode: DIR_MODE });
    if (made === undefined) return;
    // Each new directory is a name in its parent, and lasts only once the parent is synced.
    for (let child = resolve(dir); child.length >= made.length; child = dirname(child)) {
      await syncDir(dirname(child));
    }
  },
  list: (dir) => readdir(dir),
  open: async (path, mode) => fileOver(await open(path, FLAGS[mode], FILE_MODE)),
  rename,
  remove: unlink,
  syncDir,
  lock: lockDirectory,
};
