/**
 * Metric breach → firing alert on the stream, over the whole of `up`, on a 1 s target.
 *
 * Shape:  `node bench/alert.ts [rounds]`; each round crosses the threshold at an even random phase
 *         of the second, waits for the firing alert on /api/app/stream, then goes back and waits
 *         for it to resolve. The hub commits an alert to PostgreSQL before it publishes it, so
 *         what arrives is durable. Exit code 1 when a round takes more than `GIVE_UP_MS`.
 * Units:  ms of wall time, from the set value to the frame's arrival: load on the machine counts.
 * Source: the bar and Prometheus's figures are those of the design, measured apart, not here.
 */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { AlertList } from "../src/contract/alert.ts";
import type { KpiList } from "../src/contract/kpi.ts";
import { openSse, type SseClient } from "../test/http/sse-client.ts";
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

const CALM = 50;
const BREACH = 500;
const PERIOD_MS = 1_000;
const GIVE_UP_MS = 30_000;
const POLL_MS = 100;

const main = async (rounds: number): Promise<void> => {
  const root = await temporary("novaevo-bench-");
  const target = await exporter("latency_ms", CALM);
  let up: Up | undefined;
  let stream: SseClient | undefined;
  try {
    const dataDir = path.join(root, "data");
    await mkdir(dataDir);
    const plan = await written(path.join(root, "plan.yaml"), smallText);
    up = await startUp(dataDir, { NOVAEVO_PLAN: plan, NOVAEVO_SCRAPE: `app=${target.url}` });
    await untilLive(up);
    stream = await openSse(up.port, { authorization: `Bearer ${await up.token()}` });
    const fired: number[] = [];
    const resolved: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await delay(Math.random() * PERIOD_MS);
      fired.push(await timed(stream, true, () => target.set(BREACH)));
      await delay(Math.random() * PERIOD_MS);
      resolved.push(await timed(stream, false, () => target.set(CALM)));
    }
    print(fired, resolved);
  } finally {
    stream?.close();
    await up?.stop();
    await target.close();
    await removed(root);
  }
};

const untilLive = async (up: Up): Promise<void> => {
  const untilMs = performance.now() + GIVE_UP_MS;
  for (;;) {
    const { items } = await get<KpiList>(up, "/api/app/kpis");
    if (items.some(({ id, reading }) => id === "speed" && reading?.verdict === "pass")) return;
    if (performance.now() > untilMs) throw new Error("the KPI never became live");
    await delay(POLL_MS);
  }
};

/** From the change to the first frame after it that says so. */
const timed = async (stream: SseClient, isFiring: boolean, change: () => void): Promise<number> => {
  const seen = stream.frames.length;
  const timer = setTimeout(() => stream.close(), GIVE_UP_MS);
  const startMs = performance.now();
  change();
  await stream.until(() =>
    stream.frames.slice(seen).some(({ event, data }) => {
      if (event !== "alerts") return false;
      const { items } = data as AlertList;
      return items.some(({ kpi, state }) => kpi === "speed" && state === "firing") === isFiring;
    }),
  );
  clearTimeout(timer);
  return performance.now() - startMs;
};

const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
};

const print = (fired: readonly number[], resolved: readonly number[]): void => {
  const row = (title: string, cells: readonly string[]): void =>
    console.log(title.padEnd(44) + cells.map((cell) => cell.padStart(8)).join(""));
  const figures = (values: readonly number[]): string[] =>
    [0.5, 0.99, 1].map((share) => (quantile(values, share) / 1000).toFixed(2));
  row(`${fired.length} rounds, seconds`, ["p50", "p99", "max"]);
  row("breach → alert, committed then published", figures(fired));
  row("back → resolved", figures(resolved));
  row("bar for the breach", ["≤ 0.70", "≤ 1.50", ""]);
  console.log("Prometheus + Alertmanager at 1 s / 1 s / 0 / 0: mean 0.80, max 4.4 (not run here)");
  console.log("their defaults: mean 390");
};

await main(Number(process.argv[2] ?? 40));
