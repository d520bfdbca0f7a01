/**
 * Tokens that programs on this machine find in a file: `<data>/admin-token` for scripts,
 * `<data>/agent/token` for the agent.
 *
 * Shape:  the file comes first and the row follows, so a crash in between is repaired at the next
 *         start, and so is a database that was made anew. A token that was revoked stays revoked:
 *         delete the file to get another one.
 * Errors: throws on a file that is unreadable, readable by others, or holds something else.
 */
import { randomBytes } from "node:crypto";
import path from "node:path";
import type { Db } from "../io/postgres/db.ts";
import { createSecretFile, readSecretFile } from "../io/secret/secret-file.ts";
import { sha256 } from "../ledger/adapters/node-crypto.ts";
import { record } from "../ledger/record.store.ts";
import { insertToken } from "./account.store.ts";
import { SYSTEM } from "./principal.ts";
import type { Role } from "./principal.ts";
import { isTokenSecret, SECRET_BYTES, secretHash, tokenSecret } from "./secret.ts";

const FILES = [
  { file: "admin-token", name: "admin-token file", role: "admin" },
  { file: path.join("agent", "token"), name: "agent on this machine", role: "ingest" },
] as const satisfies readonly { file: string; name: string; role: Role }[];

export type TokenFiles = { readonly admin: string; readonly agent: string };

/** The paths of the files; both hold a token that the database knows. */
export const ensureTokenFiles = async (db: Db, dataDir: string): Promise<TokenFiles> => {
  for (const { file, name, role } of FILES) {
    const full = path.join(dataDir, file);
    const text = (await readSecretFile(full)) ?? (await createSecretFile(full, newLine()));
    const secret = text.trim();
    const hash = isTokenSecret(secret) ? secretHash(sha256, secret) : undefined;
    if (hash === undefined) throw new Error(`${full} holds no NovaEvo token; delete it to get one`);
    await db.tx(async (tx) => {
      const draft = { hash: Buffer.from(hash), name, role, expiresInMs: null };
      const token = await insertToken(tx, draft);
      if (token === undefined) return;
      const subject = `token:${token.id}`;
      const body = { role, expiresAt: null };
      await record(tx, { kind: "token.created", actor: SYSTEM.id, subject, body });
    });
  }
  const [admin, agent] = FILES;
  return { admin: path.join(dataDir, admin.file), agent: path.join(dataDir, agent.file) };
};

const newLine = (): string => `${tokenSecret(randomBytes(SECRET_BYTES))}\n`;
