/**
 * Who the caller is: a session token, `v1.<payload>.<HMAC-SHA-256 of payload>`, both base64url.
 *
 * Shape:  `verify` answers the session or why not. Verified tokens are remembered, the longest
 *         unused forgotten, so that a session costs one HMAC and not one a request.
 * Units:  `exp` in ms since the epoch.
 * Errors: a token that is not one of ours, too long, of a wrong signature, over: a reason, never a
 *         throw. What the payload says is looked at only after its signature.
 */
import { err, ok, type Result } from "../../kernel/result.ts";
import { newLru } from "./lru.ts";
import type { Tier } from "./turns.ts";

export type Session = {
  readonly sub: string;
  readonly tier: Tier;
  readonly wave: string;
  readonly region: string;
  readonly expMs: number;
};

export const MAX_TOKEN_CHARS = 1_024;
const MAX_REMEMBERED = 50_000;
const VISIBLE = /^[\x21-\x7e]{1,128}$/;

export type TokenDeps = {
  /** HMAC-SHA-256 by the session key, base64url. */
  readonly sign: (text: string) => string;
  readonly isSame: (a: string, b: string) => boolean;
  readonly decode: (base64url: string) => string;
};

export const newSessionTokens = (deps: TokenDeps, maxRemembered: number = MAX_REMEMBERED) => {
  const known = newLru<string, Session>(maxRemembered);
  return (token: string, nowMs: number): Result<Session, string> => {
    const remembered = known.get(token);
    const read = remembered === undefined ? readToken(deps, token) : ok(remembered);
    if (!read.ok) return read;
    if (read.value.expMs <= nowMs) {
      known.delete(token);
      return err("the session is over");
    }
    if (remembered === undefined) known.set(token, read.value);
    return read;
  };
};

const readToken = (deps: TokenDeps, token: string): Result<Session, string> => {
  if (token.length > MAX_TOKEN_CHARS) return err(`the token is over ${MAX_TOKEN_CHARS} characters`);
  const [version, payload, signature, ...more] = token.split(".");
  if (version !== "v1" || payload === undefined || signature === undefined || more.length > 0)
    return err("the token is not of the form v1.payload.signature");
  if (!deps.isSame(deps.sign(payload), signature)) return err("the token's signature is wrong");
  return readPayload(deps.decode(payload));
};

const readPayload = (text: string): Result<Session, string> => {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return err("the token's payload is not JSON");
  }
  if (typeof said !== "object" || said === null) return err("the token's payload is no object");
  const { sub, tier, wave, region, exp } = said as Readonly<Record<string, unknown>>;
  if (typeof sub !== "string" || !VISIBLE.test(sub))
    return err("the token's sub is not 1 to 128 visible characters");
  if (tier !== "standard" && tier !== "premium")
    return err("the token's tier is neither standard nor premium");
  if (typeof exp !== "number" || !Number.isFinite(exp)) return err("the token's exp is no number");
  return ok({ sub, tier, wave: plain(wave), region: plain(region), expMs: exp });
};

/** These become headers: anything else than a short visible word is left out. */
const plain = (value: unknown): string => {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  return typeof value === "string" && VISIBLE.test(value) ? value : "";
};
