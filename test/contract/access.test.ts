/** Every route of the server by every role, against a table written by hand. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { InjectOptions } from "fastify";
import { ROUTES } from "../../src/contract/index.ts";
import { PATHS } from "../../src/contract/paths.ts";
import type { RouteSpec } from "../../src/contract/route.ts";
import { askingOf, EMPTY_ANSWERS, urlOf } from "./calls.ts";
import { ADMIN, CALLERS, openLab, type Caller, type Lab } from "./lab.ts";
import { RULES } from "./rules.ts";

const ROWS: readonly RouteSpec[] = ROUTES;
const keyOf = ({ method, path }: RouteSpec): string => `${method} ${PATHS[path]}`;
const HOUR_MS = 3_600_000;
const STREAM = "GET /api/app/stream";

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

const call = async (at: Lab, key: string, caller: Caller, more: InjectOptions = {}) => {
  const [method = "GET", path = ""] = key.split(" ");
  const { params, headers, payload, search = "" } = askingOf(at, key);
  return at.server.inject({
    method: method as "GET",
    url: `${urlOf(path, params)}${search}`,
    ...(payload === undefined ? {} : { payload }),
    ...more,
    headers: { ...headers, ...at.authorization(caller), ...more.headers },
  });
};

/** Where the server does not do what the table says, in words. */
const breaches = async (
  at: Lab,
  rules: Readonly<Record<string, readonly Caller[]>>,
  rows: readonly RouteSpec[] = ROWS,
) => {
  const found: string[] = [];
  for (const row of rows) {
    const key = keyOf(row);
    const allowed = rules[key];
    if (allowed === undefined) {
      found.push(`${key} has no rule`);
      continue;
    }
    // A stream that is let in does not end; its own tests open it.
    const callers = key === STREAM ? CALLERS.filter((one) => !allowed.includes(one)) : CALLERS;
    for (const caller of callers) {
      at.pass(HOUR_MS); // Guesses are forgotten: this is not about throttling.
      const { statusCode } = await call(at, key, caller);
      const wanted = allowed.includes(caller)
        ? (EMPTY_ANSWERS[key] ?? 200)
        : caller === "anonymous"
          ? 401
          : 403;
      if (statusCode !== wanted) found.push(`${key} by ${caller}: ${statusCode}, not ${wanted}`);
    }
  }
  return found;
};

describe("who may call what", () => {
  test("is what the table says, for every route and role", async () => {
    expect(await breaches(lab, RULES)).toEqual([]);
  });

  test("names every route and no other", () => {
    expect(Object.keys(RULES).toSorted()).toEqual(ROWS.map(keyOf).toSorted());
  });

  test("covers every door the server has", () => {
    const doors = lab.server
      .printRoutes({ commonPrefix: false, includeHooks: false })
      .split("\n")
      .filter((line) => line.includes("("));
    const methods = doors.flatMap((line) => /\(([^)]*)\)/.exec(line)?.[1]?.split(", ") ?? []);
    const listed = methods.filter((method) => method !== "HEAD" && method !== "OPTIONS");
    // The pages' files are doors too: each is a GET of a static file, listed by its extension.
    const files = doors.filter((line) => /\.\w{2,5} \(/.test(line) && !/openapi\.json/.test(line));
    expect(listed.length - files.length).toBe(ROWS.length);
  });

  test("a walk that is let in everywhere is found out (control)", async () => {
    const open = await openLab({ authenticate: async () => ADMIN });
    try {
      // Without the stream, which would let everybody in and never end.
      const rows = ROWS.filter((row) => keyOf(row) !== STREAM);
      const found = await breaches(open, RULES, rows);
      expect(found).toContain("GET /api/app/kpis by anonymous: 200, not 401");
      expect(found).toContain("POST /api/app/tokens by viewer: 200, not 403");
    } finally {
      await open.close();
    }
  });

  test("a route without a rule is found out (control)", async () => {
    const { "GET /api/app/ledger": _, ...rest } = RULES;
    expect(await breaches(lab, rest)).toEqual(["GET /api/app/ledger has no rule"]);
  });

  test("HEAD is answered as GET is, and never opens a stream", async () => {
    for (const [key, allowed] of Object.entries(RULES)) {
      if (!key.startsWith("GET ")) continue;
      const answer = await call(lab, key, "anonymous", { method: "HEAD" });
      const wanted = key === STREAM ? 404 : allowed.includes("anonymous") ? 200 : 401;
      expect([key, answer.statusCode]).toEqual([key, wanted]);
    }
    expect((await call(lab, STREAM, "viewer", { method: "HEAD" })).statusCode).toBe(404);
    expect(lab.stream.size()).toBe(0);
  });

  test("is decided before a body is read", async () => {
    const answer = await call(lab, "POST /api/app/plan", "anonymous", {
      payload: "{".repeat(4 * 1024 * 1024),
      headers: { "content-type": "application/json" },
    });
    expect(answer.statusCode).toBe(401);
  });
});

describe("an answer", () => {
  test("is what the contract promises", async () => {
    for (const row of ROWS) {
      const { reply } = row;
      if (reply === undefined || EMPTY_ANSWERS[keyOf(row)] !== undefined) continue;
      const answer = await call(lab, keyOf(row), "admin");
      expect(answer.headers["content-type"]).toContain("application/json");
      const { error } = reply.safeParse(answer.json());
      expect([keyOf(row), error]).toEqual([keyOf(row), undefined]);
    }
  });

  test("is kept by no cache, framed by no page and carries no foreign script", async () => {
    const { headers } = await call(lab, "GET /api/app/kpis", "viewer");
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    expect(headers["content-security-policy"]).toContain("script-src 'self';");
  });

  test("is the same of an expired, a revoked and an invented token", async () => {
    const { db, server } = lab;
    const made = await call(lab, "POST /api/app/tokens", "admin");
    const { secret } = made.json<{ secret: string }>();
    const ask = async (bearer: string) => {
      lab.pass(10_000);
      const headers = { authorization: `Bearer ${bearer}` };
      const answer = await server.inject({ url: "/api/app/session", headers });
      const { requestId: _, ...error } =
        answer.json<{ error: Record<string, string> }>().error ?? {};
      return { status: answer.statusCode, error };
    };
    expect((await ask(secret)).status).toBe(200);
    await db.query("UPDATE api_token SET expires_at = now() WHERE name = 'ci'");
    const expired = await ask(secret);
    expect(expired.status).toBe(401);
    expect(await ask(`nve_${"x".repeat(43)}`)).toEqual(expired);
    expect(await ask("x".repeat(5_000))).toEqual(expired);
  });
});
