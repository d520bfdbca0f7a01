/**
 * The main job on real input: `up`, live KPIs, a breach to an alert on the stream, the ledger.
 */
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { AlertList } from "../../src/contract/alert.ts";
import type { GateList, KpiList } from "../../src/contract/kpi.ts";
import { openDb, type Sql } from "../../src/io/postgres/db.ts";
import { openSse } from "../http/sse-client.ts";
import { smallText } from "../plan/small-plan.ts";
import { alive, call, endAll, enginesOf, exporter, familyOf, get, ready, removed } from "./lab.ts";
import { run, startUp, temporary, written, type Up } from "./lab.ts";

/** Programs on a machine that is busy with other tests: slow is not wrong. */
vi.setConfig({ testTimeout: 180_000 });

const LIVE = ["api-response-time", "availability", "error-rate", "resource-usage"];
const PATIENCE = { timeout: 90_000, interval: 100 };

let root: string;
beforeAll(async () => {
  root = await temporary();
});
afterAll(async () => {
  await endAll();
  await removed(root);
});

const firing = async (up: Up): Promise<AlertList["items"]> =>
  (await get<AlertList>(up, "/api/app/alerts")).items.filter(({ state }) => state === "firing");

test("the customer's plan: real measurements live, the rest unknown with a reason", async () => {
  const dataDir = path.join(root, "données de l’équipe");
  await mkdir(dataDir);
  const up = await startUp(dataDir);
  await ready(up);
  // Reading the API is what its own latency and error rate are measured from.
  await expect
    .poll(async () => {
      const { items } = await get<KpiList>(up, "/api/app/kpis");
      return items.filter(({ reading }) => reading?.value != null).map(({ id }) => id);
    }, PATIENCE)
    .toEqual(expect.arrayContaining(LIVE));
  const { items } = await get<KpiList>(up, "/api/app/kpis");
  expect(items).toHaveLength(27);
  for (const { id, reading } of items) {
    const isUnknown = reading?.verdict === "unknown";
    // A sample that is too small has a value and no verdict.
    expect(isUnknown || reading?.value !== null, id).toBe(true);
    expect(reading?.why !== null, id).toBe(isUnknown);
    expect(isUnknown || (reading?.freshnessMs ?? Infinity) < 60_000, id).toBe(true);
    expect(reading?.reason.fr.length, id).toBeGreaterThan(5);
  }
  await gateShowsEvidence(up);

  const verified = await run(["ledger", "verify", "--data", dataDir, "--json"]);
  expect([verified.code, verified.stderr]).toEqual([0, ""]);
  const check = await call<{ ok: boolean; entries: number }>(
    ...([up, "POST", "/api/app/ledger/check"] as const),
  );
  expect(check).toMatchObject({ ok: true, faults: [] });
  expect(check.entries).toBeGreaterThan(0);
  expect(await up.stop()).toBe(0);
});

const gateShowsEvidence = async (up: Up): Promise<void> => {
  const gates = await get<GateList>(up, "/api/app/gates");
  const current = gates.items.find((gate) => gate.current);
  expect(current?.id).toBe("gate-1");
  expect(current?.criteria.length).toBeGreaterThan(2);
  for (const one of current?.criteria ?? []) {
    expect(one.reason.fr, one.id).not.toBe("");
    expect(one.source, one.id).not.toBe("");
    expect(one.verdict === "unknown", one.id).toBe(one.why !== null);
  }
  expect(current?.verdict).not.toBe("pass");
};

/** Makes the program believe that the system's Node is an older one: it goes on under its own. */
const ON_AN_OLD_NODE = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    `if (process.argv[1]?.endsWith("novaevo.mjs"))
       Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.1.0" } })`,
  )}`,
};

test.each([
  { title: "SIGTERM to the parent", isJob: false, signal: "SIGTERM", times: 1, env: {} },
  {
    title: "SIGTERM to an older Node",
    isJob: false,
    signal: "SIGTERM",
    times: 1,
    env: ON_AN_OLD_NODE,
  },
  { title: "Ctrl-C, twice, to all of the job", isJob: true, signal: "SIGINT", times: 2, env: {} },
] as const)("$title: all of it ends, exit code 0", async ({ title, isJob, signal, times, env }) => {
  const up = await startUp(path.join(root, title), env, [], isJob);
  const names = ["postgres", "store", "hub", "agent"];
  const noted = async () => Promise.all(names.map(up.pid));
  // The agent is started last, after the address was said.
  await expect.poll(noted, PATIENCE).not.toContain(0);
  const family = await familyOf(up);
  const held = await readdir(path.join(up.dataDir, "run"));
  expect(held.some((name) => name.startsWith(`held.${up.child.pid}.`))).toBe(
    env !== ON_AN_OLD_NODE,
  );
  // The parent, three of node and PostgreSQL with its own; all of them seen before they go.
  expect(family.length).toBeGreaterThan(5);
  expect(family.map(({ pid }) => pid)).toEqual(expect.arrayContaining(await noted()));
  for (let time = 0; time < times; time += 1) {
    process.kill(isJob ? -up.child.pid! : up.child.pid!, signal);
  }
  expect(await up.exited, up.stderr()).toBe(0);
  expect(await alive(family)).toEqual([]);
  expect(await up.pid("postgres")).toBe(0);
});

test("a breach becomes an alert; silence does not resolve it, evidence does", async () => {
  const dataDir = path.join(root, "alert");
  const plan = await written(path.join(root, "plan.yaml"), smallText);
  const target = await exporter("latency_ms", 50);
  const env = { NOVAEVO_PLAN: plan, NOVAEVO_SCRAPE: `app=${target.url}` };
  let up = await startUp(dataDir, env);
  const speed = async () =>
    (await get<KpiList>(up, "/api/app/kpis")).items.find(({ id }) => id === "speed")?.reading;
  await expect.poll(async () => (await speed())?.verdict, PATIENCE).toBe("pass");
  expect(await firing(up)).toEqual([]);
  const stream = await openSse(up.port, { authorization: `Bearer ${await up.token()}` });
  const isSaid = (): boolean =>
    stream.frames.some(
      ({ event, data }) => event === "alerts" && (data as AlertList).items.length > 0,
    );

  const db = openDb({ connectionString: (await enginesOf(up)).databaseUrl, max: 2 });
  const writes = await holdingBack(db, "alert");
  target.set(500);
  await expect.poll(() => writes.blocked(), PATIENCE).toBe(1);
  expect(isSaid()).toBe(false);
  expect(await firing(up)).toEqual([]);
  await writes.go();
  await stream.until(isSaid);
  const [alert] = await firing(up);
  expect(alert).toMatchObject({ kpi: "speed", severity: "error", value: 500 });
  expect(alert?.id).toMatch(/^ALT-\d+$/);
  const fired = "SELECT subject FROM ledger_entry WHERE kind = 'alert.fired'";
  expect(await db.query(fired)).toEqual([{ subject: `alert:${alert?.id}` }]);
  await db.close();

  target.set(undefined);
  await expect.poll(async () => (await speed())?.verdict, PATIENCE).toBe("unknown");
  expect((await firing(up)).map(({ id }) => id)).toEqual([alert?.id]);

  stream.close();
  expect(await up.stop()).toBe(0);
  up = await startUp(dataDir, env);
  const [again, ...more] = await firing(up);
  expect(again).toMatchObject({ id: alert?.id, startedAt: alert?.startedAt });
  expect(more).toEqual([]);

  target.set(50);
  await expect.poll(() => firing(up), PATIENCE).toEqual([]);
  const all = await get<AlertList>(up, "/api/app/alerts?state=all");
  expect(all.items).toMatchObject([{ id: alert?.id, state: "resolved" }]);
  expect(await up.stop()).toBe(0);
  await target.close();
});

/** A table that takes no writes until `go`; `blocked` counts who waits for it. */
const holdingBack = async (db: ReturnType<typeof openDb>, table: string) => {
  const held = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const work = db.tx(async (tx: Sql) => {
    await tx.query(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
    held.resolve();
    await over.promise;
  });
  await held.promise;
  return {
    blocked: async () => {
      const [row] = await db.query<{ n: number }>(
        "SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND relation = $1::regclass",
        [table],
      );
      return row?.n ?? 0;
    },
    go: () => {
      over.resolve();
      return work;
    },
  };
};
