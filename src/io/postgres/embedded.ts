/**
 * The embedded PostgreSQL: made once, started on a free loopback port, stopped fast and clean.
 *
 * Errors: `prepare` throws an Error whose sentence says what to do (disk, rights, DATABASE_URL).
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, lstat, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { nodeDisk } from "../disk/adapters/node-disk.ts";
import { stopPid, isAlive } from "../process/pid.ts";
import { createSecretFile, readSecretFile } from "../secret/secret-file.ts";
import { postgresBinaries, type PostgresBinaries } from "./binaries.ts";
import { chooseRunner, type Runner } from "./runner.ts";

const run = promisify(execFile);
const USER = "novaevo";
const DATABASE = "novaevo";
const ORPHAN_STOP_MS = 8_000;

/** Small on purpose: one hub on one machine; `DATABASE_URL` is the way to a larger one. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "60",
  shared_buffers: "48MB",
  jit: "off",
  max_wal_size: "512MB",
  wal_level: "replica",
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  max_worker_processes: "4",
  max_parallel_workers: "2",
  autovacuum_max_workers: "2",
  log_min_messages: "warning",
  log_line_prefix: "",
  timezone: "UTC",
};

export type Embedded = {
  readonly binaries: PostgresBinaries;
  readonly runner: Runner;
  readonly clusterDir: string;
  readonly password: string;
};

/** Creates the cluster where there is none; a half-made one is never left behind. */
export const prepare = async (options: {
  readonly dataDir: string;
  readonly forbidNamespaces?: boolean;
}): Promise<Embedded> => {
  const home = path.join(options.dataDir, "postgres");
  await mkdir(home, { recursive: true, mode: 0o700 });
  let binaries = await postgresBinaries(path.join(home, "lib"));
  const runner = await chooseRunner({
    dataDir: home,
    binariesRoot: () => binaries.root,
    ...(options.forbidNamespaces === undefined
      ? {}
      : { forbidNamespaces: options.forbidNamespaces }),
  });
  if (runner.binariesRoot !== undefined) {
    const links = path.join(path.dirname(runner.dataDir), "lib");
    binaries = await postgresBinaries(links, runner.binariesRoot);
  }
  const password = await secret(path.join(home, "password"));
  const clusterDir = path.join(runner.dataDir, "cluster");
  if (!(await exists(path.join(clusterDir, "PG_VERSION")))) {
    await initialise(binaries, runner, clusterDir, password);
  }
  return { binaries, runner, clusterDir, password };
};

const initialise = async (
  binaries: PostgresBinaries,
  runner: Runner,
  clusterDir: string,
  password: string,
): Promise<void> => {
  const draft = `${clusterDir}.new`;
  const passwordFile = path.join(runner.dataDir, "initdb-password");
  await rm(draft, { recursive: true, force: true });
  await writeFile(passwordFile, password, { mode: 0o600 });
  const { uid, gid } = runner.identity;
  if (uid !== undefined && gid !== undefined) await chown(passwordFile, uid, gid);
  const words = [
    ["--pgdata", draft, "--username", USER, "--pwfile", passwordFile],
    ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"],
    ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--data-checksums"],
  ].flat();
  try {
    await run(...command(runner, binaries.initdb, words), {
      ...runner.identity,
      cwd: "/",
      env: { ...process.env, ...binaries.env },
    });
  } catch (fault) {
    const said = fault instanceof Error && "stderr" in fault ? String(fault.stderr).trim() : fault;
    throw new Error(
      `PostgreSQL could not be initialised in ${draft}: ${String(said)}\n` +
        "(set DATABASE_URL to use a PostgreSQL of your own)",
      { cause: fault },
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draft, clusterDir);
  await nodeDisk.syncDir(path.dirname(clusterDir));
};

const command = (runner: Runner, program: string, words: readonly string[]): [string, string[]] => {
  const [first = program, ...rest] = [...runner.prefix, program, ...words];
  return [first, rest];
};

export const connectionString = (
  embedded: Embedded,
  port: number,
  database: string = DATABASE,
): string => `postgresql://${USER}:${embedded.password}@127.0.0.1:${port}/${database}`;

/** Starts the postmaster; the caller waits until it answers and creates the database. */
export const startPostmaster = (
  embedded: Embedded,
  port: number,
  overrides: Readonly<Record<string, string>> = {},
): ChildProcess => {
  const settings = Object.entries({ ...SETTINGS, ...overrides, port: String(port) });
  const words = ["-D", embedded.clusterDir, ...settings.flatMap(([k, v]) => ["-c", `${k}=${v}`])];
  const [program, rest] = command(embedded.runner, embedded.binaries.postgres, words);
  return spawn(program, rest, {
    ...embedded.runner.identity,
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...embedded.binaries.env },
  });
};

/**
 * Stops a postmaster that outlived the parent that started it (kill -9 of `novaevo up`).
 * Returns its pid, or undefined when there was none.
 */
export const stopOrphan = async (clusterDir: string): Promise<number | undefined> => {
  const text = await readFile(path.join(clusterDir, "postmaster.pid"), "utf8").catch(() => "");
  const [first, directory] = text.split("\n");
  const pid = Number(first);
  if (!(pid > 1) || directory === undefined || !(await isAlive(pid, clusterDir))) return undefined;
  // SIGINT is PostgreSQL's fast shutdown: sessions are ended, then a checkpoint is written.
  await stopPid(pid, { first: "SIGINT", graceMs: ORPHAN_STOP_MS, last: "SIGQUIT" });
  return pid;
};

/** On the disk before the cluster is made with it: one that is lost locks the database for ever. */
const secret = async (file: string): Promise<string> => {
  const made = randomBytes(24).toString("hex");
  return ((await readSecretFile(file)) ?? (await createSecretFile(file, made))).trim();
};

const exists = (file: string): Promise<boolean> =>
  lstat(file).then(
    () => true,
    () => false,
  );
