/**
 * Who brought a buyer: the last touch of a referral code within thirty days before the order.
 *
 * Shape:  a touch of one's own code never counts; the one before it does. A code is eight signs of
 *         Crockford's base 32, the last a check sign: one wrong sign is always found.
 * Units:  ms.
 * Errors: an order that nobody brought says why.
 */
import { err, ok, type Result } from "../../src/kernel/result.ts";

export const WINDOW_MS = 30 * 24 * 3_600_000;

export type Touch = { readonly affiliate: string; readonly owner: string; readonly at: number };
export type Attributed =
  | { readonly affiliate: string; readonly why: "last_touch" }
  | { readonly affiliate: null; readonly why: "no_touch" | "too_old" | "self_referral" };

export const attribute = (
  touches: readonly Touch[],
  order: { readonly buyer: string; readonly at: number },
): Attributed => {
  const before = touches.filter(({ at }) => at <= order.at).toSorted((a, b) => b.at - a.at);
  const last = before.find(({ owner }) => owner !== order.buyer);
  if (last === undefined)
    return { affiliate: null, why: before.length > 0 ? "self_referral" : "no_touch" };
  if (order.at - last.at > WINDOW_MS) return { affiliate: null, why: "too_old" };
  return { affiliate: last.affiliate, why: "last_touch" };
};

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_SIGNS = 8;
const MAX_TYPED = 32;

/** `bytes` are dice from outside, one a sign. */
export const newCode = (bytes: Uint8Array): string => {
  const stem = Array.from(bytes.subarray(0, CODE_SIGNS - 1), (byte) => ALPHABET[byte % 32]).join(
    "",
  );
  return stem + checkSign(stem);
};

export const parseCode = (typed: string): Result<string, string> => {
  if (typed.length > MAX_TYPED) return err(`has ${typed.length} characters, a code ${CODE_SIGNS}`);
  // Signs that look alike are one, as Crockford has it.
  const code = typed
    .toUpperCase()
    .replaceAll(/[ -]/g, "")
    .replaceAll("O", "0")
    .replaceAll(/[IL]/g, "1");
  const wrong = Array.from(code).find((sign) => !ALPHABET.includes(sign));
  if (wrong !== undefined) return err(`has ${JSON.stringify(wrong)}, which no code has`);
  if (code.length !== CODE_SIGNS) return err(`has ${code.length} signs, a code ${CODE_SIGNS}`);
  if (checkSign(code.slice(0, -1)) !== code.at(-1)) return err("has a wrong check sign");
  return ok(code);
};

/** Luhn's scheme over 32 signs. */
const checkSign = (stem: string): string => {
  const sum = Array.from(stem).reduceRight((all, sign, index) => {
    const value = ALPHABET.indexOf(sign) * ((stem.length - index) % 2 === 1 ? 2 : 1);
    return all + Math.floor(value / 32) + (value % 32);
  }, 0);
  return ALPHABET[(32 - (sum % 32)) % 32]!;
};
