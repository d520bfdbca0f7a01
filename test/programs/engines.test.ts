/** Engines of one's own: `DATABASE_URL` and `CLICKHOUSE_URL`, and no other change. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import type { KpiList } from "../../src/contract/kpi.ts";
import { openDb } from "../../src/io/postgres/db.ts";
import { connectionString, prepare, startPostmaster } from "../../src/io/postgres/embedded.ts";
import { freePort } from "../../src/io/process/port.ts";
import { PASSWORD, startStore, type StoreProcess } from "../store/process.ts";
import { alive, endAll, familyOf, get, ready, removed, run, startUp, temporary } from "./lab.ts";
import { waitingFor, type Up } from "./lab.ts";

/** Programs on a machine that is busy with other tests: slow is not wrong. */
vi.setConfig({ testTimeout: 180_000 });

const PATIENCE = { timeout: 90_000, interval: 250 };
const external = process.env["TEST_DATABASE_URL"];

let root: string;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  root = await temporary();
});
afterAll(async () => {
  await endAll();
  for (const close of closers.toReversed()) await close();
  await removed(root);
});

/** A postmaster that is none of `up`'s, with settings of its own. */
const postmaster = async (name: string, settings: Readonly<Record<string, string>>) => {
  const made = await prepare({ dataDir: path.join(root, name) });
  const port = await freePort();
  const child = startPostmaster(made, port, settings);
  closers.push(async () => {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGINT");
    await gone;
  });
  const url = connectionString(made, port, "postgres");
  await expect.poll(() => onServer(url, "SELECT 1").then(() => true), PATIENCE).toBe(true);
  return url;
};

const onServer = async (url: string, sql: string): Promise<void> => {
  const db = openDb({ connectionString: url, max: 1 });
  try {
    await db.query(sql);
  } finally {
    await db.close();
  }
};

const freshDatabase = async (server: string): Promise<string> => {
  const url = new URL(server);
  const name = `up_${randomBytes(6).toString("hex")}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  url.pathname = `/${name}`;
  return url.href;
};

const withPassword = (store: StoreProcess): string => {
  const address = new URL(store.url);
  address.username = "novaevo";
  address.password = encodeURIComponent(PASSWORD);
  return address.href;
};

const samplesIn = async (store: StoreProcess): Promise<number> => {
  const client = store.client();
  const query = "SELECT count() AS n FROM samples";
  const answer = await client.query({ query, format: "JSONEachRow" });
  const [row] = await answer.json<{ n: string }>();
  await client.close();
  return Number(row?.n);
};

test("both engines somebody else's: the same program, and only hub and agent are its own", async () => {
  const server = external ?? (await postmaster("durable", {}));
  const databaseUrl = await freshDatabase(server);
  const store = await startStore(path.join(root, "store"));
  closers.push(store.stop);
  const env = { DATABASE_URL: databaseUrl, CLICKHOUSE_URL: withPassword(store) };
  const up = await startUp(path.join(root, "both"), env);
  await ready(up);
  expect([await up.pid("postgres"), await up.pid("store")]).toEqual([0, 0]);
  const family = await familyOf(up);
  expect(family).toHaveLength(3);
  await expect.poll(() => samplesIn(store), PATIENCE).toBeGreaterThan(100);
  const { items } = await get<KpiList>(up, "/api/app/kpis");
  expect(items.find(({ id }) => id === "resource-usage")?.reading?.verdict).not.toBe("unknown");
  const verified = await run(["ledger", "verify", "--data", up.dataDir], env);
  expect(verified.code, verified.stderr).toBe(0);
  expect(await up.stop()).toBe(0);
  expect(await alive(family)).toEqual([]);
});

test.each(["fsync", "full_page_writes", "synchronous_commit"])(
  "a PostgreSQL with %s off is refused by that name",
  async (setting) => {
    const isRuns = external === undefined && setting === "fsync";
    const server = isRuns ? inject("postgresUrl") : await postmaster(setting, { [setting]: "off" });
    const refused = await run(["up"], {
      ...{ NOVAEVO_DATA: path.join(root, `forgets-${setting}`), NOVAEVO_PORT: "0" },
      DATABASE_URL: await freshDatabase(server),
    });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`${setting} = off`);
  },
);

test("a PostgreSQL that is not there is named, without its password", async () => {
  const port = await freePort();
  const refused = await run(["up"], {
    ...{ NOVAEVO_DATA: path.join(root, "no-database"), NOVAEVO_PORT: "0" },
    DATABASE_URL: `postgres://user:geheim@127.0.0.1:${port}/nowhere`,
  });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    new RegExp(`DATABASE_URL: .*nowhere on 127\\.0\\.0\\.1:${port}.*ECONNREFUSED`),
  );
  expect(refused.stderr).not.toContain("geheim");
  expect(refused.stderr).not.toContain("    at ");
});

test("a ClickHouse that comes later is waited for by name, and nothing is lost meanwhile", async () => {
  const storePort = await freePort();
  const address = new URL(`http://novaevo@127.0.0.1:${storePort}`);
  address.password = encodeURIComponent(PASSWORD);
  const up = await startUp(path.join(root, "later"), { CLICKHOUSE_URL: address.href });
  await expect.poll(() => waitingFor(up), PATIENCE).toContain("store");
  await expect.poll(() => acceptedOf(up), PATIENCE).toBeGreaterThan(0);
  const fromMs = Date.now();
  const doctor = await run(["doctor", "--data", up.dataDir], { CLICKHOUSE_URL: address.href });
  expect(doctor.code).toBe(1);
  expect(doctor.stdout).toMatch(/clickhouse.*ECONNREFUSED/);

  const store = await startStore(path.join(root, "late-store"), {
    NOVAEVO_STORE_PORT: String(storePort),
  });
  closers.push(store.stop);
  await ready(up);
  await expect.poll(() => samplesIn(store).catch(() => 0), PATIENCE).toBeGreaterThan(100);
  const client = store.client();
  const first = await client.query({
    query: "SELECT toUnixTimestamp64Milli(min(ts)) AS ms FROM samples",
    format: "JSONEachRow",
  });
  const [row] = await first.json<{ ms: string }>();
  expect(Number(row?.ms)).toBeLessThan(fromMs);
  await client.close();
  expect(await up.stop()).toBe(0);
});

/** Batches of the local agent that the hub has acknowledged. */
const acceptedOf = async (up: Up): Promise<number> => {
  const token = (await readFile(path.join(up.dataDir, "agent", "token"), "utf8")).trim();
  const headers = { authorization: `Bearer ${token}`, "x-novaevo-agent": "local" };
  const answer = await fetch(`${up.url}/api/agent/v1/state`, { headers });
  return ((await answer.json()) as { accepted: number }).accepted;
};
