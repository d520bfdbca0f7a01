/**
 * Refuses requests a foreign page or a rebound DNS name would make the browser send.
 *
 * Source: OWASP ASVS 5.0 3.5.1 and 3.5.3 (origin of requests that change state).
 */
import type { FastifyRequest } from "fastify";

/** Host names this installation answers to; "*" when a trusted proxy in front of it decides. */
export type AllowedHosts = ReadonlySet<string>;

export const LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"] as const;

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

export const forbiddenOrigin = (
  request: Pick<FastifyRequest, "headers" | "method">,
  hosts: AllowedHosts,
): string | undefined => {
  const { host = "", origin } = request.headers;
  const name = host.replace(/:\d+$/, "").toLowerCase();
  if (!hosts.has("*") && !hosts.has(name)) {
    return `host: "${name.slice(0, 80)}" is not a name of this installation (NOVAEVO_HOSTS adds one)`;
  }
  if (SAFE.has(request.method)) return undefined;
  if (request.headers["sec-fetch-site"] === "cross-site") return "origin: another site's request";
  if (origin === undefined) return undefined;
  const from = URL.parse(origin)?.host;
  return from === host.toLowerCase() ? undefined : "origin: another site's request";
};
