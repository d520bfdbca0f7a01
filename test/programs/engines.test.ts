/** Engines of one's own: `DATABASE_URL` and `CLICKHOUSE_URL`, and no other change. */
import path from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { KpiList } from "../../src/contract/kpi.ts";
import { openDb } from "../../src/io/postgres/db.ts";
import { PASSWORD, startStore } from "../store/process.ts";
import { get, ready, removed, run, startUp, temporary } from "./lab.ts";

let root: string;
beforeAll(async () => {
  root = await temporary();
});
afterAll(() => removed(root));

/** A database of its own on the run's server, which has fsync off: up must say so. */
const freshDatabase = async (name: string): Promise<string> => {
  const url = new URL(inject("postgresUrl"));
  const admin = openDb({ connectionString: url.href, max: 1 });
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.close();
  url.pathname = `/${name}`;
  return url.href;
};

test("a ClickHouse that is somebody else's holds the samples", async () => {
  const store = await startStore(path.join(root, "store"));
  const address = new URL(store.url);
  address.username = "novaevo";
  address.password = encodeURIComponent(PASSWORD);
  const dataDir = path.join(root, "data");
  const up = await startUp(dataDir, { CLICKHOUSE_URL: address.href });
  await ready(up);
  expect(await up.pid("store")).toBe(0);
  const client = store.client();
  const count = async (): Promise<number> => {
    const answer = await client.query({
      query: "SELECT count() AS n FROM samples",
      format: "JSONEachRow",
    });
    const [row] = await answer.json<{ n: string }>();
    return Number(row?.n);
  };
  await expect.poll(count, { timeout: 45_000, interval: 250 }).toBeGreaterThan(100);
  const { items } = await get<KpiList>(up, "/api/app/kpis");
  expect(items.find(({ id }) => id === "resource-usage")?.reading?.verdict).not.toBe("unknown");
  expect(await up.stop()).toBe(0);
  await client.close();
  await store.stop();
});

test("a PostgreSQL that may forget what it acknowledged is refused, setting by setting", async () => {
  const external = process.env["TEST_DATABASE_URL"] !== undefined;
  const databaseUrl = await freshDatabase("up_on_another");
  if (external) return ownDatabase(databaseUrl);
  const refused = await run(["up"], {
    ...{ NOVAEVO_DATA: path.join(root, "forgets"), NOVAEVO_PORT: "0" },
    DATABASE_URL: databaseUrl,
  });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("fsync");
  return undefined;
});

/** Debian's server in CI is durable: there it must simply work. */
const ownDatabase = async (databaseUrl: string): Promise<void> => {
  const up = await startUp(path.join(root, "debian"), { DATABASE_URL: databaseUrl });
  await ready(up);
  expect(await up.pid("postgres")).toBe(0);
  const verified = await run(["ledger", "verify"], { DATABASE_URL: databaseUrl });
  expect(verified.code, verified.stderr).toBe(0);
  expect(await up.stop()).toBe(0);
};
