/**
 * Passwords as argon2id hashes in the PHC format.
 *
 * Units:  19 MiB and two passes each, about 20 ms of a core; at most `MAX_AT_ONCE` at a time, so a
 *         flood of sign-ins cannot take the machine's memory.
 * Errors: `undefined` when too many are being worked on; a malformed hash throws.
 * Source: OWASP Password Storage Cheat Sheet (m=19456, t=2, p=1).
 */
import { hash, verify } from "@node-rs/argon2";
import type { PasswordHasher } from "../password.ts";

const MAX_AT_ONCE = 4;
/** Algorithm.Argon2id: the package's enum exists in its types only. */
const ARGON2ID = 2;
const OPTIONS = { algorithm: ARGON2ID, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export const argon2Hasher = (): PasswordHasher => {
  let running = 0;
  const bounded = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    if (running >= MAX_AT_ONCE) return undefined;
    running += 1;
    try {
      return await work();
    } finally {
      running -= 1;
    }
  };
  return {
    hash: (password) => bounded(() => hash(password, OPTIONS)),
    verify: (hashed, password) => bounded(() => verify(hashed, password)),
  };
};
