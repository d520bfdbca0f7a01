/** The frame, through its own HTTP, with a small service in it. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { ok } from "../../src/kernel/result.ts";
import { testDb } from "../../test/postgres.ts";
import { FAULT_TOKEN, openApiFaults, startForTest, type Lab } from "./lab.ts";
import { refuse, route } from "./route.ts";
import { databaseCheck, type Service } from "./service.ts";

const counterOf = (withDatabase: boolean): Service => ({
  id: "counter",
  title: "A counter",
  dependencies: ["api-gateway"],
  open: async (frame) => {
    const ddl = "CREATE TABLE IF NOT EXISTS counter.hits (name text PRIMARY KEY, n int NOT NULL)";
    const db = withDatabase ? frame.database(ddl) : undefined;
    const held = Promise.withResolvers<void>();
    return {
      routes: [
        route({
          method: "POST",
          path: "/hits/:name",
          summary: "Counts one hit",
          params: z.strictObject({ name: z.string().max(8) }),
          body: z.strictObject({ times: z.int().min(1).max(10).default(1) }),
          answer: z.strictObject({ n: z.int() }),
          status: 201,
          refusals: { 422: "The name is taken" },
          handler: async ({ params, body }) => {
            if (params.name === "taken") return refuse("taken", 422, "name: is taken", "name");
            if (params.name === "wrong") return ok({ n: 0.5 });
            frame.beforeWrite("hits");
            const [row] = await db!.query<{ n: number }>(
              `INSERT INTO counter.hits AS h VALUES ($1, $2)
               ON CONFLICT (name) DO UPDATE SET n = h.n + $2 RETURNING n`,
              [params.name, body.times],
            );
            return ok({ n: row!.n });
          },
        }),
        route({
          method: "GET",
          path: "/who",
          summary: "Who calls",
          answer: z.looseObject({}),
          handler: async ({ caller }) => ok({ ...caller }),
        }),
        route({
          method: "GET",
          path: "/out",
          summary: "Calls a partner",
          answer: z.looseObject({}),
          handler: async ({ caller }) =>
            ok({ ...(await frame.call({ to: { partner: "bank" }, path: "/rates", caller })) }),
        }),
        route({
          method: "GET",
          path: "/held",
          summary: "Answers when released",
          answer: z.looseObject({}),
          handler: async () => {
            await held.promise;
            return ok({ released: true });
          },
        }),
        route({
          method: "GET",
          path: "/release",
          summary: "Releases",
          answer: z.looseObject({}),
          handler: async () => {
            held.resolve();
            return ok({});
          },
        }),
      ],
      ...(db === undefined ? {} : { checks: { database: databaseCheck(db) } }),
      close: async () => db?.close(),
    };
  },
});

let labs: Lab[] = [];
const started = async (...options: Parameters<typeof startForTest>): Promise<Lab> => {
  const lab = await startForTest(...options);
  labs.push(lab);
  return lab;
};
afterEach(async () => {
  for (const lab of labs) await lab.stop();
  labs = [];
});
const withDb = async (more: Parameters<typeof startForTest>[1] = {}): Promise<Lab> => {
  const db = await testDb({ max: 1 });
  await db.close();
  return started(counterOf(true), { databaseUrl: db.connectionString, ...more });
};

describe("a request", () => {
  test("is validated by the schemas that the OpenAPI is made of", async () => {
    const lab = await withDb();
    expect(await lab.call("POST", "/counter/hits/a", { times: 3 })).toMatchObject({
      status: 201,
      body: { n: 3 },
    });
    const wrong = await lab.call("POST", "/counter/hits/a", { times: 11 });
    expect(wrong).toMatchObject({ status: 400, body: { error: { field: "times" } } });
    expect(wrong.body.error.message).toContain("10");
    expect((await lab.call("POST", "/counter/hits/waytoolong", {})).body.error.field).toBe("name");
    expect(await lab.call("POST", "/counter/hits/taken", {})).toMatchObject({
      status: 422,
      body: { error: { code: "taken", field: "name" } },
    });
    expect((await lab.call("GET", "/counter/nothing")).status).toBe(404);
    const document = (await lab.call("GET", "/openapi.json")).body;
    expect(openApiFaults(document)).toEqual([]);
    const described = document.paths["/counter/hits/{name}"].post;
    expect(Object.keys(described.responses)).toEqual(["201", "422", "default"]);
    // Control: a document whose path names another parameter, and a reference to nothing.
    document.paths["/counter/hits/{other}"] = document.paths["/counter/hits/{name}"];
    document.components = {};
    expect(openApiFaults(document).length).toBeGreaterThan(2);
  });

  test("whose body is no JSON, or too large, says so; an answer against its schema is a 500", async () => {
    const lab = await started(counterOf(false));
    const send = (body: string): Promise<Response> =>
      fetch(`${lab.url}/counter/hits/a`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
    expect((await send("{")).status).toBe(400);
    const large = await send(`"${"x".repeat(1024 * 1024)}"`);
    expect(large.status).toBe(413);
    expect(await large.text()).toContain("1048576");
    expect((await lab.call("POST", "/counter/hits/wrong", {})).status).toBe(500);
  });

  test("carries who calls, as the gateway said it, and its id", async () => {
    const lab = await started(counterOf(false));
    const headers = {
      "x-user": "u1",
      "x-tier": "premium",
      "x-channel": "web",
      "x-request-id": "r1",
    };
    const answer = await lab.call("GET", "/counter/who", undefined, headers);
    expect(answer.body).toMatchObject({ user: "u1", tier: "premium", channel: "web" });
    expect(answer.headers.get("x-request-id")).toBe("r1");
    const bare = await lab.call("GET", "/counter/who", undefined, { "x-channel": "toaster" });
    expect(bare.body).toMatchObject({ user: null, tier: "standard", channel: "api" });
  });
});

describe("faults", () => {
  test("are for who has the token, and lifted by it", async () => {
    const lab = await started(counterOf(false));
    const order = { kind: "errors" };
    expect((await lab.call("POST", "/_fault", order)).status).toBe(401);
    const wrong = { "x-fault-token": `${FAULT_TOKEN}x` };
    expect((await lab.call("POST", "/_fault", order, wrong)).status).toBe(401);
    const unknown = { "x-fault-token": FAULT_TOKEN };
    const answer = await lab.call("POST", "/_fault", { kind: "flood" }, unknown);
    expect(answer).toMatchObject({ status: 400, body: { error: { field: "kind" } } });
    expect((await lab.call("GET", "/counter/who")).status).toBe(200);
    await lab.fault(order);
    expect((await lab.call("GET", "/counter/who")).status).toBe(500);
    expect((await lab.call("GET", "/readyz")).status).toBe(200);
    await lab.liftFaults();
    expect((await lab.call("GET", "/counter/who")).status).toBe(200);
  });

  test("partition: the database is away, readiness says so; disk-full: a write is 507", async () => {
    const lab = await withDb();
    const hit = () => lab.call("POST", "/counter/hits/a", {});
    expect((await lab.call("GET", "/readyz")).status).toBe(200);
    await lab.fault({ kind: "partition", delayMs: 1 });
    expect(await hit()).toMatchObject({ status: 503, body: { error: { code: "unavailable" } } });
    const ready = await lab.call("GET", "/readyz");
    expect(ready.status).toBe(503);
    expect(ready.body.why).toContain("database");
    await lab.liftFaults();
    await lab.fault({ kind: "disk-full" });
    expect(await hit()).toMatchObject({ status: 507, body: { error: { code: "disk_full" } } });
    await lab.liftFaults();
    expect((await hit()).body).toEqual({ n: 1 });
  });

  test("partner-down meets partners; a bad version fails half of what it is asked", async () => {
    const bank = await started(counterOf(false));
    const partners = { bank: bank.url };
    const lab = await started(counterOf(false), { partners });
    expect((await lab.call("GET", "/counter/out")).body).toMatchObject({
      ok: true,
      value: { status: 404 },
    });
    await lab.fault({ kind: "partner-down" });
    expect((await lab.call("GET", "/counter/out")).body).toMatchObject({
      ok: false,
      error: { code: "network" },
    });
    const throws = [0.1, 0.9];
    const dice = (): number => throws.shift()!;
    const bad = await started(counterOf(false), { version: "2.0.0-bad", dice });
    expect((await bad.call("GET", "/counter/who")).status).toBe(500);
    expect((await bad.call("GET", "/counter/who")).status).toBe(200);
  });
});

test("two processes make one schema at the same time", async () => {
  const db = await testDb({ max: 1 });
  await db.close();
  const options = { databaseUrl: db.connectionString };
  const both = await Promise.all([1, 2].map(() => started(counterOf(true), options)));
  const answers = await Promise.all(both.map((lab) => lab.call("POST", "/counter/hits/a", {})));
  expect(answers.map(({ body }) => body.n)).toContain(2);
});

test("a drain finishes what runs and takes nothing new", async () => {
  const lab = await startForTest(counterOf(false));
  const held = lab.call("GET", "/counter/held");
  // Served on the same process, so the held request is there once this one was answered.
  await lab.call("GET", "/counter/who");
  const release = await keptConnection(lab.url);
  const stoppingMs = performance.now();
  const stopped = lab.stop();
  await expect(fetch(`${lab.url}/healthz`)).rejects.toThrow("fetch failed");
  await release();
  expect((await held).body).toEqual({ released: true });
  await stopped;
  // Well under the five seconds after which what runs is cut off.
  expect(performance.now() - stoppingMs).toBeLessThan(4_000);
});

/** A connection that was there before: half of a request is sent, the rest on call. */
const keptConnection = async (url: string): Promise<() => Promise<void>> => {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write("GET /counter/who HTTP/1.1\r\nhost: a\r\n\r\nGET /counter/release HTTP/1.1\r\n");
  await once(socket, "data");
  return async () => {
    socket.end("host: a\r\n\r\n");
    await once(socket, "close");
  };
};
