/**
 * The last signed head, remembered outside the database: whoever cuts or rewrites the ledger there
 * does not rewrite this.
 *
 * Errors: a file that is there and cannot be read throws: to forget is what an attacker wants.
 */
import path from "node:path";
import { readSecretFile, replaceSecretFile } from "../../io/secret/secret-file.ts";
import type { HeadMemory } from "../note.ts";

const HEAD_FILE = "ledger-head.json";

export const headFile = (dataDir: string): HeadMemory => {
  const file = path.join(dataDir, HEAD_FILE);
  return {
    read: async () => {
      const text = await readSecretFile(file);
      return text === undefined ? undefined : noteOf(file, text);
    },
    write: (note) => replaceSecretFile(file, `${JSON.stringify({ note }, null, 2)}\n`),
  };
};

const noteOf = (file: string, text: string): string => {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed === "object" && parsed !== null && "note" in parsed) {
    if (typeof parsed.note === "string") return parsed.note;
  }
  throw new Error(`${file} holds no signed head`);
};
