/**
 * Signing in and out, and who is calling.
 *
 * Shape:  `authenticate` answers from memory for at most `CACHE_MS`, so what is revoked on another
 *         hub is over within that time, and at once on this one. Only genuine secrets are
 *         remembered. A sign-in always opens a new session and ends the one the browser had.
 * Errors: Problems: unauthenticated (one wording whatever was wrong), too_many with how long to
 *         wait. Database faults throw.
 * Source: ASVS 5.0 V6.3, V7.2 to V7.4.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../kernel/clock.ts";
import { ok, problem } from "../kernel/result.ts";
import type { Result } from "../kernel/result.ts";
import type { Db, Tx } from "../io/postgres/db.ts";
import { record } from "../ledger/record.store.ts";
import { sha256 } from "../ledger/adapters/node-crypto.ts";
import {
  deleteSession,
  findCredentials,
  findSession,
  findToken,
  insertCode,
  insertSession,
  lockUnchanged,
  SESSION_MAX_AGE_MS,
  useCode,
} from "./account.store.ts";
import type { Credentials } from "./account.store.ts";
import { nameKey, passwordBytes } from "./password.ts";
import type { PasswordHasher } from "./password.ts";
import { SYSTEM } from "./principal.ts";
import type { Actor, Principal } from "./principal.ts";
import type { PrincipalCache } from "./principal-cache.ts";
import { base64Url, CODE_BYTES, isTokenSecret, SECRET_BYTES, secretHash } from "./secret.ts";
import { createThrottle } from "./throttle.ts";
import type { Throttle } from "./throttle.ts";

export type SessionDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly hasher: PasswordHasher;
  readonly cache: PrincipalCache;
};

export type SignedIn = {
  readonly principal: Principal;
  /** The cookie's value; it exists here and in the browser only. */
  readonly secret: string;
  readonly maxAgeMs: number;
};

/** Where a sign-in comes from, and the session cookie it came with, if any. */
type Origin = { readonly address: string; readonly previousCookie?: string | undefined };

export type Sessions = {
  readonly authenticate: (credentials: {
    readonly cookie?: string | undefined;
    readonly bearer?: string | undefined;
  }) => Promise<Result<Principal>>;
  /** Opens an admin's session, so the routes' table asks for an admin. */
  readonly issueSignInCode: (by?: {
    readonly actor: Actor;
  }) => Promise<{ readonly code: string; readonly expiresAt: string }>;
  readonly signInWithCode: (input: Origin & { readonly code: string }) => Promise<Result<SignedIn>>;
  readonly signInWithPassword: (
    input: Origin & { readonly name: string; readonly password: string },
  ) => Promise<Result<SignedIn>>;
  readonly signOut: (cookie: string | undefined) => Promise<void>;
};

const MINUTE_MS = 60_000;
/** A name cannot be locked out for long by whoever knows it; an address that guesses can. */
const PER_ACCOUNT = { freeAttempts: 5, firstWaitMs: 1_000, maxWaitMs: MINUTE_MS };
const PER_ADDRESS = { freeAttempts: 20, firstWaitMs: 1_000, maxWaitMs: 15 * MINUTE_MS };
const MEMORY = { forgetMs: 60 * MINUTE_MS, maxKeys: 10_000 };
const BUSY_RETRY_MS = 1_000;

export const createSessions = (deps: SessionDeps): Sessions => {
  const accounts = createThrottle({ ...PER_ACCOUNT, ...MEMORY });
  const addresses = createThrottle({ ...PER_ADDRESS, ...MEMORY });
  const decoy = decoyHash(deps.hasher);
  return {
    authenticate: authenticate(deps),
    issueSignInCode: issueSignInCode(deps),
    signInWithCode: signInWithCode({ ...deps, addresses }),
    signInWithPassword: signInWithPassword({ ...deps, addresses, accounts, decoy }),
    signOut: signOut(deps),
  };
};

const authenticate =
  ({ db, clock, cache }: SessionDeps): Sessions["authenticate"] =>
  async ({ cookie, bearer }) => {
    const secret = bearer ?? cookie;
    if (secret === undefined) return problem("unauthenticated", "sign in, or send a bearer token");
    const isBearer = bearer !== undefined;
    const hash = isBearer && !isTokenSecret(bearer) ? undefined : hashOf(secret);
    if (hash === undefined) return notGenuine(isBearer);
    const key = `${isBearer ? "token" : "session"}:${hash.toString("hex")}`;
    const nowMs = clock.monotonic();
    const known = cache.get(key, nowMs);
    if (known !== undefined) return ok(known);
    const generation = cache.generation();
    const principal = await (isBearer ? findToken(db, hash) : findSession(db, hash));
    if (principal === undefined) return notGenuine(isBearer);
    cache.put(key, principal, { nowMs, generation });
    return ok(principal);
  };

const notGenuine = (isBearer: boolean) =>
  problem(
    "unauthenticated",
    isBearer ? "the bearer token is not valid" : "the session is over; sign in again",
  );

const issueSignInCode =
  ({ db }: SessionDeps): Sessions["issueSignInCode"] =>
  async ({ actor } = { actor: SYSTEM }) => {
    const code = base64Url(randomBytes(CODE_BYTES));
    const expiresAt = await db.tx(async (tx) => {
      const until = (await insertCode(tx, mustHash(code))).toISOString();
      await record(tx, {
        kind: "session.code_issued",
        actor: actor.id,
        subject: "session:code",
        body: { role: "admin", expiresAt: until },
      });
      return until;
    });
    return { code, expiresAt };
  };

const signInWithCode =
  (deps: SessionDeps & { readonly addresses: Throttle }): Sessions["signInWithCode"] =>
  async ({ code, address, previousCookie }) => {
    const waitMs = deps.addresses.attempt(address, deps.clock.monotonic());
    if (waitMs > 0) return tooMany(waitMs);
    const hash = hashOf(code);
    const opened = await deps.db.tx(async (tx) => {
      if (hash === undefined || !(await useCode(tx, hash))) return undefined;
      const session = await openSession(tx, { accountId: null, previousCookie });
      await record(tx, {
        kind: "session.opened_by_code",
        actor: `session:${session.id}`,
        subject: `session:${session.id}`,
        body: { role: "admin" },
      });
      return session;
    });
    if (opened === undefined) {
      return problem("unauthenticated", "code: is wrong, was used, or is older than ten minutes");
    }
    deps.cache.clear();
    deps.addresses.takeBack(address);
    const id = `session:${opened.id}`;
    return signedIn({ id, name: "admin", role: "admin", via: "session" }, opened.secret);
  };

const signInWithPassword =
  (
    deps: SessionDeps & {
      readonly addresses: Throttle;
      readonly accounts: Throttle;
      readonly decoy: () => Promise<string | undefined>;
    },
  ): Sessions["signInWithPassword"] =>
  async ({ name, password, address, previousCookie }) => {
    const nowMs = deps.clock.monotonic();
    const key = nameKey(name);
    const waitMs = deps.addresses.attempt(address, nowMs) || deps.accounts.attempt(key, nowMs);
    if (waitMs > 0) return tooMany(waitMs);
    const found = await findCredentials(deps.db, key);
    // A name nobody has takes as long as a wrong password, so that names cannot be found out.
    const hash = found?.passwordHash ?? (await deps.decoy());
    const genuine =
      hash === undefined ? undefined : await deps.hasher.verify(hash, passwordBytes(password));
    if (genuine === undefined) return tooMany(BUSY_RETRY_MS);
    if (!genuine || found === undefined) {
      return problem("unauthenticated", "the name or the password is wrong");
    }
    const opened = await openIfUnchanged(deps.db, found, previousCookie);
    if (opened === undefined) {
      return problem("unauthenticated", "the name or the password is wrong");
    }
    deps.cache.clear();
    deps.accounts.forget(key);
    deps.addresses.takeBack(address);
    const { id, role } = found;
    return signedIn({ id: `account:${id}`, name: found.name, role, via: "session" }, opened.secret);
  };

/** Checking a password takes a while, in which the account may have been disabled or changed. */
const openIfUnchanged = (db: Db, found: Credentials, previousCookie: string | undefined) =>
  db.tx(async (tx) => {
    if (!(await lockUnchanged(tx, found))) return undefined;
    return openSession(tx, { accountId: found.id, previousCookie });
  });

const signOut =
  ({ db, cache }: SessionDeps): Sessions["signOut"] =>
  async (cookie) => {
    const hash = cookie === undefined ? undefined : hashOf(cookie);
    if (hash !== undefined) await deleteSession(db, hash);
    cache.clear();
  };

const openSession = async (
  tx: Tx,
  session: { readonly accountId: string | null; readonly previousCookie: string | undefined },
): Promise<{ readonly id: string; readonly secret: string }> => {
  const previous = session.previousCookie;
  const previousHash = previous === undefined ? undefined : hashOf(previous);
  if (previousHash !== undefined) await deleteSession(tx, previousHash);
  const secret = base64Url(randomBytes(SECRET_BYTES));
  const { accountId } = session;
  return { id: await insertSession(tx, { hash: mustHash(secret), accountId }), secret };
};

const signedIn = (principal: Principal, secret: string): Result<SignedIn> =>
  ok({ principal, secret, maxAgeMs: SESSION_MAX_AGE_MS });

const tooMany = (retryAfterMs: number) =>
  problem("too_many", `too many sign-ins; try again in ${Math.ceil(retryAfterMs / 1_000)} s`, {
    retryAfterMs,
  });

const hashOf = (secret: string): Buffer | undefined => {
  const hash = secretHash(sha256, secret);
  return hash === undefined ? undefined : Buffer.from(hash);
};

const mustHash = (secret: string): Buffer => {
  const hash = hashOf(secret);
  if (hash === undefined) throw new Error("a secret of ours must be hashable");
  return hash;
};

/** A genuine hash that no password fits, made at most once and only when it is needed. */
const decoyHash = (hasher: PasswordHasher): (() => Promise<string | undefined>) => {
  let made: string | undefined;
  return async () => {
    made ??= await hasher.hash(randomBytes(SECRET_BYTES));
    return made;
  };
};
