/**
 * `novaevo up` as people start it: a process of its own on a folder and a port of its own.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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

export const startUp = async (
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
  as: Launcher = [],
): Promise<Up> => {
  const port = Number(env["NOVAEVO_PORT"] ?? (await freePort()));
  const [program, ...rest] = [...as, process.execPath, BIN, "up", "--json"];
  const child = spawn(program, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment({ NOVAEVO_DATA: dataDir, NOVAEVO_PORT: String(port), ...env }),
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([
    once(lines, "line"),
    exited.then((code) => Promise.reject(new Error(`up ended with ${code}: ${stderr}`))),
  ])) as [string];
  const { url } = JSON.parse(line) as { url: string };
  const pid = async (name: string): Promise<number> =>
    Number(await readFile(path.join(dataDir, "run", `${name}.pid`), "utf8").catch(() => "0"));
  return {
    ...{ child, url, port, dataDir, exited, pid },
    stderr: () => stderr,
    token: async () => (await readFile(path.join(dataDir, "admin-token"), "utf8")).trim(),
    stop: () => {
      child.kill("SIGTERM");
      return exited;
    },
  };
};

/** Engines, recent window and all: a moment after the address was said. */
export const ready = async (up: Up): Promise<void> => {
  await expect
    .poll(async () => (await fetch(`${up.url}/readyz`)).status, { timeout: 30_000 })
    .toBe(200);
};

export const removed = (dir: string): Promise<void> => rm(dir, { recursive: true, force: true });

export const get = async <T>(up: Up, at: string): Promise<T> => {
  const answer = await fetch(`${up.url}${at}`, {
    headers: { authorization: `Bearer ${await up.token()}` },
  });
  if (!answer.ok) throw new Error(`${at}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
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
