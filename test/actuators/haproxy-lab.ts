/**
 * Debian's HAProxy as an own process, with the configuration of docs/actuators.md on UNIX sockets
 * in a folder of its own, before a handful of servers that say their names.
 *
 * Shape:  `ask` sends requests through it; `door` is the admin socket as the actuator sees it,
 *         where commands can be watched and answers lost.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, request, type ServerResponse } from "node:http";
import { connect, createServer as createDoor, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, vi } from "vitest";
import { haproxyConfig } from "../../src/respond/action/adapters/haproxy-config.ts";
import { replaceFile } from "../../src/respond/action/adapters/haproxy-files.ts";
import { haproxyActuator } from "../../src/respond/action/adapters/haproxy.ts";
import type { Change, Wanted } from "../../src/respond/action/port.ts";

const BINARY = "haproxy";
const PATIENCE = { timeout: 30_000, interval: 10 };
/** Long enough that no slow machine empties the queue by its timeout. */
const QUEUE_MS = 60_000;
export type HaproxyLab = Awaited<ReturnType<typeof openHaproxyLab>>;
export type Told = { readonly status: number; readonly body: string };

export const hasHaproxy = (): boolean => spawnSync(BINARY, ["-v"]).status === 0;

export const page = async (language: string): Promise<string> => {
  const text = await readFile(new URL("../../docs/actuators.md", import.meta.url), "utf8");
  const section = text.slice(text.indexOf("## HAProxy"));
  return new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(section)?.[1] ?? "";
};

export const openHaproxyLab = async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "nova-ha-"));
  const maps = path.join(dir, "maps");
  await mkdir(maps);
  for (const name of ["novaevo", "features", "limits", "premium"])
    await writeFile(path.join(maps, `${name}.map`), "");
  const ranks = "/obd2/flash critical\n/obd2/tips optional\n/obd2/book essential\n";
  await writeFile(path.join(maps, "criticality.map"), ranks);

  const web = path.join(dir, "web.sock");
  const admin = path.join(dir, "admin.sock");
  const door = path.join(dir, "door.sock");
  const local = (text: string): string =>
    text.replaceAll("/etc/haproxy/maps", maps).replaceAll("/run/haproxy/admin.sock", admin);
  const file = path.join(dir, "haproxy.cfg");
  const text = local(await page("haproxy"))
    .replace("bind :8080", `bind unix@${web} mode 600`)
    .replace("timeout queue 2s", `timeout queue ${QUEUE_MS}ms`);
  await writeFile(file, text);
  const documented = JSON.parse(local(await page("json"))) as object;
  const settings = { ...documented, socket: door, queueMs: QUEUE_MS, timeoutMs: 10_000 };

  const haproxy = await start(file, admin);
  const planted = await openDoor(door, admin);
  const backends: Backend[] = [];
  const deps = {
    config: haproxyConfig.parse(settings),
    now: Date.now,
    sleep: (delayMs: number) => delay(delayMs),
    writeFile: replaceFile,
  };
  const hub = (changes: object = {}) =>
    haproxyActuator({ ...deps, config: haproxyConfig.parse({ ...settings, ...changes }) });
  const hubThat = (changes: Partial<typeof deps>) => haproxyActuator({ ...deps, ...changes });
  const actuator = hub();

  return {
    ...{ dir, maps, hub, hubThat, actuator },
    /** A server that says its name, and holds its answers when told so. */
    backend: async (id: string) => {
      const one = await startBackend(id);
      backends.push(one);
      return one;
    },
    join: (ones: readonly Backend[], epoch = 1) =>
      actuator.reconcile({ epoch, service: "obd2", instances: ones.map(({ place }) => place) }),
    ask: (at = "/obd2/x", headers: { [key: string]: string } = {}) => send(web, at, headers),
    command: (line: string) => exchange(admin, line),
    ...planted,
    reload: haproxy.reload,
    /** A column of `show stat` for one row. */
    stat: async (proxy: string, row: string, column: string): Promise<string> => {
      const [head = "", ...rows] = (await exchange(admin, "show stat")).trim().split("\n");
      const at = head.replace(/^# /, "").split(",").indexOf(column);
      return rows.find((one) => one.startsWith(`${proxy},${row},`))?.split(",")[at] ?? "";
    },
    waitFor: <T>(look: () => T | Promise<T>) => vi.waitFor(look, PATIENCE),
    close: async () => {
      await haproxy.stop();
      await planted.closeDoor();
      for (const one of backends) await one.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

export const wanted = (id: string, change: Change, epoch = 1): Wanted => ({
  ...{ id, epoch, change, untilMs: null },
});

// ── HAProxy ─────────────────────────────────────────────────────────────────────────────────────

const start = async (file: string, admin: string) => {
  const child = spawn(BINARY, ["-W", "-db", "-f", file], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (part) => (said += String(part)));
  child.stdout.resume();
  const ended = new Promise<void>((done) => child.on("exit", () => done()));
  const worker = async (): Promise<string> =>
    /^Pid: (\d+)$/m.exec(await exchange(admin, "show info"))?.[1] ?? "";
  const isUp = async (): Promise<void> => {
    if (child.exitCode !== null) throw new Error(`haproxy ended: ${said}`);
    expect(await worker()).toMatch(/^\d+$/);
  };
  await vi.waitFor(isUp, PATIENCE);
  return {
    /** The master starts a new worker, which reads the configuration and the maps anew. */
    reload: async (): Promise<void> => {
      const before = await worker();
      child.kill("SIGUSR2");
      await vi.waitFor(async () => expect(await worker()).not.toBe(before), PATIENCE);
    },
    stop: async (): Promise<void> => {
      child.kill("SIGTERM");
      await ended;
    },
  };
};

const exchange = (socketPath: string, line: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let answer = "";
    socket.on("data", (part) => (answer += String(part)));
    socket.on("end", () => resolve(answer));
    socket.on("error", reject);
    socket.write(`${line}\n`);
  });

type Before = { readonly of: RegExp; readonly act: () => Promise<unknown> };

/** Stands before the admin socket: sees every command, and loses answers when told so. */
const openDoor = async (door: string, admin: string) => {
  const commands: string[] = [];
  const cuts: RegExp[] = [];
  const befores: Before[] = [];
  const taking = new Set<Promise<void>>();
  const server = createDoor((client) => {
    client.on("error", () => undefined);
    const take = async (line: string): Promise<void> => {
      commands.push(line);
      const at = befores.findIndex(({ of }) => of.test(line));
      if (at >= 0) await befores.splice(at, 1)[0]!.act();
      const answer = await exchange(admin, line).catch(() => null);
      const cut = cuts.findIndex((of) => of.test(line));
      if (cut >= 0) cuts.splice(cut, 1);
      if (cut >= 0 || answer === null) client.destroy();
      else client.end(answer);
    };
    let text = "";
    client.on("data", (part) => {
      text += String(part);
      if (!text.endsWith("\n")) return;
      const work: Promise<void> = take(text.trim()).finally(() => taking.delete(work));
      taking.add(work);
    });
  });
  await new Promise<void>((done) => server.listen(door, done));
  return {
    commands,
    /** Once: such a command is carried out, and its answer lost. */
    cut: (of: RegExp) => cuts.push(of),
    /** Once: this happens right before such a command is passed on. */
    before: (of: RegExp, act: () => Promise<unknown>) => befores.push({ of, act }),
    closeDoor: async (): Promise<void> => {
      await Promise.allSettled(taking);
      await new Promise((done) => server.close(done));
    },
  };
};

// ── servers and clients ─────────────────────────────────────────────────────────────────────────

export type Backend = Awaited<ReturnType<typeof startBackend>>;

const startBackend = async (id: string) => {
  const held: { readonly user: string; readonly response: ServerResponse }[] = [];
  const served: string[] = [];
  const is = { holding: false, ready: true, checks: 0 };
  const server = createServer((incoming, response) => {
    if (incoming.url === "/readyz") {
      is.checks += 1;
      response.writeHead(is.ready ? 200 : 503).end();
      return;
    }
    const user = String(incoming.headers["x-user"] ?? "");
    served.push(user);
    if (is.holding) held.push({ user, response });
    else response.end(id);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    ...{ id, is, served, held, place: { id, address: "127.0.0.1", port } },
    /** Answers the longest held. */
    answer: (): void => {
      held.shift()?.response.end(id);
    },
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
};

const send = (
  socketPath: string,
  at: string,
  headers: { [key: string]: string },
): Promise<Told> => {
  const { promise, resolve, reject } = Promise.withResolvers<Told>();
  const options = { socketPath, path: at, agent: false, headers };
  const outgoing = request(options, (response) => {
    let body = "";
    response.on("data", (part) => (body += String(part)));
    response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
  });
  outgoing.on("error", reject);
  outgoing.end();
  return promise;
};
