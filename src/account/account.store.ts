/**
 * Rows of accounts, sessions, tokens and codes. Expiry is decided by the database's clock.
 *
 * Secrets come in as their SHA-256 and are never stored otherwise.
 */
import type { Sql, Tx } from "../io/postgres/db.ts";
import type { HumanRole, Principal, Role } from "./principal.ts";

/** A session that was not used for so long is over; one ends in any case after `SESSION_DAYS`. */
const SESSION_IDLE = "12 hours";
export const SESSION_MAX_AGE_MS = 7 * 24 * 60 * 60 * 1_000;
export const CODE_MAX_AGE_MS = 10 * 60 * 1_000;
/** `last_used_at` is coarse: a row is not rewritten on every request. */
const LAST_USED_STEP = "1 minute";
const MAX_SESSIONS_PER_ACCOUNT = 20;
const CODE_SESSION_NAME = "admin";

export type Account = {
  readonly id: string;
  readonly name: string;
  readonly role: HumanRole;
  readonly disabled: boolean;
  readonly createdAt: string;
};
export type Token = {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
};

export const findSession = async (sql: Sql, hash: Buffer): Promise<Principal | undefined> => {
  const [row] = await sql.query<{
    id: string;
    account_id: string | null;
    name: string | null;
    role: Role | null;
    used_long_ago: boolean;
  }>(
    `SELECT s.id, s.account_id, a.name, a.role,
       s.last_used_at < now() - interval '${LAST_USED_STEP}' AS used_long_ago
     FROM session s LEFT JOIN account a ON a.id = s.account_id
     WHERE s.secret_hash = $1 AND s.expires_at > now()
       AND s.last_used_at > now() - interval '${SESSION_IDLE}' AND a.disabled_at IS NULL`,
    [hash],
  );
  if (row === undefined) return undefined;
  if (row.used_long_ago) {
    await sql.query("UPDATE session SET last_used_at = now() WHERE id = $1", [row.id]);
  }
  return {
    id: row.account_id === null ? `session:${row.id}` : `account:${row.account_id}`,
    name: row.name ?? CODE_SESSION_NAME,
    role: row.role ?? "admin",
    via: "session",
  };
};

export const findToken = async (sql: Sql, hash: Buffer): Promise<Principal | undefined> => {
  const [row] = await sql.query<{ id: string; name: string; role: Role; used_long_ago: boolean }>(
    `SELECT id, name, role,
       coalesce(last_used_at < now() - interval '${LAST_USED_STEP}', true) AS used_long_ago
     FROM api_token
     WHERE secret_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
    [hash],
  );
  if (row === undefined) return undefined;
  if (row.used_long_ago) {
    await sql.query("UPDATE api_token SET last_used_at = now() WHERE id = $1", [row.id]);
  }
  return { id: `token:${row.id}`, name: row.name, role: row.role, via: "token" };
};

export const insertSession = async (
  sql: Sql,
  session: { readonly hash: Buffer; readonly accountId: string | null },
): Promise<string> => {
  const [row] = await sql.query<{ id: string }>(
    `INSERT INTO session (secret_hash, account_id, expires_at)
     VALUES ($1, $2, now() + $3 * interval '1 ms') RETURNING id`,
    [session.hash, session.accountId, SESSION_MAX_AGE_MS],
  );
  if (row === undefined) throw new Error("an inserted session must have an id");
  // The oldest go when one account, or the codes, have too many; so do those that are over.
  await sql.query(
    `DELETE FROM session WHERE expires_at <= now() OR id IN (
       SELECT id FROM session WHERE account_id IS NOT DISTINCT FROM $1::uuid
       ORDER BY created_at DESC, id OFFSET $2)`,
    [session.accountId, MAX_SESSIONS_PER_ACCOUNT],
  );
  return row.id;
};

export const deleteSession = async (sql: Sql, hash: Buffer): Promise<void> => {
  await sql.query("DELETE FROM session WHERE secret_hash = $1", [hash]);
};

export const deleteSessionsOf = async (sql: Sql, accountId: string): Promise<void> => {
  await sql.query("DELETE FROM session WHERE account_id = $1", [accountId]);
};

/** Until when it may be used. */
export const insertCode = async (sql: Sql, hash: Buffer): Promise<Date> => {
  await sql.query("DELETE FROM sign_in_code WHERE expires_at <= now()");
  const [row] = await sql.query<{ expires_at: Date }>(
    `INSERT INTO sign_in_code (secret_hash, expires_at)
     VALUES ($1, now() + $2 * interval '1 ms') RETURNING expires_at`,
    [hash, CODE_MAX_AGE_MS],
  );
  if (row === undefined) throw new Error("an inserted code must expire");
  return row.expires_at;
};

/** True for one caller only, however many try at once. */
export const useCode = async (sql: Sql, hash: Buffer): Promise<boolean> => {
  const rows = await sql.query(
    "DELETE FROM sign_in_code WHERE secret_hash = $1 AND expires_at > now() RETURNING 1",
    [hash],
  );
  return rows.length === 1;
};

export type Credentials = {
  readonly id: string;
  readonly name: string;
  readonly role: HumanRole;
  readonly passwordHash: string;
};

export const findCredentials = async (
  sql: Sql,
  nameKey: string,
): Promise<Credentials | undefined> => {
  const [row] = await sql.query<Omit<Credentials, "passwordHash"> & { password_hash: string }>(
    `SELECT id, name, role, password_hash FROM account
     WHERE name_key = $1 AND disabled_at IS NULL`,
    [nameKey],
  );
  if (row === undefined) return undefined;
  return { id: row.id, name: row.name, role: row.role, passwordHash: row.password_hash };
};

/** Whether the account is still enabled and has this password; it stays so in this transaction. */
export const lockUnchanged = async (tx: Tx, known: Credentials): Promise<boolean> => {
  const rows = await tx.query(
    `SELECT 1 FROM account
     WHERE id = $1 AND disabled_at IS NULL AND password_hash = $2 FOR SHARE`,
    [known.id, known.passwordHash],
  );
  return rows.length === 1;
};

/** Undefined when the name is taken. */
export const insertAccount = async (
  sql: Sql,
  account: {
    readonly name: string;
    readonly nameKey: string;
    readonly role: HumanRole;
    readonly passwordHash: string;
  },
): Promise<Account | undefined> => {
  const [row] = await sql.query<AccountRow>(
    `INSERT INTO account (name, name_key, role, password_hash) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name_key) DO NOTHING RETURNING ${ACCOUNT_COLUMNS}`,
    [account.name, account.nameKey, account.role, account.passwordHash],
  );
  return row === undefined ? undefined : accountOf(row);
};

const ACCOUNT_COLUMNS = "id, name, role, created_at, disabled_at";
type AccountRow = {
  readonly id: string;
  readonly name: string;
  readonly role: HumanRole;
  readonly created_at: Date;
  readonly disabled_at: Date | null;
};
const accountOf = (row: AccountRow): Account => ({
  id: row.id,
  name: row.name,
  role: row.role,
  disabled: row.disabled_at !== null,
  createdAt: row.created_at.toISOString(),
});

export const loadAccounts = async (sql: Sql): Promise<readonly Account[]> => {
  const rows = await sql.query<AccountRow>(
    `SELECT ${ACCOUNT_COLUMNS} FROM account ORDER BY name_key`,
  );
  return rows.map(accountOf);
};

export const countAccounts = async (sql: Sql): Promise<number> => {
  const [row] = await sql.query<{ n: number }>("SELECT count(*)::int AS n FROM account");
  return row?.n ?? 0;
};

export const loadAccount = async (sql: Sql, id: string): Promise<Account | undefined> => {
  const [row] = await sql.query<AccountRow>(
    `SELECT ${ACCOUNT_COLUMNS} FROM account WHERE id = $1`,
    [id],
  );
  return row === undefined ? undefined : accountOf(row);
};

export const updatePassword = async (
  sql: Sql,
  account: { readonly id: string; readonly passwordHash: string },
): Promise<void> => {
  await sql.query("UPDATE account SET password_hash = $2 WHERE id = $1", [
    account.id,
    account.passwordHash,
  ]);
};

/** False when it was disabled before. */
export const markDisabled = async (sql: Sql, id: string): Promise<boolean> => {
  const rows = await sql.query(
    "UPDATE account SET disabled_at = now() WHERE id = $1 AND disabled_at IS NULL RETURNING 1",
    [id],
  );
  return rows.length === 1;
};

const TOKEN_COLUMNS = "id, name, role, created_at, expires_at, last_used_at";
type TokenRow = {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
};
const tokenOf = (row: TokenRow): Token => ({
  id: row.id,
  name: row.name,
  role: row.role,
  createdAt: row.created_at.toISOString(),
  expiresAt: row.expires_at?.toISOString() ?? null,
  lastUsedAt: row.last_used_at?.toISOString() ?? null,
});

/** Undefined when a token with this secret is there already, revoked or not. */
export const insertToken = async (
  sql: Sql,
  token: {
    readonly hash: Buffer;
    readonly name: string;
    readonly role: Role;
    readonly expiresInMs: number | null;
  },
): Promise<Token | undefined> => {
  const [row] = await sql.query<TokenRow>(
    `INSERT INTO api_token (secret_hash, name, role, expires_at)
     VALUES ($1, $2, $3, now() + $4::float8 * interval '1 ms')
     ON CONFLICT (secret_hash) DO NOTHING RETURNING ${TOKEN_COLUMNS}`,
    [token.hash, token.name, token.role, token.expiresInMs],
  );
  return row === undefined ? undefined : tokenOf(row);
};

/** Those that were not revoked; expired ones too, so that somebody sees and renews them. */
export const loadTokens = async (sql: Sql): Promise<readonly Token[]> => {
  const rows = await sql.query<TokenRow>(
    `SELECT ${TOKEN_COLUMNS} FROM api_token WHERE revoked_at IS NULL ORDER BY created_at, id`,
  );
  return rows.map(tokenOf);
};

export const countTokens = async (sql: Sql): Promise<number> => {
  const [row] = await sql.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM api_token WHERE revoked_at IS NULL",
  );
  return row?.n ?? 0;
};

export const replaceTokenSecret = async (
  sql: Sql,
  id: string,
  hash: Buffer,
): Promise<Token | undefined> => {
  const [row] = await sql.query<TokenRow>(
    `UPDATE api_token SET secret_hash = $2 WHERE id = $1 AND revoked_at IS NULL
     RETURNING ${TOKEN_COLUMNS}`,
    [id, hash],
  );
  return row === undefined ? undefined : tokenOf(row);
};

/** False when there is none to revoke. */
export const markRevoked = async (sql: Sql, id: string): Promise<boolean> => {
  const rows = await sql.query(
    "UPDATE api_token SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING 1",
    [id],
  );
  return rows.length === 1;
};
