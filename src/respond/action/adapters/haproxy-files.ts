/**
 * Replaces a small file whole: who reads it, also after the power went, finds the old text or the
 * new one.
 *
 * Errors: throws what the disk says; the old file is then still there.
 */
import { open, rename, unlink } from "node:fs/promises";
import path from "node:path";

export const replaceFile = async (file: string, text: string): Promise<void> => {
  const draft = `${file}.new`;
  try {
    await writeDurably(draft, text);
    await rename(draft, file);
  } catch (fault) {
    await unlink(draft).catch(() => undefined);
    throw fault;
  }
  // The name is durable once its folder is.
  const folder = await open(path.dirname(file), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

const writeDurably = async (file: string, text: string): Promise<void> => {
  const draft = await open(file, "w", 0o644);
  try {
    await draft.writeFile(text);
    await draft.sync();
  } finally {
    await draft.close();
  }
};
