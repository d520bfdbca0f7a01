/**
 * What others ask the ledger: its entries, its head, proofs, and whether it is intact.
 *
 * Errors: an entry that is not there, or not yet under a signed head, is a Problem.
 */
import { ok, problem } from "../kernel/result.ts";
import type { Result } from "../kernel/result.ts";
import type { JsonObject } from "../kernel/canonical.ts";
import type { Sql } from "../io/postgres/db.ts";
import { sha256 } from "./adapters/node-crypto.ts";
import {
  consistencyRanges,
  hashOfRange,
  inclusionRanges,
  nodesOfRange,
  verifyConsistency,
} from "./merkle.ts";
import type { Hash, NodeSource, Range } from "./merkle.ts";
import { openCheckpoint, toBase64 } from "./note.ts";
import type { Checkpoint, Verifier } from "./note.ts";
import type { EntryProof } from "./proof.ts";
import {
  ledgerRows,
  loadEntriesBefore,
  loadEntry,
  loadEntryAt,
  loadLastHead,
  loadNodes,
} from "./tree.store.ts";
import { verifyLedger } from "./verify.ts";
import type { LedgerReport, StoredEntry } from "./verify.ts";

export type ListedEntry = Omit<StoredEntry, "body" | "leafHash"> & {
  readonly body: JsonObject;
  readonly leafHash: string;
};

/** Newest first. */
export const listEntries =
  (sql: Sql) =>
  async (page: {
    readonly limit: number;
    readonly cursor?: string | undefined;
  }): Promise<Result<{ readonly items: readonly ListedEntry[]; readonly next?: string }>> => {
    const before = page.cursor === undefined ? undefined : Number(page.cursor);
    if (before !== undefined && (!Number.isSafeInteger(before) || before < 0)) {
      return problem("bad_request", "cursor: is not one this list gave", { field: "cursor" });
    }
    const rows = await loadEntriesBefore(sql, { before, limit: page.limit });
    const items = rows.map((row) => ({
      id: row.id,
      seq: row.seq,
      atMs: row.atMs,
      kind: row.kind,
      actor: row.actor,
      subject: row.subject,
      body: JSON.parse(row.body) as JsonObject,
      leafHash: Buffer.from(row.leafHash).toString("hex"),
    }));
    const last = rows.at(-1);
    return ok(
      last !== undefined && rows.length === page.limit
        ? { items, next: String(last.arrival) }
        : { items },
    );
  };

/** The last signed head; undefined before the first. Throws on one that our key did not sign. */
export const latestHead = async (
  sql: Sql,
  verifiers: readonly Verifier[],
): Promise<(Checkpoint & { readonly note: string }) | undefined> => {
  const stored = await loadLastHead(sql);
  if (stored === undefined) return undefined;
  const head = openCheckpoint(verifiers, stored.note);
  if (!head.ok) throw new Error(`the head at ${stored.size} entries ${head.error}`);
  return { ...head.value, note: stored.note };
};

const PLACE = /^\d{1,15}$/;

/** A proof that can be checked offline, under the last signed head; by the entry's id or place. */
export const proveEntry =
  (deps: { readonly sql: Sql; readonly verifiers: readonly Verifier[] }) =>
  async (id: string): Promise<Result<EntryProof>> => {
    const entry = await (PLACE.test(id)
      ? loadEntryAt(deps.sql, Number(id))
      : loadEntry(deps.sql, id));
    if (entry === undefined) {
      return problem("not_found", `no ledger entry has the id or place ${id}`);
    }
    const head = await latestHead(deps.sql, deps.verifiers);
    const { seq } = entry;
    if (seq === null || head === undefined || seq >= head.size) {
      return problem("unavailable", `ledger entry ${id} is under no signed head yet`, {
        retryAfterMs: 1_000,
      });
    }
    const path = await hashesOf(deps.sql, inclusionRanges(seq, head.size));
    return ok({
      format: "novaevo-ledger-proof-1",
      entry: {
        id: entry.id,
        kind: entry.kind,
        actor: entry.actor,
        subject: entry.subject,
        atMs: entry.atMs,
        body: JSON.parse(entry.body) as JsonObject,
      },
      seq,
      path: path.map(toBase64),
      checkpoint: head.note,
    });
  };

/** Whether the tree that is stored leads from the first head to the second; O(log n) reads. */
export const proveConsistency = async (
  sql: Sql,
  first: Pick<Checkpoint, "size" | "root">,
  second: Pick<Checkpoint, "size" | "root">,
): Promise<boolean> => {
  if (first.size > second.size) return false;
  const path = await hashesOf(sql, consistencyRanges(first.size, second.size));
  return verifyConsistency(sha256, { first, second, path });
};

export const checkLedger =
  (deps: { readonly sql: Sql; readonly verifiers: readonly Verifier[] }) =>
  (remembered?: string): Promise<LedgerReport> =>
    verifyLedger({ sha256, verifiers: deps.verifiers })(ledgerRows(deps.sql), remembered);

const hashesOf = async (sql: Sql, ranges: readonly Range[]): Promise<readonly Hash[]> => {
  const names = ranges.flatMap(nodesOfRange);
  const hashes = await loadNodes(sql, names);
  const known = new Map(names.map((name, at) => [`${name.level}:${name.index}`, hashes[at]]));
  const nodeAt: NodeSource = ({ level, index }) => {
    // A lost node makes a proof that does not verify, which is the honest answer.
    return known.get(`${level}:${index}`) ?? new Uint8Array();
  };
  return ranges.map((range) => hashOfRange(sha256, nodeAt, range));
};
