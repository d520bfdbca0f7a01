/**
 * Puts an entry in the ledger, inside the business transaction: no action without its entry.
 *
 * The entry has no place yet: a place would need one row locked through every commit (300 commits a
 * second at best, whatever the number of clients). The sequencer gives it one within a second.
 *
 * Errors: throws on an entry that cannot be recorded (a flow parses what it was given before it
 *         gets here), so the transaction it is part of cannot commit without it.
 */
import { randomUUID } from "node:crypto";
import type { Tx } from "../io/postgres/db.ts";
import { sha256 } from "./adapters/node-crypto.ts";
import { entryLeaf } from "./entry.ts";
import type { EntryDraft } from "./entry.ts";
import { hashLeaf } from "./merkle.ts";

export type Recorded = { readonly id: string; readonly leafHash: string };

export const record = async (tx: Tx, draft: EntryDraft): Promise<Recorded> => {
  const entry = { ...draft, id: randomUUID(), atMs: Date.now() };
  const made = entryLeaf(entry);
  if (!made.ok) throw new Error(`ledger entry ${draft.kind} cannot be recorded: ${made.error}`);
  const hash = Buffer.from(hashLeaf(sha256, made.value.leaf));
  await tx.query(
    `INSERT INTO ledger_entry (id, kind, actor, subject, at_ms, body, leaf_hash)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [entry.id, entry.kind, entry.actor, entry.subject, entry.atMs, made.value.body, hash],
  );
  return { id: entry.id, leafHash: hash.toString("hex") };
};
