/**
 * A gateway in this process, real backends on free ports, and a clock the test moves.
 *
 * Shape:  `step` is called by the test, so that nothing happens by itself; wall and monotonic time
 *         are one clock, in ms.
 */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { request } from "undici";
import { openSegmentLog } from "../../src/io/log/segment-log.ts";
import { allowAll } from "../../src/respond/gateway/admission.ts";
import { openGateway, type Gateway } from "../../src/respond/gateway/gateway.flow.ts";
import type { Route } from "../../src/respond/gateway/routing.ts";
import { newSpanBatch, type SpanBatch } from "../../src/respond/gateway/span-batch.ts";

export const SESSION_KEY = Buffer.from("a key of the tests, thirty-two characters long");
const START_MS = 1_760_000_000_000;

export const routeOf = (more: Partial<Route> = {}): Route => ({
  ...{ prefix: "/parts-finder", service: "parts-finder", criticality: "standard" },
  ...{ timeoutMs: 5_000, retries: 0 },
  ...more,
});

type Handle = (req: IncomingMessage, res: ServerResponse) => void;
export type TestBackend = {
  readonly url: string;
  readonly seen: IncomingMessage[];
  handle: Handle;
  readonly close: () => Promise<void>;
};

export const startBackend = async (handle: Handle): Promise<TestBackend> => {
  const seen: IncomingMessage[] = [];
  const server = createServer((req, res) => {
    seen.push(req);
    backend.handle(req, res);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const backend: TestBackend = {
    ...{ url: `http://127.0.0.1:${port}`, seen, handle },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return backend;
};

export const ok: Handle = (_req, res) => void res.end('{"fine":true}');
export const failing: Handle = (_req, res) => {
  res.statusCode = 500;
  res.end("{}");
};

export type Started = {
  readonly gateway: Gateway;
  readonly url: string;
  readonly port: number;
  readonly spans: SpanBatch;
  readonly clock: { ms: number };
  readonly get: (
    target: string,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<{ status: number; headers: Readonly<Record<string, unknown>>; body: string }>;
  readonly raw: (text: string) => Promise<string>;
  readonly close: () => Promise<void>;
};

export const startGatewayWith = async (more: {
  readonly routes?: readonly Route[];
  readonly backends?: readonly (readonly [id: string, url: string])[];
  readonly dir?: string;
  readonly queueCapacity?: number;
  readonly maxBodyBytes?: number;
  readonly backups?: Readonly<Record<string, string>>;
}): Promise<Started> => {
  const dir = more.dir ?? (await newDir());
  const clock = { ms: START_MS };
  const spans = newSpanBatch({ "service.name": "api-gateway" });
  const gateway = await openGateway(
    {
      clock: { now: () => clock.ms, monotonic: () => clock.ms },
      random: () => 0.5,
      log: await openSegmentLog({ dir }),
      admission: allowAll,
      ...{ spans, spansDropped: () => 0, say: () => undefined },
    },
    {
      routes: more.routes ?? [routeOf()],
      ...{ region: "paris", regions: ["paris", "lyon"], sessionKey: SESSION_KEY },
      ...{ idleMs: 5_000, queueCapacity: more.queueCapacity ?? 500, queueDeadlineMs: 500 },
      ...{ maxBodyBytes: more.maxBodyBytes ?? 1_000_000, backups: more.backups ?? {} },
    },
  );
  gateway.list((more.backends ?? []).map(([id, url]) => listed(id, url)));
  gateway.server.listen(0, "127.0.0.1");
  await once(gateway.server, "listening");
  const { port } = gateway.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    ...{ gateway, url, port, spans, clock },
    get: async (target, headers = {}) => {
      const answer = await request(`${url}${target}`, { headers });
      const body = await answer.body.text();
      return { status: answer.statusCode, headers: answer.headers, body };
    },
    raw: (text) => speak(port, text),
    close: async () => {
      gateway.server.closeAllConnections();
      gateway.server.close();
      await gateway.close();
      if (more.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
};

/** `<service>.<region>.<nth>`. */
export const listed = (id: string, url: string, ready = true) => {
  const [service = "", region = ""] = id.split(".");
  return { id, service, region, url, ready };
};

export const newDir = (): Promise<string> => mkdtemp(path.join(tmpdir(), "novaevo-gateway-"));

export const tokenOf = (said: Readonly<Record<string, unknown>>, key: Buffer = SESSION_KEY) => {
  const body = {
    tier: "standard",
    wave: "w1",
    region: "paris",
    exp: START_MS + 3_600_000,
    ...said,
  };
  const payload = Buffer.from(JSON.stringify(body)).toString("base64url");
  const signature = createHmac("sha256", key).update(payload).digest("base64url");
  return { authorization: `Bearer v1.${payload}.${signature}` };
};

/** Sends bytes as they are, and reads until the other side ends. */
export const speak = async (port: number, text: string): Promise<string> => {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  socket.write(text);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
};
