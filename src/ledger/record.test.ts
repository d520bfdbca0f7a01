import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDb } from "../../test/postgres.ts";
import type { TestDb } from "../../test/postgres.ts";
import { sha256 } from "./adapters/node-crypto.ts";
import { MAX_BODY_BYTES } from "./entry.ts";
import { hashLeaf } from "./merkle.ts";
import { record } from "./record.store.ts";

let db: TestDb;
beforeAll(async () => {
  db = await testDb();
});
afterAll(() => db.close());

const draft = {
  kind: "plan.applied",
  actor: "account:1",
  subject: "plan:7",
  body: { digest: "abc", changes: [1, 2], note: "Lancement à Paris ✓" },
};

describe("recording", () => {
  test("an entry is stored with the hash of its canonical text", async () => {
    const { id, leafHash } = await db.tx((tx) => record(tx, draft));
    const [row] = await db.query<{ body: string; at_ms: string; leaf_hash: Buffer; seq: null }>(
      "SELECT body, at_ms, leaf_hash, seq FROM ledger_entry WHERE id = $1",
      [id],
    );
    const body = '{"changes":[1,2],"digest":"abc","note":"Lancement à Paris ✓"}';
    expect(row?.body).toBe(body);
    expect(row?.seq).toBeNull();
    const text =
      `{"actor":"account:1","atMs":${row?.at_ms},"body":${body},"id":"${id}",` +
      `"kind":"plan.applied","subject":"plan:7","v":1}`;
    const hash = Buffer.from(hashLeaf(sha256, new TextEncoder().encode(text)));
    expect(row?.leaf_hash).toEqual(hash);
    expect(leafHash).toBe(hash.toString("hex"));
  });

  test("an entry lives and dies with the business transaction", async () => {
    const before = await db.query("SELECT id FROM ledger_entry");
    const attempt = db.tx(async (tx) => {
      await record(tx, draft);
      throw new Error("the business failed");
    });
    await expect(attempt).rejects.toThrow("the business failed");
    expect(await db.query("SELECT id FROM ledger_entry")).toHaveLength(before.length);
  });

  test.each([
    { title: "a kind without a dot", entry: { ...draft, kind: "applied" }, why: /kind/ },
    { title: "no actor", entry: { ...draft, actor: "" }, why: /actor: has 0/ },
    { title: "a long subject", entry: { ...draft, subject: "x".repeat(201) }, why: /201/ },
    { title: "a NaN", entry: { ...draft, body: { a: [Number.NaN] } }, why: /body\.a\[0\]: NaN/ },
    {
      title: "a body over the limit",
      entry: { ...draft, body: { a: "é".repeat(MAX_BODY_BYTES / 2) } },
      why: /the limit is 262144/,
    },
  ])("$title stops the transaction", async ({ entry, why }) => {
    await expect(db.tx((tx) => record(tx, entry))).rejects.toThrow(why);
  });
});

describe("ordinary rights cannot change what was recorded", () => {
  test.each([
    "UPDATE ledger_entry SET body = '{}'",
    "UPDATE ledger_entry SET seq = 0, body = '{}'",
    "UPDATE ledger_entry SET actor = 'account:2'",
    "DELETE FROM ledger_entry",
    "TRUNCATE ledger_entry",
    "TRUNCATE ledger_head",
    "TRUNCATE ledger_node",
  ])("%s is refused", async (statement) => {
    await db.tx((tx) => record(tx, draft));
    await expect(db.query(statement)).rejects.toThrow(/append-only/);
  });

  test("a place is given once", async () => {
    const { id } = await db.tx((tx) => record(tx, draft));
    await db.query("UPDATE ledger_entry SET seq = 0 WHERE id = $1", [id]);
    const again = db.query("UPDATE ledger_entry SET seq = 1 WHERE id = $1", [id]);
    await expect(again).rejects.toThrow(/append-only/);
  });
});
