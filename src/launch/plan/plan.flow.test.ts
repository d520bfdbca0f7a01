import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { edited, novaevoText, sha256, smallText } from "../../../test/plan/small-plan.ts";
import { testDb } from "../../../test/postgres.ts";
import { record } from "../../ledger/record.store.ts";
import { applyPlan, planInForce } from "./plan.flow.ts";
import { planVersion, planVersions } from "./plan.store.ts";

const db = await testDb();
afterAll(() => db.close());

const NOW = Date.UTC(2026, 10, 24, 9);
const clock = { now: () => NOW };
const apply = applyPlan({ db, record, clock, sha256 });
const input = (text: string) => ({ text, file: "plans/p.yaml", actor: "account:1" });
const changed = edited(smallText, "value: 100,", "value: 120,");

const ledger = () =>
  db.query<{ kind: string; actor: string; subject: string; body: string }>(
    "SELECT kind, actor, subject, body FROM ledger_entry ORDER BY arrival",
  );

beforeEach(async () => {
  // Only a test may: the trigger is what keeps a version as it is.
  await db.query("ALTER TABLE plan_version DISABLE TRIGGER USER");
  await db.query("DELETE FROM plan_version");
  await db.query("ALTER TABLE plan_version ENABLE TRIGGER USER");
  await db.query("ALTER TABLE ledger_entry DISABLE TRIGGER USER");
  await db.query("DELETE FROM ledger_entry");
  await db.query("ALTER TABLE ledger_entry ENABLE TRIGGER USER");
});

const value = async (text: string) => {
  const applied = await apply(input(text));
  if (!applied.ok) throw new Error(applied.error.map(({ message }) => message).join());
  return applied.value;
};

test("the first plan becomes version 1, and the ledger says so in the same transaction", async () => {
  expect(await planInForce({ db, sha256 })()).toEqual({ ok: true, value: undefined });
  const applied = await value(novaevoText);
  expect(applied).toMatchObject({ version: 1, applied: true, diff: { changes: [] } });
  const inForce = await planInForce({ db, sha256 })();
  expect(inForce.ok && inForce.value).toMatchObject({
    version: 1,
    digest: applied.digest,
    plan: applied.plan,
    appliedAtMs: NOW,
  });
  const [entry, ...more] = await ledger();
  expect(more).toEqual([]);
  expect(entry).toMatchObject({
    kind: "plan.applied",
    actor: "account:1",
    subject: "plan:novaevo-national-launch",
  });
  expect(JSON.parse(entry?.body ?? "")).toMatchObject({
    version: 1,
    digest: applied.digest,
    previousDigest: null,
  });
});

test("the same plan again changes nothing, whatever its comments", async () => {
  await value(smallText);
  expect(await value(`# hello\n${smallText}`)).toMatchObject({ version: 1, applied: false });
  expect(await ledger()).toHaveLength(1);
  expect(await planVersions(db)).toHaveLength(1);
});

test("another plan is the next version, with a diff that is kept", async () => {
  const first = await value(smallText);
  const second = await value(changed);
  const changes = [{ kind: "changed", path: "kpis/speed/target/value", from: 100, to: 120 }];
  expect(second).toMatchObject({ version: 2, applied: true, diff: { changes } });
  expect(await planVersion(db, 2)).toMatchObject({
    planId: "small",
    sourceText: changed,
    sourceFile: "plans/p.yaml",
    appliedBy: "account:1",
    diff: { changes },
  });
  expect(await planVersion(db, 3)).toBeUndefined();
  expect(await planVersions(db)).toMatchObject([
    { version: 2, changes: 1, warnings: 0 },
    { version: 1, changes: 0, warnings: 0 },
  ]);
  expect(JSON.parse((await ledger())[1]?.body ?? "")).toMatchObject({
    version: 2,
    previousDigest: first.digest,
    changes: 1,
  });
});

test("an older plan may be applied again, as a new version", async () => {
  const first = await value(smallText);
  await value(changed);
  expect(await value(smallText)).toMatchObject({ version: 3, digest: first.digest });
});

test("ten at once give one version", async () => {
  const results = await Promise.all(Array.from({ length: 10 }, () => value(smallText)));
  expect(results.filter(({ applied }) => applied)).toHaveLength(1);
  expect(await planVersions(db)).toHaveLength(1);
});

test("a plan with problems is not applied", async () => {
  const refused = await apply(input("schema: 1\n"));
  expect(refused.ok).toBe(false);
  expect(await planVersions(db)).toEqual([]);
  expect(await ledger()).toEqual([]);
});

describe("a fault leaves neither half", () => {
  test("no version without its ledger entry", async () => {
    const broken = applyPlan({
      db,
      clock,
      sha256,
      record: () => Promise.reject(new Error("the ledger is full")),
    });
    await expect(broken(input(smallText))).rejects.toThrow("the ledger is full");
    expect(await planVersions(db)).toEqual([]);
  });

  test("control: written in two transactions, the version would stay behind", async () => {
    const torn = applyPlan({
      db: { tx: (work) => work({ ...db, inTransaction: true }) },
      clock,
      sha256,
      record: () => Promise.reject(new Error("the ledger is full")),
    });
    await expect(torn(input(smallText))).rejects.toThrow("the ledger is full");
    expect(await planVersions(db)).toHaveLength(1);
  });
});

test("a version that this program can no longer read is replaced, and the diff says so", async () => {
  await db.query(
    `INSERT INTO plan_version VALUES (4, 'old', 1, $1, 'schema: 9', 'old.yaml', now(), 'x',
      '{"changes":[],"warnings":[]}', '[]')`,
    ["0".repeat(64)],
  );
  const inForce = await planInForce({ db, sha256 })();
  expect(inForce.ok || inForce.error[0]?.message).toMatch(/schema 9 is newer/);
  expect(await value(smallText)).toMatchObject({
    version: 5,
    diff: { warnings: [{ code: "previous-unreadable" }] },
  });
});

test.each([
  "UPDATE plan_version SET digest = digest",
  "DELETE FROM plan_version",
  "TRUNCATE plan_version",
])("an applied plan never changes: %s is refused", async (sql) => {
  await value(smallText);
  await expect(db.query(sql)).rejects.toThrow("an applied plan never changes");
});
