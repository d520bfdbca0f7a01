import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sessionCookie } from "./cookie.ts";
import { checkName, checkPassword, nameKey, passwordBytes } from "./password.ts";
import { CACHE_MS, createPrincipalCache } from "./principal-cache.ts";
import { base64Url, isTokenSecret, secretHash, tokenSecret } from "./secret.ts";
import { createThrottle } from "./throttle.ts";

describe("a password", () => {
  test.each([
    { title: "eleven characters", password: "abcdefghijk", why: /has 11 characters, at least 12/ },
    { title: "over 200 characters", password: "abcdef".repeat(40), why: /more than 200/ },
    { title: "four different characters", password: "abcdabcdabcd", why: /fewer than 5/ },
    { title: "the name in it", password: "xx-CLAIRE-2026!", why: /contains the name/ },
    { title: "half a surrogate pair", password: "abcdefghijkl\ud800", why: /surrogate/ },
  ])("with $title is refused, and not repeated", ({ password, why }) => {
    const result = checkPassword(password, "Claire");
    expect(result.ok ? "accepted" : result.error.message).toMatch(why);
    expect(JSON.stringify(result)).not.toContain(password);
  });

  test("that is long is accepted, whatever it is made of", () => {
    expect(checkPassword("correct cheval pile agrafe ✓", "Claire").ok).toBe(true);
  });

  test("typed as one character or as two is the same", () => {
    expect(passwordBytes("caf\u00e9")).toEqual(passwordBytes("cafe\u0301"));
  });
});

describe("a name", () => {
  test.each([
    { title: "nothing but space", name: "   " },
    { title: "81 characters", name: "x".repeat(81) },
    { title: "a line break", name: "a\nb" },
    { title: "a right-to-left override", name: "a\u202eb" },
  ])("of $title is refused", ({ name }) => {
    expect(checkName(name).ok).toBe(false);
  });

  test("is the same in another case or width", () => {
    expect(nameKey("  ＣＬＡＩＲＥ ")).toBe(nameKey("claire"));
  });
});

describe("a secret", () => {
  test("of ours is recognised, anything else is not", () => {
    const secret = tokenSecret(new Uint8Array(32).fill(255));
    expect(secret).toBe(`nve_${"_".repeat(42)}8`);
    expect(isTokenSecret(secret)).toBe(true);
    expect(isTokenSecret(secret.slice(1))).toBe(false);
    expect(isTokenSecret(`${secret}A`)).toBe(false);
  });

  test("law: base64url is Node's", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(base64Url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
      }),
    );
  });

  test("of a megabyte is not even hashed", () => {
    expect(secretHash(() => new Uint8Array(), "x".repeat(1_000_000))).toBeUndefined();
  });
});

describe("the throttle", () => {
  const policy = {
    freeAttempts: 3,
    firstWaitMs: 1_000,
    maxWaitMs: 8_000,
    forgetMs: 60_000,
    maxKeys: 3,
  };

  test("lets a few through, then doubles the wait up to its limit", () => {
    const throttle = createThrottle(policy);
    let nowMs = 0;
    const waits: number[] = [];
    const afterWaits: number[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      const waitMs = throttle.attempt("a", nowMs);
      waits.push(waitMs);
      nowMs += waitMs;
      if (waitMs > 0) afterWaits.push(throttle.attempt("a", nowMs));
    }
    expect(afterWaits).toEqual([0, 0, 0, 0, 0]);
    expect(waits).toEqual([0, 0, 0, 1_000, 2_000, 4_000, 8_000, 8_000]);
  });

  test("a wait is for one key only", () => {
    const throttle = createThrottle(policy);
    for (let turn = 0; turn < 3; turn += 1) throttle.attempt("a", 0);
    expect(throttle.attempt("a", 1)).toBe(999);
    expect(throttle.attempt("b", 1)).toBe(0);
  });

  test("an attempt counts when it is made, so many at once are many", () => {
    const throttle = createThrottle(policy);
    const answers = Array.from({ length: 100 }, () => throttle.attempt("a", 0));
    expect(answers.filter((waitMs) => waitMs === 0)).toHaveLength(3);
  });

  test("a success takes its attempt back or forgets them all", () => {
    const throttle = createThrottle(policy);
    for (let turn = 0; turn < 50; turn += 1) {
      expect(throttle.attempt("a", turn)).toBe(0);
      throttle.takeBack("a");
    }
    throttle.takeBack("nobody");
    for (let turn = 0; turn < 3; turn += 1) throttle.attempt("a", 100);
    throttle.forget("a");
    expect(throttle.attempt("a", 100)).toBe(0);
  });

  test("a key that was quiet long enough starts anew", () => {
    const throttle = createThrottle(policy);
    for (let turn = 0; turn < 3; turn += 1) throttle.attempt("a", 0);
    expect(throttle.attempt("a", 60_000)).toBe(0);
    expect(throttle.attempt("a", 60_001)).toBe(0);
  });

  test("law: it never remembers more keys than its limit", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (keys) => {
        const throttle = createThrottle(policy);
        for (const key of keys) throttle.attempt(key, 0);
        expect(throttle.size()).toBeLessThanOrEqual(3);
      }),
    );
  });
});

describe("the cache of principals", () => {
  const principal = { id: "token:1", name: "ci", role: "viewer", via: "token" } as const;

  test("answers for its time and no longer", () => {
    const cache = createPrincipalCache();
    cache.put("k", principal, { nowMs: 0, generation: cache.generation() });
    expect(cache.get("k", CACHE_MS - 1)).toBe(principal);
    expect(cache.get("k", CACHE_MS)).toBeUndefined();
  });

  test("does not keep an answer that was under way when something was revoked", () => {
    const cache = createPrincipalCache();
    const generation = cache.generation();
    cache.clear();
    cache.put("k", principal, { nowMs: 0, generation });
    expect(cache.get("k", 0)).toBeUndefined();
  });

  test("forgets the oldest beyond its limit", () => {
    const cache = createPrincipalCache();
    const generation = cache.generation();
    for (let n = 0; n <= 10_000; n += 1) cache.put(`k${n}`, principal, { nowMs: 0, generation });
    expect(cache.get("k0", 0)).toBeUndefined();
    expect(cache.get("k1", 0)).toBe(principal);
  });
});

test("the session cookie is __Host- over TLS, and a plain one per port on loopback", () => {
  expect(sessionCookie({ tls: true, port: 443 })).toEqual({
    name: "__Host-novaevo",
    options: { path: "/", httpOnly: true, sameSite: "strict", secure: true },
  });
  expect(sessionCookie({ tls: false, port: 4600 })).toEqual({
    name: "novaevo-session-4600",
    options: { path: "/", httpOnly: true, sameSite: "strict", secure: false },
  });
});
