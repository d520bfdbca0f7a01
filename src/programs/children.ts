/**
 * The children of `novaevo up`: how each is started and what it is told.
 *
 * Secrets go by environment or by file, never by command line. `NOVAEVO_PARENT` makes a child watch
 * its stdin, so that it stops when the parent is gone.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openDb } from "../io/postgres/db.ts";
import { connectionString, startPostmaster, type Embedded } from "../io/postgres/embedded.ts";
import type { Log } from "../io/log/json-log.ts";
import type { ChildSpec } from "../io/process/child.ts";
import type { Config } from "./config.ts";

const PROGRAM = fileURLToPath(new URL("./novaevo.ts", import.meta.url));
const POLL_MS = 30;
/** Lines of PostgreSQL that say it starts and stops as it should. */
const ROUTINE = /^(LOG|NOTICE|INFO):/;
const POSTGRES_START_MS = 60_000;
/** chDB's queries occupy libuv's threads; the default of 4 starves file work. */
const STORE_THREADS = "12";
/**
 * The collector marks when the heap has grown by half; bodies count as growth, so a small heap was
 * marked for every few of them. A quarter less CPU under ingest (docs/decisions/0007).
 */
const HUB_FLAGS = ["--initial-old-space-size=128", "--max-semi-space-size=8"];
/**
 * What is large is mapped by itself and goes when it is freed; left to itself, glibc raises that
 * bound to the largest body it saw and keeps the holes (docs/decisions/0009). Others ignore it.
 */
const HUB_MEMORY = {
  MALLOC_MMAP_THRESHOLD_: "15000",
  MALLOC_TRIM_THRESHOLD_: "131072",
  MALLOC_ARENA_MAX: "2",
};

/** A program of ours that reads its configuration from a file; it says so when it serves. */
export const programChild = (
  name: string,
  program: string,
  env: Readonly<Record<string, string>>,
): ChildSpec => ({ name, spawn: async () => node([program], env) });

/** A program of the rehearsal, by its file. */
export const scriptChild = (
  name: string,
  file: string,
  env: Readonly<Record<string, string>>,
): ChildSpec => ({
  name,
  spawn: async () =>
    spawn(process.execPath, ["--disable-proto=throw", file], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...env },
    }),
});

const node = (
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): ChildProcess =>
  spawn(process.execPath, ["--disable-proto=throw", ...flags, PROGRAM, ...words], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...env, NOVAEVO_PARENT: String(process.pid) },
  });

export const postgresChild = (embedded: Embedded, port: number, log: Log): ChildSpec => ({
  name: "postgres",
  stopSignal: "SIGINT",
  spawn: async () => {
    const child = startPostmaster(embedded, port);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.split("\n")) {
        if (line === "") continue;
        const say = ROUTINE.test(line) ? log.info : log.warn;
        say(line, { child: "postgres" });
      }
    });
    return child;
  },
  probe: (child) => postgresAnswers(embedded, port, child),
});

/** One more database of the same server; made on the first start. */
export const makeDatabase = async (databaseUrl: string, name: string): Promise<string> => {
  const admin = openDb({ connectionString: databaseUrl, max: 1 });
  try {
    const found = await admin.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
    if (found.length === 0) await admin.query(`CREATE DATABASE ${name}`);
  } finally {
    await admin.close();
  }
  const made = new URL(databaseUrl);
  made.pathname = `/${name}`;
  return made.href;
};

/** Waits until it answers, and makes the database on the first start. */
const postgresAnswers = async (
  embedded: Embedded,
  port: number,
  child: ChildProcess,
): Promise<void> => {
  const until = performance.now() + POSTGRES_START_MS;
  for (;;) {
    const admin = openDb({
      connectionString: connectionString(embedded, port, "postgres"),
      max: 1,
    });
    try {
      const found = await admin.query("SELECT 1 FROM pg_database WHERE datname = 'novaevo'");
      if (found.length === 0) await admin.query("CREATE DATABASE novaevo");
      return;
    } catch (fault) {
      if (performance.now() > until || child.exitCode !== null) throw fault;
    } finally {
      await admin.close();
    }
    await delay(POLL_MS);
  }
};

export const storeChild = (config: Config, port: number, password: string): ChildSpec => ({
  name: "store",
  spawn: async () =>
    node(["store"], {
      NOVAEVO_STORE_DIR: path.join(config.dataDir, "store"),
      NOVAEVO_STORE_PORT: String(port),
      NOVAEVO_STORE_PASSWORD: password,
      NOVAEVO_LOG: config.logLevel,
      UV_THREADPOOL_SIZE: STORE_THREADS,
    }),
});

export type Engines = { readonly databaseUrl: string; readonly clickhouseUrl: string };

export const hubChild = (
  config: Config,
  engines: Engines,
  firstCode: () => boolean,
  more: Readonly<Record<string, string>> = {},
): ChildSpec => ({
  name: "hub",
  spawn: async () =>
    node(
      ["hub"],
      {
        NOVAEVO_DATA: config.dataDir,
        NOVAEVO_PLAN: config.planFile,
        NOVAEVO_HOST: config.host,
        NOVAEVO_PORT: String(config.port),
        NOVAEVO_SERIES_PER_SOURCE: String(config.seriesLimits.maxSeriesPerSource),
        NOVAEVO_SERIES_PER_METRIC: String(config.seriesLimits.maxSeriesPerMetric),
        DATABASE_URL: engines.databaseUrl,
        CLICKHOUSE_URL: engines.clickhouseUrl,
        ...(firstCode() ? { NOVAEVO_ISSUE_CODE: "1" } : {}),
        ...HUB_MEMORY,
        ...more,
      },
      HUB_FLAGS,
    ),
});

export const agentChild = (config: Config, settings: unknown): ChildSpec => ({
  name: "agent",
  spawn: async () =>
    node(["agent"], {
      NOVAEVO_AGENT_CONFIG: JSON.stringify(settings),
      NOVAEVO_LOG: config.logLevel,
    }),
});
