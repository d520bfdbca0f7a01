/**
 * Asks a name server one question: is there an answer, the expected one, and how soon.
 *
 * Shape:  `probe_success`, `probe_duration_seconds`, `probe_dns_lookup_time_seconds`,
 *         `probe_dns_query_succeeded`, `probe_dns_answer_rrs`, and of a failure
 *         `probe_failure_info{reason}`: nxdomain, nodata, servfail, refused, timeout, malformed,
 *         unreachable, unexpected (an expected answer is missing), other. A failed probe is a
 *         reading, not a fault of the collector.
 * Units:  seconds. One attempt; what is lost on the way is a timeout.
 */
import { Resolver } from "node:dns/promises";
import type { Collector } from "../collector.ts";
import {
  missingFrom,
  outcome,
  probeReporter,
  type Finding,
  type RecordType,
} from "../probe-answer.ts";
import type { ProbeOptions } from "./probes.ts";

export type DnsProbeOptions = ProbeOptions & {
  readonly query: string;
  readonly type: RecordType;
  readonly resolver?: string | undefined;
  readonly expected: readonly string[];
};

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "nxdomain",
  ENODATA: "nodata",
  ESERVFAIL: "servfail",
  EREFUSED: "refused",
  ENOTIMP: "refused",
  ETIMEOUT: "timeout",
  ECANCELLED: "timeout",
  EBADRESP: "malformed",
  EFORMERR: "malformed",
  ECONNREFUSED: "unreachable",
};

export const dnsProbe = (
  clock: { readonly monotonic: () => number },
  options: DnsProbeOptions,
): Collector => {
  const { name, labels, query, type, expected, timeoutMs } = options;
  const report = probeReporter({ ...labels, probe: name });
  return {
    name: `probe:${name}`,
    intervalMs: options.intervalMs,
    timeoutMs,
    collect: async ({ signal }) => {
      const startedMs = clock.monotonic();
      // A resolver of its own: another's cache would answer for the server.
      const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
      if (options.resolver !== undefined) resolver.setServers([options.resolver]);
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const giveUp = (): void => resolver.cancel();
      bounded.addEventListener("abort", giveUp, { once: true });
      try {
        const answers = await ASK[type](resolver, query);
        const elapsedMs = clock.monotonic() - startedMs;
        const isMissing = missingFrom(answers, expected, type).length > 0;
        const why = answers.length === 0 ? "nodata" : isMissing ? "unexpected" : undefined;
        return report([...outcome(why, elapsedMs), ...answered(1, answers.length, elapsedMs)]);
      } catch (fault) {
        const code = fault instanceof Error && "code" in fault ? String(fault.code) : "";
        const elapsedMs = clock.monotonic() - startedMs;
        const why = REASONS[code] ?? "other";
        // A name server that says "no such name" has answered.
        const isAnswered = why === "nxdomain" || why === "nodata";
        return report([...outcome(why, elapsedMs), ...answered(isAnswered ? 1 : 0, 0, elapsedMs)]);
      } finally {
        bounded.removeEventListener("abort", giveUp);
      }
    },
    failed: ({ elapsedMs }) =>
      report([...outcome("timeout", elapsedMs), ...answered(0, 0, elapsedMs)]),
  };
};

const answered = (isAnswered: number, count: number, elapsedMs: number): readonly Finding[] => [
  { metric: "probe_dns_query_succeeded", value: isAnswered },
  { metric: "probe_dns_answer_rrs", value: count },
  { metric: "probe_dns_lookup_time_seconds", value: elapsedMs / 1_000 },
];

type Ask = (resolver: Resolver, name: string) => Promise<readonly string[]>;

/** Answers as a zone file writes them. */
const ASK: Readonly<Record<RecordType, Ask>> = {
  A: (resolver, name) => resolver.resolve4(name),
  AAAA: (resolver, name) => resolver.resolve6(name),
  CNAME: (resolver, name) => resolver.resolveCname(name),
  NS: (resolver, name) => resolver.resolveNs(name),
  PTR: (resolver, name) => resolver.resolvePtr(name),
  TXT: async (resolver, name) => (await resolver.resolveTxt(name)).map((parts) => parts.join("")),
  MX: async (resolver, name) =>
    (await resolver.resolveMx(name)).map(({ priority, exchange }) => `${priority} ${exchange}`),
  SRV: async (resolver, name) =>
    (await resolver.resolveSrv(name)).map(
      ({ priority, weight, port, name: at }) => `${priority} ${weight} ${port} ${at}`,
    ),
  CAA: async (resolver, name) =>
    (await resolver.resolveCaa(name)).map(({ critical, ...property }) => {
      const [tag, value] = Object.entries(property).find(([key]) => key !== "type") ?? [];
      return `${critical} ${tag} ${String(value)}`;
    }),
};
