/** What `up` refuses, and the sentence a person can act on. */
import { chmod, chown, mkdir } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openDb } from "../../src/io/postgres/db.ts";
import { smallText } from "../plan/small-plan.ts";
import { endAll, enginesOf, ready, removed, run, startUp, temporary, written } from "./lab.ts";

/** Programs on a machine that is busy with other tests: slow is not wrong. */
vi.setConfig({ testTimeout: 180_000 });

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
/** Root may write everywhere; root without these may not. */
const WITHOUT_OVERRIDE = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];

let root: string;
beforeAll(async () => {
  root = await temporary();
});
afterAll(async () => {
  await endAll();
  await removed(root);
});

test("a second one on the same data names the first's pid, and the first goes on", async () => {
  const dataDir = path.join(root, "twice");
  const up = await startUp(dataDir);
  // With another port, and with the same one, as a second `npm start` has it.
  for (const port of ["0", String(up.port)]) {
    const second = await run(["up"], { NOVAEVO_DATA: dataDir, NOVAEVO_PORT: port });
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`pid ${up.child.pid}`);
    expect(second.stderr).toContain("NOVAEVO_DATA");
  }
  await ready(up);

  const { databaseUrl } = await enginesOf(up);
  const db = openDb({ connectionString: databaseUrl, max: 1 });
  await db.query("INSERT INTO migration (name, digest) VALUES ('9999-from-the-future.sql', '')");
  await db.close();
  expect(await up.stop()).toBe(0);
  const older = await run(["up"], { NOVAEVO_DATA: dataDir, NOVAEVO_PORT: "0" });
  expect(older.code).toBe(1);
  expect(older.stderr).toMatch(/migrated by a newer NovaEvo \(9999-from-the-future\.sql/);
});

test("a port that is taken is named with NOVAEVO_PORT", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  const refused = await run(["up"], {
    NOVAEVO_DATA: path.join(root, "port"),
    NOVAEVO_PORT: String(port),
  });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`port ${port}`);
  expect(refused.stderr).toContain("NOVAEVO_PORT");
  await new Promise((resolve) => taken.close(resolve));
});

test("a plan with mistakes is refused, each with file, line, column and path", async () => {
  const text = smallText.replace("start: 2025-01-06 #", "start: 2025-02-31 #");
  const plan = await written(path.join(root, "bad.yaml"), `${text}surprise: 1\n`);
  const refused = await run(["up"], {
    ...{ NOVAEVO_DATA: path.join(root, "bad-plan"), NOVAEVO_PLAN: plan, NOVAEVO_PORT: "0" },
  });
  expect(refused.code).toBe(1);
  // The last thing on the screen, after all that stopped again.
  expect(refused.stderr).toMatch(
    /\nnovaevo: hub: bad\.yaml:13:8 start: .*\nbad\.yaml:\d+:1 surprise: .*\n$/,
  );
});

test("a plan that is not there is named with NOVAEVO_PLAN", async () => {
  const plan = path.join(root, "no-plan.yaml");
  const refused = await run(["up"], {
    ...{ NOVAEVO_DATA: path.join(root, "no-plan"), NOVAEVO_PLAN: plan, NOVAEVO_PORT: "0" },
  });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`${plan}: cannot be read (ENOENT); NOVAEVO_PLAN`);
});

test("a file in the way of the data folder is said to be so", async () => {
  const file = await written(path.join(root, "file"), "");
  const refused = await run(["up"], { NOVAEVO_DATA: file, NOVAEVO_PORT: "0" });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("NOVAEVO_DATA");
});

test("a folder that is not ours to write is named", async () => {
  const dataDir = path.join(root, "locked");
  await mkdir(dataDir);
  await chmod(dataDir, 0o500);
  if (isRoot) await chown(dataDir, NOBODY, NOBODY);
  const env = { NOVAEVO_DATA: path.join(dataDir, "data"), NOVAEVO_PORT: "0" };
  const refused = await run(["up"], env, isRoot ? WITHOUT_OVERRIDE : []);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("is not ours to write; set NOVAEVO_DATA");
});

test("settings that cannot be are named all at once", async () => {
  const refused = await run(["up"], {
    NOVAEVO_PORT: "seventy",
    NOVAEVO_LOG: "loud",
    NOVAEVO_SCRAPE: "no-address",
    NOVAEVO_HOST: "0.0.0.0",
    DATABASE_URL: "mysql://127.0.0.1/x",
    CLICKHOUSE_URL: "127.0.0.1:8123",
  });
  expect(refused.code).toBe(2);
  const named = refused.stderr.matchAll(/(?:^|: )([A-Z]+_[A-Z]+): /gm).map(([, name]) => name);
  expect(new Set(named)).toEqual(
    new Set([
      ...["CLICKHOUSE_URL", "DATABASE_URL", "NOVAEVO_HOST", "NOVAEVO_LOG", "NOVAEVO_PORT"],
      "NOVAEVO_SCRAPE",
    ]),
  );
});

test("a host beyond the loopback without TLS in front is refused", async () => {
  const refused = await run(["up"], { NOVAEVO_HOST: "0.0.0.0" });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("NOVAEVO_TRUST_PROXY");
});
