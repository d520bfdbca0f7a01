/**
 * Who was behind a secret a moment ago.
 *
 * Shape:  bounded, least recently put first out. `clear` after every change here; a look-up that
 *         was under way at that moment belongs to an older generation and is not kept.
 * Units:  ms on a clock that does not jump; an answer is good for `CACHE_MS`.
 */
import type { Principal } from "./principal.ts";

export const CACHE_MS = 2_000;
const MAX_PRINCIPALS = 10_000;

export type PrincipalCache = {
  readonly get: (key: string, nowMs: number) => Principal | undefined;
  readonly put: (
    key: string,
    principal: Principal,
    found: { readonly nowMs: number; readonly generation: number },
  ) => void;
  readonly generation: () => number;
  readonly clear: () => void;
};

export const createPrincipalCache = (): PrincipalCache => {
  const known = new Map<string, { readonly principal: Principal; readonly atMs: number }>();
  let generation = 0;
  return {
    get: (key, nowMs) => {
      const found = known.get(key);
      if (found === undefined || nowMs - found.atMs < CACHE_MS) return found?.principal;
      known.delete(key);
      return undefined;
    },
    put: (key, principal, found) => {
      if (found.generation !== generation) return;
      known.delete(key);
      known.set(key, { principal, atMs: found.nowMs });
      const [oldest] = known.keys();
      if (known.size > MAX_PRINCIPALS && oldest !== undefined) known.delete(oldest);
    },
    generation: () => generation,
    clear: () => {
      known.clear();
      generation += 1;
    },
  };
};
