/** The Parts Finder over HTTP: real NLP Engine, two supplier doubles, a real PostgreSQL. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDb, type TestDb } from "../../test/postgres.ts";
import { openApiFaults, startForTest, type Lab } from "../frame/lab.ts";
import { nlp } from "../nlp/nlp.routes.ts";
import { supplierOf } from "../partners/suppliers/suppliers.routes.ts";
import { partsFinder } from "./parts.flow.ts";

const QUOTA = { perSecond: 1_000, burst: 1_000 };
const DIAGNOSIS = "0198a1b2-0000-7000-8000-000000000001";

let db: TestDb;
let engine: Lab;
let main: Lab;
let alternative: Lab;
let lab: Lab;
let gateway: Server;
/** What the gateway of the test does with each service. */
let away = new Set<string>();

beforeAll(async () => {
  db = await testDb();
  engine = await startForTest(nlp);
  main = await startForTest(supplierOf("supplier", QUOTA));
  alternative = await startForTest(supplierOf("supplier-alt", QUOTA));
  gateway = createServer((request, response) => {
    const service = request.url?.split("/")[1] ?? "";
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (away.has(service)) return response.writeHead(503).end("{}");
      if (service === "obd2") {
        const isKnown = request.url === `/obd2/diagnostics/${DIAGNOSIS}`;
        const troubles = [{ code: "P0420" }, { code: "P0301" }, { code: "P0420" }];
        return response.writeHead(isKnown ? 200 : 404).end(JSON.stringify({ troubles }));
      }
      void fetch(engine.url + request.url, {
        method: request.method ?? "GET",
        headers: { "content-type": "application/json" },
        body: Buffer.concat(parts).toString(),
      }).then(async (answer) => response.writeHead(answer.status).end(await answer.text()));
      return undefined;
    });
  });
  await new Promise<void>((resolve) => void gateway.listen(0, "127.0.0.1", resolve));
  lab = await startForTest(partsFinder, {
    databaseUrl: db.connectionString,
    gatewayUrl: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`,
    partners: { supplier: main.url, "supplier-alt": alternative.url },
  });
});
afterAll(async () => {
  for (const one of [lab, alternative, main, engine]) await one.stop();
  gateway.closeAllConnections();
  gateway.close();
  await db.close();
});
beforeEach(async () => {
  away = new Set();
  for (const one of [lab, alternative, main]) await one.liftFaults();
  await lab.call("GET", "/parts-finder/search?q=batterie%20clio");
  await db.query("DELETE FROM parts_finder.offer");
});
const age = (interval: string): Promise<unknown> =>
  db.query("UPDATE parts_finder.offer SET fetched_at = fetched_at - $1::interval", [interval]);
const pads = () => lab.call("GET", "/parts-finder/search?q=plaquettes%20de%20frein%20clio%204");
const sources = (body: any): string[] => body.parts.map((one: any) => one.price.source);

describe("search", () => {
  test("answers live prices, availability and facets, then fresh ones from the cache", async () => {
    const { status, body } = await pads();
    expect(status).toBe(200);
    expect(body.degraded).toBe(false);
    expect(sources(body).filter((one) => one === "live").length).toBeGreaterThan(5);
    const [live] = body.parts.filter((one: any) => one.price.source === "live");
    expect(live.price.says).toBe("prix en direct");
    expect(live.price.cents).toBeLessThan(live.listPriceCents);
    expect(live.availability.state).toMatch(/^(in-stock|on-order)$/);
    expect(body.facets.make).toEqual([{ value: "renault", count: body.total }]);
    await age("1 minute");
    const again = await pads();
    expect(new Set(sources(again.body))).toContain("cache");
    expect(again.body.degraded).toBe(false);
  });

  test("stock is filtered by what the suppliers know", async () => {
    const url = "/parts-finder/search?q=plaquettes%20clio&limit=50";
    const all = await lab.call("GET", url);
    const there = await lab.call("GET", `${url}&inStock=true`);
    const states = there.body.parts.map((one: any) => one.availability.state);
    expect(new Set(states)).toEqual(new Set(["in-stock"]));
    expect(there.body.parts.length).toBeLessThan(all.body.parts.length);
  });

  test.each([
    ["search?q=", 400, /q: is empty/],
    ["search?q=%20%20", 400, /q: is empty/],
    ["search", 400, /q: /],
    [`search?q=${"a".repeat(501)}`, 400, /q: has at most 500 characters/],
    ["search?q=frein&limit=51", 400, /limit/],
    ["search?q=frein&offset=-1", 400, /offset/],
    ["search?q=frein&year=1492", 400, /year/],
    ["search?q=frein&sort=luck", 400, /sort/],
    ["search?q=frein&wheel=5", 400, /wheel/],
    ["search?q=frein&make=trabant", 404, /make: no vehicle with make trabant/],
    ["search?q=frein&make=renault&model=golf", 404, /model: no vehicle/],
    ["parts/XX0000-000", 404, /reference: no part/],
    ["codes/Q0420", 400, /code: a code like P0420/],
    ["codes/U0100", 404, /code: no part is known behind U0100/],
    ["diagnostics/7", 400, /id/],
    ["vehicles?make=trabant", 404, /make: no make/],
  ])("%s is refused: %i", async (path, status, says) => {
    const answer = await lab.call("GET", `/parts-finder/${path}`);
    expect(answer.status).toBe(status);
    expect(answer.body.error.message).toMatch(says);
  });

  test("its OpenAPI is one a client can be made from", async () => {
    expect(openApiFaults((await lab.call("GET", "/openapi.json")).body)).toEqual([]);
  });

  test("one part by its reference, written as one likes", async () => {
    const [first] = (await pads()).body.parts;
    const text = first.reference.replace("-", " ").toLowerCase();
    const { body } = await lab.call("GET", `/parts-finder/parts/${encodeURIComponent(text)}`);
    expect(body).toMatchObject({ reference: first.reference, oe: first.oe });
  });
});

describe("a sentence", () => {
  const ask = (sentence: string) => lab.call("POST", "/parts-finder/ask", { sentence });

  test("is understood by the NLP Engine: part, vehicle, engine", async () => {
    const { status, body } = await ask("slt il me faut des plaqettes pr ma clio 4 1.5 dci svp");
    expect(status).toBe(200);
    expect(body.understood).toMatchObject({ by: "nlp", intent: "find_part", kinds: ["brake-pad"] });
    expect(body.understood.vehicle).toMatchObject({ model: "clio", generation: "4" });
    for (const { kind, fits } of body.result.parts)
      expect([kind, fits.model, fits.generation]).toEqual(["brake-pad", "clio", "4"]);
  });

  test("with a trouble code finds the parts behind it", async () => {
    const { body } = await ask("j'ai le code P0420 sur ma 308");
    expect(body.understood.codes).toEqual(["P0420"]);
    expect(body.result.parts[0]).toMatchObject({ kind: "catalyst", fits: { model: "308" } });
  });

  test("without the NLP Engine is searched by its words", async () => {
    away.add("nlp");
    const { status, body } = await ask("plaquettes de frein pour clio 4");
    expect(status).toBe(200);
    expect(body.understood).toMatchObject({ by: "words", intent: null });
    expect(body.result.parts[0]).toMatchObject({ kind: "brake-pad", fits: { model: "clio" } });
  });

  test("empty or over 500 characters is refused", async () => {
    for (const sentence of ["", "  ", "a".repeat(501)]) {
      const answer = await ask(sentence);
      expect(answer.status).toBe(400);
      expect(answer.body.error.message).toMatch(/sentence: (is empty|has at most 500)/);
    }
  });
});

describe("a diagnosis", () => {
  const url = `/parts-finder/diagnostics/${DIAGNOSIS}?model=golf&generation=7`;

  test("finds the parts behind its codes", async () => {
    const { body } = await lab.call("GET", url);
    expect(body.codes).toEqual(["P0420", "P0301"]);
    expect(body.kinds).toEqual([
      "catalyst",
      "lambda-sensor",
      "spark-plug",
      "ignition-coil",
      "injector",
    ]);
    expect(body.result.parts[0]).toMatchObject({ kind: "catalyst", fits: { model: "golf" } });
    const other = DIAGNOSIS.replace(/1$/, "2");
    const { status } = await lab.call("GET", `/parts-finder/diagnostics/${other}`);
    expect(status).toBe(404);
  });

  test("without the OBD-II Service is a 503 that says what to do; a code by hand still works", async () => {
    away.add("obd2");
    const answer = await lab.call("GET", url);
    expect(answer.status).toBe(503);
    expect(answer.body.error.message).toContain("/parts-finder/codes/");
    const byHand = await lab.call("GET", "/parts-finder/codes/p0420?model=golf&generation=7");
    expect(byHand).toMatchObject({ status: 200, body: { code: "P0420" } });
  });
});

describe("suppliers", () => {
  const suppliers = (body: any) => new Set(body.parts.map((one: any) => one.price.supplier));

  test("the alternative answers while the first is broken; control: it did not before", async () => {
    expect(suppliers((await pads()).body)).toContain("supplier");
    await db.query("DELETE FROM parts_finder.offer");
    await main.fault({ kind: "errors", share: 1, forMs: 60_000 });
    const { body } = await pads();
    expect(suppliers(body)).not.toContain("supplier");
    expect(suppliers(body)).toContain("supplier-alt");
    expect(body.degraded).toBe(false);
  });

  test("with both away, prices have their age, then only the list's", async () => {
    const before = (await pads()).body;
    await age("7 minutes");
    await lab.fault({ kind: "partner-down", forMs: 60_000 });
    const { status, body } = await pads();
    expect([status, body.degraded]).toEqual([200, true]);
    expect(sources(body).filter((one) => one === "cache").length).toBe(
      sources(before).filter((one) => one === "live").length,
    );
    expect(body.parts.find((one: any) => one.price.source === "cache").price.says).toBe(
      "prix d'il y a 7 min",
    );
    await age("25 hours");
    const old = (await pads()).body;
    expect(new Set(sources(old))).toEqual(new Set(["list"]));
    expect(old.parts[0].price).toMatchObject({ cents: old.parts[0].listPriceCents, ageMs: null });
    expect(old.parts[0].availability.state).toBe("unknown");
  });

  test("a slow first supplier is not waited for", async () => {
    await main.fault({ kind: "slow", share: 1, delayMs: 5_000, forMs: 60_000 });
    const { body } = await pads();
    expect(suppliers(body)).toContain("supplier-alt");
    expect(body.degraded).toBe(false);
  });

  test("without its database the service still answers, live", async () => {
    await lab.fault({ kind: "partition", forMs: 60_000 });
    const { status, body } = await pads();
    // A partition cuts the partners off too: what is left is the catalogue.
    expect([status, body.degraded, body.total > 0]).toEqual([200, true, true]);
    expect((await lab.call("GET", "/readyz")).status).toBe(200);
  });

  test("what they keep of their promise can be read", async () => {
    await pads();
    const { body } = await lab.call("GET", "/parts-finder/partners");
    const [first] = body.items;
    expect(first).toMatchObject({ partner: "supplier", availability: expect.any(Number) });
    expect(first.calls).toBeGreaterThan(0);
  });

  test("the double has a quota, and refuses more than fifty references", async () => {
    const poor = await startForTest(supplierOf("supplier", { perSecond: 1, burst: 2 }));
    const ask = (references: readonly string[]) =>
      poor.call("POST", "/supplier/offers", { references });
    const asked = [await ask([]), await ask([]), await ask([])];
    expect(asked.map(({ status }) => status)).toEqual([200, 200, 429]);
    const { headers } = asked.at(-1)!;
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await ask(Array.from({ length: 51 }, String))).status).toBe(400);
    await poor.stop();
  });
});
