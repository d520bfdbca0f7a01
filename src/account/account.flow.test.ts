/** Accounts, sessions and tokens on a real PostgreSQL and argon2; expiry by moving the rows. */
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDb } from "../../test/postgres.ts";
import type { TestDb } from "../../test/postgres.ts";
import { openAccounts } from "./accounts.flow.ts";
import type { Accounts } from "./accounts.flow.ts";
import { argon2Hasher } from "./adapters/argon2.ts";
import { SYSTEM } from "./principal.ts";
import { ensureTokenFiles } from "./token-file.flow.ts";

let db: TestDb;
let nowMs = 0;
let accounts: Accounts;
const open = (): Accounts =>
  openAccounts({ db, clock: { now: () => nowMs, monotonic: () => nowMs }, hasher: argon2Hasher() });

beforeAll(async () => {
  db = await testDb();
});
afterAll(() => db.close());
beforeEach(() => {
  accounts = open();
});
afterEach(async () => {
  await db.query("DELETE FROM session");
  await db.query("DELETE FROM sign_in_code");
  await db.query("DELETE FROM api_token");
  await db.query("DELETE FROM account");
});

const ADDRESS = "203.0.113.7";
const PASSWORD = "correct cheval pile";
const value = <T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
const create = async (name = "Claire", role: "viewer" | "admin" | "approver" = "approver") =>
  value(await accounts.createAccount({ actor: SYSTEM, name, password: PASSWORD, role }));
const signIn = (password = PASSWORD, name = "claire", address = ADDRESS) =>
  accounts.signInWithPassword({ name, password, address });
const newToken = async (role: "viewer" | "ingest" = "viewer", expiresInMs?: number) =>
  value(await accounts.createToken({ actor: SYSTEM, name: "ci", role, expiresInMs }));
const ledgered = async () =>
  (
    await db.query<{ kind: string; actor: string; subject: string; body: string }>(
      "SELECT kind, actor, subject, body FROM ledger_entry ORDER BY arrival",
    )
  ).map((row) => row);

const session = async () => {
  await create();
  return value(await signIn()).secret;
};
const isOpen = async (cookie: string) => (await open().authenticate({ cookie })).ok;

const roleOf = async (file: string) => {
  const bearer = (await readFile(file, "utf8")).trim();
  const answer = await open().authenticate({ bearer });
  return answer.ok ? answer.value.role : answer.error.code;
};

describe("a sign-in code", () => {
  test("opens a session as admin, once", async () => {
    const { code } = await accounts.issueSignInCode();
    const first = value(await accounts.signInWithCode({ code, address: ADDRESS }));
    expect(first.principal).toMatchObject({ role: "admin", via: "session" });
    expect(value(await accounts.authenticate({ cookie: first.secret }))).toEqual(first.principal);
    const second = await accounts.signInWithCode({ code, address: ADDRESS });
    expect(second).toMatchObject({ error: { code: "unauthenticated" } });
    expect(await ledgered()).toContainEqual({
      kind: "session.opened_by_code",
      actor: first.principal.id,
      subject: first.principal.id,
      body: '{"role":"admin"}',
    });
  });

  test("used by many at once lets one in", async () => {
    const { code } = await accounts.issueSignInCode();
    const all = await Promise.all(
      Array.from({ length: 8 }, () => accounts.signInWithCode({ code, address: ADDRESS })),
    );
    expect(all.filter((result) => result.ok)).toHaveLength(1);
  });

  test("is over after ten minutes", async () => {
    const { code, expiresAt } = await accounts.issueSignInCode();
    const [row] = await db.query<{ left: number; until: Date }>(
      `SELECT extract(epoch FROM expires_at - now())::float8 AS left, expires_at AS until
       FROM sign_in_code`,
    );
    expect(row?.until.toISOString()).toBe(expiresAt);
    expect(row?.left).toBeGreaterThan(595);
    expect(row?.left).toBeLessThanOrEqual(600);
    await db.query("UPDATE sign_in_code SET expires_at = now()");
    expect((await accounts.signInWithCode({ code, address: ADDRESS })).ok).toBe(false);
  });

  test("cannot be guessed for long from one address", async () => {
    const guess = () => accounts.signInWithCode({ code: "guess-guess", address: ADDRESS });
    for (let turn = 0; turn < 20; turn += 1) {
      expect(await guess()).toMatchObject({ error: { code: "unauthenticated" } });
    }
    expect(await guess()).toMatchObject({ error: { code: "too_many", retryAfterMs: 1_000 } });
    const { code } = await accounts.issueSignInCode();
    expect((await accounts.signInWithCode({ code, address: "203.0.113.8" })).ok).toBe(true);
  });
});

describe("a password sign-in", () => {
  test("opens a session with the account's role", async () => {
    const account = await create();
    const { principal, secret } = value(await signIn());
    expect(principal).toEqual({
      id: `account:${account.id}`,
      name: "Claire",
      role: "approver",
      via: "session",
    });
    expect(value(await accounts.authenticate({ cookie: secret }))).toEqual(principal);
  });

  test("says the same of a wrong name and a wrong password", async () => {
    await create();
    const wrong = await signIn("another password");
    expect(wrong).toMatchObject({ error: { code: "unauthenticated" } });
    expect(await signIn(PASSWORD, "nobody")).toEqual(wrong);
  });

  test("is slowed down for a name that is guessed, whatever the address", async () => {
    await create();
    for (let turn = 0; turn < 5; turn += 1) {
      const answer = await signIn("wrong", "CLAIRE", `198.51.100.${turn}`);
      expect(answer).toMatchObject({ error: { code: "unauthenticated" } });
    }
    const blocked = await signIn(PASSWORD, "claire", "198.51.100.9");
    expect(blocked).toMatchObject({ error: { code: "too_many" } });
    nowMs += 1_000;
    expect((await signIn()).ok).toBe(true);
  });

  test("ends the session the browser had: nobody can plant one", async () => {
    await create();
    const first = value(await signIn());
    const second = value(
      await accounts.signInWithPassword({
        name: "claire",
        password: PASSWORD,
        address: ADDRESS,
        previousCookie: first.secret,
      }),
    );
    expect(second.secret).not.toBe(first.secret);
    expect((await accounts.authenticate({ cookie: first.secret })).ok).toBe(false);
    expect((await accounts.authenticate({ cookie: second.secret })).ok).toBe(true);
  });

  test("refuses more passwords at once than it has memory for", async () => {
    await create();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => signIn(PASSWORD, `nobody ${n}`, `192.0.2.${n}`)),
    );
    expect(answers.some((answer) => !answer.ok && answer.error.code === "too_many")).toBe(true);
    expect((await signIn()).ok).toBe(true);
  });
});

describe("a session", () => {
  test.each([
    {
      title: "12 hours without use",
      change: "last_used_at = now() - interval '12 hours 1 second'",
    },
    { title: "7 days in any case", change: "expires_at = now()" },
  ])("is over after $title", async ({ change }) => {
    const cookie = await session();
    expect(await isOpen(cookie)).toBe(true);
    await db.query(`UPDATE session SET ${change}`);
    expect(await isOpen(cookie)).toBe(false);
  });

  test("is kept alive by use", async () => {
    const cookie = await session();
    await db.query("UPDATE session SET last_used_at = now() - interval '11 hours'");
    expect(await isOpen(cookie)).toBe(true);
    const [row] = await db.query(
      "SELECT last_used_at > now() - interval '1 minute' AS f FROM session",
    );
    expect(row).toEqual({ f: true });
  });

  test("is over at once when it is signed out, and elsewhere within the cache's time", async () => {
    const cookie = await session();
    const elsewhere = open();
    expect((await elsewhere.authenticate({ cookie })).ok).toBe(true);
    expect((await accounts.authenticate({ cookie })).ok).toBe(true);
    await accounts.signOut(cookie);
    expect((await accounts.authenticate({ cookie })).ok).toBe(false);
    expect((await elsewhere.authenticate({ cookie })).ok).toBe(true);
    nowMs += 2_000;
    expect((await elsewhere.authenticate({ cookie })).ok).toBe(false);
  });

  test("does not open a door for bearers, nor a token one for cookies", async () => {
    const cookie = await session();
    expect((await accounts.authenticate({ bearer: cookie })).ok).toBe(false);
    const { secret } = await newToken();
    expect((await accounts.authenticate({ cookie: secret })).ok).toBe(false);
  });

  test("is one of at most twenty of an account", async () => {
    const first = await session();
    for (let turn = 0; turn < 20; turn += 1) await signIn();
    expect(await db.query("SELECT 1 FROM session")).toHaveLength(20);
    expect(await isOpen(first)).toBe(false);
  });

  test.each([undefined, "", "x", "x".repeat(10_000)])("is not %s", async (cookie) => {
    const answer = await accounts.authenticate({ cookie });
    expect(answer).toMatchObject({ error: { code: "unauthenticated" } });
  });
});

describe("an account", () => {
  test("has a name nobody else has, in any case", async () => {
    await create("Claire");
    const again = await accounts.createAccount({
      actor: SYSTEM,
      name: " CLAIRE ",
      password: "another password",
      role: "viewer",
    });
    expect(again).toMatchObject({ error: { code: "conflict", field: "name" } });
    expect(value(await accounts.listAccounts({ actor: SYSTEM }))).toMatchObject([
      { name: "Claire", role: "approver", disabled: false },
    ]);
  });

  test("that is disabled is signed out and cannot sign in", async () => {
    const { id } = await create();
    const { secret } = value(await signIn());
    value(await accounts.disableAccount({ actor: SYSTEM, id }));
    expect((await accounts.authenticate({ cookie: secret })).ok).toBe(false);
    expect((await signIn()).ok).toBe(false);
    const again = await accounts.disableAccount({ actor: SYSTEM, id });
    expect(again).toMatchObject({ error: { code: "not_found" } });
  });

  test("whose password was set is signed out, and the old password is over", async () => {
    const { id } = await create();
    const { secret, principal } = value(await signIn());
    value(await accounts.setPassword({ actor: principal, id, password: "brand new and long" }));
    expect((await accounts.authenticate({ cookie: secret })).ok).toBe(false);
    expect((await signIn()).ok).toBe(false);
    expect((await signIn("brand new and long")).ok).toBe(true);
  });

  test("cannot disable itself", async () => {
    const { id } = await create("Chef", "admin");
    const actor = { id: `account:${id}`, role: "admin" } as const;
    expect(await accounts.disableAccount({ actor, id })).toMatchObject({
      error: { code: "conflict" },
    });
  });

  test("keeps its password as argon2id only, and no name or password reaches the ledger", async () => {
    await create("Marguerite");
    const [row] = await db.query<{ password_hash: string }>("SELECT password_hash FROM account");
    expect(row?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    const text = JSON.stringify(await ledgered());
    expect(text).toContain("account.created");
    expect(text).not.toMatch(/marguerite|cheval|argon2/i);
  });
});

describe("an API token", () => {
  test("is shown once and kept as a hash", async () => {
    const token = await newToken();
    expect(token.secret).toMatch(/^nve_[\w-]{43}$/);
    const rows = await db.query("SELECT * FROM api_token");
    expect(JSON.stringify(rows)).not.toContain(token.secret);
    const list = value(await accounts.listTokens({ actor: SYSTEM }));
    expect(list).toMatchObject([{ id: token.id, name: "ci", role: "viewer", lastUsedAt: null }]);
    expect(JSON.stringify(list)).not.toContain("secret");
    expect(JSON.stringify(await ledgered())).not.toContain(token.secret);
  });

  test("says who is calling, and when it was last used", async () => {
    const { id, secret } = await newToken("ingest");
    expect(value(await accounts.authenticate({ bearer: secret }))).toEqual({
      id: `token:${id}`,
      name: "ci",
      role: "ingest",
      via: "token",
    });
    const [token] = value(await accounts.listTokens({ actor: SYSTEM }));
    expect(token?.lastUsedAt).not.toBeNull();
  });

  test("ends when its time is over", async () => {
    const { secret } = await newToken("viewer", 1_000);
    expect((await open().authenticate({ bearer: secret })).ok).toBe(true);
    await db.query("UPDATE api_token SET expires_at = now()");
    expect((await open().authenticate({ bearer: secret })).ok).toBe(false);
  });

  test("that is revoked is over at once here and within two seconds elsewhere", async () => {
    const { id, secret } = await newToken();
    const elsewhere = open();
    await elsewhere.authenticate({ bearer: secret });
    await accounts.authenticate({ bearer: secret });
    value(await accounts.revokeToken({ actor: SYSTEM, id }));
    expect((await accounts.authenticate({ bearer: secret })).ok).toBe(false);
    nowMs += 2_000;
    expect((await elsewhere.authenticate({ bearer: secret })).ok).toBe(false);
    expect(await accounts.revokeToken({ actor: SYSTEM, id })).toMatchObject({
      error: { code: "not_found" },
    });
    expect(await accounts.rotateToken({ actor: SYSTEM, id })).toMatchObject({
      error: { code: "not_found" },
    });
  });

  test("that is rotated has a new secret, and the old one is over", async () => {
    const { id, secret } = await newToken();
    const rotated = value(await accounts.rotateToken({ actor: SYSTEM, id }));
    expect(rotated.id).toBe(id);
    expect((await accounts.authenticate({ bearer: secret })).ok).toBe(false);
    expect((await accounts.authenticate({ bearer: rotated.secret })).ok).toBe(true);
  });

  test.each([0, -1, Number.NaN, 1e15])("cannot expire in %d ms", async (expiresInMs) => {
    const answer = await accounts.createToken({
      actor: SYSTEM,
      name: "ci",
      role: "viewer",
      expiresInMs,
    });
    expect(answer).toMatchObject({ error: { code: "bad_request" } });
  });
});

test("only an admin may change or list any of it", async () => {
  const actor = { id: "token:1", role: "approver" } as const;
  const { id } = await create();
  const name = "x";
  const answers = await Promise.all([
    accounts.listAccounts({ actor }),
    accounts.createAccount({ actor, name, password: PASSWORD, role: "viewer" }),
    accounts.setPassword({ actor, id, password: PASSWORD }),
    accounts.disableAccount({ actor, id }),
    accounts.listTokens({ actor }),
    accounts.createToken({ actor, name, role: "viewer" }),
    accounts.rotateToken({ actor, id }),
    accounts.revokeToken({ actor, id }),
  ]);
  for (const answer of answers) expect(answer).toMatchObject({ error: { code: "forbidden" } });
});

describe("the token files", () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), "novaevo-tokens-"));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  test("are made at first start, for their owner's eyes only, and stay", async () => {
    const files = await ensureTokenFiles(db, dataDir);
    expect(files.admin).toBe(path.join(dataDir, "admin-token"));
    expect(files.agent).toBe(path.join(dataDir, "agent", "token"));
    expect((await stat(files.admin)).mode & 0o777).toBe(0o600);
    expect((await stat(files.agent)).mode & 0o777).toBe(0o600);
    expect(await roleOf(files.admin)).toBe("admin");
    expect(await roleOf(files.agent)).toBe("ingest");
    const before = await readFile(files.admin, "utf8");
    await ensureTokenFiles(db, dataDir);
    expect(await readFile(files.admin, "utf8")).toBe(before);
    expect(await db.query("SELECT 1 FROM api_token")).toHaveLength(2);
  });

  test("work again after the database was made anew, or a crash before the row", async () => {
    const files = await ensureTokenFiles(db, dataDir);
    await db.query("DELETE FROM api_token");
    await ensureTokenFiles(db, dataDir);
    expect(await roleOf(files.admin)).toBe("admin");
  });

  test("stay revoked once they were", async () => {
    const files = await ensureTokenFiles(db, dataDir);
    await db.query("UPDATE api_token SET revoked_at = now()");
    await ensureTokenFiles(db, dataDir);
    expect(await roleOf(files.admin)).toBe("unauthenticated");
  });

  test("are refused when others can read them, or when they hold something else", async () => {
    const { admin } = await ensureTokenFiles(db, dataDir);
    await chmod(admin, 0o644);
    await expect(ensureTokenFiles(db, dataDir)).rejects.toThrow(/chmod 600/);
    await chmod(admin, 0o600);
    await writeFile(admin, "hunter2\n");
    await expect(ensureTokenFiles(db, dataDir)).rejects.toThrow(/holds no NovaEvo token/);
  });

  test("made by two starts at once are the same", async () => {
    await Promise.all([ensureTokenFiles(db, dataDir), ensureTokenFiles(db, dataDir)]);
    expect(await db.query("SELECT 1 FROM api_token")).toHaveLength(2);
  });
});
