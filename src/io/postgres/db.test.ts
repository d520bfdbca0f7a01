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

test("a database that a newer version migrated is refused, unless an older one can live with it", async () => {
  const one = { name: "9001-x.sql", sql: "CREATE TABLE x1 (n int)", digest: "a" };
  const expand = { name: "9002-y.sql", sql: "-- expand\nCREATE TABLE y (n int)", digest: "b" };
  const contract = { name: "9003-z.sql", sql: "DROP TABLE y", digest: "c" };
  await migrate(db, [one, expand]);
  expect((await migrate(db, [one])).applied).toEqual([]);
  await migrate(db, [one, expand, contract]);
  await expect(migrate(db, [one])).rejects.toThrow(/newer NovaEvo \(9003-z\.sql/);
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
