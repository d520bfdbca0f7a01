/** A ledger on a database of its own, with a clock and a head memory in the test's hands. */
import { newSigningKey, signerOf, verifierOf } from "../../src/ledger/adapters/node-crypto.ts";
import { checkLedger } from "../../src/ledger/ledger.flow.ts";
import type { HeadMemory } from "../../src/ledger/note.ts";
import { record } from "../../src/ledger/record.store.ts";
import { createTicker } from "../../src/ledger/sequencer.flow.ts";
import type { SequencerDeps } from "../../src/ledger/sequencer.flow.ts";
import type { LedgerReport } from "../../src/ledger/verify.ts";
import { testDb } from "../postgres.ts";

const NOON_MS = Date.UTC(2026, 10, 24, 12);

export const ledgerLab = async () => {
  const db = await testDb();
  const signer = signerOf(newSigningKey(), () => "novaevo/ledger/test");
  const verifier = verifierOf(signer.key);
  let elapsedMs = 0;
  let note: string | undefined;
  const faults: string[] = [];
  const memory: HeadMemory = {
    read: async () => note,
    write: async (text) => {
      note = text;
    },
  };
  const deps = {
    db,
    clock: { now: () => NOON_MS + elapsedMs, monotonic: () => elapsedMs },
    signer,
    memory,
    onFault: (message: string) => faults.push(message),
  };
  const ticker = (holder: string, more: Partial<SequencerDeps> = {}) =>
    createTicker({ ...deps, holder, ...more });
  const main = ticker("main");
  return {
    db,
    deps,
    signer,
    verifier,
    faults,
    ticker,
    main,
    remembered: () => note,
    remember: (text: string | undefined) => {
      note = text;
    },
    pass: (ms: number) => {
      elapsedMs += ms;
    },
    /** Records `count` entries, and has them placed and signed. */
    grow: async (count: number): Promise<readonly string[]> => {
      const ids: string[] = [];
      for (let at = 0; at < count; at += 1) {
        const body = { at, note: `décision ${at}` };
        const draft = { kind: "test.decided", actor: "account:1", subject: `case:${at}`, body };
        ids.push((await db.tx((tx) => record(tx, draft))).id);
      }
      elapsedMs += 1_000;
      await main.tick();
      return ids;
    },
    check: (head?: string): Promise<LedgerReport> =>
      checkLedger({ sql: db, verifiers: [verifier] })(head),
    /** What whoever owns the database can do: triggers do not stop him. */
    tamper: async (...statements: readonly string[]): Promise<void> => {
      await db.tx(async (tx) => {
        await tx.query("SET LOCAL session_replication_role = replica");
        for (const statement of statements) await tx.query(statement);
      });
    },
  };
};
export type LedgerLab = Awaited<ReturnType<typeof ledgerLab>>;
