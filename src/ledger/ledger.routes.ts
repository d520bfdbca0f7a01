/** The ledger over HTTP: entries, head, proofs, and a check of the whole. */
import type { Serving } from "../io/http/handlers.ts";
import type { Sql } from "../io/postgres/db.ts";
import { ok } from "../kernel/result.ts";
import { checkLedger, latestHead, listEntries, proveEntry } from "./ledger.flow.ts";
import { formatVerifierKey, type HeadMemory, type Verifier } from "./note.ts";

export type LedgerRouteDeps = {
  readonly sql: Sql;
  readonly verifier: Verifier;
  readonly memory: HeadMemory;
};

export const ledgerRoutes = ({
  sql,
  verifier,
  memory,
}: LedgerRouteDeps): Serving<
  "GET ledger" | "GET ledgerHead" | "GET ledgerProof" | "POST ledgerCheck"
> => {
  const verifiers = [verifier];
  return {
    "GET ledger": async ({ query }) => {
      const page = await listEntries(sql)(query);
      if (!page.ok) return page;
      const items = page.value.items.map(({ atMs, ...entry }) => ({
        ...entry,
        at: new Date(atMs).toISOString(),
      }));
      const { next } = page.value;
      return ok(next === undefined ? { items } : { items, next });
    },
    "GET ledgerHead": async () => {
      const head = await latestHead(sql, verifiers);
      if (head === undefined) return ok(null);
      return ok({
        size: head.size,
        rootHash: Buffer.from(head.root).toString("hex"),
        signedNote: head.note,
        publicKey: formatVerifierKey(verifier.key),
      });
    },
    "GET ledgerProof": async ({ params }) => {
      const proof = await proveEntry({ sql, verifiers })(params.id);
      return proof.ok ? ok({ ...proof.value }) : proof;
    },
    "POST ledgerCheck": async () => {
      const report = await checkLedger({ sql, verifiers })(await memory.read());
      return ok({ ok: report.ok, entries: report.size, faults: [...report.findings] });
    },
  };
};
