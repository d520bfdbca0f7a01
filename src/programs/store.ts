/**
 * `novaevo store`: the embedded ClickHouse in a process of its own, on loopback.
 *
 * Shape:  NOVAEVO_STORE_DIR (required), NOVAEVO_STORE_PORT (0, the default: any free one),
 *         NOVAEVO_STORE_PASSWORD (required; the user is `novaevo`). When it answers it writes
 *         `{"ready":true,"port":n}` on stdout. EOF on stdin, SIGTERM and SIGINT stop it: it takes
 *         no more, finishes what runs and closes the engine. The parent sets UV_THREADPOOL_SIZE:
 *         each running query occupies one of libuv's threads.
 * Errors: one line on stderr that names the cause; exit code 1.
 */
import { access, constants, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { incomingFiles } from "../io/clickhouse/embedded/body.ts";
import { layoutOf, openEngine } from "../io/clickhouse/embedded/engine.ts";
import { startStoreServer } from "../io/clickhouse/embedded/server.ts";
import { lockDirectory } from "../io/disk/adapters/directory-lock.ts";
import { DirectoryBusy, faultCode } from "../io/disk/disk.ts";
import { jsonLog } from "../io/log/json-log.ts";

export type StoreConfig = {
  readonly dir: string;
  readonly port: number;
  readonly password: string;
};
export type RunningStore = { readonly port: number; readonly close: () => Promise<void> };

export const STORE_USER = "novaevo";
/** Threads libuv needs here: three sessions, and files and DNS beside them. */
export const STORE_THREADPOOL_SIZE = 8;
/** A write that proves the disk takes writes, a little more than a table's smallest part. */
const PROBE_BYTES = 64 * 1024;
const STOP_WITHIN_MS = 7_500;

export const runStore = async (config: StoreConfig): Promise<RunningStore> => {
  const layout = layoutOf(config.dir);
  await prepareDirectory(config.dir);
  const release = await lockDirectory(config.dir).catch((fault: unknown) => {
    if (!(fault instanceof DirectoryBusy)) throw fault;
    throw new StoreRefused(`${config.dir} is in use by another store, process ${fault.holderPid}`);
  });
  try {
    const incoming = await incomingFiles(layout.incoming);
    const engine = await openEngine({ dataDir: layout.data, configFile: layout.configFile });
    const credentials = { user: STORE_USER, password: config.password };
    const start = startStoreServer({ engine, incoming, credentials });
    const server = await start(config.port).catch(async (fault: unknown) => {
      await engine.close();
      if (faultCode(fault) !== "EADDRINUSE") throw fault;
      throw new StoreRefused(`port ${config.port} is taken (NOVAEVO_STORE_PORT)`);
    });
    return {
      port: server.port,
      close: async () => {
        const closed = server.close();
        await engine.close();
        await closed;
        await release();
      },
    };
  } catch (fault) {
    await release();
    throw fault;
  }
};

/** A start refused for a reason the operator can act on. */
export class StoreRefused extends Error {
  override readonly name = "StoreRefused";
}

const prepareDirectory = async (dir: string): Promise<void> => {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await access(dir, constants.W_OK);
    const probe = join(dir, `probe-${process.pid}`);
    try {
      await writeFile(probe, new Uint8Array(PROBE_BYTES), { flush: true });
    } finally {
      await rm(probe, { force: true });
    }
  } catch (fault) {
    const why = DISK_FAULTS[faultCode(fault)];
    if (why === undefined) throw fault;
    throw new StoreRefused(`${dir}: ${why}`);
  }
};

const DISK_FAULTS: Readonly<Record<string, string>> = {
  EROFS: "the disk is read-only",
  EACCES: "this user may not write here",
  EPERM: "this user may not write here",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a file is in the way of the directory",
};

const configOf = (env: NodeJS.ProcessEnv): StoreConfig => {
  const dir = env["NOVAEVO_STORE_DIR"];
  const password = env["NOVAEVO_STORE_PASSWORD"];
  const port = Number(env["NOVAEVO_STORE_PORT"] ?? "0");
  if (dir === undefined || dir === "") throw new StoreRefused("NOVAEVO_STORE_DIR is not set");
  if (password === undefined || password === "")
    throw new StoreRefused("NOVAEVO_STORE_PASSWORD is not set");
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new StoreRefused("NOVAEVO_STORE_PORT must be a port number from 0 to 65535");
  return { dir, port, password };
};

export const main = async (): Promise<void> => {
  const log = jsonLog("store");
  try {
    const store = await runStore(configOf(process.env));
    let stopping = false;
    const stop = (why: string): void => {
      if (stopping) return;
      stopping = true;
      log.info("stopping", { why });
      // A query that ignores its limit must not hold the parent up: what was acknowledged is safe.
      setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
      void store.close().then(
        () => process.exit(0),
        (fault: unknown) => {
          log.error("the store did not close cleanly", { fault });
          process.exit(1);
        },
      );
    };
    process.on("SIGTERM", () => stop("SIGTERM"));
    process.on("SIGINT", () => stop("SIGINT"));
    process.stdin.on("end", () => stop("the parent is gone"));
    process.stdin.on("error", () => stop("the parent is gone"));
    process.stdin.resume();
    log.info("ready", { port: store.port, pid: process.pid });
    process.stdout.write(`${JSON.stringify({ ready: true, port: store.port })}\n`);
  } catch (fault) {
    log.error(fault instanceof Error ? fault.message : String(fault), {
      ...(fault instanceof StoreRefused ? {} : { fault }),
    });
    process.exit(1);
  }
};
