/** Sign-in, accounts and tokens over HTTP. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Serving } from "../io/http/handlers.ts";
import { ok, problem, type Result } from "../kernel/result.ts";
import type { Accounts } from "./accounts.flow.ts";
import type { SessionCookie } from "./cookie.ts";
import { SYSTEM, type Actor, type Principal } from "./principal.ts";
import type { SignedIn } from "./session.flow.ts";

export type AccountRouteDeps = { readonly accounts: Accounts; readonly cookie: SessionCookie };

const DAY_MS = 86_400_000;
const MAX_BEARER_CHARS = 200;
const DONE = ok({ ok: true as const });

/** Who calls: a token where there is one, else the session's cookie. */
export const authenticateRequest =
  ({ accounts, cookie }: AccountRouteDeps) =>
  async (request: FastifyRequest): Promise<Principal | undefined> => {
    const bearer = tokenOf(request.headers.authorization);
    if (bearer !== undefined && bearer.length > MAX_BEARER_CHARS) return undefined;
    const secret = request.cookies[cookie.name];
    if (bearer === undefined && secret === undefined) return undefined;
    const found = await accounts.authenticate({ bearer, cookie: secret });
    return found.ok ? found.value : undefined;
  };

/**
 * `Bearer` and the token, or `Basic` with any name and the token as the password: what Grafana,
 * Prometheus and promtool can be configured to send.
 */
const tokenOf = (header: string | undefined): string | undefined => {
  if (header?.startsWith("Bearer ") === true) return header.slice(7).trim();
  if (header?.startsWith("Basic ") !== true) return undefined;
  const pair = Buffer.from(header.slice(6), "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon < 0 ? "" : pair.slice(colon + 1);
};

type RouteName =
  | "POST sessionCode"
  | "POST signInCodes"
  | "POST sessionPassword"
  | "GET session"
  | "DELETE session"
  | "GET accounts"
  | "POST accounts"
  | "DELETE account"
  | "GET tokens"
  | "POST tokens"
  | "DELETE token";

export const accountRoutes = ({ accounts, cookie }: AccountRouteDeps): Serving<RouteName> => {
  const origin = (request: FastifyRequest) => ({
    address: request.ip,
    previousCookie: request.cookies[cookie.name],
  });
  const opened = (reply: FastifyReply, signedIn: Result<SignedIn>): Result<Principal> => {
    if (!signedIn.ok) return signedIn;
    const { secret, maxAgeMs, principal } = signedIn.value;
    void reply.setCookie(cookie.name, secret, { ...cookie.options, maxAge: maxAgeMs / 1_000 });
    return ok(principal);
  };
  return {
    "POST sessionCode": async ({ body, request, reply }) =>
      opened(reply, await accounts.signInWithCode({ ...origin(request), code: body.code })),
    "POST sessionPassword": async ({ body, request, reply }) =>
      opened(reply, await accounts.signInWithPassword({ ...origin(request), ...body })),
    "POST signInCodes": async ({ principal }) => {
      const { code, expiresAt } = await accounts.issueSignInCode({ actor: actorOf(principal) });
      return ok({ code, expiresAt });
    },
    "GET session": async ({ principal }) =>
      principal === undefined ? problem("unauthenticated", "sign in") : ok(principal),
    "DELETE session": async ({ request, reply }) => {
      await accounts.signOut(request.cookies[cookie.name]);
      void reply.clearCookie(cookie.name, cookie.options);
      return DONE;
    },
    "GET accounts": async ({ principal }) =>
      listed(await accounts.listAccounts({ actor: actorOf(principal) })),
    "POST accounts": async ({ principal, body }) =>
      accounts.createAccount({ actor: actorOf(principal), ...body }),
    "DELETE account": async ({ principal, params }) =>
      done(await accounts.disableAccount({ actor: actorOf(principal), id: params.id })),
    "GET tokens": async ({ principal }) =>
      listed(await accounts.listTokens({ actor: actorOf(principal) })),
    "POST tokens": async ({ principal, body }) =>
      accounts.createToken({
        actor: actorOf(principal),
        name: body.name,
        role: body.role,
        expiresInMs: body.expiresInDays === undefined ? undefined : body.expiresInDays * DAY_MS,
      }),
    "DELETE token": async ({ principal, params }) =>
      done(await accounts.revokeToken({ actor: actorOf(principal), id: params.id })),
  };
};

/** The table let the caller through, so there is one; nobody acts as the system over HTTP. */
const actorOf = (principal: Principal | undefined): Actor => {
  if (principal === undefined || principal.id === SYSTEM.id) {
    throw new Error("a route that needs a role was called by nobody");
  }
  return principal;
};

const listed = <T>(found: Result<readonly T[]>): Result<{ items: T[] }> =>
  found.ok ? ok({ items: [...found.value] }) : found;

const done = (result: Result<void>): Result<{ ok: true }> => (result.ok ? DONE : result);
