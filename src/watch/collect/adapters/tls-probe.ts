/**
 * Shakes hands with a TLS server: does its chain verify, is the name its own, when does it expire.
 *
 * Shape:  `probe_success`, `probe_duration_seconds`, `probe_dns_lookup_time_seconds`; after a
 *         handshake `probe_ssl_earliest_cert_expiry`, `probe_tls_version_info{version}`,
 *         `probe_tls_cipher_info{cipher}`, `probe_tls_chain_verified`, `probe_tls_name_matched`; of
 *         a failure `probe_failure_info{reason}`: dns, refused, timeout, handshake, expired,
 *         untrusted, name, certificate_file. With `insecure` a handshake is enough.
 * Units:  seconds; the expiry in seconds since the epoch.
 * Errors: none: a failed probe is a reading, not a fault of the collector.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { checkServerIdentity, connect, type TLSSocket } from "node:tls";
import type { Collector } from "../collector.ts";
import { outcome, probeReporter, type Finding } from "../probe-answer.ts";
import { factsOf } from "./peer-certificate.ts";
import type { ProbeOptions } from "./probes.ts";
import { tlsSettings, type TlsSettings, type TlsTerms } from "./target-access.ts";

export type TlsProbeOptions = ProbeOptions &
  TlsTerms & {
    readonly host: string;
    readonly port: number;
  };

type Reason =
  | "dns"
  | "refused"
  | "timeout"
  | "handshake"
  | "expired"
  | "untrusted"
  | "name"
  | "certificate_file";
type Seen = { readonly why: Reason | undefined; readonly findings: readonly Finding[] };

type Address = { readonly address: string } | { readonly why: Reason };

const MS = 1_000;
const UNREACHED = /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/;

export const tlsProbe = (
  clock: { readonly monotonic: () => number },
  options: TlsProbeOptions,
): Collector => {
  const { name, labels, timeoutMs, host } = options;
  const report = probeReporter({ ...labels, probe: name });
  return {
    name: `probe:${name}`,
    intervalMs: options.intervalMs,
    timeoutMs,
    collect: async ({ signal }) => {
      const startedMs = clock.monotonic();
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const found = await addressOf(host, bounded);
      const lookedUpMs = clock.monotonic() - startedMs;
      const seen =
        "why" in found
          ? { why: found.why, findings: [] }
          : await handshake(found.address, options, bounded);
      return report([
        ...outcome(seen.why, clock.monotonic() - startedMs),
        { metric: "probe_dns_lookup_time_seconds", value: lookedUpMs / MS },
        ...seen.findings,
      ]);
    },
    failed: ({ elapsedMs }) => report(outcome("timeout", elapsedMs)),
  };
};

/** The system's own look-up cannot be called off; whoever waits for it can go. */
const addressOf = async (host: string, signal: AbortSignal): Promise<Address> => {
  if (isIP(host) !== 0) return { address: host };
  const late = new Promise<Address>((resolve) => {
    signal.addEventListener("abort", () => resolve({ why: "timeout" }), { once: true });
  });
  const found = lookup(host).catch((): Address => ({ why: "dns" }));
  return Promise.race([found, late]);
};

const handshake = async (
  address: string,
  options: TlsProbeOptions,
  signal: AbortSignal,
): Promise<Seen> => {
  let settings: TlsSettings;
  try {
    settings = await tlsSettings(options);
  } catch {
    return { why: "certificate_file", findings: [] };
  }
  const { host, port, insecure, serverName = host } = options;
  const socket = connect({
    ...settings,
    ...{ host: address, port },
    // An address is no server name (RFC 6066).
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    // What is wrong is to be told, each thing by itself.
    ...{ rejectUnauthorized: false, checkServerIdentity: () => undefined },
  });
  try {
    const fault = await secured(socket, signal);
    if (fault !== undefined) return { why: fault, findings: [] };
    const { leaf, earliestExpiryS, version, cipher } = factsOf(socket);
    const isVerified = socket.authorized;
    const isNamed = leaf !== undefined && checkServerIdentity(serverName, leaf) === undefined;
    const wrong = verdict(socket, isNamed);
    return {
      why: insecure ? undefined : wrong,
      findings: [
        ...(earliestExpiryS === undefined
          ? []
          : [{ metric: "probe_ssl_earliest_cert_expiry", value: earliestExpiryS }]),
        { metric: "probe_tls_version_info", value: 1, labels: { version } },
        { metric: "probe_tls_cipher_info", value: 1, labels: { cipher } },
        { metric: "probe_tls_chain_verified", value: isVerified ? 1 : 0 },
        { metric: "probe_tls_name_matched", value: isNamed ? 1 : 0 },
      ],
    };
  } finally {
    socket.destroy();
  }
};

const verdict = (socket: TLSSocket, isNamed: boolean): Reason | undefined => {
  if (!socket.authorized) {
    const code: unknown = socket.authorizationError;
    return String(code).includes("CERT_HAS_EXPIRED") ? "expired" : "untrusted";
  }
  return isNamed ? undefined : "name";
};

/** Why there is no secure connection; undefined once there is one. */
const secured = (socket: TLSSocket, signal: AbortSignal): Promise<Reason | undefined> =>
  new Promise((resolve) => {
    const giveUp = (): void => resolve("timeout");
    socket.once("secureConnect", () => resolve(undefined));
    // Stays: what comes after the handshake is nobody's concern, and must not end the process.
    socket.on("error", (fault: NodeJS.ErrnoException) =>
      resolve(UNREACHED.test(fault.code ?? "") ? "refused" : "handshake"),
    );
    socket.once("close", () => resolve("handshake"));
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
  });
