/** The PostgreSQL collector against a real server. */
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/io/clock.ts";
import { postgresqlCollector } from "../../src/watch/collect/adapters/postgresql.ts";
import type { Collector } from "../../src/watch/collect/collector.ts";
import { testDb, type TestDb } from "../postgres.ts";
import { closedPort, lookAt, tcpTarget } from "./target.ts";

const collectorOf = (connectionString: string, timeoutMs = 10_000): Collector =>
  postgresqlCollector(systemClock, {
    ...{ connectionString, host: "h", service: "novaevo-postgres", intervalMs: 1_000, timeoutMs },
  });

let db: TestDb;
let collector: Collector;
beforeEach(async () => {
  db = await testDb();
  collector = collectorOf(db.connectionString);
});
afterEach(async () => {
  await collector.close?.();
  await db.close();
});

describe("a server that answers", () => {
  test("says that it is up, under the service's name", async () => {
    const { samples, values, why } = await lookAt(collector);
    expect(why).toBeUndefined();
    expect(values).toMatchObject({ up: 1, postgresql_up: 1 });
    const up = samples
      .map(({ series }) => new Map(series.labels))
      .find((labels) => labels.get("__name__") === "up");
    expect(up?.get("service")).toBe("novaevo-postgres");
    expect(up?.get("host")).toBe("h");
  });

  test("counts connections, transactions and bytes", async () => {
    const { values, samples } = await lookAt(collector);
    expect(values["postgresql_connection_max"]).toBeGreaterThan(1);
    expect(values["postgresql_connection_count"]).toBeGreaterThanOrEqual(0);
    expect(values["postgresql_connection_utilization_ratio"]).toBeLessThan(1);
    expect(values["postgresql_commits_total"]).toBeGreaterThan(0);
    expect(values).toMatchObject({ postgresql_replication_standbys: 0 });
    const name = new URL(db.connectionString).pathname.slice(1);
    const size = samples.find(({ series }) => new Map(series.labels).get("database") === name);
    const [row] = await db.query<{ bytes: number }>(
      "select pg_database_size(current_database())::float8 as bytes",
    );
    expect(Math.abs(size!.value - row!.bytes) / row!.bytes).toBeLessThan(0.2);
  });

  test("sees a transaction that is left open, and one that waits for it", async () => {
    const holder = new pg.Client({ connectionString: db.connectionString });
    const waiter = new pg.Client({ connectionString: db.connectionString });
    await holder.connect();
    await waiter.connect();
    await holder.query("begin; select pg_advisory_xact_lock(42)");
    const waiting = waiter.query("select pg_advisory_xact_lock(42)");
    let seen = await lookAt(collector);
    while (seen.values["postgresql_backends_waiting"] === 0) seen = await lookAt(collector);
    const idle = seen.samples.find(
      ({ series }) => new Map(series.labels).get("state") === "idle_in_transaction",
    );
    expect(idle!.value).toBeGreaterThanOrEqual(1);
    expect(seen.values["postgresql_transaction_age_max_seconds"]).toBeGreaterThan(0);
    await holder.query("commit");
    await waiting;
    await holder.end();
    await waiter.end();
  });

  test("is asked again on a new connection after the old one was cut", async () => {
    await lookAt(collector);
    await db.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'novaevo-agent' and datname = current_database()",
    );
    const outcomes = [await lookAt(collector), await lookAt(collector)];
    expect(outcomes.at(-1)!.values["up"]).toBe(1);
  });

  test("is not kept busy: a look leaves one connection behind", async () => {
    for (let look = 0; look < 3; look += 1) await lookAt(collector);
    const [row] = await db.query<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where application_name = 'novaevo-agent' and datname = current_database()",
    );
    expect(row!.n).toBe(1);
  });
});

describe("a server that does not", () => {
  test.each([
    ["nobody is there", async () => `postgres://u:p@127.0.0.1:${await closedPort()}/d`],
    [
      "a wrong password or name",
      async () => {
        const url = new URL(db.connectionString);
        url.pathname = "/no_such_database";
        return url.href;
      },
    ],
  ])("%s: up is 0, with the reason", async (_, open) => {
    const broken = collectorOf(await open());
    const seen = await lookAt(broken);
    expect(seen.why).toBeTruthy();
    expect(seen.values).toMatchObject({ up: 0, postgresql_up: 0 });
    await broken.close?.();
  });

  test("it accepts and says nothing: given up in time", async () => {
    const target = await tcpTarget(() => undefined);
    const silent = collectorOf(`postgres://u:p@127.0.0.1:${target.port}/d`, 100);
    const seen = await lookAt(silent);
    expect(seen.values).toMatchObject({ up: 0 });
    expect(seen.why).toContain("timeout");
    await silent.close?.();
    await target.close();
  });
});
