/**
 * A proof that one entry is in the ledger, to be checked by anybody, offline, with the public key.
 *
 * Shape:  the entry as it was recorded, its place, the hashes on its way to the root, and the
 *         signed head that has this root. Hashes are base64.
 * Errors: `verifyEntryProof` says in words what does not fit.
 * Source: RFC 9162 §2.1.3 for the path, c2sp.org/tlog-checkpoint for the head.
 */
import { z } from "zod";
import type { JsonValue } from "../kernel/canonical.ts";
import { err, ok } from "../kernel/result.ts";
import type { Result } from "../kernel/result.ts";
import { entryLeaf } from "./entry.ts";
import { hashLeaf, verifyInclusion } from "./merkle.ts";
import type { Sha256 } from "./merkle.ts";
import { fromBase64, MAX_NOTE_LENGTH, openCheckpoint } from "./note.ts";
import type { Checkpoint, Verifier } from "./note.ts";

/** A path is as long as the tree is high. */
const MAX_PATH = 64;

export const EntryProof = z.strictObject({
  format: z.literal("novaevo-ledger-proof-1"),
  entry: z.strictObject({
    id: z.string(),
    kind: z.string(),
    actor: z.string(),
    subject: z.string(),
    atMs: z.number().int(),
    body: z.record(z.string(), z.json() as z.ZodType<JsonValue>),
  }),
  seq: z.number().int().min(0),
  path: z.array(z.base64()).max(MAX_PATH),
  checkpoint: z.string().max(MAX_NOTE_LENGTH),
});
export type EntryProof = z.infer<typeof EntryProof>;

export const verifyEntryProof =
  (deps: { readonly sha256: Sha256; readonly verifiers: readonly Verifier[] }) =>
  (input: unknown): Result<Checkpoint, string> => {
    const parsed = EntryProof.safeParse(input);
    if (!parsed.success) return err(`the proof is malformed: ${z.prettifyError(parsed.error)}`);
    const proof = parsed.data;
    const head = openCheckpoint(deps.verifiers, proof.checkpoint);
    if (!head.ok) return err(`the signed head ${head.error}`);
    const made = entryLeaf(proof.entry);
    if (!made.ok) return err(`the entry cannot be one of the ledger's: ${made.error}`);
    const path = proof.path.map((text) => fromBase64(text) ?? new Uint8Array());
    const { size, root } = head.value;
    const leaf = hashLeaf(deps.sha256, made.value.leaf);
    return verifyInclusion(deps.sha256, { leaf, index: proof.seq, size, root, path })
      ? ok(head.value)
      : err(`this entry is not number ${proof.seq} of the ledger that was signed at size ${size}`);
  };
