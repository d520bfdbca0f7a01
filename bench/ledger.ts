/**
 * Ledger entries a second on the embedded PostgreSQL: recorded, placed in the tree, under a head.
 *
 * Shape:  `node bench/ledger.ts [entries=4000]`; a fresh cluster with fsync on, the sequencer
 *         running beside it, and 1, 8 and 32 writers, each entry in a transaction of its own, as
 *         flows record them. "Recorded" is until the last commit; "included" until a signed head
 *         covers the last entry too, a head being signed at most once a second.
 * Units:  entries/s of wall time; the last column is the CPU of this process, not PostgreSQL's.
 * Errors: throws when the server runs without durability, or when the whole tree, recomputed from
 *         the entries, is not what the heads say.
 */
import { once } from "node:events";
import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../src/io/clock.ts";
import { openDb, type Db } from "../src/io/postgres/db.ts";
import { durabilityFaults, readSettings } from "../src/io/postgres/durability.ts";
import { connectionString, prepare, startPostmaster } from "../src/io/postgres/embedded.ts";
import { migrate } from "../src/io/postgres/migrate.ts";
import { freePort } from "../src/io/process/port.ts";
import { headFile } from "../src/ledger/adapters/head-file.ts";
import { newSigningKey, signerOf, verifierOf } from "../src/ledger/adapters/node-crypto.ts";
import { checkLedger } from "../src/ledger/ledger.flow.ts";
import { record } from "../src/ledger/record.store.ts";
import { startSequencer, type Sequencer } from "../src/ledger/sequencer.flow.ts";
import { removed, temporary } from "../test/programs/lab.ts";

const WRITERS = [1, 8, 32];
const START_MS = 60_000;
const POLL_MS = 50;
const INCLUSION_MS = 60_000;

const main = async (entries: number): Promise<void> => {
  const root = await temporary("novaevo-bench-");
  try {
    const embedded = await prepare({ dataDir: root });
    const port = await freePort();
    const postmaster = startPostmaster(embedded, port);
    // Nobody reads it; a full pipe would stop the server.
    postmaster.stderr?.resume();
    try {
      const url = connectionString(embedded, port, "postgres");
      await measureAll(await answering(url, postmaster), root, entries);
    } finally {
      await stopped(postmaster);
    }
  } finally {
    await removed(root);
  }
};

const measureAll = async (db: Db, root: string, entries: number): Promise<void> => {
  const signer = signerOf(newSigningKey(), () => "novaevo/ledger/bench");
  try {
    const faults = durabilityFaults(await readSettings(db));
    if (faults.length > 0) throw new Error(faults.join("\n"));
    await migrate(db);
    const sequencer = startSequencer({
      ...{ db, signer, clock: systemClock, memory: headFile(root), holder: "bench" },
      onFault: (message, fault) => console.error(message, fault),
    });
    try {
      console.log("writers   recorded/s   included/s   CPU ms an entry");
      for (const writers of WRITERS) await measure(db, sequencer, writers, entries);
    } finally {
      await sequencer.close();
    }
    const report = await checkLedger({ sql: db, verifiers: [verifierOf(signer.key)] })();
    if (!report.ok) throw new Error(`the ledger is wrong: ${JSON.stringify(report)}`);
  } finally {
    await db.close();
  }
};

const measure = async (
  db: Db,
  sequencer: Sequencer,
  writers: number,
  entries: number,
): Promise<void> => {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  let next = 0;
  const write = async (): Promise<string> => {
    let last = "";
    while (next < entries) {
      const at = next++;
      const body = { at, note: "seuil franchi", value: 0.5 };
      const draft = { kind: "bench.decided", actor: "system:bench", subject: `case:${at}`, body };
      last = (await db.tx((tx) => record(tx, draft))).id;
      sequencer.wake();
    }
    return last;
  };
  const lasts = await Promise.all(Array.from({ length: writers }, write));
  const recordedMs = performance.now() - startMs;
  const found = await Promise.all(lasts.map((id) => sequencer.waitForInclusion(id, INCLUSION_MS)));
  for (const included of found) if (!included.ok) throw new Error(included.error.message);
  const includedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  const rate = (ms: number): string => ((entries / ms) * 1000).toFixed(0).padStart(13);
  const each = ((user + system) / 1000 / entries).toFixed(2).padStart(18);
  console.log(`${String(writers).padStart(7)}${rate(recordedMs)}${rate(includedMs)}${each}`);
};

const answering = async (url: string, postmaster: ChildProcess): Promise<Db> => {
  const untilMs = performance.now() + START_MS;
  for (;;) {
    // One connection per writer and one for the sequencer, of the cluster's 60.
    const db = openDb({ connectionString: url, max: Math.max(...WRITERS) + 1 });
    try {
      await db.query("SELECT 1");
      return db;
    } catch (fault) {
      await db.close();
      if (performance.now() > untilMs || postmaster.exitCode !== null) throw fault;
    }
    await delay(POLL_MS);
  }
};

/** SIGINT is PostgreSQL's fast shutdown. */
const stopped = async (postmaster: ChildProcess): Promise<void> => {
  if (postmaster.exitCode !== null) return;
  const gone = once(postmaster, "exit");
  postmaster.kill("SIGINT");
  await gone;
};

await main(Number(process.argv[2] ?? 4000));
