/** The live stream over real sockets: resume, heartbeat, slow and too many clients, lost access. */
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StreamEvent } from "../../src/contract/ops.ts";
import { openLab, sessionOf, type Lab } from "../contract/lab.ts";
import { openSse, type SseClient } from "./sse-client.ts";

const MAX_CLIENTS = 500;
const RECHECK_MS = 10;

let lab: Lab;
let port: number;
beforeAll(async () => {
  lab = await openLab({ recheckMs: RECHECK_MS });
  await lab.server.listen({ host: "127.0.0.1", port: 0 });
  port = (lab.server.server.address() as AddressInfo).port;
});
afterAll(() => lab.close());

const open = (headers: Readonly<Record<string, string>> = {}): Promise<SseClient> =>
  openSse(port, { ...lab.authorization("viewer"), ...headers });

/** Events of any content: the stream carries them as they are. */
const publish = (type: StreamEvent["type"], data: unknown): void =>
  lab.stream.publish({ type, data } as StreamEvent);
const texts = ({ frames }: SseClient): readonly string[] =>
  frames.map(({ event, data }) => `${event} ${JSON.stringify(data)}`);
/** Everybody who left is gone from the server's books too. */
const emptied = async (): Promise<void> => {
  while (lab.stream.size() > 0) await turn();
};

describe("the stream", () => {
  test("gives a new client the latest of each kind, then what comes", async () => {
    publish("services", { n: 1 });
    publish("alerts", { n: 1 });
    publish("services", { n: 2 });
    const client = await open();
    expect(client.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
    });
    publish("alerts", { n: 2 });
    await client.until(() => client.frames.length === 3);
    expect(texts(client)).toEqual(['alerts {"n":1}', 'services {"n":2}', 'alerts {"n":2}']);
    client.close();
    await emptied();
  });

  test("is resumed after the last event that was seen, with nothing twice", async () => {
    const first = await open();
    publish("services", { n: 3 });
    publish("kpis", { n: 1 });
    await first.until(() => texts(first).includes('kpis {"n":1}'));
    const seen = first.frames.at(-1)?.id ?? "";
    first.close();
    publish("alerts", { n: 3 });
    publish("services", { n: 4 });
    publish("services", { n: 5 });
    const again = await open({ "last-event-id": seen });
    publish("gates", { n: 1 });
    await again.until(() => again.frames.at(-1)?.event === "gates");
    expect(texts(again)).toEqual(['alerts {"n":3}', 'services {"n":5}', 'gates {"n":1}']);
    again.close();
    await emptied();
  });

  test.each([
    ["another run's position", "other:3", "the hub was restarted"],
    ["a position that never was", "lab:999999", "no such position"],
    ["garbage", "lab:x", "no such position"],
  ])("asked for %s says so, and gives the whole", async (_, position, reason) => {
    publish("alerts", { n: 4 });
    const client = await open({ "last-event-id": position });
    await client.until(() => texts(client).includes('alerts {"n":4}'));
    expect(client.frames[0]).toEqual({ id: undefined, event: "resync", data: { reason } });
    client.close();
    await emptied();
  });

  test("beats while nothing happens", async () => {
    const client = await open();
    await client.until(() => client.comments.length > 0);
    client.close();
    await emptied();
  });

  test("is refused to who is not signed in", async () => {
    const answer = await openSse(port, {});
    expect(answer.status).toBe(401);
  });
});

describe("a client that does not read", () => {
  test("is cut, and one that reads is not (control)", async () => {
    const reading = await open();
    const lazy = connect({ host: "127.0.0.1", port });
    lazy.pause();
    lazy.write(
      `GET /api/app/stream HTTP/1.1\r\nhost: 127.0.0.1\r\n` +
        `authorization: ${lab.authorization("viewer")["authorization"]}\r\n\r\n`,
    );
    while (lab.stream.size() < 2) await turn();
    const pad = "x".repeat(256 * 1024);
    const cut = async (): Promise<number> =>
      (await lab.metrics.streamCut.get()).values[0]?.value ?? 0;
    // The kernel's buffers take the first megabytes; more than these no client may cost the hub.
    for (let n = 0; n < 400 && (await cut()) === 0; n += 1) {
      publish("kpis", { n, pad });
      await reading.until(() =>
        JSON.stringify(reading.frames.at(-1)?.data).startsWith(`{"n":${n},`),
      );
    }
    expect(await cut()).toBe(1);
    expect(lab.stream.size()).toBe(1);
    const gone = new Promise((resolve) => lazy.once("close", resolve));
    lazy.on("error", () => undefined);
    lazy.resume();
    await gone;
    publish("kpis", { n: "after" });
    await reading.until(() => texts(reading).includes('kpis {"n":"after"}'));
    reading.close();
    await emptied();
  });
});

class FakeResponse extends EventEmitter {
  readonly writableLength = 0;
  writeHead(): this {
    return this;
  }
  write(): boolean {
    return true;
  }
  end(): this {
    return this;
  }
}

describe("more clients than there may be", () => {
  test("are told to come back, until somebody leaves (control)", async () => {
    const fakes = Array.from({ length: MAX_CLIENTS }, () => new FakeResponse());
    const taken = fakes.map((one) =>
      lab.stream.attach(one as unknown as ServerResponse, undefined),
    );
    expect(taken.every((one) => one)).toBe(true);
    const refused = await open();
    expect(refused.status).toBe(503);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    for (const one of fakes) one.emit("close");
    const client = await open();
    expect(client.status).toBe(200);
    client.close();
    await emptied();
  });
});

describe("a stream whose caller may read no more", () => {
  test("ends; that of somebody else goes on (control)", async () => {
    const cookie = await sessionOf(lab);
    const mine = await openSse(port, { cookie });
    const theirs = await open();
    expect(mine.status).toBe(200);
    await lab.server.inject({ method: "DELETE", url: "/api/app/session", headers: { cookie } });
    await mine.closed;
    publish("overview", { n: "last" });
    await theirs.until(() => texts(theirs).includes('overview {"n":"last"}'));
    theirs.close();
    await emptied();
    expect((await openSse(port, { cookie })).status).toBe(401);
  });

  test("goes on while the database is away: nobody can say that he may not", async () => {
    let away = false;
    let asked = 0;
    const other = await openLab({
      recheckMs: RECHECK_MS,
      authenticate: async () => {
        asked += 1;
        if (away) throw new Error("connection terminated");
        return { id: "token:1", name: "x", role: "viewer", via: "token" };
      },
    });
    try {
      await other.server.listen({ host: "127.0.0.1", port: 0 });
      const client = await openSse((other.server.server.address() as AddressInfo).port, {});
      away = true;
      const before = asked;
      while (asked < before + 3) await turn();
      other.stream.publish({ type: "resync", data: { reason: "still here" } });
      await client.until(() => client.frames.length > 0);
      client.close();
    } finally {
      await other.close();
    }
  });
});
