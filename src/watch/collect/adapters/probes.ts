/**
 * Probes an address from outside: HTTP answers as expected, or a TCP port accepts.
 *
 * Shape:  `probe_success` 0 or 1, `probe_duration_seconds`, and for HTTP `probe_http_status_code`
 *         (0 without an answer). A failed probe is a reading, not a fault of the collector.
 */
import { connect } from "node:net";
import type { Collector } from "../collector.ts";
import { seriesOf, type Sample } from "../series.ts";
import { exchange } from "./http-exchange.ts";

export type ProbeOptions = {
  readonly name: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly labels: Readonly<Record<string, string>>;
};
export type HttpProbeOptions = ProbeOptions & {
  readonly url: string;
  /** Expected statuses; empty means any 2xx. */
  readonly statuses: readonly number[];
};
export type TcpProbeOptions = ProbeOptions & { readonly host: string; readonly port: number };

type Clock = { readonly monotonic: () => number };

/** What a probe reads of an answer before it has seen enough. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const MS = 1_000;

const reporter = ({ name, labels }: ProbeOptions) => {
  const series = (metric: string) =>
    seriesOf(Object.entries({ ...labels, probe: name, __name__: metric }));
  const success = series("probe_success");
  const duration = series("probe_duration_seconds");
  const status = series("probe_http_status_code");
  return (isUp: boolean, elapsedMs: number, code?: number): readonly Sample[] => [
    { series: success, value: isUp ? 1 : 0 },
    { series: duration, value: elapsedMs / MS },
    ...(code === undefined ? [] : [{ series: status, value: code }]),
  ];
};

export const httpProbe = (clock: Clock, options: HttpProbeOptions): Collector => {
  const url = new URL(options.url);
  const report = reporter(options);
  const { timeoutMs, statuses } = options;
  return {
    name: `probe:${options.name}`,
    intervalMs: options.intervalMs,
    timeoutMs,
    collect: async ({ signal }) => {
      const startedMs = clock.monotonic();
      const headers = { "user-agent": "novaevo-agent", connection: "close" };
      const outcome = await exchange({
        url,
        headers,
        timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        signal,
      }).catch(() => undefined);
      const code = outcome?.status ?? 0;
      const isExpected = statuses.length > 0 ? statuses.includes(code) : code >= 200 && code < 300;
      return report(isExpected, clock.monotonic() - startedMs, code);
    },
    failed: ({ elapsedMs }) => report(false, elapsedMs, 0),
  };
};

const accepts = (host: string, port: number, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (isOpen: boolean): void => {
      signal.removeEventListener("abort", giveUp);
      socket.destroy();
      resolve(isOpen);
    };
    const giveUp = (): void => end(false);
    socket.once("connect", () => end(true));
    socket.once("error", giveUp);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
  });

export const tcpProbe = (clock: Clock, options: TcpProbeOptions): Collector => {
  const report = reporter(options);
  return {
    name: `probe:${options.name}`,
    intervalMs: options.intervalMs,
    timeoutMs: options.timeoutMs,
    collect: async ({ signal }) => {
      const startedMs = clock.monotonic();
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]);
      const isOpen = await accepts(options.host, options.port, bounded);
      return report(isOpen, clock.monotonic() - startedMs);
    },
    failed: ({ elapsedMs }) => report(false, elapsedMs),
  };
};
