/**
 * The gateway beside HAProxy and nginx, one process each, before the same backend, in one run.
 *
 * Shape:  `node bench/gateway.ts [seconds=4] [rounds=5]`; needs wrk, and says which peer is absent.
 *         Loaded: 32 keep-alive connections, the targets in turns, medians of the rounds. Unloaded:
 *         each turn asks every target once, in another order; what a proxy adds is its quantile
 *         less the direct one's. Ours has all on: sessions, waiting room, a rate, queue,
 *         limit, circuits, metrics, and a span a request sent to a sink.
 * Units:  requests a second; µs of CPU of the proxy's process a request; µs added.
 * Errors: throws when a target does not answer 200.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createSocketServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Pool, request } from "undici";
import type { GatewaySettings } from "../src/programs/gateway-config.ts";
import { newSpanBatch } from "../src/respond/gateway/span-batch.ts";
import { cpuOf, rssOf, treeOf } from "./process-tree.ts";

const WRK = "/usr/bin/wrk";
const CONNECTIONS = 32;
const WARM_UP_S = 2;
const PAIRS = 4_000;
const SPANS = 200_000;
const ANSWER = JSON.stringify({
  id: 4711,
  name: "brake pad, front axle",
  fits: ["R19", "R21"],
  eur: 39.9,
});
const KEY = "a session key for the bench, of more than 32 characters";
const TOKEN = "a control token for the bench, of more than 32 characters";
const ROOT = fileURLToPath(new URL("../", import.meta.url));

type Target = { readonly name: string; readonly port: number; readonly pid: number };
type Round = { readonly perS: number; readonly cpuUs: number; readonly rss: number };

const started: ChildProcess[] = [];
const run = (command: string, words: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const child = spawn(command, words, {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });
  started.push(child);
  return child;
};
const readyOf = async (child: ChildProcess): Promise<{ port: number; controlPort: number }> => {
  for await (const line of createInterface({ input: child.stdout! }))
    if (line.startsWith("{")) return JSON.parse(line) as { port: number; controlPort: number };
  throw new Error("it ended before it was ready");
};
const freePort = async (): Promise<number> => {
  const server = createSocketServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
};
const answering = async (port: number): Promise<void> => {
  for (let tries = 0; ; tries += 1) {
    const isUp = await request(`http://127.0.0.1:${port}/parts/1`, { headers: headersOf() })
      .then(async ({ statusCode, body }) => (await body.dump(), statusCode === 200))
      .catch(() => false);
    if (isUp) return;
    if (tries > 100) throw new Error(`nothing answers 200 on port ${port}`);
    await sleep(50);
  }
};

const headersOf = () => {
  const said = { sub: "u-1", tier: "premium", wave: "w1", region: "paris", exp: 4e12 };
  const payload = Buffer.from(JSON.stringify(said)).toString("base64url");
  const signature = createHmac("sha256", KEY).update(payload).digest("base64url");
  return { authorization: `Bearer v1.${payload}.${signature}`, "x-channel": "web" };
};

/** In its own process: answers, and swallows spans. */
const serveBackend = async (): Promise<void> => {
  const server = createServer((req, res) => {
    if (req.url === "/v1/traces") {
      req.resume().once("end", () => res.end());
      return;
    }
    res.setHeader("content-type", "application/json");
    res.end(ANSWER);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ ready: true, port })}\n`);
};

const startOurs = async (dir: string, backend: number): Promise<Target> => {
  const [controlTokenFile, sessionKeyFile] = [path.join(dir, "control"), path.join(dir, "session")];
  await writeFile(controlTokenFile, TOKEN, { mode: 0o600 });
  await writeFile(sessionKeyFile, KEY, { mode: 0o600 });
  const url = `http://127.0.0.1:${backend}`;
  const config: GatewaySettings = {
    ...{ region: "paris", regions: ["paris"], dataDir: path.join(dir, "gateway") },
    ...{ controlTokenFile, sessionKeyFile, otlp: { url, tokenFile: controlTokenFile } },
    routes: [{ prefix: "/parts", service: "parts", criticality: "standard", timeoutMs: 5_000 }],
    instances: [1, 2].map((nth) => ({
      id: `parts.paris.${nth}`,
      service: "parts",
      region: "paris",
      url,
    })),
  };
  const file = path.join(dir, "gateway.json");
  await writeFile(file, JSON.stringify(config));
  const child = run(process.execPath, [path.join(ROOT, "src/programs/novaevo.ts"), "gateway"], {
    NOVAEVO_GATEWAY_CONFIG: file,
  });
  const { port, controlPort } = await readyOf(child);
  const orders = [
    { kind: "queue", maxActive: 1_000_000 },
    { kind: "throttle", service: "parts", ratePerS: 1_000_000, burst: 10_000 },
  ];
  for (const [nth, order] of orders.entries()) {
    const { statusCode } = await request(`http://127.0.0.1:${controlPort}/control/orders`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ id: `bench-${nth}`, epoch: 1, order }),
    });
    if (statusCode !== 200) throw new Error(`the order was answered with ${statusCode}`);
  }
  return { name: "novaevo, all controls", port, pid: child.pid! };
};

const startHaproxy = async (dir: string, backend: number): Promise<Target | undefined> => {
  const binary = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"].find((one) => existsSync(one));
  if (binary === undefined) return undefined;
  const port = await freePort();
  const file = path.join(dir, "haproxy.cfg");
  await writeFile(
    file,
    `global
  nbthread 1
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
frontend web
  bind 127.0.0.1:${port}
  default_backend app
backend app
  server s1 127.0.0.1:${backend}
`,
  );
  const child = run(binary, ["-db", "-f", file]);
  return { name: "HAProxy", port, pid: child.pid! };
};

const startNginx = async (dir: string, backend: number): Promise<Target | undefined> => {
  const binary = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].find((one) => existsSync(one));
  if (binary === undefined) return undefined;
  const port = await freePort();
  const file = path.join(dir, "nginx.conf");
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  await writeFile(
    file,
    `daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log /dev/null;
events { worker_connections 1024; }
http {
  access_log off;
  ${kinds.map((kind) => `${kind}_temp_path ${dir}/${kind};`).join("\n  ")}
  keepalive_requests 10000000;
  upstream app { server 127.0.0.1:${backend}; keepalive 64; keepalive_requests 10000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
  );
  const child = run(binary, ["-p", dir, "-c", file]);
  return { name: "nginx", port, pid: child.pid! };
};

const load = async ({ port, pid }: Target, seconds: number): Promise<Round> => {
  const headers = Object.entries(headersOf()).flatMap(([name, value]) => [
    "-H",
    `${name}: ${value}`,
  ]);
  const before = await cpuOf(await treeOf(pid));
  const words = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, ...headers];
  const child = spawn(WRK, [...words, `http://127.0.0.1:${port}/parts/1`]);
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await once(child, "close");
  const cpuS = (await cpuOf(await treeOf(pid))) - before;
  const requests = Number(/(\d+) requests in/.exec(said)?.[1] ?? 0);
  if (requests === 0 || /Non-2xx|Socket errors/.test(said)) throw new Error(`wrk says: ${said}`);
  const perS = Number(/Requests\/sec:\s+([\d.]+)/.exec(said)?.[1]);
  return { perS, cpuUs: (cpuS / requests) * 1e6, rss: await rssOf(await treeOf(pid)) };
};

/** Each turn every target once: what the machine does meanwhile is everybody's. */
const pair = async (targets: readonly Target[]): Promise<ReadonlyMap<string, number[]>> => {
  const asks = targets.map(({ name, port }) => {
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 1 });
    const tookUs: number[] = [];
    return { name, pool, tookUs };
  });
  const headers = headersOf();
  for (let turn = 0; turn < PAIRS; turn += 1)
    for (let nth = 0; nth < asks.length; nth += 1) {
      const { pool, tookUs } = asks[(turn + nth) % asks.length]!;
      const from = performance.now();
      const { statusCode, body } = await pool.request({ path: "/parts/1", method: "GET", headers });
      await body.text();
      if (statusCode !== 200) throw new Error(`answered with ${statusCode}`);
      // The first tenth warms up.
      if (turn >= PAIRS / 10) tookUs.push((performance.now() - from) * 1_000);
    }
  await Promise.all(asks.map(({ pool }) => pool.close()));
  return new Map(asks.map(({ name, tookUs }) => [name, tookUs.toSorted((a, b) => a - b)]));
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

const spanCost = (): number => {
  const batch = newSpanBatch({ "service.name": "api-gateway" });
  const ids = { trace: "0af7651916cd43dd8448eb211c80319c", span: "b7ad6b7169203331", parent: "" };
  const kind = {
    method: "GET",
    route: "/parts",
    service: "parts",
    channel: "web",
    outcome: "served",
  };
  const before = process.cpuUsage();
  for (let nth = 0; nth < SPANS; nth += 1) {
    batch.add({ ...ids, startMs: 1.76e12, endMs: 1.76e12 + nth }, { ...kind, status: 200 });
    if (nth % 2_000 === 0) batch.take();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / SPANS;
};

const main = async (seconds: number, rounds: number): Promise<void> => {
  if (!existsSync(WRK)) throw new Error(`${WRK} is not installed`);
  const dir = await mkdtemp(path.join(tmpdir(), "novaevo-bench-gateway-"));
  try {
    const backend = run(process.execPath, [fileURLToPath(import.meta.url), "backend"]);
    const { port } = await readyOf(backend);
    const direct = { name: "direct", port, pid: backend.pid! };
    const peers = [
      await startOurs(dir, port),
      await startHaproxy(dir, port),
      await startNginx(dir, port),
    ];
    const targets = [direct, ...peers.filter((one) => one !== undefined)];
    if (targets.length < 4) process.stdout.write("HAProxy or nginx is absent here\n");
    for (const target of targets) {
      await answering(target.port);
      await load(target, WARM_UP_S);
    }
    const seen = new Map(targets.map(({ name }) => [name, [] as Round[]]));
    for (let nth = 0; nth < rounds; nth += 1)
      for (const target of targets) seen.get(target.name)!.push(await load(target, seconds));
    say(targets, seen, await pair(targets));
    process.stdout.write(`a span costs ${spanCost().toFixed(2)} µs of CPU\n`);
  } finally {
    for (const child of started.toReversed()) {
      if (child.exitCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    await rm(dir, { recursive: true, force: true });
  }
};

const say = (
  targets: readonly Target[],
  seen: ReadonlyMap<string, readonly Round[]>,
  pairs: ReadonlyMap<string, readonly number[]>,
): void => {
  const at = (name: string, q: number): number => {
    const all = pairs.get(name)!;
    return all[Math.floor(all.length * q)]!;
  };
  const cpu = (name: string): number => median((seen.get(name) ?? []).map(({ cpuUs }) => cpuUs));
  const rate = (name: string): number => median((seen.get(name) ?? []).map(({ perS }) => perS));
  const rows = targets.map(({ name }) => {
    const isDirect = name === "direct";
    const added = [0.5, 0.9, 0.99].map((q) => (at(name, q) - at("direct", q)).toFixed(0));
    const ratio = (of: string, by: (name: string) => number): string =>
      isDirect || !seen.has(of) ? "–" : (by(name) / by(of)).toFixed(2);
    return {
      target: name,
      "requests/s": rate(name).toFixed(0),
      "CPU µs/request": isDirect ? "–" : cpu(name).toFixed(1),
      "CPU ÷ HAProxy": ratio("HAProxy", cpu),
      "CPU ÷ nginx": ratio("nginx", cpu),
      "requests/s ÷ HAProxy": ratio("HAProxy", rate),
      "added P50/P90/P99 µs": isDirect ? "–" : added.join(" / "),
      "RSS MB": (median((seen.get(name) ?? []).map(({ rss }) => rss)) / 1e6).toFixed(0),
    };
  });
  const direct = [0.5, 0.9, 0.99].map((q) => at("direct", q).toFixed(0)).join(" / ");
  console.table(rows);
  process.stdout.write(`direct, unloaded: P50/P90/P99 ${direct} µs\n`);
};

const [first = "4", second = "5"] = process.argv.slice(2);
if (first === "backend") await serveBackend();
else await main(Number(first), Number(second));
