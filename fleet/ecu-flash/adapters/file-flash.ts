/**
 * The flash of a simulated unit as four files in a directory of its own.
 *
 * Errors: those of the file system; ENOSPC too while the fault `disk-full` is in force.
 */
import { mkdir, open, type FileHandle } from "node:fs/promises";
import path from "node:path";
import type { Area, Flash } from "../ecu.ts";

export const fileFlash = async (
  deps: { readonly beforeWrite: (path: string) => void },
  directory: string,
): Promise<Flash> => {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const within = async <T>(area: Area, work: (file: FileHandle) => Promise<T>): Promise<T> => {
    // Appending makes the file where there is none; writes at an offset need it open without.
    const where = path.join(directory, area);
    await (await open(where, "a", 0o600)).close();
    await using file = await open(where, "r+");
    return await work(file);
  };
  const change = async (
    area: Area,
    work: (file: FileHandle) => Promise<unknown>,
  ): Promise<void> => {
    deps.beforeWrite(path.join(directory, area));
    await within(area, work);
  };
  return {
    read: (area, offset, bytes) =>
      within(area, async (file) => {
        const { size } = await file.stat();
        const length = Math.max(0, Math.min(bytes, size - offset));
        const buffer = new Uint8Array(length);
        const { bytesRead } = await file.read(buffer, 0, length, offset);
        return buffer.subarray(0, bytesRead);
      }),
    write: (area, offset, bytes) =>
      change(area, async (file) => {
        let at = 0;
        while (at < bytes.length)
          at += (await file.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
      }),
    erase: (area) => change(area, (file) => file.truncate(0)),
    sync: (area) => change(area, (file) => file.sync()),
  };
};
