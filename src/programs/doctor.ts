/**
 * What `novaevo doctor` looks at: versions, the plan, the data folder, engines and their
 * durability, migrations, and the running instance.
 *
 * Shape:  findings, each `ok`, `note` (worth knowing) or `problem` (exit code 1).
 * Errors: none; what cannot be looked at is a finding that says why. No secret is in a finding.
 */
import { readFile, stat, statfs } from "node:fs/promises";
import path from "node:path";
import { openStore, storeVersion } from "../io/clickhouse/client.ts";
import { openDb, type Sql } from "../io/postgres/db.ts";
import { durabilityFaults, readSettings } from "../io/postgres/durability.ts";
import { migrationState } from "../io/postgres/migrate.ts";
import { redact } from "../io/log/json-log.ts";
import { isAlive } from "../io/process/pid.ts";
import { PATHS } from "../contract/paths.ts";
import { parsePlan } from "../launch/plan/parse.ts";
import { sha256 } from "../ledger/adapters/node-crypto.ts";
import type { Config } from "./config.ts";
import { MIN_FREE_BYTES } from "./data-dir.ts";
import { engineAddresses } from "./running.ts";
import { novaevoVersion } from "./version.ts";

export type Finding = {
  readonly area: "version" | "plan" | "data" | "process" | "postgres" | "clickhouse" | "hub";
  readonly name: string;
  readonly value: string;
  readonly state: "ok" | "note" | "problem";
};

const MINIMUM_NODE = 24;
const GIBIBYTE = 1024 ** 3;
const FOR_OTHERS = 0o077;
const ASK_MS = 3_000;
const NEARLY_FULL = 0.9;
const SECRET_FILES = ["admin-token", "ledger-key.pem", "agent/token", "run/engines.json"];
const CHILDREN = ["postgres", "store", "hub", "agent"];

export const examine = async (config: Config, address: string): Promise<readonly Finding[]> => {
  const looks: readonly [Finding["area"], () => Promise<readonly Finding[]>][] = [
    ["version", versions],
    ["plan", () => planFile(config)],
    ["data", () => dataFolder(config)],
    ["process", () => processes(config)],
    ["postgres", () => postgres(config)],
    ["clickhouse", () => clickhouse(config)],
    ["hub", () => hub(address)],
  ];
  const found = await Promise.all(
    looks.map(([area, look]) =>
      look().catch((fault: unknown) => [problem(area, area, sentence(fault))]),
    ),
  );
  return found.flat();
};

const ok = (area: Finding["area"], name: string, value: string): Finding => ({
  ...{ area, name, value },
  state: "ok",
});
const note = (area: Finding["area"], name: string, value: string): Finding => ({
  ...{ area, name, value },
  state: "note",
});
const problem = (area: Finding["area"], name: string, value: string): Finding => ({
  ...{ area, name, value },
  state: "problem",
});

const sentence = (fault: unknown): string => {
  const why = fault instanceof AggregateError ? fault.errors[0] : fault;
  return redact(why instanceof Error ? why.message : String(why)).slice(0, 300);
};

const versions = async (): Promise<readonly Finding[]> => {
  const node = process.versions.node;
  const recent = Number(node.split(".")[0]) >= MINIMUM_NODE;
  return [
    ok("version", "NovaEvo", novaevoVersion()),
    recent
      ? ok("version", "Node", node)
      : problem("version", "Node", `${node} is older than ${MINIMUM_NODE}`),
  ];
};

const planFile = async ({ planFile: file }: Config): Promise<readonly Finding[]> => {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return [problem("plan", "file", `${file} cannot be read`)];
  const parsed = parsePlan({ sha256 })(text, path.basename(file));
  if (!parsed.ok) {
    return [problem("plan", "file", `${parsed.error.length} problems: novaevo plan check`)];
  }
  const { warnings, plan } = parsed.value;
  return [
    ok("plan", "file", `${plan.id} loads`),
    ...(warnings.length === 0
      ? []
      : [note("plan", "warnings", `${warnings.length}: novaevo plan check`)]),
  ];
};

const dataFolder = async ({ dataDir }: Config): Promise<readonly Finding[]> => {
  const found = await stat(dataDir).catch(() => undefined);
  if (found === undefined) return [note("data", "folder", `${dataDir} is made at first start`)];
  const { bavail, blocks, bsize } = await statfs(dataDir);
  const free = `${((bavail * bsize) / GIBIBYTE).toFixed(1)} of ${((blocks * bsize) / GIBIBYTE).toFixed(1)} GiB free`;
  const disk =
    bavail * bsize < MIN_FREE_BYTES
      ? problem("data", "disk", `${free}: too little to start on`)
      : bavail < blocks * (1 - NEARLY_FULL)
        ? note("data", "disk", `${free}: nearly full`)
        : ok("data", "disk", free);
  const open = await Promise.all(
    SECRET_FILES.map(async (name) => {
      const file = path.join(dataDir, name);
      const mode = (await stat(file).catch(() => undefined))?.mode ?? 0;
      return (mode & FOR_OTHERS) === 0
        ? []
        : [problem("data", name, `can be read by others; run: chmod 600 '${file}'`)];
    }),
  );
  return [ok("data", "folder", dataDir), disk, ...open.flat()];
};

const processes = async ({ dataDir }: Config): Promise<readonly Finding[]> => {
  const seen = await Promise.all(
    CHILDREN.map(async (name) => {
      const file = path.join(dataDir, "run", `${name}.pid`);
      const pid = Number(await readFile(file, "utf8").catch(() => "0"));
      if (!(pid > 1)) return [];
      return (await isAlive(pid))
        ? [ok("process", name, `runs, pid ${pid}`)]
        : [note("process", name, `pid ${pid} is gone`)];
    }),
  );
  return seen.flat();
};

const postgres = async (config: Config): Promise<readonly Finding[]> => {
  const { databaseUrl } = await engineAddresses(config);
  if (databaseUrl === undefined) {
    return [note("postgres", "address", "embedded, and not running: nothing to look at")];
  }
  const db = openDb({ connectionString: databaseUrl, max: 1, name: "novaevo-doctor" });
  try {
    const found = await readSettings(db);
    const { fsync, full_page_writes: pages, synchronous_commit: commit } = found.settings;
    const faults = durabilityFaults(found);
    return [
      ok("postgres", "version", found.version),
      ...faults.map((fault) => problem("postgres", "durability", fault)),
      ...(faults.length > 0
        ? []
        : [
            ok(
              "postgres",
              "durability",
              `fsync ${fsync}, full_page_writes ${pages}, synchronous_commit ${commit}`,
            ),
          ]),
      await migrations(db),
    ];
  } finally {
    await db.close();
  }
};

const migrations = async (sql: Sql): Promise<Finding> => {
  const { applied, pending, changed, unknown } = await migrationState(sql);
  if (changed.length > 0) {
    return problem("postgres", "migrations", `changed since applied: ${changed.join(", ")}`);
  }
  const latest = applied.at(-1) ?? "none";
  const said = `${applied.length} applied, the last ${latest}`;
  if (pending.length > 0) {
    return note("postgres", "migrations", `${said}; the next start applies ${pending.join(", ")}`);
  }
  return unknown.length > 0
    ? note("postgres", "migrations", `${said}; of a later NovaEvo: ${unknown.join(", ")}`)
    : ok("postgres", "migrations", said);
};

const clickhouse = async (config: Config): Promise<readonly Finding[]> => {
  const { clickhouseUrl } = await engineAddresses(config);
  if (clickhouseUrl === undefined) {
    return [note("clickhouse", "address", "embedded, and not running: nothing to look at")];
  }
  const store = openStore({ url: clickhouseUrl });
  try {
    return [ok("clickhouse", "version", (await storeVersion(store)) ?? "?")];
  } finally {
    await store.close();
  }
};

const hub = async (address: string): Promise<readonly Finding[]> => {
  const answer = await fetch(new URL(PATHS.readyz, address), {
    signal: AbortSignal.timeout(ASK_MS),
  }).catch(() => undefined);
  if (answer === undefined) {
    return [problem("hub", "health", `${address} does not answer: is NovaEvo started?`)];
  }
  const said: unknown = await answer.json().catch(() => undefined);
  const waiting = waitingFor(said);
  if (waiting === undefined) {
    return [problem("hub", "health", `${address} answers HTTP ${answer.status}, not as NovaEvo`)];
  }
  return answer.ok
    ? [ok("hub", "health", `${address} is ready`)]
    : [problem("hub", "health", `${address} is not ready: waits for ${waiting.join(", ")}`)];
};

const waitingFor = (said: unknown): readonly string[] | undefined => {
  if (typeof said !== "object" || said === null || !("waiting" in said)) return undefined;
  return Array.isArray(said.waiting) ? said.waiting.map(String) : undefined;
};
