/**
 * Half an hour of a national launch: memory stays flat, nothing that was acknowledged is missing.
 *
 * Shape:  `node bench/soak.ts [minutes=30]`; `up` on a fresh folder, and at once 5,000 samples/s by
 *         remote write (of 5,000 series, a tenth replaced every ten minutes), 200 spans/s by OTLP,
 *         ten panels asked every second. Each half minute it prints the RSS of the parts.
 * Units:  MB of 10^6; MB a minute by least squares over the last two thirds, without what the
 *         recent window holds: that grows for its first hour, by design, and then stands.
 * Errors: exit code 1 when hub, store and agent together grow by more than `MAX_GROWTH_MB_MIN`,
 *         when what was acknowledged is not what is stored, or when a panel was not answered.
 */
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { compress } from "snappy";
import { encodeWriteRequest } from "../src/watch/collect/remote-write.ts";
import { seriesOf, type Series } from "../src/watch/collect/series.ts";
import { countSpans, heldIn } from "../test/programs/sender.ts";
import { removed, startUp, temporary, type Up } from "../test/programs/lab.ts";
import { cpuOf, rssOf } from "./process-tree.ts";

const SERIES = 5_000;
const BODY = 1_000;
const REPLACE_EVERY_S = 600;
const SPANS_A_SECOND = 200;
const PANELS = 10;
const PRINT_S = 30;
const WARM_SHARE = 1 / 3;
const MAX_GROWTH_MB_MIN = 3;
const MARKER = "soak_marker_total";
const PARTS = ["hub", "store", "agent"] as const;

type Tally = {
  samples: number;
  markers: number;
  spans: number;
  queries: number;
  unanswered: number;
  refused: number;
};

const main = async (minutes: number): Promise<void> => {
  const root = await temporary("novaevo-soak-");
  const up = await startUp(path.join(root, "data"));
  const headers = { authorization: `Bearer ${await up.token()}` };
  const tally: Tally = { samples: 0, markers: 0, spans: 0, queries: 0, unanswered: 0, refused: 0 };
  const course: { readonly atMin: number; readonly mb: number }[] = [];
  try {
    while (!(await fetch(`${up.url}/readyz`)).ok) await delay(100);
    const startMs = performance.now();
    const elapsedS = (): number => (performance.now() - startMs) / 1_000;
    let printedS = 0;
    while (elapsedS() < minutes * 60) {
      const second = Math.floor(elapsedS());
      await Promise.all([
        sendSamples(up, headers, tally, second),
        sendSpans(up, headers, tally),
        ...Array.from({ length: PANELS }, (_, nth) => ask(up, headers, tally, nth)),
      ]);
      if (second - printedS >= PRINT_S) {
        printedS = second;
        course.push({ atMin: elapsedS() / 60, mb: await printed(up, second, tally) });
      }
      // A timer may ring a moment early: then it would still be the same second.
      while (elapsedS() < second + 1) await delay((second + 1 - elapsedS()) * 1_000 + 1);
    }
    const isWell = [await isWhole(up, tally), isFlat(course), tally.unanswered === 0];
    process.exitCode = isWell.every(Boolean) ? 0 : 1;
  } finally {
    await up.stop();
    await removed(root);
  }
};

const post = async (url: string, headers: Record<string, string>, body: BodyInit) => {
  const answer = await fetch(url, { method: "POST", headers, body });
  const text = await answer.text();
  if (!answer.ok && answer.status !== 503) throw new Error(`${url}: ${answer.status} ${text}`);
  return answer.ok;
};

const fleet = new Map<number, Series>();
const seriesAt = (nth: number, second: number): Series => {
  const life = Math.floor(second / REPLACE_EVERY_S + (nth % 10) / 10);
  const key = life * SERIES + nth;
  const known = fleet.get(key);
  if (known !== undefined) return known;
  fleet.delete(key - SERIES);
  const made = seriesOf([
    ["__name__", nth === 0 ? MARKER : ["http_requests_total", "queue_length"][nth % 2]!],
    ["instance", `10.0.${nth >> 8}.${nth & 255}:9100`],
    ["job", `service-${nth % 40}`],
    ...(nth === 0 ? [] : [["pod", `p-${life}-${nth}`] as [string, string]]),
  ]);
  fleet.set(key, made);
  return made;
};

const sendSamples = async (
  { url }: Up,
  headers: Readonly<Record<string, string>>,
  tally: Tally,
  second: number,
): Promise<void> => {
  const timeMs = Date.now();
  for (let from = 0; from < SERIES; from += BODY) {
    const samples = Array.from({ length: BODY }, (_, i) => {
      const nth = from + i;
      return { series: seriesAt(nth, second), timeMs, value: second * (nth % 7) + (nth % 13) };
    });
    const type = { "content-type": "application/x-protobuf", "content-encoding": "snappy" };
    const body = await compress(Buffer.from(encodeWriteRequest(samples)));
    const isTaken = await post(
      `${url}/api/v1/write`,
      { ...headers, ...type },
      new Uint8Array(body),
    );
    if (!isTaken) tally.refused += 1;
    else {
      tally.samples += BODY;
      if (from === 0) tally.markers += 1;
    }
  }
};

const hex = (bytes: number): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");

const sendSpans = async (
  { url }: Up,
  headers: Readonly<Record<string, string>>,
  tally: Tally,
): Promise<void> => {
  const nowNs = String(Date.now() * 1e6);
  const spans = Array.from({ length: SPANS_A_SECOND }, (_, nth) => ({
    ...{ traceId: hex(16), spanId: hex(8), name: `GET /r${nth % 20}`, kind: 2 },
    ...{ startTimeUnixNano: nowNs, endTimeUnixNano: nowNs, status: { code: nth % 50 ? 0 : 2 } },
    attributes: [{ key: "http.route", value: { stringValue: `/r${nth % 20}` } }],
  }));
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "soak" } }] };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
  const type = { "content-type": "application/json" };
  const isTaken = await post(`${url}/v1/traces`, { ...headers, ...type }, body);
  if (isTaken) tally.spans += SPANS_A_SECOND;
  else tally.refused += 1;
};

const QUERIES = [
  "sum by (job) (rate(http_requests_total[1m]))",
  "topk(5, queue_length)",
  "sum(rate(traces_span_metrics_calls_total[1m])) by (http_route)",
  "count({job=~'service-.*'})",
  "avg_over_time(queue_length{job='service-1'}[5m])",
] as const;

const ask = async (
  { url }: Up,
  headers: Readonly<Record<string, string>>,
  tally: Tally,
  nth: number,
): Promise<void> => {
  const end = Date.now() / 1_000;
  const query = QUERIES[nth % QUERIES.length]!;
  const range = { query, start: String(end - 900), end: String(end), step: "15" };
  const answer = await fetch(`${url}/api/v1/query_range?${new URLSearchParams(range)}`, {
    headers,
  });
  const text = await answer.text();
  if (!answer.ok && answer.status !== 503)
    throw new Error(`${query}: ${answer.status} ${text.slice(0, 300)}`);
  if (answer.ok) tally.queries += 1;
  else tally.unanswered += 1;
};

const printed = async (up: Up, second: number, tally: Tally): Promise<number> => {
  let sum = 0;
  const parts: string[] = [];
  for (const name of PARTS) {
    const pids = [await up.pid(name)];
    const mb = (await rssOf(pids)) / 1e6;
    sum += mb;
    parts.push(`${name} ${mb.toFixed(0)} MB ${(await cpuOf(pids)).toFixed(0)} s`);
  }
  const windowMb = (await windowBytes(up.url)) / 1e6;
  console.log(
    `${(second / 60).toFixed(1).padStart(5)} min · ${parts.join(" · ")} · ` +
      `window ${windowMb.toFixed(0)} MB · ` +
      `${(tally.samples / 1e6).toFixed(2)} M samples · ${tally.queries} queries · ` +
      `${tally.unanswered} unanswered · ${tally.refused} refused`,
  );
  return sum - windowMb;
};

const windowBytes = async (url: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^novaevo_signals\{what="windowBytes"\} (\S+)/m.exec(text)?.[1]);
};

const isWhole = async (up: Up, tally: Tally): Promise<boolean> => {
  const engines = path.join(up.dataDir, "run", "engines.json");
  let found = "";
  for (let patience = 60; patience > 0; patience -= 1) {
    const markers = await heldIn(engines, MARKER);
    const { spans } = await countSpans(engines, "soak");
    found = `${markers.unique} markers in ${markers.rows} rows, ${spans} spans`;
    if (markers.unique === tally.markers && spans === tally.spans) {
      console.log(`whole: ${tally.markers} of the marker, ${tally.spans} spans, each once`);
      return markers.rows === markers.unique;
    }
    await delay(1_000);
  }
  console.log(
    `not what is stored: ${tally.markers} markers, ${tally.spans} spans; it has ${found}`,
  );
  return false;
};

const isFlat = (course: readonly { readonly atMin: number; readonly mb: number }[]): boolean => {
  const late = course.slice(Math.floor(course.length * WARM_SHARE));
  const mean = (of: (one: (typeof late)[number]) => number): number =>
    late.reduce((sum, one) => sum + of(one), 0) / late.length;
  const [at, mb] = [mean((one) => one.atMin), mean((one) => one.mb)];
  const slope =
    late.reduce((sum, one) => sum + (one.atMin - at) * (one.mb - mb), 0) /
    late.reduce((sum, one) => sum + (one.atMin - at) ** 2, 0);
  console.log(`growth over the last two thirds: ${slope.toFixed(2)} MB a minute`);
  return slope <= MAX_GROWTH_MB_MIN;
};

await main(Number(process.argv[2] ?? 30));
