/**
 * `novaevo up` as people start it: a process of its own on a folder and a port of its own.
 *
 * Shape:  what a test starts is remembered, and `endAll` ends what a failed one left running.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { freePort } from "../../src/io/process/port.ts";

const BIN = fileURLToPath(new URL("../../bin/novaevo.mjs", import.meta.url));

export type Up = {
  readonly child: ChildProcess;
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly stderr: () => string;
  readonly token: () => Promise<string>;
  readonly pid: (name: string) => Promise<number>;
  /** Asks it to stop; resolves with its exit code. */
  readonly stop: () => Promise<number | null>;
  readonly exited: Promise<number | null>;
};

export type Ended = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Words before the program: `setpriv …`, `unshare …`. */
export type Launcher = readonly string[];

const environment = (more: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith("NOVAEVO_") && !name.startsWith("VITEST"),
    ),
  ),
  NODE_OPTIONS: "",
  ...more,
});

export const temporary = (name = "novaevo-up-"): Promise<string> =>
  mkdtemp(path.join(tmpdir(), name));

/** Runs a command of the CLI to its end. */
export const run = async (
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  as: Launcher = [],
): Promise<Ended> => {
  const [program, ...rest] = [...as, process.execPath, BIN, ...words];
  const child = spawn(program!, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment(env),
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
};

const started: Up[] = [];

export const startUp = async (
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
  as: Launcher = [],
  /** Leads a process group, as the foreground job of a terminal does. */
  isJob: boolean = false,
  command: "up" | "rehearse" = "up",
): Promise<Up> => {
  const port = Number(env["NOVAEVO_PORT"] ?? (await freePort()));
  const [program, ...rest] = [...as, process.execPath, BIN, command, "--json"];
  const child = spawn(program, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: isJob,
    env: environment({ NOVAEVO_DATA: dataDir, NOVAEVO_PORT: String(port), ...env }),
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const pid = async (name: string): Promise<number> =>
    Number(await readFile(path.join(dataDir, "run", `${name}.pid`), "utf8").catch(() => "0"));
  const up = {
    ...{ child, dataDir, exited, pid },
    url: `http://127.0.0.1:${port}`,
    stderr: () => stderr,
    token: async () => (await readFile(path.join(dataDir, "admin-token"), "utf8")).trim(),
    stop: () => {
      child.kill("SIGTERM");
      return exited;
    },
  };
  started.push({ ...up, port });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([
    once(lines, "line"),
    exited.then((code) => Promise.reject(new Error(`up ended with ${code}: ${stderr}`))),
  ])) as [string];
  const { url } = JSON.parse(line) as { url: string };
  return { ...up, url, port: Number(new URL(url).port) };
};

type Process = { readonly pid: number; readonly parent: number; readonly start: string };

const processes = async (): Promise<readonly Process[]> => {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid): Promise<Process | undefined> => {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
      // State, parent, …, start time: counted after the command, which may hold anything.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (fields.length < 20 || fields[0] === "Z" || fields[0] === "X") return undefined;
      return { pid: Number(pid), parent: Number(fields[1]), start: fields[19] ?? "" };
    }),
  );
  return found.filter((one) => one !== undefined);
};

/** Every process below one, itself included; on Linux. */
export const familyOf = async (up: Pick<Up, "child">): Promise<readonly Process[]> => {
  const all = await processes();
  const family = all.filter(({ pid }) => pid === up.child.pid);
  for (const { pid } of family) family.push(...all.filter(({ parent }) => parent === pid));
  return family;
};

/** Those of a family that run still, whoever their parent is now. */
export const alive = async (family: readonly Process[]): Promise<readonly number[]> => {
  const now = new Map((await processes()).map(({ pid, start }) => [pid, start]));
  return family.filter(({ pid, start }) => now.get(pid) === start).map(({ pid }) => pid);
};

export const kill = (pid: number, signal: NodeJS.Signals = "SIGKILL"): void => {
  try {
    if (pid > 1) process.kill(pid, signal);
  } catch {
    // Gone already.
  }
};

/** Ends what a failed test left running. */
export const endAll = async (): Promise<void> => {
  for (const up of started.splice(0)) {
    for (const { pid } of await familyOf(up)) kill(pid);
    for (const name of ["agent", "hub", "store", "postgres"]) kill(await up.pid(name));
  }
};

/** Where the engines of a running `up` answer. */
export const enginesOf = async (up: Pick<Up, "dataDir">) =>
  JSON.parse(await readFile(path.join(up.dataDir, "run", "engines.json"), "utf8")) as {
    readonly databaseUrl: string;
    readonly clickhouseUrl: string;
  };

/** Engines, recent window and all: a moment after the address was said. */
export const ready = async (up: Up): Promise<void> => {
  await expect.poll(() => waitingFor(up), { timeout: 90_000 }).toEqual([]);
};

export const removed = (dir: string): Promise<void> => rm(dir, { recursive: true, force: true });

export const get = async <T>(up: Up, at: string): Promise<T> => call<T>(up, "GET", at);

export const call = async <T>(up: Up, method: string, at: string, body?: unknown): Promise<T> => {
  const answer = await fetch(`${up.url}${at}`, {
    method,
    headers: {
      authorization: `Bearer ${await up.token()}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${at}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
};

/** What /readyz still waits for. */
export const waitingFor = async (up: Pick<Up, "url">): Promise<readonly string[]> => {
  const answer = await fetch(`${up.url}/readyz`);
  const { waiting } = (await answer.json()) as { waiting: readonly string[] };
  if (answer.ok !== (waiting.length === 0)) throw new Error(`${answer.status}: ${waiting.join()}`);
  return waiting;
};

/** A target whose one metric the test sets; undefined answers nothing at all. */
export const exporter = async (metric: string, first: number) => {
  let value: number | undefined = first;
  const server = createServer((_, response) => {
    if (value === undefined) return void response.socket?.destroy();
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(`# TYPE ${metric} gauge\n${metric} ${value}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/metrics`,
    set: (next: number | undefined): void => void (value = next),
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

export const written = async (file: string, text: string): Promise<string> => {
  await writeFile(file, text);
  return file;
};
