import { afterAll, expect, test } from "vitest";
import { testDb } from "../../../test/postgres.ts";
import { migrate } from "./migrate.ts";
import { durabilityFaults, readSettings } from "./durability.ts";

const db = await testDb();
afterAll(() => db.close());

test("a transaction that throws leaves nothing behind", async () => {
  await db.query("CREATE TABLE t (n int)");
  const work = db.tx(async (tx) => {
    await tx.query("INSERT INTO t VALUES (1)");
    throw new Error("no");
  });
  await expect(work).rejects.toThrow("no");
  expect(await db.query("SELECT n FROM t")).toEqual([]);
});

test("migrations run once, and a changed one is refused", async () => {
  const one = { name: "9001-x.sql", sql: "CREATE TABLE x (n int)", digest: "a" };
  expect((await migrate(db, [one])).applied).toEqual(["9001-x.sql"]);
  expect((await migrate(db, [one])).applied).toEqual([]);
  await expect(migrate(db, [{ ...one, digest: "b" }])).rejects.toThrow(/9001-x\.sql was applied/);
});

test("a database with fsync off is refused by name", async () => {
  const found = await readSettings(db);
  const off = { ...found, settings: { ...found.settings, fsync: "off" } };
  expect(durabilityFaults(off)).toEqual([expect.stringContaining("fsync = off")]);
  const on = { ...found, settings: { ...found.settings, fsync: "on" } };
  expect(durabilityFaults(on)).toEqual([]);
});

test("a database older than 15 is refused", async () => {
  const found = { ...(await readSettings(db)), versionNumber: 140_009, version: "14.9" };
  expect(durabilityFaults({ ...found, settings: { ...found.settings, fsync: "on" } })).toEqual([
    "PostgreSQL 14.9 is older than 15",
  ]);
});
