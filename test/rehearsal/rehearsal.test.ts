/**
 * The rehearsal as people start it: the platform serves, what is broken heals, and nothing is left.
 *
 * The heaviest of all tests: some twenty processes. What is timed here is only how long it is
 * waited for; the figures are those of `bench/heal.ts`.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Rehearsal } from "../../src/contract/fault.ts";
import type { Instance, SupervisorState } from "../../src/respond/control/messages.ts";
import {
  alive,
  endAll,
  familyOf,
  get,
  removed,
  run,
  startUp,
  temporary,
  type Up,
} from "../programs/lab.ts";

const PATIENCE = { timeout: 120_000, interval: 100 };
const SERVICES = ["obd2", "nlp", "parts-finder", "scheduling", "ecu-flash", "affiliation", "kbis"];
const REGIONS = ["lyon", "paris"];

type Doors = {
  readonly supervisorUrl: string;
  readonly gateways: readonly { readonly region: string; readonly url: string }[];
  readonly controlTokenFile: string;
};

let root: string;
let up: Up;
let doors: Doors;

beforeAll(async () => {
  root = await temporary("novaevo-rehearsal-");
  up = await startUp(path.join(root, "data"), {}, [], false, "rehearse");
  const said = await readFile(path.join(up.dataDir, "run", "rehearsal.json"), "utf8");
  doors = JSON.parse(said) as Doors;
}, 300_000);

afterAll(async () => {
  await endAll();
  await removed(root);
});

const state = async (): Promise<SupervisorState> => {
  const token = (await readFile(doors.controlTokenFile, "utf8")).trim();
  const answer = await fetch(`${doors.supervisorUrl}/control/state`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return (await answer.json()) as SupervisorState;
};
const unready = async (): Promise<readonly string[]> =>
  (await state()).instances.filter((one) => one.state !== "ready").map(({ id }) => id);
const instanceOf = async (id: string): Promise<Instance | undefined> =>
  (await state()).instances.find((one) => one.id === id);

const asked = (method: string, at: string, body?: unknown) =>
  up.token().then((token) =>
    fetch(`${up.url}${at}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );

test("every service runs in both regions, behind a gateway each", async () => {
  await expect.poll(unready, PATIENCE).toEqual([]);
  const { instances } = await state();
  const places = instances.map(({ service, region }) => `${service} ${region}`);
  for (const service of SERVICES)
    for (const region of REGIONS) expect(places).toContain(`${service} ${region}`);
  for (const { url } of doors.gateways) {
    await expect
      .poll(async () => (await fetch(`${url}/obd2/codes/P0420`)).status, PATIENCE)
      .toBe(200);
  }
}, 300_000);

test("the operations page sees each of them, and its users by channel", async () => {
  await expect
    .poll(async () => {
      const { items } = await get<{ items: { id: string; cpu: number | null }[] }>(
        ...([up, "/api/app/services"] as const),
      );
      return items.filter(({ id, cpu }) => SERVICES.includes(id) && cpu !== null).length;
    }, PATIENCE)
    .toBe(SERVICES.length);
  const query = 'count by (channel) (traces_span_metrics_calls_total{service_name="api-gateway"})';
  await expect
    .poll(async () => {
      const at = `/api/v1/query?${new URLSearchParams({ query })}`;
      const { data } = await get<{ data: { result: { metric: { channel: string } }[] } }>(up, at);
      return data.result.map(({ metric }) => metric.channel).toSorted();
    }, PATIENCE)
    .toEqual(["api", "mobile", "web"]);
});

describe("what is broken", () => {
  test("a crash heals by itself, and is told from the shell", async () => {
    const before = await instanceOf("obd2.paris.1");
    const words = ["fault", "inject", "obd2", "crash", "--region", "paris", "--json"];
    const made = await run([...words, "--data", up.dataDir, "--url", up.url]);
    expect(made.code, made.stderr).toBe(0);
    await expect
      .poll(async () => {
        const now = await instanceOf("obd2.paris.1");
        return now?.state === "ready" && now.pid !== before?.pid;
      }, PATIENCE)
      .toBe(true);
  });

  test("slow answers are in force until somebody stops everything", async () => {
    const body = { service: "kbis", kind: "slow", share: 1, forMs: 600_000 };
    const made = await asked("POST", "/api/app/faults", body);
    expect(made.status, await made.clone().text()).toBe(200);
    const listed = await get<Rehearsal>(up, "/api/app/faults");
    expect(listed.isRehearsal).toBe(true);
    expect(listed.items.map(({ kind, service }) => `${service} ${kind}`)).toEqual(["kbis slow"]);
    expect((await asked("DELETE", "/api/app/faults")).status).toBe(200);
    expect((await get<Rehearsal>(up, "/api/app/faults")).items).toEqual([]);
  });

  test.each([
    ["an unknown kind", { service: "obd2", kind: "earthquake" }, 400],
    ["a service that is not of the rehearsal", { service: "novaevo-hub", kind: "crash" }, 404],
    ["a share over all", { service: "obd2", kind: "errors", share: 1.5 }, 400],
    ["a region without a name", { service: "*", kind: "region-loss" }, 400],
  ])("%s is refused, and nothing is broken", async (_, body, status) => {
    const answer = await asked("POST", "/api/app/faults", body);
    expect(answer.status, await answer.clone().text()).toBe(status);
    expect((await get<Rehearsal>(up, "/api/app/faults")).items).toEqual([]);
  });

  test("two scenarios at once are one too many", async () => {
    const { scenarios } = await get<Rehearsal>(up, "/api/app/faults");
    expect(scenarios.length).toBeGreaterThan(1);
    const [first, second] = scenarios;
    const begun = await asked("POST", "/api/app/scenarios", { scenario: first!.id });
    expect(begun.status, await begun.clone().text()).toBe(200);
    const other = await asked("POST", "/api/app/scenarios", { scenario: second!.id });
    expect(other.status).toBe(409);
    expect((await asked("DELETE", "/api/app/faults")).status).toBe(200);
    expect((await get<Rehearsal>(up, "/api/app/faults")).running).toBeNull();
  });
});

test("it stops as asked and leaves nothing running", async () => {
  const family = await familyOf(up);
  expect(family.length).toBeGreaterThan(20);
  expect(await up.stop()).toBe(0);
  expect(await alive(family)).toEqual([]);
}, 120_000);
