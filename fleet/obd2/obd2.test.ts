/** The OBD-II Service through its own HTTP, with a real database. */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openDb, type Db } from "../../src/io/postgres/db.ts";
import { testDb } from "../../test/postgres.ts";
import { openApiFaults, startForTest, type Lab } from "../frame/lab.ts";
import { obd2 } from "./obd2.routes.ts";

let lab: Lab;
let db: Db;
beforeAll(async () => {
  const made = await testDb({ max: 1 });
  await made.close();
  db = openDb({ connectionString: made.connectionString, max: 1 });
  lab = await startForTest(obd2, { databaseUrl: made.connectionString });
  // The schema is made before the first statement.
  await lab.call("GET", "/readyz");
});
afterAll(async () => {
  await lab.stop();
  await db.close();
});
beforeEach(() => db.query("DELETE FROM obd2.connections"));

const connect = (more: Readonly<Record<string, unknown>> = {}) =>
  lab.call("POST", "/obd2/connections", {
    ...{ dongle: "d1", batch: "2025-03", firmware: "1.4.2", outcome: "connected", ...more },
  });

describe("connections", () => {
  test("are counted by batch and firmware over 15 minutes, the worst first, with n", async () => {
    for (const dongle of ["a", "b", "c"]) expect((await connect({ dongle })).status).toBe(201);
    const old = { batch: "2025-01", firmware: "1.3.0" };
    await connect({ ...old, outcome: "failed", reason: "timeout" });
    await connect(old);
    await db.query(
      "INSERT INTO obd2.connections VALUES (now() - interval '16 minutes', 'z', 'b', 'f', false)",
    );
    const { body } = await lab.call("GET", "/obd2/connections");
    expect(body).toMatchObject({ attempts: 5, connected: 4, successRate: 0.8 });
    expect(body.untilMs - body.sinceMs).toBe(900_000);
    expect(body.rows).toEqual([
      {
        ...{ ...old, attempts: 2, connected: 1, successRate: 0.5 },
        ...{ dongles: 1, topReason: "timeout" },
      },
      {
        ...{ batch: "2025-03", firmware: "1.4.2", attempts: 3, connected: 3, successRate: 1 },
        ...{ dongles: 3, topReason: null },
      },
    ]);
  });

  test("that nobody tried have no rate: not 0, not 1", async () => {
    const { body } = await lab.call("GET", "/obd2/connections");
    expect(body).toMatchObject({ attempts: 0, successRate: null, rows: [] });
  });

  test.each([
    [{ batch: "x".repeat(33) }, "batch"],
    [{ dongle: "a b" }, "dongle"],
    [{ outcome: "maybe" }, "outcome"],
    [{ outcome: "failed" }, "reason"],
    [{ reason: "timeout" }, "reason"],
    [{ colour: "red" }, "body"],
  ])("with %j are refused by the field %s", async (more, field) => {
    const answer = await connect(more);
    expect(answer).toMatchObject({ status: 400, body: { error: { field } } });
    expect((await lab.call("GET", "/obd2/connections")).body.attempts).toBe(0);
  });

  test("arrive at the hub as the counter that the plan's measure reads", async () => {
    const bodies: Buffer[] = [];
    const hub = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        bodies.push(Buffer.concat([Buffer.from(request.url!), ...parts]));
        response.end();
      });
    }).listen(0, "127.0.0.1");
    await once(hub, "listening");
    const url = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
    const otlp = { url, token: "t" };
    const told = await startForTest(obd2, { databaseUrl: lab.env.databaseUrl, otlp });
    const sent = { dongle: "d", batch: "batch-7", firmware: "f", outcome: "connected" };
    await told.call("POST", "/obd2/connections", sent, { "x-channel": "mobile" });
    await told.stop();
    hub.close();
    const of = (path: string): string => bodies.filter((body) => body.includes(path)).join("\n");
    for (const said of [
      "obd2.connections",
      "batch-7",
      "nodejs.eventloop.utilization",
      "cloud.region",
    ])
      expect(of("/v1/metrics")).toContain(said);
    for (const said of ["/obd2/connections", "novaevo.channel", "mobile", "http.route"])
      expect(of("/v1/traces")).toContain(said);
  });
});

describe("a diagnosis", () => {
  const LINES = ["7E8 04 41 0C 1A F8", "7E8 06 43 02 04 20 C1 00", "7E8 03 7F 09 12", "NO DATA"];
  const owner = { "x-user": "u1" };

  test("is decoded, described in two languages, and there again for who asked", async () => {
    const made = await lab.call("POST", "/obd2/diagnostics", { lines: LINES }, owner);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      values: [{ key: "engine_speed", value: 1726, unit: "1/min", ecu: "7E8" }],
      troubles: [
        { code: "P0420", authority: "standard", text: { en: expect.stringContaining("Catalyst") } },
        { code: "U0100", text: { fr: expect.stringContaining("calculateur moteur") } },
      ],
      refused: [{ mode: "09", why: "sub_function_not_supported" }],
      notices: ["NO DATA"],
      vin: null,
    });
    const where = `/obd2/diagnostics/${made.body.id}`;
    expect((await lab.call("GET", where, undefined, owner)).body).toEqual(made.body);
    expect((await lab.call("GET", where, undefined, { "x-user": "u2" })).status).toBe(404);
  });

  test("of a malformed frame is a 400 that names line and byte, and keeps nothing", async () => {
    const before = await db.query("SELECT id FROM obd2.diagnoses");
    const answer = await lab.call("POST", "/obd2/diagnostics", { lines: ["41 05 7B", "41 0C 1A"] });
    expect(answer).toMatchObject({ status: 400, body: { error: { field: "lines[1]" } } });
    expect(answer.body.error.message).toContain("byte 4");
    expect(await db.query("SELECT id FROM obd2.diagnoses")).toHaveLength(before.length);
    const many = await lab.call("POST", "/obd2/diagnostics", { lines: ["x".repeat(129)] });
    expect(many.body.error).toMatchObject({
      field: "lines[0]",
      message: expect.stringContaining("128"),
    });
  });
});

test("a code is looked up; one that is none is refused", async () => {
  expect((await lab.call("GET", "/obd2/codes/P0301")).body.text.en).toContain("cylinder 1");
  expect((await lab.call("GET", "/obd2/codes/P1999")).body.text).toBeNull();
  expect((await lab.call("GET", "/obd2/codes/X0301")).body.error.field).toBe("code");
});

test("its OpenAPI is one a client can be made from", async () => {
  const document = (await lab.call("GET", "/openapi.json")).body;
  expect(openApiFaults(document)).toEqual([]);
  expect(Object.keys(document.paths)).toHaveLength(4);
});

test("cut off from its database it says so, and is back when the network is", async () => {
  await lab.fault({ kind: "partition", delayMs: 1 });
  expect((await connect()).status).toBe(503);
  expect((await lab.call("GET", "/readyz")).status).toBe(503);
  await lab.liftFaults();
  expect((await connect()).status).toBe(201);
});
