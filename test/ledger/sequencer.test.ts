/** Places, heads and proofs on a real PostgreSQL; and what a replaced sequencer may still do. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha256 } from "../../src/ledger/adapters/node-crypto.ts";
import {
  latestHead,
  listEntries,
  proveConsistency,
  proveEntry,
} from "../../src/ledger/ledger.flow.ts";
import { openCheckpoint } from "../../src/ledger/note.ts";
import { verifyEntryProof } from "../../src/ledger/proof.ts";
import { record } from "../../src/ledger/record.store.ts";
import { startSequencer } from "../../src/ledger/sequencer.flow.ts";
import { ledgerLab } from "./ledger-lab.ts";
import type { LedgerLab } from "./ledger-lab.ts";

let lab: LedgerLab;
beforeEach(async () => {
  lab = await ledgerLab();
});
afterEach(() => lab.db.close());

const DRAFT = { kind: "test.decided", actor: "account:1", subject: "case:1", body: { a: 1 } };
const add = () => lab.db.tx((tx) => record(tx, DRAFT));
const places = async () =>
  (await lab.db.query<{ seq: string | null }>("SELECT seq FROM ledger_entry ORDER BY arrival")).map(
    (row) => (row.seq === null ? null : Number(row.seq)),
  );
const expireLease = () => lab.db.query("UPDATE lease SET expires_at = '-infinity'");

describe("places and heads", () => {
  test("places have no gaps and follow the order of arrival, over any groups", async () => {
    await lab.grow(3);
    await lab.grow(1);
    await lab.grow(4);
    expect(await places()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("a transaction that rolls back leaves no gap", async () => {
    await add();
    const attempt = lab.db.tx(async (tx) => {
      await record(tx, DRAFT);
      throw new Error("no");
    });
    await expect(attempt).rejects.toThrow("no");
    await add();
    await lab.main.tick();
    expect(await places()).toEqual([0, 1]);
  });

  test("a head is signed at once after a rest, then at most once a second", async () => {
    await add();
    expect(await lab.main.tick()).toEqual({ state: "leading", placed: 1, unsigned: false });
    await add();
    lab.pass(999);
    expect(await lab.main.tick()).toEqual({ state: "leading", placed: 1, unsigned: true });
    lab.pass(1);
    expect(await lab.main.tick()).toEqual({ state: "leading", placed: 0, unsigned: false });
    const heads = await lab.db.query<{ size: string }>("SELECT size FROM ledger_head ORDER BY 1");
    expect(heads.map((head) => Number(head.size))).toEqual([1, 2]);
  });

  test("no head is signed when there is nothing new", async () => {
    await lab.grow(2);
    lab.pass(60_000);
    await lab.main.tick();
    expect(await lab.db.query("SELECT 1 FROM ledger_head")).toHaveLength(1);
  });

  test("the remembered head is the last one signed", async () => {
    await lab.grow(2);
    const head = openCheckpoint([lab.verifier], lab.remembered() ?? "");
    expect(head.ok && head.value.size).toBe(2);
    expect(await latestHead(lab.db, [lab.verifier])).toMatchObject({ size: 2 });
  });

  test("a head that was signed but not remembered before a crash does no harm", async () => {
    await lab.grow(2);
    const before = lab.remembered();
    await lab.grow(2);
    lab.remember(before);
    const restarted = lab.ticker("restarted");
    await expireLease();
    expect(await restarted.tick()).toMatchObject({ state: "leading", unsigned: false });
    await add();
    lab.pass(1_000);
    expect(await restarted.tick()).toMatchObject({ state: "leading", unsigned: false });
    expect((await lab.check(lab.remembered())).ok).toBe(true);
  });
});

describe("two sequencers", () => {
  test("the second stands by until the lease of the first is over", async () => {
    await add();
    await lab.main.tick();
    const second = lab.ticker("second");
    expect((await second.tick()).state).toBe("standby");
    await expireLease();
    expect((await second.tick()).state).toBe("leading");
    expect((await lab.main.tick()).state).toBe("standby");
  });

  test("one that was stopped and replaced places and signs nothing when it wakes up", async () => {
    await lab.grow(2);
    const second = lab.ticker("second");
    await expireLease();
    await second.tick();
    await add();
    expect(await lab.main.tick()).toEqual({ state: "standby", placed: 0, unsigned: false });
    expect(await places()).toEqual([0, 1, null]);
  });

  test("without the epoch check it does: the control", async () => {
    const careless = lab.ticker("careless", { fenceOf: () => async () => true });
    await careless.tick();
    const second = lab.ticker("second");
    await expireLease();
    await second.tick();
    await add();
    expect((await careless.tick()).placed).toBe(1);
    expect(await places()).toEqual([0]);
  });

  test("a released lease lets the next one in at once, with a higher epoch", async () => {
    await lab.main.tick();
    await lab.main.release();
    const second = lab.ticker("second");
    expect((await second.tick()).state).toBe("leading");
    const [lease] = await lab.db.query("SELECT holder, epoch::int AS epoch FROM lease");
    expect(lease).toEqual({ holder: "second", epoch: 2 });
  });

  test("the lease is renewed while its holder lives", async () => {
    await lab.main.tick();
    await lab.db.query("UPDATE lease SET expires_at = clock_timestamp() + interval '1 ms'");
    lab.pass(4_000);
    await lab.main.tick();
    const [lease] = await lab.db.query<{ left: number }>(
      "SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 AS left FROM lease",
    );
    expect(lease?.left).toBeGreaterThan(5);
  });
});

describe("proofs", () => {
  test("every entry has one that verifies offline, and none that was touched does", async () => {
    const ids = await lab.grow(13);
    const verify = verifyEntryProof({ sha256, verifiers: [lab.verifier] });
    for (const id of ids) {
      const proof = await proveEntry({ sql: lab.db, verifiers: [lab.verifier] })(id);
      if (!proof.ok) throw new Error(proof.error.message);
      const exported: unknown = JSON.parse(JSON.stringify(proof.value));
      expect(verify(exported)).toMatchObject({ ok: true, value: { size: 13 } });
      const { entry } = proof.value;
      for (const forged of [
        { ...proof.value, entry: { ...entry, body: { ...entry.body, at: 99 } } },
        { ...proof.value, entry: { ...entry, actor: "account:2" } },
        { ...proof.value, seq: (proof.value.seq + 1) % 13 },
        { ...proof.value, path: proof.value.path.slice(1) },
        { ...proof.value, checkpoint: proof.value.checkpoint.replace("\n13\n", "\n14\n") },
        { ...proof.value, extra: 1 },
      ]) {
        expect(verify(forged).ok).toBe(false);
      }
    }
  });

  test("an entry that is not there, or not under a head, has none", async () => {
    const prove = proveEntry({ sql: lab.db, verifiers: [lab.verifier] });
    const { id } = await add();
    expect(await prove("nonsense")).toMatchObject({ error: { code: "not_found" } });
    expect(await prove(crypto.randomUUID())).toMatchObject({ error: { code: "not_found" } });
    expect(await prove(id)).toMatchObject({ error: { code: "unavailable" } });
  });

  test("the stored tree leads from any head to any later one, and from no other", async () => {
    const heads = [];
    for (const count of [1, 4, 6, 2]) {
      await lab.grow(count);
      const head = await latestHead(lab.db, [lab.verifier]);
      if (head !== undefined) heads.push(head);
    }
    for (const [at, first] of heads.entries()) {
      for (const second of heads.slice(at)) {
        expect(await proveConsistency(lab.db, first, second)).toBe(true);
        const other = { ...first, root: new Uint8Array(32) };
        expect(await proveConsistency(lab.db, other, second)).toBe(false);
      }
    }
  });
});

test("entries are listed newest first, page by page", async () => {
  await lab.grow(5);
  const list = listEntries(lab.db);
  const first = await list({ limit: 3 });
  if (!first.ok) throw new Error(first.error.message);
  expect(first.value.items.map((entry) => entry.body["at"])).toEqual([4, 3, 2]);
  const second = await list({ limit: 3, cursor: first.value.next });
  expect(second).toMatchObject({ value: { items: [{ seq: 1 }, { seq: 0 }] } });
  expect(second.ok && second.value.next).toBeUndefined();
  expect(await list({ limit: 3, cursor: "x" })).toMatchObject({ error: { field: "cursor" } });
});

describe("the running sequencer", () => {
  const clock = { now: () => Date.now(), monotonic: () => performance.now() };
  const start = () => startSequencer({ ...lab.deps, clock, holder: "running" });

  test("includes what was recorded, and says under which head", async () => {
    const sequencer = start();
    const { id } = await add();
    sequencer.wake();
    const inclusion = await sequencer.waitForInclusion(id, 10_000);
    expect(inclusion).toEqual({ ok: true, value: { seq: 0, headSize: 1 } });
    expect(sequencer.state()).toBe("leading");
    await sequencer.close();
    expect((await lab.check(lab.remembered())).ok).toBe(true);
  });

  test("finds what nobody told it about", async () => {
    await lab.grow(1);
    await expireLease();
    const sequencer = start();
    const { id } = await add();
    expect((await sequencer.waitForInclusion(id, 10_000)).ok).toBe(true);
    await sequencer.close();
  });

  test("says so when the wait is over, or was for nothing", async () => {
    await lab.main.tick();
    const sequencer = start(); // stands by: another one holds the lease
    const { id } = await add();
    expect(await sequencer.waitForInclusion(id, 0)).toMatchObject({
      error: { code: "unavailable", message: expect.stringContaining("has no place after 0 ms") },
    });
    expect(await sequencer.waitForInclusion(crypto.randomUUID(), 0)).toMatchObject({
      error: { code: "not_found" },
    });
    await sequencer.close();
  });

  test("goes on after a fault of the database", async () => {
    await lab.db.query("ALTER TABLE ledger_tree RENAME TO hidden");
    const sequencer = start();
    const { id } = await add();
    await expect.poll(() => lab.faults.length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(sequencer.state()).toBe("failing");
    await lab.db.query("ALTER TABLE hidden RENAME TO ledger_tree");
    expect((await sequencer.waitForInclusion(id, 10_000)).ok).toBe(true);
    await sequencer.close();
  });
});
