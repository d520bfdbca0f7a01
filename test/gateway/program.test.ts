/**
 * The program itself, as its own process: it follows a supervisor, serves on without it and without
 * the hub, sends its spans, keeps its orders over a kill, and drains when it is asked to stop.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Instance } from "../../src/respond/control/messages.ts";
import { GATEWAY_CONFIG, type GatewaySettings } from "../../src/programs/gateway-config.ts";
import { newDir, ok, startBackend, type TestBackend } from "./started.ts";

const NOVAEVO = fileURLToPath(new URL("../../src/programs/novaevo.ts", import.meta.url));
const ROUTE = { prefix: "/a", service: "a", criticality: "optional", timeoutMs: 5 };
const TOKEN = "a control token of the tests, long enough";
let dir: string;
let backend: TestBackend;
let children: ChildProcess[] = [];
let servers: Server[] = [];

beforeEach(async () => {
  dir = await newDir();
  backend = await startBackend(ok);
  await writeFile(path.join(dir, "token"), TOKEN, { mode: 0o600 });
});
afterEach(async () => {
  for (const child of children.filter(
    ({ exitCode, signalCode }) => (exitCode ?? signalCode) === null,
  )) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await backend.close();
  await rm(dir, { recursive: true, force: true });
  [children, servers] = [[], []];
});

const listening = async (server: Server): Promise<string> => {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const instanceOf = (url: string): Instance => ({
  ...{ id: "obd2.paris.1", service: "obd2", region: "paris", url, pid: 1, state: "ready" },
  ...{ version: "1", stateSinceMs: 0, restarts: 0, cpu: null, memory: null, why: null },
  ...{ cpuCores: 1, memoryBytes: 1 },
});
/** A supervisor's door that tells one list, then waits. */
const supervisor = (instances: readonly Instance[]) =>
  createServer((req, res) => {
    if (req.headers.authorization !== `Bearer ${TOKEN}`) res.writeHead(401).end();
    else if (req.url?.includes("after=1") === true) req.resume();
    else res.end(JSON.stringify({ epoch: 0, revision: 1, pools: [], instances }));
  });

type Running = { readonly child: ChildProcess; readonly url: string; readonly control: string };
const start = async (more: Partial<GatewaySettings>): Promise<Running> => {
  const tokenFile = path.join(dir, "token");
  const config: GatewaySettings = {
    ...{ region: "paris", regions: ["paris", "lyon"], dataDir: path.join(dir, "data") },
    ...{ controlTokenFile: tokenFile, sessionKeyFile: tokenFile },
    routes: [{ prefix: "/obd2", service: "obd2", criticality: "critical", timeoutMs: 5_000 }],
    ...more,
  };
  const file = path.join(dir, "gateway.json");
  await writeFile(file, JSON.stringify(config));
  const child = spawn(process.execPath, [NOVAEVO, "gateway"], {
    env: { ...process.env, [GATEWAY_CONFIG]: file, NOVAEVO_PARENT: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.push(child);
  child.stderr.resume();
  for await (const line of createInterface({ input: child.stdout })) {
    const { port, controlPort } = JSON.parse(line) as { port: number; controlPort: number };
    return { child, url: `http://127.0.0.1:${port}`, control: `http://127.0.0.1:${controlPort}` };
  }
  throw new Error("it ended before it was ready");
};
const get = async (url: string): Promise<number> => {
  const { statusCode, body } = await request(url);
  await body.dump();
  return statusCode;
};
const stateOf = async (control: string, query = ""): Promise<string> => {
  const headers = { authorization: `Bearer ${TOKEN}` };
  return (await request(`${control}/control/state${query}`, { headers })).body.text();
};
/** Until the gateway says it has instances: it says so by its revision. */
const untilListed = async (control: string): Promise<void> => {
  for (;;) {
    const text = await stateOf(control);
    if (text.includes("obd2.paris.1")) return;
    const { revision } = JSON.parse(text) as { revision: number };
    await stateOf(control, `?after=${revision}&waitMs=30000`);
  }
};

test("finds its backends by the supervisor, and serves on when that and the hub are away", async () => {
  const spans = Promise.withResolvers<string | undefined>();
  const hub = createServer((req, res) => {
    if (req.url === "/v1/traces") spans.resolve(req.headers.authorization);
    req.resume().once("end", () => res.end());
  });
  const tokenFile = path.join(dir, "token");
  const above = supervisor([instanceOf(backend.url)]);
  const { child, url, control } = await start({
    supervisor: { url: await listening(above), tokenFile },
    otlp: { url: await listening(hub), tokenFile },
  });
  await untilListed(control);
  expect(await get(`${url}/obd2/x`)).toBe(200);
  expect(await spans.promise).toBe(`Bearer ${TOKEN}`);
  for (const server of [above, hub]) {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
  expect(await get(`${url}/obd2/x`)).toBe(200);
  child.stdin!.end();
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("control: with nothing to follow and nothing named there is nobody to call", async () => {
  const { url } = await start({});
  expect(await get(`${url}/obd2/x`)).toBe(503);
});

test("an acknowledged order is in force after a kill", async () => {
  const instances = [{ id: "obd2.paris.1", service: "obd2", region: "paris", url: backend.url }];
  const first = await start({ instances });
  const order = { kind: "circuit", service: "obd2", state: "open" };
  const { statusCode } = await request(`${first.control}/control/orders`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ id: "a", epoch: 3, order }),
  });
  expect(statusCode).toBe(200);
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  const second = await start({ instances });
  expect(await get(`${second.url}/obd2/x`)).toBe(503);
  expect(backend.seen).toEqual([]);
  expect(await stateOf(second.control)).toContain('"epoch":3');
});

test("asked to stop it finishes what runs", async () => {
  const arrived = Promise.withResolvers<() => void>();
  backend.handle = (_req, res) => arrived.resolve(() => res.end("late"));
  const instances = [{ id: "obd2.paris.1", service: "obd2", region: "paris", url: backend.url }];
  const { child, url } = await start({ instances });
  const asked = get(`${url}/obd2/slow`);
  const answer = await arrived.promise;
  const stopping = once(child.stderr!, "data");
  child.kill("SIGTERM");
  await stopping;
  answer();
  expect(await asked).toBe(200);
  expect(await once(child, "exit")).toEqual([0, null]);
});

test.each([
  ["a region that is not among the regions", { region: "nice" }, "region"],
  [
    "two routes of one prefix",
    {
      routes: [ROUTE, ROUTE],
    },
    "routes.1.prefix",
  ],
  ["a short token", { controlTokenFile: "SHORT" }, "32 characters"],
])("does not start with %s, and exits with 2", async (_, more, says) => {
  const short = path.join(dir, "short");
  await writeFile(short, "short", { mode: 0o600 });
  const tokenFile = path.join(dir, "token");
  const config = {
    ...{ region: "paris", regions: ["paris"], dataDir: path.join(dir, "data") },
    ...{ controlTokenFile: tokenFile, sessionKeyFile: tokenFile },
    routes: [{ prefix: "/obd2", service: "obd2", criticality: "critical", timeoutMs: 5_000 }],
    ...more,
  };
  const file = path.join(dir, "gateway.json");
  await writeFile(file, JSON.stringify(config).replace("SHORT", short));
  const child = spawn(process.execPath, [NOVAEVO, "gateway", "--config", file], { stdio: "pipe" });
  children.push(child);
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  expect(await once(child, "exit")).toEqual([2, null]);
  expect(said).toContain(says);
});
