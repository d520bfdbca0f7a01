/**
 * Probes an address from outside: HTTP answers as expected, or a TCP port accepts.
 *
 * Shape:  `probe_success` 0 or 1, `probe_duration_seconds`; for HTTP `probe_http_status_code` (0
 *         without an answer), of an answer `probe_http_duration_seconds{phase}`,
 *         `probe_dns_lookup_time_seconds`, `probe_http_version`, `probe_http_ssl`,
 *         `probe_http_uncompressed_body_length`, and over TLS `probe_ssl_earliest_cert_expiry` and
 *         `probe_tls_version_info{version}`; of a failure `probe_failure_info{reason}`: timeout,
 *         too_large, network, status, certificate_file. A failed probe is a reading, not a fault of
 *         the collector. A redirect is an answer: what moved is a finding.
 */
import { connect } from "node:net";
import type { Collector } from "../collector.ts";
import { outcome, probeReporter, type Finding } from "../probe-answer.ts";
import { exchange, ExchangeFault, type Answer } from "./http-exchange.ts";
import { tlsSettings, type TlsTerms } from "./target-access.ts";

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
  readonly tls?: TlsTerms | undefined;
};
export type TcpProbeOptions = ProbeOptions & { readonly host: string; readonly port: number };

const MS = 1_000;

type Clock = { readonly monotonic: () => number };

/** What a probe reads of an answer before it has seen enough. */
const MAX_ANSWER_BYTES = 1024 * 1024;

export const httpProbe = (clock: Clock, options: HttpProbeOptions): Collector => {
  const url = new URL(options.url);
  const { name, labels, timeoutMs, statuses } = options;
  const report = probeReporter({ ...labels, probe: name });
  const ask = async (signal: AbortSignal): Promise<Answer | string> => {
    try {
      const tls = await tlsSettings(options.tls);
      return await exchange({
        ...{ url, timeoutMs, signal, tls, maxBytes: MAX_ANSWER_BYTES },
        headers: { "user-agent": "novaevo-agent", connection: "close" },
      });
    } catch (fault) {
      return fault instanceof ExchangeFault ? fault.reason : "certificate_file";
    }
  };
  return {
    name: `probe:${name}`,
    intervalMs: options.intervalMs,
    timeoutMs,
    collect: async ({ signal }) => {
      const startedMs = clock.monotonic();
      const answer = await ask(signal);
      const elapsedMs = clock.monotonic() - startedMs;
      if (typeof answer === "string") return report(withStatus(answer, elapsedMs, 0));
      const { status } = answer;
      const isExpected =
        statuses.length > 0 ? statuses.includes(status) : status >= 200 && status < 300;
      const why = isExpected ? undefined : "status";
      return report([...withStatus(why, elapsedMs, status), ...detailsOf(answer)]);
    },
    failed: ({ elapsedMs }) => report(withStatus("timeout", elapsedMs, 0)),
  };
};

const withStatus = (why: string | undefined, elapsedMs: number, status: number) => [
  ...outcome(why, elapsedMs),
  { metric: "probe_http_status_code", value: status },
];

const detailsOf = ({ body, httpVersion, peer, phases }: Answer): readonly Finding[] => [
  { metric: "probe_dns_lookup_time_seconds", value: phases.resolve / MS },
  ...Object.entries(phases).map(([phase, ms]) => ({
    metric: "probe_http_duration_seconds",
    value: ms / MS,
    labels: { phase },
  })),
  { metric: "probe_http_version", value: Number(httpVersion) },
  { metric: "probe_http_uncompressed_body_length", value: body.length },
  { metric: "probe_http_ssl", value: peer === undefined ? 0 : 1 },
  ...(peer?.earliestExpiryS === undefined
    ? []
    : [{ metric: "probe_ssl_earliest_cert_expiry", value: peer.earliestExpiryS }]),
  ...(peer === undefined
    ? []
    : [{ metric: "probe_tls_version_info", value: 1, labels: { version: peer.version } }]),
];

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
  const { name, labels, timeoutMs } = options;
  const report = probeReporter({ ...labels, probe: name });
  return {
    name: `probe:${name}`,
    intervalMs: options.intervalMs,
    timeoutMs,
    collect: async ({ signal }) => {
      const startedMs = clock.monotonic();
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const isOpen = await accepts(options.host, options.port, bounded);
      const why = isOpen ? undefined : bounded.aborted ? "timeout" : "network";
      return report(outcome(why, clock.monotonic() - startedMs));
    },
    failed: ({ elapsedMs }) => report(outcome("timeout", elapsedMs)),
  };
};
