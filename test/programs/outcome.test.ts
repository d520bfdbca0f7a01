/**
 * The main job on real input: `up`, live KPIs, a breach to an alert on the stream, the ledger.
 */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AlertList } from "../../src/contract/alert.ts";
import type { GateList, KpiList } from "../../src/contract/kpi.ts";
import { openSse } from "../http/sse-client.ts";
import { smallText } from "../plan/small-plan.ts";
import { exporter, get, ready, removed, run, startUp, temporary, type Up, written } from "./lab.ts";

const LIVE = ["api-response-time", "availability", "error-rate", "resource-usage"];
const PATIENCE = { timeout: 45_000, interval: 100 };

let root: string;
beforeAll(async () => {
  root = await temporary();
});
afterAll(() => removed(root));

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
  const isLive = ({ reading }: (typeof items)[number]): boolean => reading?.value != null;
  const freshness = items.filter(isLive).map(({ reading }) => reading?.freshnessMs ?? Infinity);
  expect(Math.max(...freshness)).toBeLessThan(60_000);
  const unsaid = items.filter((kpi) => !isLive(kpi) && (kpi.reading?.reason.fr ?? "") === "");
  expect(unsaid.map(({ id }) => id)).toEqual([]);
  const gates = await get<GateList>(up, "/api/app/gates");
  const current = gates.items.find((gate) => gate.current);
  expect(current?.id).toBe("gate-1");
  expect(current?.criteria.length).toBeGreaterThan(2);
  for (const one of current?.criteria ?? []) expect(one.reason.fr).not.toBe("");
  const verified = await run(["ledger", "verify", "--data", dataDir, "--json"]);
  expect(verified.code, verified.stderr).toBe(0);
  expect(await up.stop()).toBe(0);
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

  target.set(500);
  await stream.until(isSaid);
  const [alert] = await firing(up);
  expect(alert).toMatchObject({ kpi: "speed", severity: "error", value: 500 });
  expect(alert?.id).toMatch(/^ALT-\d+$/);

  target.set(undefined);
  await expect.poll(async () => (await speed())?.verdict, PATIENCE).toBe("unknown");
  expect((await firing(up)).map(({ id }) => id)).toEqual([alert?.id]);

  stream.close();
  expect(await up.stop()).toBe(0);
  up = await startUp(dataDir, env);
  const [again] = await firing(up);
  expect(again).toMatchObject({ id: alert?.id, startedAt: alert?.startedAt });

  target.set(50);
  await expect.poll(() => firing(up), PATIENCE).toEqual([]);
  expect(await up.stop()).toBe(0);
  await target.close();
});
