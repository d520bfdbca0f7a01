/**
 * Start of `up`, cold (a fresh folder) and warm (the same folder, with its data).
 *
 * Shape:  `node bench/start.ts [runs]`; each run starts cold, stops, and starts warm. Time from
 *         spawn to 200 on /readyz, and to the first KPI read over the API that has a value measured
 *         by this start: a reading kept from the run before does not count.
 * Units:  s of wall time; both are looked for every `POLL_MS`. Medians of the runs.
 */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KpiList } from "../src/contract/kpi.ts";
import { freePort } from "../src/io/process/port.ts";
import { smallText } from "../test/plan/small-plan.ts";
import {
  exporter,
  get,
  removed,
  startUp,
  temporary,
  written,
  type Up,
} from "../test/programs/lab.ts";

const POLL_MS = 20;
const GIVE_UP_MS = 90_000;

type Start = { readonly readyMs: number; readonly liveMs: number };

const main = async (runs: number): Promise<void> => {
  const root = await temporary("novaevo-bench-");
  const target = await exporter("latency_ms", 50);
  try {
    const plan = await written(path.join(root, "plan.yaml"), smallText);
    const env = { NOVAEVO_PLAN: plan, NOVAEVO_SCRAPE: `app=${target.url}` };
    const cold: Start[] = [];
    const warm: Start[] = [];
    for (let run = 0; run < runs; run += 1) {
      const dataDir = path.join(root, String(run));
      await mkdir(dataDir);
      cold.push(await started(dataDir, env));
      warm.push(await started(dataDir, env));
    }
    console.log(`median of ${runs}, seconds`.padEnd(28) + "  /readyz 200   first live KPI");
    print("cold, a fresh folder", cold);
    print("warm, the same folder", warm);
  } finally {
    await target.close();
    await removed(root);
  }
};

const started = async (dataDir: string, env: Readonly<Record<string, string>>): Promise<Start> => {
  const port = await freePort();
  const spawnedAtMs = Date.now();
  const startMs = performance.now();
  const over = new AbortController();
  const ready = untilReady(port, over.signal);
  let up: Up | undefined;
  try {
    up = await startUp(dataDir, { ...env, NOVAEVO_PORT: String(port) });
    const readyMs = (await ready) - startMs;
    const liveMs = (await untilLive(up, spawnedAtMs)) - startMs;
    if (Number.isNaN(readyMs)) throw new Error("/readyz never answered 200");
    return { readyMs, liveMs };
  } finally {
    over.abort();
    await up?.stop();
  }
};

/** Looked for from the spawn on, beside what `up` says of itself. */
const untilReady = async (port: number, signal: AbortSignal): Promise<number> => {
  const untilMs = performance.now() + GIVE_UP_MS;
  while (!signal.aborted && performance.now() < untilMs) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return performance.now();
    await delay(POLL_MS);
  }
  return NaN;
};

const untilLive = async (up: Up, spawnedAtMs: number): Promise<number> => {
  const untilMs = performance.now() + GIVE_UP_MS;
  for (;;) {
    const { items } = await get<KpiList>(up, "/api/app/kpis");
    const isLive = items.some(
      ({ reading }) => reading?.value != null && Date.parse(reading.at) >= spawnedAtMs,
    );
    if (isLive) return performance.now();
    if (performance.now() > untilMs) throw new Error("no KPI became live");
    await delay(POLL_MS);
  }
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

const print = (title: string, starts: readonly Start[]): void => {
  const cell = (values: readonly number[]): string =>
    (median(values) / 1000).toFixed(2).padStart(13);
  const ready = cell(starts.map(({ readyMs }) => readyMs));
  const live = cell(starts.map(({ liveMs }) => liveMs));
  console.log(`${title.padEnd(28)}${ready}    ${live}`);
};

await main(Number(process.argv[2] ?? 3));
