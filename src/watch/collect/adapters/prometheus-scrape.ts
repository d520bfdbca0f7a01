/**
 * Scrapes one Prometheus target, and says how that went.
 *
 * Shape:  the target's samples with `job`, `instance` and its own labels, then `up`,
 *         `scrape_duration_seconds` and `scrape_samples_scraped`. A failed scrape says `up` 0 and
 *         nothing of the target, so that its series go stale.
 * Errors: HTTP status other than 200, a text that is no exposition, limits, the network's: the look
 *         rejects with the reason.
 */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Collector } from "../collector.ts";
import { scrapeReader } from "../scrape-text.ts";
import { seriesOf, type Sample } from "../series.ts";
import { exchange } from "./http-exchange.ts";

export type ScrapeOptions = {
  readonly job: string;
  readonly url: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly externalLabels: Readonly<Record<string, string>>;
  readonly honorLabels: boolean;
  readonly maxBytes: number;
  readonly maxSamples: number;
};

const ACCEPT = "text/plain;version=0.0.4;q=1,*/*;q=0.1";
const MS = 1_000;

export const scrapeCollector = (
  clock: { readonly monotonic: () => number },
  options: ScrapeOptions,
): Collector => {
  const url = new URL(options.url);
  const own = { job: options.job, instance: options.labels["instance"] ?? url.host };
  const target = {
    labels: { ...options.labels, ...own },
    externalLabels: options.externalLabels,
    honorLabels: options.honorLabels,
    maxSamples: options.maxSamples,
  };
  const read = scrapeReader(target);
  const report = (name: string) =>
    seriesOf(Object.entries({ ...options.externalLabels, ...target.labels, __name__: name }));
  const up = report("up");
  const duration = report("scrape_duration_seconds");
  const scraped = report("scrape_samples_scraped");
  const keepAlive = { keepAlive: true, maxSockets: 1 };
  const agent = url.protocol === "https:" ? new HttpsAgent(keepAlive) : new HttpAgent(keepAlive);
  const summary = (isUp: number, elapsedMs: number, count: number): readonly Sample[] => [
    { series: up, value: isUp },
    { series: duration, value: elapsedMs / MS },
    { series: scraped, value: count },
  ];
  return {
    name: `scrape:${options.job}:${own.instance}`,
    intervalMs: options.intervalMs,
    timeoutMs: options.timeoutMs,
    collect: async ({ signal }) => {
      const startedMs = clock.monotonic();
      const { timeoutMs, maxBytes } = options;
      const headers = {
        accept: ACCEPT,
        "accept-encoding": "gzip",
        "user-agent": "novaevo-agent",
        "x-prometheus-scrape-timeout-seconds": String(timeoutMs / MS),
      };
      const answer = await exchange({ url, headers, timeoutMs, maxBytes, signal, agent });
      if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`);
      const outcome = read(answer.body.toString("utf8"));
      if (!outcome.ok) throw new Error(outcome.error);
      const { samples } = outcome.value;
      return [...samples, ...summary(1, clock.monotonic() - startedMs, samples.length)];
    },
    failed: ({ elapsedMs }) => summary(0, elapsedMs, 0),
    close: async () => agent.destroy(),
  };
};
