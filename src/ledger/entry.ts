/**
 * What one entry of the ledger says, and the bytes that are hashed for it.
 *
 * Shape:  `kind` is what happened (`plan.applied`), `subject` what it happened to (`plan:7`),
 *         `actor` who did it (`account:<id>`, `token:<id>`, `system:hub`), `body` the evidence. An
 *         entry can never be erased, so personal data is not put in it: actors are ids, and a body
 *         refers to people and their words by id.
 * Units:  `atMs` is ms since the epoch.
 * Errors: `entryLeaf` names the field that cannot be recorded, and why.
 * Source: RFC 8785 for the text of a leaf; docs/decisions on the ledger.
 */
import { canonicalJson } from "../kernel/canonical.ts";
import type { JsonObject } from "../kernel/canonical.ts";
import { err, ok } from "../kernel/result.ts";
import type { Result } from "../kernel/result.ts";

export type EntryDraft = {
  readonly kind: string;
  readonly actor: string;
  readonly subject: string;
  readonly body: JsonObject;
};
export type Entry = EntryDraft & { readonly id: string; readonly atMs: number };

/** The canonical texts of an entry: what is stored and what is hashed. */
export type EntryLeaf = { readonly body: string; readonly leaf: Uint8Array };

export const MAX_BODY_BYTES = 256 * 1024;
export const MAX_NAME_LENGTH = 200;
const KIND = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/;
/** Part of every leaf, so that a later form of leaf can never be taken for this one. */
const LEAF_VERSION = 1;

export const entryLeaf = (entry: Entry): Result<EntryLeaf, string> => {
  if (entry.kind.length > MAX_NAME_LENGTH || !KIND.test(entry.kind)) {
    return err(`kind: "${entry.kind}" is not a dotted name such as "plan.applied"`);
  }
  for (const field of ["actor", "subject"] as const) {
    const length = entry[field].length;
    if (length === 0 || length > MAX_NAME_LENGTH) {
      return err(`${field}: has ${length} characters, 1 to ${MAX_NAME_LENGTH} are allowed`);
    }
  }
  const body = canonicalJson(entry.body);
  if (!body.ok) return err(`body.${body.error.path}: ${body.error.why}`);
  const bytes = new TextEncoder().encode(body.value).length;
  if (bytes > MAX_BODY_BYTES)
    return err(`body: has ${bytes} bytes, the limit is ${MAX_BODY_BYTES}`);
  const { id, kind, actor, subject, atMs } = entry;
  const leaf = canonicalJson({ v: LEAF_VERSION, id, kind, actor, subject, atMs, body: entry.body });
  if (!leaf.ok) return err(`${leaf.error.path}: ${leaf.error.why}`);
  return ok({ body: body.value, leaf: new TextEncoder().encode(leaf.value) });
};
