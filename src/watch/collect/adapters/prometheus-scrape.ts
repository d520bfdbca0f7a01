/**
 * Scrapes one Prometheus target, and says how that went.
 *
 * Shape:  the target's samples with `job`, `instance` and its own labels, then `up`,
 *         `scrape_duration_seconds`, `scrape_samples_scraped`, `scrape_series_added` and
 *         `scrape_body_size_bytes` (as unpacked). A failed scrape says `up` 0 and nothing of the
 *         target, so that its series go stale. Type, help and unit are told apart from the samples.
 *         OpenMetrics is asked for first, as Prometheus asks; the answer's type decides.
 * Errors: HTTP status other than 200, a text that is no exposition, limits, the network's, a
 *         credential that cannot be read: the look rejects with the reason.
 */
import { isUtf8 } from "node:buffer";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Collector } from "../collector.ts";
import { scrapeReader } from "../scrape-text.ts";
import type { Format } from "../exposition.ts";
import { seriesOf, type Sample } from "../series.ts";
import { exchangeFollowing, type Answer } from "./http-exchange.ts";
import { credentials, tlsSettings, type Access } from "./target-access.ts";

export type ScrapeOptions = {
  readonly job: string;
  readonly url: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly externalLabels: Readonly<Record<string, string>>;
  readonly honorLabels: boolean;
  readonly honorTimestamps: boolean;
  readonly maxBytes: number;
  readonly maxSamples: number;
  readonly maxRedirects: number;
} & Access;

/** As Prometheus sends it. */
const ACCEPT =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75," +
  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const OPENMETRICS = /^\s*application\/openmetrics-text\s*(?:;|$)/i;
const MS = 1_000;

/** The answer's text and its format, by its type; without one it is the text format. */
const textOf = ({ status, headers, body }: Answer): { text: string; format: Format } => {
  if (status !== 200) throw new Error(`HTTP ${status}`);
  const encoding = headers["content-encoding"] ?? "identity";
  if (!/^(?:identity|(?:x-)?gzip)$/i.test(String(encoding)))
    throw new Error(`packed as ${JSON.stringify(encoding)}, which was not asked for`);
  if (!isUtf8(body)) throw new Error("the answer is not valid UTF-8");
  const isOpenMetrics = OPENMETRICS.test(String(headers["content-type"] ?? ""));
  return { text: body.toString("utf8"), format: isOpenMetrics ? "openmetrics" : "text" };
};

/** Kept-alive connections, one per scheme; the other scheme only after a redirect. */
const connections = () => {
  const open = new Map<string, HttpAgent | HttpsAgent>();
  const options = { keepAlive: true, maxSockets: 1 };
  return {
    of: ({ protocol }: URL): HttpAgent | HttpsAgent => {
      const known = open.get(protocol);
      if (known !== undefined) return known;
      const agent = protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options);
      open.set(protocol, agent);
      return agent;
    },
    close: (): void => {
      for (const agent of open.values()) agent.destroy();
    },
  };
};

const reporter = (labels: Readonly<Record<string, string>>) => {
  const series = (name: string) => seriesOf(Object.entries({ ...labels, __name__: name }));
  const up = series("up");
  const duration = series("scrape_duration_seconds");
  const scraped = series("scrape_samples_scraped");
  const added = series("scrape_series_added");
  const size = series("scrape_body_size_bytes");
  type Figures = { samples: number; added: number; bytes: number };
  return (isUp: number, elapsedMs: number, found: Figures): readonly Sample[] => [
    { series: up, value: isUp },
    { series: duration, value: elapsedMs / MS },
    { series: scraped, value: found.samples },
    { series: added, value: found.added },
    { series: size, value: found.bytes },
  ];
};

export const scrapeCollector = (
  clock: { readonly monotonic: () => number },
  options: ScrapeOptions,
): Collector => {
  const { timeoutMs, externalLabels } = options;
  const url = new URL(options.url);
  const own = { job: options.job, instance: options.labels["instance"] ?? url.host };
  const labels = { ...options.labels, ...own };
  const { read, families } = scrapeReader({ ...options, labels });
  const report = reporter({ ...externalLabels, ...labels });
  const { of: agentOf, close } = connections();
  const headers = {
    accept: ACCEPT,
    "accept-encoding": "gzip",
    "user-agent": "novaevo-agent",
    "x-prometheus-scrape-timeout-seconds": String(timeoutMs / MS),
  };
  return {
    name: `scrape:${options.job}:${own.instance}`,
    intervalMs: options.intervalMs,
    timeoutMs,
    collect: async ({ signal }) => {
      const startedMs = clock.monotonic();
      const { maxBytes, maxRedirects } = options;
      const answer = await exchangeFollowing({
        ...{ url, headers, timeoutMs, maxBytes, maxRedirects, signal, agentOf },
        secret: await credentials(options),
        tls: await tlsSettings(options.tls),
        monotonic: clock.monotonic,
      });
      const { text, format } = textOf(answer);
      const outcome = read(text, format);
      if (!outcome.ok) throw new Error(outcome.error);
      const { samples, added } = outcome.value;
      const figures = { samples: samples.length, added, bytes: answer.body.length };
      return [...samples, ...report(1, clock.monotonic() - startedMs, figures)];
    },
    failed: ({ elapsedMs }) => report(0, elapsedMs, { samples: 0, added: 0, bytes: 0 }),
    families: () => families.due(clock.monotonic()),
    close: async () => close(),
  };
};
