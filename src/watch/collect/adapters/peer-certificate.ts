/**
 * What a TLS peer showed, in figures: protocol, cipher, and when its chain begins to expire.
 *
 * Shape:  the chain as sent, with the authority it was verified by where there is one.
 * Units:  seconds since the epoch.
 * Errors: none; without a certificate there is no expiry.
 */
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";

export type PeerFacts = {
  /** As the blackbox exporter writes it: "TLS 1.3". */
  readonly version: string;
  readonly cipher: string;
  readonly earliestExpiryS: number | undefined;
  readonly leaf: DetailedPeerCertificate | undefined;
};

const MAX_CHAIN = 16;
const MS = 1_000;

export const factsOf = (socket: TLSSocket): PeerFacts => {
  const chain = chainOf(socket.getPeerCertificate(true));
  const expiriesMs = chain.map(({ valid_to: until }) => Date.parse(until)).filter(Number.isFinite);
  return {
    version: (socket.getProtocol() ?? "").replace(/^TLSv/, "TLS ").replace(/^TLS 1$/, "TLS 1.0"),
    cipher: socket.getCipher().standardName,
    earliestExpiryS: expiriesMs.length === 0 ? undefined : Math.min(...expiriesMs) / MS,
    leaf: chain[0],
  };
};

/** A root is its own issuer; no certificate at all is an empty object. */
const chainOf = (leaf: DetailedPeerCertificate): readonly DetailedPeerCertificate[] => {
  const chain: DetailedPeerCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = leaf;
  while (next?.raw !== undefined && chain.length < MAX_CHAIN) {
    const { raw } = next;
    if (chain.some((one) => one.raw.equals(raw))) break;
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
};
