/**
 * A managed service in little: what `src/respond/supervisor` asks of a process, and nothing else.
 *
 * Shape:  versions name what goes wrong: `…-dies` ends at its start, `…-never` never becomes ready.
 *         FAKE_DEAF: hears no SIGTERM. POST /unready and /ready change /readyz, /leak?mib=n keeps
 *         memory. GET /_fault shows what its fault door was told; the fault `cpu` blocks it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const MIB = 1024 * 1024;
const BLOCK_MS = 60_000;
const { env } = process;
const version = env["FLEET_VERSION"] ?? "";
const token = env["FLEET_FAULT_TOKEN"];
const kept: Buffer[] = [];
const faults: unknown[] = [];
let why = version.endsWith("-never") ? "it never will be" : undefined;

if (version.endsWith("-dies")) {
  process.stderr.write("this version cannot start\n");
  process.exit(1);
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = "";
  for await (const part of request) text += String(part);
  return text;
};

const block = (): void => {
  const until = performance.now() + BLOCK_MS;
  while (performance.now() < until);
};

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const url = new URL(request.url ?? "/", "http://fake");
  const send = (status: number, body: unknown): void => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  if (url.pathname === "/healthz") return send(200, { ok: true });
  if (url.pathname === "/readyz") {
    return why === undefined ? send(200, { ready: true }) : send(503, { ready: false, why });
  }
  if (url.pathname === "/unready") why = "told to be";
  if (url.pathname === "/ready") why = undefined;
  if (url.pathname === "/leak") {
    kept.push(Buffer.alloc(Number(url.searchParams.get("mib")) * MIB, 1));
  }
  if (url.pathname === "/environment") return send(200, { version, env, argv: process.execArgv });
  if (url.pathname !== "/_fault") return send(200, {});
  if (token === undefined) return send(404, {});
  if (request.headers["x-fault-token"] !== token) return send(403, {});
  if (request.method === "DELETE") faults.length = 0;
  if (request.method === "POST") {
    const fault = JSON.parse(await bodyOf(request)) as { readonly kind: string };
    if (version.endsWith("-nodoor")) return send(500, {});
    faults.push(fault);
    if (fault.kind === "cpu") setTimeout(block, 50);
  }
  return send(200, { faults });
};

const server = createServer((request, response) => void answer(request, response));
const stop = (): void => {
  why = "it drains";
  server.close(() => process.exit(0));
  server.closeIdleConnections();
};
if (env["FAKE_DEAF"] === undefined) process.on("SIGTERM", stop);
else process.on("SIGTERM", () => undefined);
process.stdin.on("end", () => process.exit(0)).resume();
setTimeout(
  () =>
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      process.stdout.write(`${JSON.stringify({ ready: true, port })}\n`);
    }),
  Number(env["FAKE_START_MS"] ?? 0),
);
