/**
 * A secret in a file that only its owner may read: written once and whole, or not at all.
 *
 * Errors: throws when the file is there but others may read it (the secret is then no secret), and
 *         on any fault of the disk.
 */
import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rename, stat, unlink } from "node:fs/promises";
import path from "node:path";

const OWNER_ONLY = 0o600;
const FOR_OTHERS = 0o077;

export const readSecretFile = async (file: string): Promise<string | undefined> => {
  try {
    const { mode } = await stat(file);
    if (process.platform !== "win32" && (mode & FOR_OTHERS) !== 0) {
      throw new Error(`${file} can be read by others; run: chmod 600 '${file}'`);
    }
    return await readFile(file, "utf8");
  } catch (fault) {
    if (isCode(fault, "ENOENT")) return undefined;
    throw fault;
  }
};

/** The file's text: what was there, or else `text`, which is then there. Safe to race. */
export const createSecretFile = async (file: string, text: string): Promise<string> => {
  const temporary = await writeBeside(file, text);
  try {
    await link(temporary, file);
  } catch (fault) {
    if (!isCode(fault, "EEXIST")) throw fault;
  } finally {
    await unlink(temporary);
  }
  const there = await readSecretFile(file);
  if (there === undefined) throw new Error(`${file} vanished while it was created`);
  return there;
};

/** Replaces the file in one step: a crash leaves the old text or the new one. */
export const replaceSecretFile = async (file: string, text: string): Promise<void> => {
  const temporary = await writeBeside(file, text);
  await rename(temporary, file);
  await syncDirectory(path.dirname(file));
};

const writeBeside = async (file: string, text: string): Promise<string> => {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${randomBytes(6).toString("hex")}.new`;
  const handle = await open(temporary, "wx", OWNER_ONLY);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return temporary;
};

const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const isCode = (fault: unknown, code: string): boolean =>
  fault instanceof Error && "code" in fault && fault.code === code;
