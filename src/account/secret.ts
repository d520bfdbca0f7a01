/**
 * The secrets we hand out, and the only form in which we keep them.
 *
 * Shape:  256 random bits in base64url; API tokens begin with `nve_`, so that a leaked one can be
 *         recognised by whoever finds it. Kept is the SHA-256: with 256 random bits nothing slower
 *         is needed, and looking a hash up tells nothing about the secret by its timing.
 */
import type { Sha256 } from "../ledger/merkle.ts";

export const SECRET_BYTES = 32;
export const CODE_BYTES = 16;
export const MAX_SECRET_LENGTH = 100;
const TOKEN_PREFIX = "nve_";
const TOKEN = /^nve_[\w-]{43}$/;

export const tokenSecret = (random: Uint8Array): string => TOKEN_PREFIX + base64Url(random);
export const isTokenSecret = (text: string): boolean => TOKEN.test(text);

export const base64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

/** Undefined for what cannot be a secret of ours, so that nobody makes us hash a megabyte. */
export const secretHash = (sha256: Sha256, secret: string): Uint8Array | undefined =>
  secret.length === 0 || secret.length > MAX_SECRET_LENGTH
    ? undefined
    : sha256(new TextEncoder().encode(secret));
