/** Prometheus' doors: refusals in its shape, whoever asks and however; nothing is a fault. */
import { Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { InjectOptions } from "fastify";
import { dataReply } from "../../src/watch/signal/prometheus/answer.ts";
import type { Ask } from "../../src/watch/signal/prometheus/parameters.ts";
import { prometheusRoutes } from "../../src/watch/signal/prometheus/prometheus.routes.ts";
import { openLab, type Lab } from "./lab.ts";

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const MAX_FORM_BYTES = 64 * 1024;
const HOUR_MS = 3_600_000;

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

const call = async (more: InjectOptions) => {
  lab.pass(HOUR_MS);
  const answer = await lab.server.inject({
    ...more,
    headers: { ...lab.authorization("viewer"), ...more.headers },
  });
  const { status, errorType, error, data } = answer.json<Record<string, string>>();
  return { code: answer.statusCode, status, errorType, error, data, headers: answer.headers };
};

const basic = (text: string) => ({
  authorization: `Basic ${Buffer.from(text).toString("base64")}`,
});

describe("a refusal has Prometheus' shape", () => {
  test.each<[string, InjectOptions, number, string, string]>([
    ["nobody", { headers: { authorization: "" } }, 401, "unauthenticated", "Bearer"],
    ["a wrong token", { headers: { authorization: "Bearer x" } }, 401, "unauthenticated", "token"],
    ["a wrong password", { headers: basic("grafana:x") }, 401, "unauthenticated", "token"],
    ["a name alone", { headers: basic("grafana") }, 401, "unauthenticated", "token"],
    ["no base64", { headers: { authorization: "Basic %%" } }, 401, "unauthenticated", "token"],
    ["a foreign host", { headers: { host: "elsewhere.example" } }, 403, "forbidden", "host: "],
    [
      "JSON",
      { method: "POST", headers: { "content-type": "application/json" }, payload: "{}" },
      ...([415, "bad_data", "content-type: "] as const),
    ],
    [
      "a large form",
      { method: "POST", headers: FORM, payload: `query=${"x".repeat(MAX_FORM_BYTES)}` },
      ...([413, "bad_data", String(MAX_FORM_BYTES)] as const),
    ],
    ["a body that reads", { payload: "query=1", headers: FORM }, 400, "bad_data", "body: "],
    ["no query", {}, 400, "bad_data", "no expression found in input"],
    [
      "a long query",
      { method: "POST", headers: FORM, payload: `query=${"x".repeat(16_385)}` },
      ...([400, "bad_data", "16385 characters, at most 16384"] as const),
    ],
  ])("to %s", async (_, more, code, errorType, says) => {
    const answer = await call({ url: "/api/v1/query", ...more });
    expect(answer).toMatchObject({ code, status: "error", errorType });
    expect(answer.error).toContain(says);
  });

  test("to a machine that only sends, and not to whoever may read", async () => {
    const url = "/api/v1/query?query=1";
    const sender = await call({ url, headers: lab.authorization("ingest") });
    expect(sender).toMatchObject({ code: 403, status: "error", errorType: "forbidden" });
    expect(await call({ url })).toMatchObject({ code: 200, status: "success" });
  });

  test.each([
    ["51 selectors, at most 50", "match[]=up&".repeat(51)],
    ["4100 characters, at most 4096", `match[]=${"x".repeat(4_100)}`],
  ])("to too many selectors: %s", async (says, payload) => {
    const answer = await call({ method: "POST", url: "/api/v1/series", headers: FORM, payload });
    expect(answer).toMatchObject({ code: 400, errorType: "bad_data" });
    expect(answer.error).toContain(says);
  });

  test("to a database that is away, without a word of it", async () => {
    await lab.db.query("ALTER TABLE api_token RENAME TO api_token_gone");
    try {
      const answer = await call({ url: "/api/v1/query?query=1" });
      expect(answer).toMatchObject({ code: 500, status: "error", errorType: "internal" });
      expect(answer.error).toMatch(/^internal fault, request [\w-]{36}$/);
    } finally {
      await lab.db.query("ALTER TABLE api_token_gone RENAME TO api_token");
    }
  });
});

test("a token is taken as the password of anybody whose name has no colon", async () => {
  for (const name of ["grafana", "", "é"]) {
    const headers = basic(`${name}:${lab.tokens.viewer}`);
    expect(await call({ url: "/api/v1/query?query=1", headers })).toMatchObject({ code: 200 });
  }
  const headers = basic(`a:b:${lab.tokens.viewer}`);
  expect(await call({ url: "/api/v1/query?query=1", headers })).toMatchObject({ code: 401 });
});

test("law: whatever stands in the parameters, every door answers it or refuses it", async () => {
  const doors = [
    ...["query", "query_range", "series", "labels", "label/job/values", "metadata"],
    ...["query_exemplars", "rules", "status/buildinfo"],
  ];
  const text = fc.oneof(
    fc.string({ unit: "binary" }).map((one) => one.toWellFormed()),
    fc.constantFrom("up", "1", "1e999", "-1", "NaN", "sum(", '{a=~"(("}', "up[5m]", "5m", "\0"),
  );
  const names = ["query", "time", "start", "end", "step", "timeout", "limit", "match[]", "metric"];
  const pair = fc.tuple(fc.oneof(fc.constantFrom(...names), fc.string()), text);
  const isFault = (line: string): boolean => line.includes('"level":"error"');
  const before = lab.logged.filter(isFault).length;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...doors), fc.array(pair), async (door, pairs) => {
      const search = new URLSearchParams(
        pairs.map(([name, value]) => [name.toWellFormed(), value]),
      );
      const answer = await call({ url: `/api/v1/${door}?${search.toString()}` });
      expect([200, 400, 422]).toContain(answer.code);
      expect(answer.status).toBe(answer.code === 200 ? "success" : "error");
    }),
    { numRuns: 300 },
  );
  expect(lab.logged.filter(isFault).length).toBe(before);
});

test("the same asked twice at once is answered once, and again when it is asked later", async () => {
  const asked: Ask[] = [];
  const waiting = Promise.withResolvers<void>();
  const routes = prometheusRoutes({
    ...{ version: "1", now: () => 0 },
    signals: {
      prometheus: async (ask) => {
        asked.push(ask);
        await waiting.promise;
        return dataReply(ask.kind);
      },
    },
  });
  const send = (search: string) => {
    const sent: unknown[] = [];
    const reply = {
      code: () => reply,
      type: () => reply,
      header: () => reply,
      send: (body: Uint8Array) => void sent.push(body.toString()),
    };
    const request = { url: `/x?${search}`, headers: {}, raw: { socket: new Socket() } };
    const caller = { request, reply, principal: undefined };
    return routes["GET promQuery"](caller as never).then(() => sent);
  };
  const sends = [send("query=1"), send("query=1&nonsense=2"), send("query=2")];
  expect(asked).toHaveLength(2);
  waiting.resolve();
  const said = ['{"status":"success","data":"query"}'];
  expect(await Promise.all(sends)).toEqual([said, said, said]);
  await send("query=1");
  expect(asked).toHaveLength(3);
});

test("over 256 different asks that wait, the next is asked to come again", async () => {
  const routes = prometheusRoutes({
    ...{ version: "1", now: () => 0 },
    signals: { prometheus: () => new Promise(() => undefined) },
  });
  const ask = (search: string) =>
    routes["GET promQuery"]({
      ...{ principal: undefined, reply: undefined },
      request: { url: `/x?${search}`, headers: {}, raw: { socket: new Socket() } },
    } as never);
  for (let nth = 0; nth < 256; nth += 1) void ask(`query=${nth}`);
  expect(await ask("query=x")).toMatchObject({
    ok: false,
    error: { code: "unavailable", message: "256 requests wait for an answer already" },
  });
});
