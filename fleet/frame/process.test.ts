/** The frame as a process, and what a request tells the hub on its way through two services. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ok } from "../../src/kernel/result.ts";
import { decodeTraces } from "../../src/watch/intake/otlp/traces.ts";
import type { Span } from "../../src/watch/intake/otlp/span.ts";
import { parseEnv } from "./env.ts";
import { spawnForTest, startForTest } from "./lab.ts";
import { refuse, route } from "./route.ts";
import type { Service } from "./service.ts";

const GOOD = {
  ...{ FLEET_SERVICE: "obd2", FLEET_INSTANCE: "obd2.paris.1", FLEET_REGION: "paris" },
  ...{ FLEET_VERSION: "1.0.0", FLEET_DATA_DIR: "/tmp/nowhere" },
};

describe("the environment", () => {
  test("is read whole, without what is empty", () => {
    const parsed = parseEnv({
      ...GOOD,
      ...{ FLEET_OTLP_URL: "", FLEET_PARTNERS: '{"insee":"http://127.0.0.1:1/"}' },
    });
    expect(parsed).toMatchObject({
      value: { service: "obd2", otlp: undefined, partners: { insee: "http://127.0.0.1:1" } },
    });
  });

  test.each([
    [{ FLEET_SERVICE: "Obd2" }, "FLEET_SERVICE"],
    [{ FLEET_DATA_DIR: "" }, "FLEET_DATA_DIR"],
    [{ FLEET_PARTNERS: "{" }, "FLEET_PARTNERS: is not JSON"],
    [{ FLEET_PARTNERS: '{"a":"ftp://b"}' }, "FLEET_PARTNERS.a"],
    [{ FLEET_OTLP_URL: "http://127.0.0.1:1" }, "FLEET_OTLP_TOKEN"],
    [{ FLEET_FAULT_TOKEN: "short" }, "FLEET_FAULT_TOKEN"],
    [{ FLEET_DATABASE_URL: "mysql://a/b" }, "FLEET_DATABASE_URL"],
  ])("with %j is refused by name: %s", (more, says) => {
    const parsed = parseEnv({ ...GOOD, ...more });
    expect(parsed.ok ? "" : parsed.error).toContain(says);
  });
});

describe("a process", () => {
  const directory = () => mkdtemp(path.join(tmpdir(), "novaevo-frame-"));
  // Nothing listens there: a database that is away must not keep a service from starting.
  const AWAY = "postgres://nobody@127.0.0.1:1/none";

  test("starts without its database and says that it is not ready; SIGTERM ends it with 0", async () => {
    const dir = await directory();
    const env = { FLEET_DATA_DIR: dir, FLEET_DATABASE_URL: AWAY };
    const service = await spawnForTest("obd2", env);
    expect((await service.call("GET", "/healthz")).status).toBe(200);
    const ready = await service.call("GET", "/readyz");
    expect(ready).toMatchObject({ status: 503, body: { ready: false } });
    expect(ready.body.why).toContain("database");
    expect((await service.call("GET", "/obd2/codes/P0420")).status).toBe(200);
    const lines = { lines: ["41 05 7B"] };
    expect((await service.call("POST", "/obd2/diagnostics", lines)).status).toBe(503);
    expect(await service.end("SIGTERM")).toBe(0);
    await rm(dir, { recursive: true });
  });

  test("whose parent is gone ends by itself", async () => {
    const dir = await directory();
    const env = { FLEET_DATA_DIR: dir, FLEET_DATABASE_URL: AWAY };
    const { child } = await spawnForTest("obd2", env);
    const ended = once(child, "exit");
    child.stdin!.end();
    expect((await ended)[0]).toBe(0);
    await rm(dir, { recursive: true });
  });

  test("with a wrong environment says why and answers 2", async () => {
    await expect(
      spawnForTest("obd2", { FLEET_SERVICE: "kbis", FLEET_DATA_DIR: "/x" }),
    ).rejects.toThrow("FLEET_SERVICE: this program is obd2");
  });
});

/** Takes what an SDK sends, decoded by the hub's own decoder. */
const collector = async () => {
  const spans: Span[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const authorised = request.headers.authorization === "Bearer hub-token";
      if (request.url === "/v1/traces" && authorised) {
        const read = decodeTraces(Buffer.concat(parts), { notBeforeMs: 0, notAfterMs: 4e12 });
        if (read.ok) spans.push(...read.value.spans);
      }
      response.end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { spans, otlp: { url, token: "hub-token" }, close: () => server.close() };
};

const relay = (id: string, next: string | undefined): Service => ({
  id,
  title: id,
  dependencies: [],
  open: async (frame) => ({
    routes: [
      route({
        method: "POST",
        path: "/things/:id",
        summary: "Passes on",
        params: z.strictObject({ id: z.string() }),
        body: z.strictObject({}),
        answer: z.looseObject({}),
        handler: async ({ caller, params }) => {
          if (next === undefined) return refuse("broken", 502, `${params.id} is broken`);
          // Over an await and a body, both of which could lose the context.
          await Promise.resolve();
          const path = `/${next}/things/${params.id}`;
          return ok({
            ...(await frame.call({
              ...{ to: { service: next }, path, method: "POST", body: {}, caller },
            })),
          });
        },
      }),
    ],
  }),
});

test("a request through two services is one trace: SERVER, CLIENT, SERVER, with route and channel", async () => {
  const hub = await collector();
  const inner = await startForTest(relay("inner", undefined), { otlp: hub.otlp });
  const outer = await startForTest(relay("outer", "inner"), {
    otlp: hub.otlp,
    gatewayUrl: inner.url,
  });
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01`, "x-channel": "mobile" };
  const answer = await outer.call("POST", "/outer/things/7", {}, headers);
  expect(answer.body).toMatchObject({ ok: true, value: { status: 502 } });
  await outer.stop();
  await inner.stop();
  hub.close();
  const of = (name: string, kind: string): Span | undefined =>
    hub.spans.find((span) => span.resource.serviceName === name && span.kind === kind);
  const [server, client, last] = [
    ...[of("outer", "server"), of("outer", "client"), of("inner", "server")],
  ];
  expect(hub.spans).toHaveLength(3);
  expect([server, client, last].map((span) => [span?.traceId, span?.parentSpanId])).toEqual([
    [trace, "b7ad6b7169203331"],
    [trace, server?.spanId],
    [trace, client?.spanId],
  ]);
  const told = (span: Span | undefined) => Object.fromEntries(span?.attributes ?? []);
  expect(server).toMatchObject({ name: "POST /outer/things/{id}", status: "unset" });
  expect(told(server)).toMatchObject({
    ...{ "http.route": "/outer/things/{id}", "http.response.status_code": "200" },
    ...{ "http.request.method": "POST", "novaevo.channel": "mobile" },
  });
  expect(client).toMatchObject({ status: "error" });
  expect(last).toMatchObject({ status: "error" });
  expect(told(last)).toMatchObject({
    ...{ "http.response.status_code": "502", "novaevo.channel": "mobile" },
  });
  expect(Object.fromEntries(last!.resource.attributes)).toMatchObject({
    ...{ "service.instance.id": "inner.paris.1", "cloud.region": "paris" },
    ...{ "service.version": "1.0.0" },
  });
});
