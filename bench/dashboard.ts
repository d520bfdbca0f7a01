/**
 * A dashboard many look at, while samples come in: how long a panel takes, what the hub's main
 * thread feels of it.
 *
 * Shape:  `node bench/dashboard.ts [seconds=60] [samplesPerSecond=50000]`; as many series, each
 *         measured every second; ten viewers ask twenty panels of the last 15 minutes each second,
 *         as Grafana does: the same queries at the same instants for all of them.
 * Units:  ms per panel; the main thread's delay is prom-client's `nodejs_eventloop_lag`, p99 of
 *         the 10 s before each look, its greatest here.
 * Errors: throws when a panel or a body is refused.
 */
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { compress } from "snappy";
import { encodeWriteRequest } from "../src/watch/collect/remote-write.ts";
import { seriesOf } from "../src/watch/collect/series.ts";
import { removed, startUp, temporary } from "../test/programs/lab.ts";
import { cpuOf } from "./process-tree.ts";

const VIEWERS = 10;
const PANELS = 20;
const BODY = 2_500;
const RANGE_S = 900;
const STEP_S = 15;
const BAR_P95_MS = 250;
const BAR_DELAY_MS = 20;

const main = async (seconds: number, rate: number): Promise<void> => {
  const root = await temporary("novaevo-bench-");
  const up = await startUp(path.join(root, "data"));
  const headers = { authorization: `Bearer ${await up.token()}` };
  const panelMs: number[] = [];
  const bodyMs: number[] = [];
  const delaysMs: number[] = [];
  try {
    while (!(await fetch(`${up.url}/readyz`)).ok) await delay(100);
    const parts = async () => Promise.all(["hub", "store"].map(up.pid));
    // The first bodies name every series; a dashboard is opened on a platform that runs.
    await sendAll(up.url, headers, rate, []);
    const before = await cpuOf(await parts());
    const startMs = performance.now();
    for (let second = 0; second < seconds; second += 1) {
      await Promise.all([
        sendAll(up.url, headers, rate, bodyMs),
        ...Array.from({ length: VIEWERS }, () => look(up.url, headers, panelMs)),
      ]);
      if (second % 10 === 9) delaysMs.push(await mainDelayMs(up.url));
      await delay(Math.max(0, (second + 1) * 1_000 - (performance.now() - startMs)));
    }
    const wallS = (performance.now() - startMs) / 1_000;
    const cpuS = (await cpuOf(await parts())) - before;
    report({ panelMs, bodyMs, delaysMs, cpuS, wallS, seconds, rate });
  } finally {
    await up.stop();
    await removed(root);
  }
};

const fleet = new Map<number, ReturnType<typeof seriesOf>>();
const seriesAt = (nth: number): ReturnType<typeof seriesOf> => {
  const known = fleet.get(nth);
  if (known !== undefined) return known;
  const made = seriesOf([
    ["__name__", ["http_requests_total", "queue_length", "cpu_seconds_total"][nth % 3]!],
    ["instance", `10.${nth >> 16}.${(nth >> 8) & 255}.${nth & 255}:9100`],
    ["job", `service-${nth % 40}`],
    ["pod", `service-${nth % 40}-${nth.toString(36)}`],
  ]);
  fleet.set(nth, made);
  return made;
};

const sendAll = async (
  url: string,
  headers: Readonly<Record<string, string>>,
  count: number,
  tookMs: number[],
): Promise<void> => {
  const timeMs = Date.now();
  const type = { "content-type": "application/x-protobuf", "content-encoding": "snappy" };
  for (let from = 0; from < count; from += BODY) {
    const samples = Array.from({ length: Math.min(BODY, count - from) }, (_, i) => ({
      series: seriesAt(from + i),
      timeMs,
      value: (timeMs / 1_000) * ((from + i) % 7),
    }));
    const body = new Uint8Array(await compress(Buffer.from(encodeWriteRequest(samples))));
    const startMs = performance.now();
    const answer = await fetch(`${url}/api/v1/write`, {
      ...{ method: "POST", body },
      headers: { ...headers, ...type },
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`write: ${answer.status} ${text}`);
    tookMs.push(performance.now() - startMs);
  }
};

const panelOf = (nth: number): string => {
  const job = `service-${nth % 40}`;
  return [
    `sum(rate(http_requests_total{job="${job}"}[1m]))`,
    `topk(5, queue_length{job="${job}"})`,
    `avg by (job) (rate(cpu_seconds_total{job=~"${job}|service-1"}[1m]))`,
    `max_over_time(queue_length{job="${job}"}[5m])`,
  ][nth % 4]!;
};

const look = async (
  url: string,
  headers: Readonly<Record<string, string>>,
  panelMs: number[],
): Promise<void> => {
  // Grafana aligns a range to its step, so that all who look ask for the same.
  const end = Math.floor(Date.now() / 1_000 / STEP_S) * STEP_S;
  const range = { start: String(end - RANGE_S), end: String(end), step: String(STEP_S) };
  await Promise.all(
    Array.from({ length: PANELS }, async (_, nth) => {
      const startMs = performance.now();
      const answer = await fetch(`${url}/api/v1/query_range`, {
        ...{ method: "POST", headers },
        body: new URLSearchParams({ query: panelOf(nth), ...range }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`panel: ${answer.status} ${text.slice(0, 300)}`);
      panelMs.push(performance.now() - startMs);
    }),
  );
};

const mainDelayMs = async (url: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(text)?.[1]) * 1_000;
};

const at = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN;

const report = (found: {
  readonly panelMs: readonly number[];
  readonly bodyMs: readonly number[];
  readonly delaysMs: readonly number[];
  readonly cpuS: number;
  readonly wallS: number;
  readonly seconds: number;
  readonly rate: number;
}): void => {
  const { panelMs, bodyMs, delaysMs, cpuS, wallS, seconds, rate } = found;
  const said = (name: string, values: readonly number[]): string =>
    `${name}: P50 ${at(values, 0.5).toFixed(1)} ms · P95 ${at(values, 0.95).toFixed(1)} ms · ` +
    `max ${at(values, 1).toFixed(1)} ms of ${values.length}`;
  console.log(`${rate} samples/s, ${VIEWERS} viewers of ${PANELS} panels, ${seconds} rounds`);
  console.log(`${said("panel", panelMs)} (bar ${BAR_P95_MS})`);
  console.log(said("body", bodyMs));
  console.log(
    `main thread's delay, p99: ${Math.max(...delaysMs).toFixed(1)} ms (bar ${BAR_DELAY_MS})`,
  );
  console.log(
    `hub and store: ${((cpuS / wallS) * 100).toFixed(0)} % of a core; ${wallS.toFixed(0)} s`,
  );
};

await main(Number(process.argv[2] ?? 60), Number(process.argv[3] ?? 50_000));
