/**
 * A hub over HTTP that can refuse, hang, lose its answers, forget and restart.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hubLedger, type HubLedger } from "./hub-ledger.ts";

/** "lose": takes the batch, and the connection breaks before the answer. */
export type Mood = "well" | "hang" | "lose" | { readonly status: number; readonly body: string };

export type FakeHub = {
  readonly ledger: HubLedger;
  readonly url: () => string;
  token: string;
  /** Asked for every request. */
  mood: (path: string, seq: number) => Mood;
  readonly requests: () => readonly string[];
  /** Resolves when it is so; looked at after every request. */
  readonly until: (isSo: () => boolean) => Promise<void>;
  /** Breaks every connection; the port stays. */
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
};

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

export const fakeHub = async (): Promise<FakeHub> => {
  const ledger = hubLedger();
  const requests: string[] = [];
  const waiting = new Set<() => void>();
  let server: Server;
  let port = 0;

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const streamId = String(request.headers["x-novaevo-agent"]);
    const seq = Number(request.headers["x-novaevo-seq"] ?? 0);
    const path = request.url ?? "";
    const body = await bodyOf(request);
    requests.push(`${request.method} ${path} ${seq}`);
    const mood = self.mood(path, seq);
    const reply = (status: number, value: string): void =>
      void response.writeHead(status, { "content-type": "application/json" }).end(value);
    if (mood === "hang") return;
    if (request.headers.authorization !== `Bearer ${self.token}`) return reply(401, "{}");
    if (typeof mood === "object") return reply(mood.status, mood.body);
    if (request.method === "POST") {
      const { "x-novaevo-previous": previous, "content-encoding": encoding } = request.headers;
      if (encoding !== "zstd") return reply(415, `{"message":"${encoding}"}`);
      ledger.take(streamId, seq, Number(previous), body);
    }
    if (mood === "lose") request.socket.destroy();
    else reply(200, JSON.stringify(ledger.state(streamId)));
  };
  const listen = async (): Promise<void> => {
    server = createServer((request, response) => {
      serve(request, response).then(
        () => waiting.forEach((look) => look()),
        () => response.destroy(),
      );
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  };
  const self: FakeHub = {
    ledger,
    url: () => `http://127.0.0.1:${port}`,
    token: "first",
    mood: () => "well",
    requests: () => requests,
    until: (isSo) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!isSo()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    start: listen,
  };
  await listen();
  return self;
};
