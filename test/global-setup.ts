/** Starts the PostgreSQL the tests share, and migrates the template every test file clones. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { connectionString, prepare, startPostmaster } from "../src/io/postgres/embedded.ts";
import { openDb, type Db } from "../src/io/postgres/db.ts";
import { migrate } from "../src/io/postgres/migrate.ts";
import { freePort } from "../src/io/process/port.ts";
import { TEMPLATE } from "./postgres.ts";

const START_MS = 60_000;

export default async (project: TestProject): Promise<() => Promise<void>> => {
  const external = process.env["TEST_DATABASE_URL"];
  const server = external === undefined ? await embedded() : { url: external, stop: noop };
  const admin = await answering(server.url);
  await admin.query(`DROP DATABASE IF EXISTS ${TEMPLATE}`);
  await admin.query(`CREATE DATABASE ${TEMPLATE}`);
  await admin.close();
  const template = new URL(server.url);
  template.pathname = `/${TEMPLATE}`;
  const db = openDb({ connectionString: template.href, max: 1 });
  await migrate(db);
  await db.close();
  project.provide("postgresUrl", server.url);
  return server.stop;
};

const noop = async (): Promise<void> => undefined;

const embedded = async (): Promise<{ url: string; stop: () => Promise<void> }> => {
  const dataDir = await mkdtemp(path.join(tmpdir(), "novaevo-test-pg-"));
  const made = await prepare({ dataDir });
  const port = await freePort();
  // Tests of durability start servers of their own; here speed matters and the data is thrown away.
  const child = startPostmaster(made, port, { fsync: "off", max_connections: "200" });
  const url = connectionString(made, port, "postgres");
  return {
    url,
    stop: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGINT");
      await gone;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

const answering = async (url: string): Promise<Db> => {
  const until = performance.now() + START_MS;
  for (;;) {
    const db = openDb({ connectionString: url, max: 1 });
    try {
      await db.query("SELECT 1");
      return db;
    } catch (fault) {
      await db.close();
      if (performance.now() > until) throw fault;
    }
  }
};
