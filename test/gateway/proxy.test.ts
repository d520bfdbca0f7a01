/** The gateway as its clients and its backends see it, over real HTTP. */
import { once } from "node:events";
import { request } from "undici";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  failing,
  ok,
  routeOf,
  startBackend,
  startGatewayWith,
  tokenOf,
  type Started,
  type TestBackend,
} from "./started.ts";

let backend: TestBackend;
let started: Started | undefined;
const id = "parts-finder.paris.1";

beforeEach(async () => {
  backend = await startBackend(ok);
});
afterEach(async () => {
  await started?.close();
  await backend.close();
  started = undefined;
});

const start = async (more: Parameters<typeof startGatewayWith>[0] = {}): Promise<Started> => {
  started = await startGatewayWith({ backends: [[id, backend.url]], ...more });
  return started;
};

describe("a request", () => {
  test("goes to its service and comes back, with the trace and the caller's session", async () => {
    const { get, spans } = await start();
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const answer = await get("/parts-finder/search?q=frein", {
      ...tokenOf({ sub: "u-1", tier: "premium", wave: "w2" }),
      ...{ traceparent: `00-${trace}-b7ad6b7169203331-01`, "x-channel": "mobile" },
      ...{ "x-user": "somebody-else", "x-wave": "w9", "x-fault-token": "t" },
    });
    expect(answer).toMatchObject({ status: 200, body: '{"fine":true}' });
    const { headers, url } = backend.seen[0]!;
    expect(url).toBe("/parts-finder/search?q=frein");
    expect(headers).toMatchObject({ "x-user": "u-1", "x-tier": "premium", "x-wave": "w2" });
    expect(headers).toMatchObject({ "x-channel": "mobile", "x-region": "paris" });
    expect(headers["traceparent"]).toMatch(new RegExp(`^00-${trace}-(?!b7ad6b7169203331)`));
    expect(headers["x-fault-token"]).toBeUndefined();
    expect(answer.headers["x-request-id"]).toBe(headers["x-request-id"]);
    expect(spans.spans()).toBe(1);
  });

  test("of nobody has no user, whatever it says", async () => {
    const { get } = await start();
    await get("/parts-finder/search", { "x-user": "admin", "x-tier": "premium" });
    expect(backend.seen[0]!.headers).toMatchObject({ "x-tier": "standard" });
    expect(backend.seen[0]!.headers["x-user"]).toBeUndefined();
  });

  test("of a session that is over, or signed by another, is not let in", async () => {
    const { get, clock } = await start();
    const forged = tokenOf({ sub: "u-1" }, Buffer.from("another key, also of 32 characters"));
    expect(await get("/parts-finder", forged)).toMatchObject({ status: 401 });
    const mine = tokenOf({ sub: "u-1" });
    expect(await get("/parts-finder", mine)).toMatchObject({ status: 200 });
    clock.ms += 3_600_001;
    expect(await get("/parts-finder", mine)).toMatchObject({ status: 401 });
  });

  test("body and answer stream: the answer begins before the body has ended", async () => {
    backend.handle = (req, res) => void req.pipe(res);
    const { url } = await start();
    let push: (text: string | null) => void = () => undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        push = (text) =>
          text === null ? controller.close() : controller.enqueue(new TextEncoder().encode(text));
      },
    });
    push("first");
    const answer = await fetch(`${url}/parts-finder/echo`, {
      ...{ method: "POST", body, duplex: "half" },
    });
    const reader = answer.body!.getReader();
    const first = await reader.read();
    expect(new TextDecoder().decode(first.value)).toBe("first");
    push("second");
    push(null);
    const second = await reader.read();
    expect(new TextDecoder().decode(second.value)).toBe("second");
  });

  test.each([0, 1, 255, 9_999, 10_000, 300_000])(
    "an answer of %i bytes of any value arrives as it was",
    async (length) => {
      const body = Buffer.from(Array.from({ length }, (_, at) => (at * 131) % 256));
      backend.handle = (_req, res) => void res.end(body);
      const { url } = await start();
      const answer = await fetch(`${url}/parts-finder/photo`);
      expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
    },
  );

  test("whose client goes away ends at the backend too, and nobody is blamed", async () => {
    const arrived = Promise.withResolvers<void>();
    const cut = Promise.withResolvers<void>();
    backend.handle = (_req, res) => {
      res.once("close", () => cut.resolve());
      arrived.resolve();
    };
    const { url, gateway } = await start();
    const gone = new AbortController();
    const asked = request(`${url}/parts-finder/slow`, { signal: gone.signal });
    await arrived.promise;
    gone.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    await cut.promise;
    const [service] = gateway.state().services;
    expect(service).toMatchObject({ inflight: 0, errorShare: null, circuit: "closed" });
  });

  test("that takes longer than its route allows gets 504, and the backend is let go", async () => {
    const arrived = Promise.withResolvers<void>();
    const cut = Promise.withResolvers<void>();
    backend.handle = (_req, res) => {
      res.once("close", () => cut.resolve());
      arrived.resolve();
    };
    const { get, gateway, clock } = await start();
    const asked = get("/parts-finder/slow");
    await arrived.promise;
    clock.ms += 4_999;
    gateway.step();
    expect(gateway.running()).toBe(1);
    clock.ms += 1;
    gateway.step();
    expect(await asked).toMatchObject({ status: 504 });
    await cut.promise;
  });

  test("whose answer breaks off is broken off, not ended", async () => {
    backend.handle = (_req, res) => {
      res.writeHead(200, { "content-length": "100" });
      res.write("half");
      setImmediate(() => res.destroy());
    };
    const { get } = await start();
    await expect(get("/parts-finder/half")).rejects.toThrow(/closed|aborted|terminated/i);
  });

  test("that only reads is tried at another instance once, one that writes is not", async () => {
    const broken = await startBackend((req) => void req.socket.destroy());
    const { get, url, gateway } = await start({
      routes: [routeOf({ retries: 1 })],
      backends: [
        ["parts-finder.paris.1", broken.url],
        ["parts-finder.lyon.1", backend.url],
      ],
    });
    expect(await get("/parts-finder/x")).toMatchObject({ status: 200 });
    expect([broken.seen.length, backend.seen.length]).toEqual([1, 1]);
    const wrote = await request(`${url}/parts-finder/x`, { method: "POST", body: "b" });
    expect(wrote.statusCode).toBe(502);
    await wrote.body.dump();
    expect(backend.seen.length).toBe(1);
    expect(gateway.state().services[0]!.inflight).toBe(0);
    await broken.close();
  });
});

describe("what is no request is refused, and reaches no backend", () => {
  const line = "POST /parts-finder/x HTTP/1.1\r\nhost: a\r\n";
  test.each([
    [
      "length and coding",
      `${line}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ["two lengths", `${line}content-length: 3\r\ncontent-length: 4\r\n\r\nabc`],
    ["two equal lengths", `${line}content-length: 3\r\ncontent-length: 3\r\n\r\nabc`],
    ["a list of lengths", `${line}content-length: 3, 3\r\n\r\nabc`],
    ["a signed length", `${line}content-length: +3\r\n\r\nabc`],
    ["another coding", `${line}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ["a coding by half", `${line}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ["a folded coding", `${line}transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
    ["a space before the colon", `${line}transfer-encoding : chunked\r\n\r\n0\r\n\r\n`],
    ["no host", "GET /parts-finder/x HTTP/1.1\r\n\r\n"],
    ["two hosts", "GET /parts-finder/x HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"],
    ["an absolute target", "GET http://b/parts-finder/x HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["dots", "GET /parts-finder/../_fault HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["encoded dots", "GET /parts-finder/%2e%2e/_fault HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["a long URL", `GET /parts-finder/${"x".repeat(8_192)} HTTP/1.1\r\nhost: a\r\n\r\n`],
    [
      "a long header",
      `GET /parts-finder/x HTTP/1.1\r\nhost: a\r\nb: ${"x".repeat(20_000)}\r\n\r\n`,
    ],
    ["a big body", `${line}content-length: 1000001\r\n\r\n`],
  ])("%s", async (_, text) => {
    const { raw } = await start();
    expect(await raw(text)).toMatch(/^HTTP\/1\.1 (?:400|413|414|431|501) /);
    expect(backend.seen).toEqual([]);
  });

  test("control: the same request without the fault arrives", async () => {
    const { raw } = await start();
    const text = `${line}content-length: 3\r\nconnection: close\r\n\r\nabc`;
    expect(await raw(text)).toMatch(/^HTTP\/1\.1 200 /);
    expect(backend.seen.length).toBe(1);
  });

  test("an upgrade is answered with 501, and says so", async () => {
    const { raw } = await start();
    const upgrade = "connection: upgrade, close\r\nupgrade: websocket\r\n";
    const answer = await raw(`GET /parts-finder/ws HTTP/1.1\r\nhost: a\r\n${upgrade}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 501 /);
    expect(answer).toContain("upgrade_unsupported");
  });

  test("a body that says no length is counted, and cut at its limit", async () => {
    backend.handle = (req, res) => void req.resume().once("end", () => res.end("took it"));
    const { url } = await start({ maxBodyBytes: 1_000 });
    const send = (size: number) =>
      fetch(`${url}/parts-finder/x`, {
        ...{ method: "POST", duplex: "half", body: new Blob(["x".repeat(size)]).stream() },
      });
    expect((await send(1_000)).status).toBe(200);
    expect((await send(1_001)).status).toBe(413);
  });

  test("no route is 404, no instance 503 with when to come again", async () => {
    const { get, gateway } = await start();
    expect(await get("/partsfinder")).toMatchObject({ status: 404 });
    expect(await get("/parts-finderx")).toMatchObject({ status: 404 });
    gateway.list([]);
    const answer = await get("/parts-finder");
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "2" } });
  });
});

describe("the circuit", () => {
  test("opens in the tick of the deciding call, tries again, and closes", async () => {
    const { get, gateway, clock } = await start();
    backend.handle = failing;
    const state = () => gateway.state().services[0]!.circuit;
    for (let call = 0; call < 19; call += 1) await get("/parts-finder");
    expect(state()).toBe("closed");
    const decided = clock.ms;
    await get("/parts-finder");
    expect(state()).toBe("open");
    const { items } = gateway.events.after(0);
    expect(items.find(({ kind }) => kind === "circuit_opened")?.atMs).toBe(decided);
    const calls = backend.seen.length;
    expect(await get("/parts-finder")).toMatchObject({ status: 503 });
    expect(backend.seen.length).toBe(calls);
    backend.handle = ok;
    clock.ms += 5_000;
    for (let call = 0; call < 5; call += 1) expect((await get("/parts-finder")).status).toBe(200);
    expect(state()).toBe("closed");
  });

  test("control: as many calls that are good leave it closed", async () => {
    const { get, gateway } = await start();
    for (let call = 0; call < 40; call += 1) await get("/parts-finder");
    expect(gateway.state().services[0]!.circuit).toBe("closed");
  });

  test("of one instance opens, the other serves on, and the service stays closed", async () => {
    const bad = await startBackend(failing);
    const { get, gateway } = await start({
      backends: [
        ["parts-finder.paris.1", bad.url],
        ["parts-finder.lyon.1", backend.url],
      ],
    });
    for (let call = 0; call < 20; call += 1) await get("/parts-finder");
    const after = await get("/parts-finder");
    expect(after).toMatchObject({ status: 200, headers: { "x-novaevo-fallback": "backup" } });
    const [service] = gateway.state().services;
    expect(service!.circuit).toBe("closed");
    expect(service!.instances.map(({ circuit }) => circuit)).toEqual(["open", "closed"]);
    await bad.close();
  });
});

describe("in place of a service", () => {
  const cacheable = { ttlMs: 0, maxAgeMs: 60_000 };
  test("its last good answer is given with its age, while it is young enough", async () => {
    const { get, gateway, clock } = await start({ routes: [routeOf({ cacheable })] });
    await get("/parts-finder/a");
    gateway.list([]);
    clock.ms += 30_000;
    const kept = await get("/parts-finder/a");
    expect(kept).toMatchObject({ status: 200, body: '{"fine":true}' });
    expect(kept.headers).toMatchObject({ age: "30", "x-novaevo-fallback": "last_good" });
    expect(await get("/parts-finder/b")).toMatchObject({ status: 503 });
    clock.ms += 30_001;
    expect(await get("/parts-finder/a")).toMatchObject({ status: 503 });
  });

  test("what says it is one user's is never given to another", async () => {
    backend.handle = (_req, res) => void res.setHeader("cache-control", "private").end("mine");
    const { get, gateway } = await start({ routes: [routeOf({ cacheable })] });
    await get("/parts-finder/a");
    gateway.list([]);
    expect(await get("/parts-finder/a")).toMatchObject({ status: 503 });
  });

  test("an answer of 500 is replaced by the last good one, or comes through without one", async () => {
    const { get } = await start({ routes: [routeOf({ cacheable })] });
    await get("/parts-finder/a");
    backend.handle = failing;
    expect(await get("/parts-finder/a")).toMatchObject({ status: 200 });
    expect(await get("/parts-finder/b")).toMatchObject({ status: 500 });
  });

  test("fixed words where the route has them", async () => {
    const route = routeOf({ static: { status: 200, body: { parts: [] } } });
    const { get, gateway } = await start({ routes: [route] });
    gateway.list([]);
    expect(await get("/parts-finder/a")).toMatchObject({ status: 200, body: '{"parts":[]}' });
  });

  test("another service, where the configuration names one", async () => {
    const { get, gateway } = await start({
      routes: [routeOf(), routeOf({ prefix: "/nlp", service: "nlp" })],
      backends: [["nlp.paris.1", backend.url]],
      backups: { "parts-finder": "nlp" },
    });
    const answer = await get("/parts-finder/a");
    expect(answer).toMatchObject({ status: 200, headers: { "x-novaevo-fallback": "backup" } });
    expect(gateway.events.after(0).items.map(({ kind }) => kind)).toContain("fallback_began");
  });
});

test("closing takes no more and finishes what runs", async () => {
  const arrived = Promise.withResolvers<() => void>();
  backend.handle = (_req, res) => arrived.resolve(() => res.end("late"));
  const { get, gateway } = await start();
  const asked = get("/parts-finder/slow");
  const answer = await arrived.promise;
  const closed = once(gateway.server, "close");
  gateway.server.close();
  await expect(get("/parts-finder/new")).rejects.toThrow(/ECONNREFUSED|closed/);
  answer();
  expect(await asked).toMatchObject({ status: 200, body: "late" });
  gateway.server.closeAllConnections();
  await closed;
});
