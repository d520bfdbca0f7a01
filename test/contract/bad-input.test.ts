/** Bad input at every door: a 4xx that names the field and the limit, and never a fault. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { InjectOptions, LightMyRequestResponse } from "fastify";
import { ROUTES } from "../../src/contract/index.ts";
import { PATHS } from "../../src/contract/paths.ts";
import type { RouteSpec } from "../../src/contract/route.ts";
import { askingOf, urlOf } from "./calls.ts";
import { openLab, sessionOf, type Lab } from "./lab.ts";

const ROWS: readonly RouteSpec[] = ROUTES;
const keyOf = ({ method, path }: RouteSpec): string => `${method} ${PATHS[path]}`;
const OURS = ROWS.filter(({ raw }) => raw === undefined);
const TAKING_JSON = ROWS.filter(({ body }) => body !== undefined);
const WRITES = ROWS.filter(({ method }) => method !== "GET");
const TYPE = /^content-type$/;
const HOUR_MS = 3_600_000;

type Fault = { readonly code: string; readonly message: string; readonly field?: string };

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

const call = async (row: RouteSpec, more: InjectOptions = {}, query?: string) => {
  lab.pass(HOUR_MS);
  const { params, headers, payload, search = "" } = askingOf(lab, keyOf(row));
  return lab.server.inject({
    method: row.method,
    url: `${urlOf(PATHS[row.path], params)}${query ?? search}`,
    ...(payload === undefined ? {} : { payload }),
    ...more,
    headers: { ...headers, ...lab.authorization("admin"), ...more.headers },
  });
};

/** A door that speaks Prometheus' dialect tells the same in its words. */
const expectFault = (row: RouteSpec, answer: LightMyRequestResponse, fault: Partial<Fault>) => {
  if (row.dialect === undefined) return expect(faultOf(answer)).toMatchObject(fault);
  const told = { status: "error", errorType: fault.code };
  return expect(answer.json()).toEqual({
    ...told,
    error: expect.stringContaining(`${fault.field}:`),
  });
};

const faultOf = (answer: LightMyRequestResponse): Fault => {
  const { error } = answer.json<{ error: Fault & { requestId: string } }>();
  expect(error.requestId).toMatch(/^[\w-]{36}$/);
  return error;
};

describe("each door of ours", () => {
  test.each(OURS.map((row) => [keyOf(row), row] as const))(
    "%s: unknown parameter",
    async (_, row) => {
      const answer = await call(row, {}, "?nonsense=1");
      expect(answer.statusCode).toBe(400);
      expect(faultOf(answer)).toMatchObject({ code: "bad_request", field: "query.nonsense" });
    },
  );

  test.each(ROWS.map((row) => [keyOf(row), row] as const))("%s: foreign host", async (_, row) => {
    const answer = await call(row, { headers: { host: "novaevo.attacker.example" } });
    expect(answer.statusCode).toBe(403);
    expectFault(row, answer, { code: "forbidden", field: "host" });
  });

  test.each(WRITES.map((row) => [keyOf(row), row] as const))(
    "%s: another site's request with our cookie",
    async (_, row) => {
      const cookie = await sessionOf(lab);
      for (const headers of [
        { cookie, origin: "https://attacker.example" },
        { cookie, origin: "http://localhost:9999" },
        { cookie, origin: "null" },
        { cookie, "sec-fetch-site": "cross-site" },
      ]) {
        const answer = await call(row, { headers });
        expect(answer.statusCode).toBe(403);
        expectFault(row, answer, { code: "forbidden", field: "origin" });
      }
    },
  );

  test.each(TAKING_JSON.map((row) => [keyOf(row), row] as const))(
    "%s: a body it cannot read",
    async (_, row) => {
      const limit = row.maxBodyBytes ?? 64 * 1024;
      const json = "application/json";
      const cases = [
        { payload: "{", type: json, status: 400, field: /^body$/, says: "not valid JSON" },
        { payload: "", type: json, status: 400, field: /^body$/, says: "not valid JSON" },
        { payload: "[]", type: json, status: 400, field: /^body$/, says: "expected object" },
        { payload: "null", type: json, status: 400, field: /^body/, says: "expected" },
        { payload: '"text"', type: json, status: 400, field: /^body$/, says: "expected object" },
        { payload: '{"no":1}', type: json, status: 400, field: /^body\./, says: "body.no: is not" },
        { payload: '{"__proto__":{}}', type: json, status: 400, field: /^body$/, says: "JSON" },
        { payload: "{}", type: "text/plain", status: 415, field: TYPE, says: json },
        { payload: "{}", type: "application/octet-stream", status: 415, field: TYPE, says: json },
        { payload: "a=b", type: "multipart/form-data", status: 415, field: TYPE, says: json },
        {
          ...{ payload: `"${"x".repeat(limit)}"`, type: json, status: 413 },
          ...{ field: /^body$/, says: String(limit) },
        },
      ];
      for (const { payload, type, status, field, says } of cases) {
        const answer = await call(row, { payload, headers: { "content-type": type } });
        const what = `${type} ${payload.slice(0, 40)}`;
        expect([what, answer.statusCode]).toEqual([what, status]);
        const fault = faultOf(answer);
        expect(fault.field).toMatch(field);
        expect(fault.message).toContain(says);
      }
    },
  );
});

const LONG = "x".repeat(101);
const NUL = "a\u0000b";

describe("a value that is out of bounds", () => {
  test.each([
    ["GET /api/app/alerts", "?limit=0", "query.limit", ">=1"],
    ["GET /api/app/alerts", "?limit=201", "query.limit", "<=200"],
    ["GET /api/app/alerts", "?limit=ten", "query.limit", "number"],
    ["GET /api/app/alerts", "?limit=1&limit=2", "query.limit", "number"],
    ["GET /api/app/alerts", "?limit=1.5", "query.limit", "int"],
    ["GET /api/app/alerts", "?state=burning", "query.state", '"firing"|"resolved"|"all"'],
    ["GET /api/app/alerts", `?cursor=${"x".repeat(201)}`, "query.cursor", "<=200"],
    ["GET /api/app/ledger", "?cursor=-1", "cursor", "cursor"],
    ["GET /api/app/ledger", "?cursor=x", "cursor", "cursor"],
    ["GET /api/app/ledger", "?cursor=9e99", "cursor", "cursor"],
    ["GET /api/app/kpis/:id", "?limit=2001", "query.limit", "<=2000"],
    ["GET /api/app/kpis/:id", "?from=yesterday", "query.from", "ISO"],
    ["GET /api/app/kpis/:id", "?from=2026-02-30T00:00:00Z", "query.from", "ISO"],
    ["GET /api/app/panels/:id", "?to=0", "query.to", "ISO"],
  ])("%s%s names %s", async (key, query, field, limit) => {
    const row = ROWS.find((one) => keyOf(one) === key);
    if (row === undefined) throw new Error(`${key} is not in the contract`);
    const answer = await call(row, {}, query);
    expect(answer.statusCode).toBe(400);
    const fault = faultOf(answer);
    expect(fault.field).toBe(field);
    expect(fault.message).toContain(limit);
  });

  const password = "quatre chevaux bleus";
  test.each([
    ["POST /api/app/tokens", { name: LONG, role: "viewer" }, "body.name", "<=80"],
    ["POST /api/app/tokens", { name: " ", role: "viewer" }, "body.name", ">=1"],
    ["POST /api/app/tokens", { name: NUL, role: "viewer" }, "body.name", "control characters"],
    ["POST /api/app/tokens", { name: "ci", role: "root" }, "body.role", '"viewer"'],
    ["POST /api/app/tokens", { name: "ci" }, "body.role", '"viewer"'],
    [
      "POST /api/app/tokens",
      { name: "ci", role: "viewer", expiresInDays: 3_651 },
      "body.expiresInDays",
      "<=3650",
    ],
    [
      "POST /api/app/tokens",
      { name: "ci", role: "viewer", expiresInDays: "1" },
      "body.expiresInDays",
      "number",
    ],
    ["POST /api/app/tokens", { name: "ci", role: "viewer", admin: true }, "body.admin", "known"],
    ["POST /api/app/accounts", { name: "a", password, role: "ingest" }, "body.role", '"viewer"'],
    [
      "POST /api/app/accounts",
      { name: "a", password: "short", role: "viewer" },
      "body.password",
      ">=12",
    ],
    [
      "POST /api/app/accounts",
      { name: "a", password: "x".repeat(201), role: "viewer" },
      "body.password",
      "<=200",
    ],
    ["POST /api/app/session/code", { code: LONG }, "body.code", "<=100"],
    ["POST /api/app/session/code", { code: 123_456 }, "body.code", "string"],
    ["POST /api/app/session/password", { name: LONG, password }, "body.name", "<=80"],
    ["POST /api/app/plan", { source: 1 }, "body.source", "string"],
    ["POST /api/app/plan", { source: "x".repeat(1024 * 1024 + 1) }, "body.source", "<=1048576"],
    ["POST /api/app/plan", { source: "a: [" }, "body.source", "(request):1"],
    ["POST /api/app/plan", { source: NUL }, "body.source", "(request):1"],
  ])("%s %j names %s", async (key, payload, field, limit) => {
    const row = ROWS.find((one) => keyOf(one) === key);
    if (row === undefined) throw new Error(`${key} is not in the contract`);
    const answer = await call(row, { payload });
    expect(answer.statusCode).toBe(400);
    const fault = faultOf(answer);
    expect(fault.field).toBe(field);
    expect(fault.message).toContain(limit);
    // A secret that was refused must not come back.
    expect(answer.body).not.toContain("short");
  });

  test("in the path is refused by its length, whatever the door", async () => {
    for (const row of ROWS.filter(({ params }) => params !== undefined)) {
      // A label's name may be longer than an id of ours.
      for (const length of [row.dialect === undefined ? 101 : 201, 5_000]) {
        const text = "x".repeat(length);
        const url = urlOf(PATHS[row.path], { id: text, name: text });
        const { statusCode } = await lab.server.inject({
          method: row.method,
          url,
          headers: lab.authorization("admin"),
        });
        expect([keyOf(row), length, statusCode < 500 && statusCode >= 400]).toEqual([
          keyOf(row),
          length,
          true,
        ]);
      }
    }
  });

  test("of another kind is never a fault: every string may be anything", async () => {
    const strange = [NUL, "\uD800", "💥".repeat(20), "';DROP TABLE alert;--", "../../etc/passwd"];
    for (const text of strange) {
      const asks: InjectOptions[] = [
        { url: `/api/app/kpis/${encodeURIComponent(text.toWellFormed())}` },
        { url: `/api/app/gates/${encodeURIComponent(text.toWellFormed())}` },
        { url: `/api/app/alerts/${encodeURIComponent(text.toWellFormed())}` },
        { url: `/api/app/ledger/${encodeURIComponent(text.toWellFormed())}/proof` },
        { url: `/api/app/ledger?cursor=${encodeURIComponent(text.toWellFormed())}` },
        { url: `/api/app/alerts?state=all&cursor=${encodeURIComponent(text.toWellFormed())}` },
        { method: "DELETE", url: `/api/app/tokens/${encodeURIComponent(text.toWellFormed())}` },
        { method: "POST", url: "/api/app/session/code", payload: { code: `${text} code` } },
        {
          method: "POST",
          url: "/api/app/session/password",
          payload: { name: text.slice(0, 20), password: text },
        },
        { method: "POST", url: "/api/app/plan", payload: { source: text, dryRun: true } },
      ];
      for (const ask of asks) {
        lab.pass(HOUR_MS);
        const answer = await lab.server.inject({ ...ask, headers: lab.authorization("admin") });
        const what = `${JSON.stringify(ask.url)} ${JSON.stringify(text)}: ${answer.body.slice(0, 200)}`;
        const known = [400, 401, 404].includes(answer.statusCode);
        expect(known ? "" : what).toBe("");
      }
    }
  });
});

describe("what is no request of ours", () => {
  test.each([
    ["GET", "/api/app/nothing", 404],
    ["PUT", "/api/app/kpis", 404],
    ["PATCH", "/api/app/plan", 404],
    ["GET", "/api/app/kpis/%ZZ", 400],
    ["GET", "//etc/passwd", 404],
    ["GET", "/assets/../../../package.json", 404],
    ["GET", "/assets/%2e%2e/%2e%2e/package.json", 404],
  ] as const)("%s %s is a %d in our own words", async (method, url, status) => {
    const answer = await lab.server.inject({ method, url, headers: lab.authorization("admin") });
    expect(answer.statusCode).toBe(status);
    expect(faultOf(answer).message).not.toBe("");
  });

  test("a body where none is taken is refused", async () => {
    for (const row of ROWS.filter((one) => one.body === undefined && one.raw === undefined)) {
      const answer = await call(row, { payload: { a: 1 } });
      expect([keyOf(row), answer.statusCode]).toEqual([keyOf(row), 400]);
      expect(faultOf(answer).field).toBe("body");
    }
  });

  test("an agent's batch names what is wrong with it", async () => {
    const row = ROWS.find(({ path }) => path === "agentBatches");
    if (row === undefined) throw new Error("the agents' door is gone");
    const wrong = [
      { headers: { "x-novaevo-agent": "a b" }, status: 400, field: "x-novaevo-agent" },
      { headers: { "x-novaevo-seq": "0" }, status: 400, field: "x-novaevo-seq" },
      { headers: { "x-novaevo-seq": "1e99" }, status: 400, field: "x-novaevo-seq" },
      { headers: { "content-type": "application/json" }, status: 415, field: "content-type" },
    ];
    for (const { headers, status, field } of wrong) {
      const answer = await call(row, { headers });
      expect([JSON.stringify(headers), answer.statusCode]).toEqual([
        JSON.stringify(headers),
        status,
      ]);
      expect(faultOf(answer).field).toBe(field);
    }
    const encoded = await call(row, { headers: { "content-encoding": "br" } });
    expect([encoded.statusCode, faultOf(encoded).message]).toEqual([
      415,
      "content-encoding: zstd or identity",
    ]);
    const big = await call(row, { payload: Buffer.alloc(16 * 1024 * 1024 + 1) });
    expect(big.statusCode).toBe(413);
    expect(faultOf(big).message).toContain(String(16 * 1024 * 1024));
  });
});

test("nothing of all this was a fault, and a good call still is one (control)", async () => {
  expect(lab.logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  const row = ROWS.find(({ path }) => path === "kpis");
  if (row === undefined) throw new Error("the KPIs are gone");
  expect((await call(row)).statusCode).toBe(200);
});

test("a fault nobody expected is a 500 with the request's id and nothing else", async () => {
  const { db, server } = lab;
  await db.query("ALTER TABLE plan_version RENAME TO plan_version_gone");
  try {
    const answer = await server.inject({
      url: "/api/app/plan/versions",
      headers: lab.authorization("viewer"),
    });
    expect(answer.statusCode).toBe(500);
    const { error } = answer.json<{ error: Record<string, string> }>();
    expect(Object.keys(error).toSorted()).toEqual(["code", "message", "requestId"]);
    expect(answer.body).not.toContain("plan_version");
    const line = lab.logged.find((one) => one.includes(String(error["requestId"])));
    expect(line).toContain("plan_version");
  } finally {
    await db.query("ALTER TABLE plan_version_gone RENAME TO plan_version");
  }
});
