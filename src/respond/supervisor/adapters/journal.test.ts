import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JournalDamaged, openJournal } from "./journal.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "novaevo-journal-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const last3 = { maxLines: 8, compact: (lines: readonly unknown[]) => lines.slice(-3) };
const opened = () => openJournal(path.join(dir, "a.jsonl"), last3);
const written = async () =>
  (await readFile(path.join(dir, "a.jsonl"), "utf8")).split("\n").slice(0, -1).map(Number);

test("what was appended is there again, in order, however many came at once", async () => {
  const { journal } = await opened();
  await Promise.all([1, 2, 3, 4].map(journal.append));
  await journal.append(5);
  await journal.close();
  const again = await opened();
  expect(again.lines).toEqual([1, 2, 3, 4, 5]);
  await again.journal.close();
});

test("it is shortened while it is open, and what comes meanwhile is kept", async () => {
  const { journal } = await opened();
  for (let nth = 1; nth <= 8; nth += 1) await journal.append(nth);
  expect(await written()).toHaveLength(8);
  await Promise.all([9, 10].map(journal.append));
  await journal.append(11);
  await journal.close();
  expect(await written()).toEqual([7, 8, 9, 10, 11]);
});

test("a torn last line is taken away, a damaged one in the middle is said", async () => {
  const file = path.join(dir, "a.jsonl");
  await writeFile(file, '1\n2\n{"to');
  const { journal, lines } = await opened();
  expect(lines).toEqual([1, 2]);
  await journal.append(3);
  await journal.close();
  expect(await written()).toEqual([1, 2, 3]);
  await writeFile(file, "1\n{\n3\n");
  await expect(opened()).rejects.toThrow(JournalDamaged);
  await expect(opened()).rejects.toThrow(/line 2 is damaged/);
});
