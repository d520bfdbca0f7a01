/** Sign-in, accounts and tokens. */
import { z } from "zod";
import { ROLES, type RouteSpec } from "./route.ts";
import { IdParam, Instant } from "./words.ts";

export const RoleName = z.enum(ROLES);
export const Principal = z.object({
  id: z.string(),
  name: z.string(),
  role: RoleName,
  via: z.enum(["session", "token"]),
});
export type Principal = z.infer<typeof Principal>;

const Name = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .regex(/^\P{Cc}*$/u, "control characters are not allowed");
const Password = z.string().min(12).max(200);
export const Account = z.object({
  id: z.string(),
  name: z.string(),
  role: RoleName,
  disabled: z.boolean(),
  createdAt: Instant,
});
export const Token = z.object({
  id: z.string(),
  name: z.string(),
  role: RoleName,
  createdAt: Instant,
  expiresAt: Instant.nullable(),
  lastUsedAt: Instant.nullable(),
});
export type Token = z.infer<typeof Token>;

export const sessionRoutes = [
  {
    path: "sessionCode",
    method: "POST",
    access: "public",
    summary: "Exchange the single-use code printed at start for a session",
    body: z.strictObject({ code: z.string().min(6).max(100) }),
    reply: Principal,
  },
  {
    path: "signInCodes",
    method: "POST",
    access: "admin",
    summary: "Issue a fresh single-use sign-in code, for somebody who has no account",
    reply: z.object({ code: z.string(), expiresAt: Instant }),
  },
  {
    path: "sessionPassword",
    method: "POST",
    access: "public",
    summary: "Sign in with an account's name and password",
    body: z.strictObject({ name: Name, password: z.string().min(1).max(200) }),
    reply: Principal,
  },
  {
    path: "session",
    method: "GET",
    access: "viewer",
    summary: "Who is signed in",
    reply: Principal,
  },
  {
    path: "session",
    method: "DELETE",
    access: "viewer",
    summary: "Sign out",
    reply: z.object({ ok: z.literal(true) }),
  },
  {
    path: "accounts",
    method: "GET",
    access: "admin",
    summary: "Accounts",
    reply: z.object({ items: z.array(Account) }),
  },
  {
    path: "accounts",
    method: "POST",
    access: "admin",
    summary: "Create an account",
    body: z.strictObject({ name: Name, password: Password, role: RoleName.exclude(["ingest"]) }),
    reply: Account,
  },
  {
    path: "account",
    method: "DELETE",
    access: "admin",
    summary: "Disable an account and end its sessions",
    params: IdParam,
    reply: z.object({ ok: z.literal(true) }),
  },
  {
    path: "tokens",
    method: "GET",
    access: "admin",
    summary: "API tokens; their secrets are not kept",
    reply: z.object({ items: z.array(Token) }),
  },
  {
    path: "tokens",
    method: "POST",
    access: "admin",
    summary: "Create an API token; the secret is shown once",
    body: z.strictObject({
      name: Name,
      role: RoleName,
      expiresInDays: z.number().int().min(1).max(3650).optional(),
    }),
    reply: Token.extend({ secret: z.string() }),
  },
  {
    path: "token",
    method: "DELETE",
    access: "admin",
    summary: "Revoke an API token",
    params: IdParam,
    reply: z.object({ ok: z.literal(true) }),
  },
] as const satisfies readonly RouteSpec[];
