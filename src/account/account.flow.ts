/**
 * Accounts and API tokens: made, changed and ended by an admin, each change with its ledger entry.
 *
 * Shape:  ledger entries name accounts and tokens by id; names are personal data and stay out.
 * Errors: Problems: forbidden, bad_request with the field, conflict, not_found, too_many.
 */
import { randomBytes } from "node:crypto";
import { ok, problem } from "../kernel/result.ts";
import type { Result } from "../kernel/result.ts";
import type { Db, Tx } from "../io/postgres/db.ts";
import { record } from "../ledger/record.store.ts";
import { sha256 } from "../ledger/adapters/node-crypto.ts";
import type { JsonObject } from "../kernel/canonical.ts";
import {
  countAccounts,
  countTokens,
  deleteSessionsOf,
  insertAccount,
  insertToken,
  loadAccount,
  loadAccounts,
  loadTokens,
  markDisabled,
  markRevoked,
  replaceTokenSecret,
  updatePassword,
} from "./account.store.ts";
import type { Account, Token } from "./account.store.ts";
import { checkName, checkPassword, nameKey, passwordBytes } from "./password.ts";
import type { PasswordHasher } from "./password.ts";
import type { Actor, HumanRole, Role } from "./principal.ts";
import type { PrincipalCache } from "./principal-cache.ts";
import { SECRET_BYTES, secretHash, tokenSecret } from "./secret.ts";

export type AccountDeps = {
  readonly db: Db;
  readonly hasher: PasswordHasher;
  readonly cache: PrincipalCache;
};
type By = { readonly actor: Actor };
export type NewToken = Token & {
  /** Shown once; it exists nowhere else. */
  readonly secret: string;
};

export type AccountFlows = {
  readonly listAccounts: (by: By) => Promise<Result<readonly Account[]>>;
  readonly createAccount: (
    input: By & { readonly name: string; readonly password: string; readonly role: HumanRole },
  ) => Promise<Result<Account>>;
  /** By an admin or the account itself; its sessions end. */
  readonly setPassword: (
    input: By & { readonly id: string; readonly password: string },
  ) => Promise<Result<void>>;
  readonly disableAccount: (input: By & { readonly id: string }) => Promise<Result<void>>;
  readonly listTokens: (by: By) => Promise<Result<readonly Token[]>>;
  readonly createToken: (
    input: By & {
      readonly name: string;
      readonly role: Role;
      readonly expiresInMs?: number | undefined;
    },
  ) => Promise<Result<NewToken>>;
  /** Same token, new secret; the old secret is over. */
  readonly rotateToken: (input: By & { readonly id: string }) => Promise<Result<NewToken>>;
  readonly revokeToken: (input: By & { readonly id: string }) => Promise<Result<void>>;
};

const MAX_TOKENS = 1_000;
const MAX_ACCOUNTS = 10_000;
const MAX_TOKEN_AGE_MS = 10 * 365 * 24 * 60 * 60 * 1_000;
const BUSY_RETRY_MS = 1_000;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const createAccountFlows = (deps: AccountDeps): AccountFlows => ({
  listAccounts: async ({ actor }) => onlyAdmin(actor) ?? ok(await loadAccounts(deps.db)),
  createAccount: createAccount(deps),
  setPassword: setPassword(deps),
  disableAccount: disableAccount(deps),
  listTokens: async ({ actor }) => onlyAdmin(actor) ?? ok(await loadTokens(deps.db)),
  createToken: createToken(deps),
  rotateToken: rotateToken(deps),
  revokeToken: revokeToken(deps),
});

const createAccount =
  ({ db, hasher }: AccountDeps): AccountFlows["createAccount"] =>
  async ({ actor, name, password, role }) => {
    const refused = onlyAdmin(actor);
    if (refused !== undefined) return refused;
    const named = checkName(name);
    if (!named.ok) return named;
    const checked = checkPassword(password, named.value);
    if (!checked.ok) return checked;
    const passwordHash = await hasher.hash(passwordBytes(checked.value));
    if (passwordHash === undefined) return busy();
    return db.tx(async (tx): Promise<Result<Account>> => {
      if ((await countAccounts(tx)) >= MAX_ACCOUNTS) {
        return problem("conflict", `there are ${MAX_ACCOUNTS} accounts already`);
      }
      const key = nameKey(named.value);
      const draft = { name: named.value, nameKey: key, role, passwordHash };
      const account = await insertAccount(tx, draft);
      if (account === undefined) {
        return problem("conflict", "name: another account has it", { field: "name" });
      }
      await note(tx, actor, "account.created", `account:${account.id}`, { role });
      return ok(account);
    });
  };

const setPassword =
  ({ db, hasher, cache }: AccountDeps): AccountFlows["setPassword"] =>
  async ({ actor, id, password }) => {
    const refused = actor.id === `account:${id}` ? undefined : onlyAdmin(actor);
    if (refused !== undefined) return refused;
    const account = UUID.test(id) ? await loadAccount(db, id) : undefined;
    if (account === undefined) return problem("not_found", `no account has the id ${id}`);
    const checked = checkPassword(password, account.name);
    if (!checked.ok) return checked;
    const passwordHash = await hasher.hash(passwordBytes(checked.value));
    if (passwordHash === undefined) return busy();
    await db.tx(async (tx) => {
      await updatePassword(tx, { id, passwordHash });
      await deleteSessionsOf(tx, id);
      await note(tx, actor, "account.password_set", `account:${id}`, {});
    });
    cache.clear();
    return ok(undefined);
  };

const disableAccount =
  ({ db, cache }: AccountDeps): AccountFlows["disableAccount"] =>
  async ({ actor, id }) => {
    const refused = onlyAdmin(actor);
    if (refused !== undefined) return refused;
    if (actor.id === `account:${id}`) {
      return problem("conflict", "an admin cannot disable the account he is signed in with");
    }
    const done = await db.tx(async (tx) => {
      if (!UUID.test(id) || !(await markDisabled(tx, id))) return false;
      await deleteSessionsOf(tx, id);
      await note(tx, actor, "account.disabled", `account:${id}`, {});
      return true;
    });
    cache.clear();
    return done ? ok(undefined) : problem("not_found", `no enabled account has the id ${id}`);
  };

const createToken =
  ({ db }: AccountDeps): AccountFlows["createToken"] =>
  async ({ actor, name, role, expiresInMs }) => {
    const refused = onlyAdmin(actor);
    if (refused !== undefined) return refused;
    const named = checkName(name);
    if (!named.ok) return named;
    if (expiresInMs !== undefined && !(expiresInMs > 0 && expiresInMs <= MAX_TOKEN_AGE_MS)) {
      return problem("bad_request", "expires: more than 0 and at most ten years are allowed", {
        field: "expiresInDays",
      });
    }
    const { secret, hash } = newSecret();
    return db.tx(async (tx): Promise<Result<NewToken>> => {
      if ((await countTokens(tx)) >= MAX_TOKENS) {
        return problem("conflict", `there are ${MAX_TOKENS} tokens already; revoke some`);
      }
      const draft = { hash, name: named.value, role, expiresInMs: expiresInMs ?? null };
      const token = await insertToken(tx, draft);
      if (token === undefined) throw new Error("256 random bits must not come twice");
      const { id, expiresAt } = token;
      await note(tx, actor, "token.created", `token:${id}`, { role, expiresAt });
      return ok({ ...token, secret });
    });
  };

const rotateToken =
  ({ db, cache }: AccountDeps): AccountFlows["rotateToken"] =>
  async ({ actor, id }) => {
    const refused = onlyAdmin(actor);
    if (refused !== undefined) return refused;
    const { secret, hash } = newSecret();
    const token = await db.tx(async (tx) => {
      const rotated = UUID.test(id) ? await replaceTokenSecret(tx, id, hash) : undefined;
      if (rotated !== undefined) await note(tx, actor, "token.rotated", `token:${id}`, {});
      return rotated;
    });
    cache.clear();
    return token === undefined ? noToken(id) : ok({ ...token, secret });
  };

const revokeToken =
  ({ db, cache }: AccountDeps): AccountFlows["revokeToken"] =>
  async ({ actor, id }) => {
    const refused = onlyAdmin(actor);
    if (refused !== undefined) return refused;
    const done = await db.tx(async (tx) => {
      if (!UUID.test(id) || !(await markRevoked(tx, id))) return false;
      await note(tx, actor, "token.revoked", `token:${id}`, {});
      return true;
    });
    cache.clear();
    return done ? ok(undefined) : noToken(id);
  };

/** The routes' table says who may call what; this is for callers that come another way. */
const onlyAdmin = (actor: Actor) =>
  actor.role === "admin" ? undefined : problem("forbidden", "only an admin may do this");

const noToken = (id: string) => problem("not_found", `no token has the id ${id}`);

const busy = () =>
  problem("too_many", "too many passwords at once; try again", { retryAfterMs: BUSY_RETRY_MS });

const note = (tx: Tx, actor: Actor, kind: string, subject: string, body: JsonObject) =>
  record(tx, { kind, actor: actor.id, subject, body });

const newSecret = (): { readonly secret: string; readonly hash: Buffer } => {
  const secret = tokenSecret(randomBytes(SECRET_BYTES));
  const hash = secretHash(sha256, secret);
  if (hash === undefined) throw new Error("a secret of ours must be hashable");
  return { secret, hash: Buffer.from(hash) };
};
