/**
 * What may be a name and a password.
 *
 * Shape:  names are compared without regard to case, width or surrounding space.
 * Errors: a Problem that names the field and the limit; it never repeats the password.
 * Source: NIST SP 800-63B §3.1.1, ASVS 5.0 V6.2: long, no composition rules, nothing cut off.
 */
import { ok, problem } from "../kernel/result.ts";
import type { Result } from "../kernel/result.ts";

export const MIN_PASSWORD_LENGTH = 12;
export const MAX_PASSWORD_LENGTH = 200;
export const MAX_NAME_LENGTH = 80;
const MIN_DIFFERENT_CHARACTERS = 5;

export const nameKey = (name: string): string => name.normalize("NFKC").trim().toLowerCase();

export const checkName = (name: string): Result<string> => {
  const trimmed = name.normalize("NFC").trim();
  if (trimmed.length === 0 || trimmed.length > MAX_NAME_LENGTH) {
    return problem("bad_request", `name: 1 to ${MAX_NAME_LENGTH} characters are allowed`, {
      field: "name",
    });
  }
  // Control characters would let one name look like another in a log or a list.
  if (/\p{C}/u.test(trimmed)) {
    return problem("bad_request", "name: control characters are not allowed", { field: "name" });
  }
  return ok(trimmed);
};

export const checkPassword = (password: string, name: string): Result<string> => {
  const { length } = Array.from(password);
  if (length < MIN_PASSWORD_LENGTH) {
    return refuse(`has ${length} characters, at least ${MIN_PASSWORD_LENGTH} are needed`);
  }
  if (password.length > MAX_PASSWORD_LENGTH) {
    return refuse(`has more than ${MAX_PASSWORD_LENGTH} characters`);
  }
  if (!password.isWellFormed()) return refuse("holds half a surrogate pair");
  if (new Set(password).size < MIN_DIFFERENT_CHARACTERS) {
    return refuse(`has fewer than ${MIN_DIFFERENT_CHARACTERS} different characters`);
  }
  const key = nameKey(name);
  if (key.length > 2 && nameKey(password).includes(key)) return refuse("contains the name");
  return ok(password);
};

const refuse = (why: string) => problem("bad_request", `password: ${why}`, { field: "password" });

/** The same password typed on two keyboards is the same bytes. */
export const passwordBytes = (password: string): Uint8Array =>
  new TextEncoder().encode(password.normalize("NFC"));

/** Port: slow on purpose; `undefined` when too many passwords are being worked on at once. */
export type PasswordHasher = {
  readonly hash: (password: Uint8Array) => Promise<string | undefined>;
  readonly verify: (hash: string, password: Uint8Array) => Promise<boolean | undefined>;
};
