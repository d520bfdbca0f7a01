/**
 * `novaevo up`: a small parent that starts, watches and restarts postgres, store, hub and agent.
 *
 * A second `up` on the same data is refused. One that was killed leaves children that stop by
 * themselves (their stdin ends) and a PostgreSQL that does not: the next `up` ends what is left
 * before it starts anything.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { jsonLog, type Log } from "../io/log/json-log.ts";
import { faultCode } from "../io/disk/disk.ts";
import { isStarting, openDb } from "../io/postgres/db.ts";
import { readSettings } from "../io/postgres/durability.ts";
import { connectionString, prepare, stopOrphan } from "../io/postgres/embedded.ts";
import { supervise, type Child, type ChildSpec } from "../io/process/child.ts";
import { onStop } from "../io/process/parent.ts";
import { isAlive, stopPid } from "../io/process/pid.ts";
import { freePort } from "../io/process/port.ts";
import { agentSettings, type Beside } from "./agent-settings.ts";
import { agentChild, hubChild, postgresChild, storeChild, type Engines } from "./children.ts";
import type { Config } from "./config.ts";
import { holdDataDir, Refusal } from "./data-dir.ts";
import { forgetEngines, noteEngines } from "./running.ts";

const LEFTOVER_GRACE_MS = 6_000;
const DATABASE_START_MS = 30_000;
const POLL_MS = 100;
const POSTGRES_PORT = 5432;
/** Shares of the ten seconds a stop may take, last started first. */
const GRACE_MS = { agent: 2_500, hub: 3_000, store: 2_500, postgres: 1_500 } as const;
type ChildName = keyof typeof GRACE_MS;

export type Saying = { readonly json?: boolean };

/** What runs beside the four: told to hub and agent before they start, begun once they serve. */
export type Besides = {
  /** Names of pid files and how their processes are known: what a killed `up` may have left. */
  readonly processes: readonly { readonly name: string; readonly program: string }[];
  readonly prepare: (config: Config, engines: Engines) => Promise<Told>;
  readonly begin: (start: (spec: ChildSpec) => Child) => Promise<readonly string[]>;
  readonly graceMs: number;
};
export type Told = {
  readonly hubEnv: Readonly<Record<string, string>>;
  readonly watched: Beside;
};

export const up = async (
  asking: Config,
  saying: Saying = {},
  besides?: Besides,
): Promise<number> => {
  const log = jsonLog("up", { level: asking.logLevel });
  // First: a second one on the same data mostly asks for the same port, and must hear the pid.
  const held = await holdDataDir(asking.dataDir);
  const runDir = path.join(asking.dataDir, "run");
  await stopLeftovers(runDir, log, besides?.processes ?? []);
  const config = await readyToServe(asking).catch(async (fault: unknown) => {
    await held.release();
    throw fault;
  });
  const pids = pidFilesIn(runDir);
  const fatal = Promise.withResolvers<string>();
  const children: Child[] = [];
  const start = (spec: ChildSpec): Child => {
    const child = supervise(spec, {
      log,
      onPid: pids.note,
      onFatal: fatal.resolve,
    });
    children.push(child);
    return child;
  };
  const asked = new Promise<string>((resolve) => onStop(resolve));
  const opened = run(config, log, start, saying, besides);
  opened.catch((fault: unknown) =>
    fatal.resolve(fault instanceof Error ? fault.message : String(fault)),
  );
  const why = await Promise.race([asked.then(() => undefined), fatal.promise.then((text) => text)]);
  if (why !== undefined) log.error("stopping", { why });
  // Ctrl-C reaches the children too: none that ends by it is to be started again.
  for (const child of children) child.retire();
  const isOwn = ({ name }: Child): boolean => Object.hasOwn(GRACE_MS, name);
  await Promise.all(
    children.filter((child) => !isOwn(child)).map((child) => child.stop(besides!.graceMs)),
  );
  for (const child of children.filter(isOwn).toReversed())
    await child.stop(GRACE_MS[child.name as ChildName]);
  await pids.noted();
  await forgetEngines(config);
  await held.release();
  if (why !== undefined) process.stderr.write(`novaevo: ${why}\n`);
  return why === undefined ? 0 : 1;
};

const run = async (
  config: Config,
  log: Log,
  start: (spec: ChildSpec) => Child,
  { json = false }: Saying,
  besides: Besides | undefined,
): Promise<void> => {
  const waits: Promise<unknown>[] = [];
  let { databaseUrl, clickhouseUrl } = config;
  if (clickhouseUrl === undefined) {
    const password = randomBytes(24).toString("hex");
    const port = await freePort();
    clickhouseUrl = `http://novaevo:${password}@127.0.0.1:${port}`;
    waits.push(start(storeChild(config, port, password)).ready);
  }
  if (databaseUrl === undefined) {
    const embedded = await prepare({
      dataDir: config.dataDir,
      forbidNamespaces: process.env["NOVAEVO_NO_USER_NAMESPACE"] === "1",
    });
    const orphan = await stopOrphan(embedded.clusterDir);
    if (orphan !== undefined) log.warn("ended a PostgreSQL that was left running", { pid: orphan });
    const port = await freePort();
    databaseUrl = connectionString(embedded, port);
    waits.push(start(postgresChild(embedded, port, log)).ready);
  }
  const engines: Engines = { databaseUrl, clickhouseUrl };
  await Promise.all(waits);
  await noteEngines(config, engines);
  const told = await besides?.prepare(config, engines);
  let first = true;
  const issueFirst = (): boolean => {
    const issue = first;
    first = false;
    return issue;
  };
  const hub = start(hubChild(config, engines, issueFirst, told?.hubEnv));
  const said = await hub.ready;
  // After the hub: a probe of something that is still starting would count as an outage.
  start(agentChild(config, await agentSettings(config, engines, told?.watched)));
  const lines = (await besides?.begin(start)) ?? [];
  if (json) process.stdout.write(`${JSON.stringify({ ...said, dataDir: config.dataDir })}\n`);
  else announce(config, said, lines);
};

const announce = (
  config: Config,
  said: Readonly<Record<string, unknown>>,
  more: readonly string[],
): void => {
  const address = String(said["url"]);
  const code = said["code"];
  const lines = [
    "",
    `  NovaEvo  ${address}`,
    ...(typeof code === "string"
      ? [
          `  Connexion / sign in  ${address}/#code=${code}`,
          "  (code à usage unique, 10 min / single use, 10 min)",
        ]
      : []),
    `  Données / data       ${config.dataDir}`,
    `  Jeton / API token    ${path.join(config.dataDir, "admin-token")}`,
    ...more.map((line) => `  ${line}`),
    "",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
};

/** Said before anything is started, so that the reason is the last thing on the screen. */
const readyToServe = async (config: Config): Promise<Config> => {
  await portMustBeFree(config);
  if (config.databaseUrl !== undefined) await databaseMustAnswer(config.databaseUrl);
  // Chosen once, so that the agent and every restart of the hub find the same.
  return config.port === 0 ? { ...config, port: await freePort() } : config;
};

const portMustBeFree = (config: Config): Promise<void> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (fault) => {
      const why =
        faultCode(fault) === "EADDRINUSE" ? "is taken" : `cannot be used (${fault.message})`;
      reject(
        new Refusal(
          `port ${config.port} on ${config.host} ${why}; set NOVAEVO_PORT to another one`,
        ),
      );
    });
    server.listen(config.port, config.host, () => server.close(() => resolve()));
  });

/** A database that is starting or restarting may take its time; one that is not there may not. */
const databaseMustAnswer = async (databaseUrl: string): Promise<void> => {
  const db = openDb({ connectionString: databaseUrl, max: 1 });
  const until = performance.now() + DATABASE_START_MS;
  try {
    for (;;) {
      const fault = await readSettings(db).then(
        () => undefined,
        (why: unknown) => (why instanceof Error ? why : new Error(String(why))),
      );
      if (fault === undefined) return;
      if (!isStarting(fault) || performance.now() > until) {
        const { hostname, port, pathname } = new URL(databaseUrl);
        const place = `${pathname.slice(1)} on ${hostname}:${port || POSTGRES_PORT}`;
        const why = fault.message === "" ? faultCode(fault) : fault.message;
        throw new Refusal(
          `DATABASE_URL: the PostgreSQL database ${place} cannot be used: ${why}; start it, ` +
            "correct DATABASE_URL, or unset it for the embedded one",
          { cause: fault },
        );
      }
      await delay(POLL_MS);
    }
  } finally {
    await db.close();
  }
};

/** In order: a death noted after the next life would take that one's file away. */
const pidFilesIn = (runDir: string) => {
  let last: Promise<unknown> = Promise.resolve();
  return {
    note: (name: string, pid: number | undefined): void => {
      const file = path.join(runDir, `${name}.pid`);
      last = last
        .then(() => (pid === undefined ? rm(file, { force: true }) : writeFile(file, `${pid}\n`)))
        .catch(() => undefined);
    },
    noted: () => last,
  };
};

/** Node children of an `up` that was killed: asked to stop, then made to. */
const stopLeftovers = async (
  runDir: string,
  log: Log,
  besides: Besides["processes"],
): Promise<void> => {
  await mkdir(runDir, { recursive: true });
  const own = ["agent", "hub", "store"].map((name) => ({ name, program: name }));
  await Promise.all(
    [...own, ...besides].map(async ({ name, program }) => {
      const file = path.join(runDir, `${name}.pid`);
      const pid = Number(await readFile(file, "utf8").catch(() => "0"));
      if (pid > 1 && (await isAlive(pid, `novaevo.ts\0${program}`))) {
        log.warn("ending a child that was left running", { child: name, pid });
        await stopPid(pid, { first: "SIGTERM", graceMs: LEFTOVER_GRACE_MS, last: "SIGKILL" });
      }
      await rm(file, { force: true });
    }),
  );
};
