/** The tamper-evident ledger. */
import { z } from "zod";
import type { RouteSpec } from "./route.ts";
import { IdParam, Instant, Page } from "./words.ts";

export const LedgerEntry = z.object({
  id: z.string(),
  /** Null until the sequencer has placed it in the tree. */
  seq: z.number().int().nullable(),
  at: Instant,
  kind: z.string(),
  actor: z.string(),
  subject: z.string(),
  body: z.record(z.string(), z.unknown()),
  leafHash: z.string(),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

export const LedgerHead = z.object({
  size: z.number().int(),
  rootHash: z.string(),
  signedNote: z.string(),
  publicKey: z.string(),
});
export type LedgerHead = z.infer<typeof LedgerHead>;

export const ledgerRoutes = [
  {
    path: "ledger",
    method: "GET",
    access: "viewer",
    summary: "Ledger entries, newest first",
    query: Page,
    reply: z.object({ items: z.array(LedgerEntry), next: z.string().optional() }),
  },
  {
    path: "ledgerHead",
    method: "GET",
    access: "viewer",
    summary: "The signed tree head",
    reply: LedgerHead.nullable(),
  },
  {
    path: "ledgerProof",
    method: "GET",
    access: "viewer",
    summary: "An entry, by id or place, with its inclusion proof, to be verified offline",
    params: IdParam,
    reply: z.record(z.string(), z.unknown()),
  },
  {
    path: "ledgerCheck",
    method: "POST",
    access: "operator",
    summary: "Recompute the whole ledger from its rows and compare it with the signed head",
    reply: z.object({
      ok: z.boolean(),
      entries: z.number().int(),
      faults: z.array(z.object({ kind: z.string(), message: z.string() })),
    }),
  },
] as const satisfies readonly RouteSpec[];
