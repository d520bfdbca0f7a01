/**
 * Lines of JSON that are on the disk before they are acknowledged.
 *
 * Shape:  `append` resolves when the line is synced; lines that come together share one sync. A
 *         last line that was torn by a crash is taken away; more than `maxLines` are cut to what
 *         `compact` makes of them, when the file is opened and in a moment when nothing is written.
 * Errors: JournalDamaged for a line in the middle that is no JSON; a rejected `append` leaves
 *         nothing of its line behind.
 */
import { mkdir, open, readFile, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { faultCode } from "../../../io/disk/disk.ts";
import { replaceSecretFile } from "../../../io/secret/secret-file.ts";

export type Journal = {
  readonly append: (value: unknown) => Promise<void>;
  readonly close: () => Promise<void>;
};

export class JournalDamaged extends Error {
  override readonly name = "JournalDamaged";
}

type Compaction = {
  readonly maxLines: number;
  readonly compact: (lines: readonly unknown[]) => readonly unknown[];
};

export const openJournal = async (
  file: string,
  how: Compaction,
): Promise<{ readonly journal: Journal; readonly lines: readonly unknown[] }> => {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const text = await readFile(file, "utf8").catch((fault: unknown) => {
    if (faultCode(fault) !== "ENOENT") throw fault;
    return "";
  });
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const found = parseLines(file, whole);
  const lines = found.length > how.maxLines ? how.compact(found) : found;
  if (lines !== found || whole.length !== text.length || text === "") {
    await replaceLines(file, lines);
  }
  return { journal: journalOn(file, await openEnd(file, lines.length), how), lines };
};

type End = { readonly handle: FileHandle; size: number; lines: number };

const openEnd = async (file: string, lines: number): Promise<End> => {
  const handle = await open(file, "r+");
  return { handle, size: (await handle.stat()).size, lines };
};

const replaceLines = (file: string, lines: readonly unknown[]): Promise<void> =>
  replaceSecretFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));

/** The same file, shorter; the old one stays as it is if this fails. */
const shortened = async (file: string, end: End, how: Compaction): Promise<End> => {
  try {
    const lines = how.compact(parseLines(file, await readFile(file, "utf8")));
    await replaceLines(file, lines);
    const next = await openEnd(file, lines.length);
    await end.handle.close();
    return next;
  } catch {
    // It is tried again after as many lines.
    return Object.assign(end, { lines: 0 });
  }
};

const parseLines = (file: string, text: string): readonly unknown[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line, at) => {
      try {
        return JSON.parse(line) as unknown;
      } catch (fault) {
        const why = `line ${at + 1} is damaged; move the file away to begin anew`;
        throw new JournalDamaged(`${file}: ${why}`, { cause: fault });
      }
    });

const journalOn = (file: string, first: End, how: Compaction): Journal => {
  let end = first;
  let waiting: { readonly bytes: Buffer; readonly done: PromiseWithResolvers<void> }[] = [];
  let writing: Promise<void> | undefined;

  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const bytes = Buffer.concat(batch.map((one) => one.bytes));
      try {
        await end.handle.write(bytes, 0, bytes.length, end.size);
        await end.handle.datasync();
        end.size += bytes.length;
        end.lines += batch.length;
        for (const { done } of batch) done.resolve();
      } catch (fault) {
        // Half a line would spoil the next one.
        await end.handle.truncate(end.size).catch(() => undefined);
        for (const { done } of batch) done.reject(fault);
      }
      if (end.lines > how.maxLines) end = await shortened(file, end, how);
    }
    writing = undefined;
  };

  return {
    append: (value) => {
      const done = Promise.withResolvers<void>();
      waiting.push({ bytes: Buffer.from(`${JSON.stringify(value)}\n`), done });
      writing ??= writeAll();
      return done.promise;
    },
    close: async () => {
      await writing;
      await end.handle.close();
    },
  };
};
