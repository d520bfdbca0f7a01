/**
 * One HTTP request with every bound set: time for the whole exchange, bytes of the answer as
 * unpacked. Redirects are followed by `exchangeFollowing` alone, and only so many.
 *
 * Errors: ExchangeFault: "timeout", "too_large", "network", "aborted", "redirect".
 */
import {
  request as httpRequest,
  type Agent,
  type ClientRequest,
  type IncomingMessage,
} from "node:http";
import { request as httpsRequest } from "node:https";
import { TLSSocket } from "node:tls";
import { createGunzip } from "node:zlib";
import { factsOf, type PeerFacts } from "./peer-certificate.ts";
import type { TlsSettings } from "./target-access.ts";

type Reason = "timeout" | "too_large" | "network" | "aborted" | "redirect";

export class ExchangeFault extends Error {
  override readonly name = "ExchangeFault";
  readonly reason: Reason;
  constructor(reason: Reason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

export type Exchange = {
  readonly url: URL;
  readonly method?: "GET" | "POST" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Kept-alive connections; the agent of the URL's scheme. */
  readonly agent?: Agent;
  readonly tls?: TlsSettings;
  /** Sees the connection before anything is sent on it; throwing gives the request up. */
  readonly onConnection?: (isReused: boolean) => void;
};
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly httpVersion: string;
  /** Of an encrypted connection. */
  readonly peer?: PeerFacts;
  readonly phases: Phases;
};
/** How long each took, in ms; 0 for what was not needed, such as the look-up of an address. */
export type Phases = Readonly<
  Record<"resolve" | "connect" | "tls" | "processing" | "transfer", number>
>;

const collectBody = async (message: IncomingMessage, maxBytes: number): Promise<Buffer> => {
  const isPacked = /^(?:x-)?gzip$/i.test(message.headers["content-encoding"] ?? "");
  const source = isPacked ? message.pipe(createGunzip()) : message;
  // A packed answer that breaks off would otherwise leave the unpacker waiting.
  if (isPacked) message.once("error", (fault) => source.destroy(fault));
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new ExchangeFault("too_large", `more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    if (!message.complete) throw new ExchangeFault("network", "the answer broke off");
  } finally {
    if (isPacked) source.destroy();
  }
  return Buffer.concat(chunks, size);
};

/** Times of one request's stations; a connection used again has none before `processing`. */
const phasesOf = (request: ClientRequest): (() => Phases) => {
  const startedMs = performance.now();
  let [resolvedMs, connectedMs, securedMs, answeredMs] = [
    startedMs,
    startedMs,
    startedMs,
    startedMs,
  ];
  request.once("socket", (socket) => {
    if (!socket.connecting) return;
    socket.once("lookup", () => (resolvedMs = performance.now()));
    socket.once("connect", () => {
      connectedMs = performance.now();
      securedMs = connectedMs;
    });
    socket.once("secureConnect", () => (securedMs = performance.now()));
  });
  request.once("response", () => (answeredMs = performance.now()));
  return () => ({
    resolve: resolvedMs - startedMs,
    connect: Math.max(0, connectedMs - resolvedMs),
    tls: securedMs - connectedMs,
    processing: answeredMs - securedMs,
    transfer: performance.now() - answeredMs,
  });
};

export const exchange = async (options: Exchange): Promise<Answer> => {
  const { url, method = "GET", headers = {}, body, timeoutMs, maxBytes } = options;
  const limit = new AbortController();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    limit.abort();
  }, timeoutMs);
  const giveUp = (): void => limit.abort();
  options.signal.addEventListener("abort", giveUp, { once: true });
  if (options.signal.aborted) giveUp();
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  const request = send(url, {
    method,
    headers: { ...headers, ...length },
    signal: limit.signal,
    ...(options.agent === undefined ? {} : { agent: options.agent }),
    ...options.tls,
  });
  const phases = phasesOf(request);
  let message: IncomingMessage | undefined;
  try {
    message = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once("error", reject);
      request.once("response", resolve);
      request.once("socket", () => {
        try {
          options.onConnection?.(request.reusedSocket);
          request.end(body);
        } catch (fault) {
          request.destroy(fault as Error);
        }
      });
    });
    // After the answer's head, an abort shows as an error of the message, but may be of the
    // request.
    request.on("error", () => undefined);
    // While it is open: a certificate cannot be asked for afterwards.
    const peer = message.socket instanceof TLSSocket ? { peer: factsOf(message.socket) } : {};
    const bytes = await collectBody(message, maxBytes);
    const { statusCode: status = 0, headers: found, httpVersion } = message;
    return { status, headers: found, body: bytes, httpVersion, phases: phases(), ...peer };
  } catch (fault) {
    request.destroy();
    message?.destroy();
    if (options.signal.aborted) throw new ExchangeFault("aborted", "given up", fault);
    if (isLate) throw new ExchangeFault("timeout", `no answer in ${timeoutMs} ms`, fault);
    if (fault instanceof ExchangeFault) throw fault;
    const why = fault instanceof Error ? fault.message : String(fault);
    throw new ExchangeFault("network", why, fault);
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", giveUp);
  }
};

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Where an answer sends to; undefined where it is the answer. */
const redirection = ({ status, headers }: Answer, from: URL): URL | undefined => {
  const { location } = headers;
  if (!REDIRECTS.has(status) || typeof location !== "string") return undefined;
  const to = URL.parse(location, from);
  if (to === null || !/^https?:$/.test(to.protocol))
    throw new ExchangeFault("redirect", `HTTP ${status} to what is no http(s) address`);
  if (from.protocol === "https:" && to.protocol === "http:")
    throw new ExchangeFault("redirect", `HTTP ${status} from https to http`);
  return to;
};

/**
 * A GET that goes where the answer sends it, `maxRedirects` times; 0 takes the answer as it is.
 * What `secret` holds is shown to the first origin only. The time is that of all together.
 */
export const exchangeFollowing = async (
  options: Omit<Exchange, "method" | "body" | "agent"> & {
    readonly secret: Readonly<Record<string, string>>;
    readonly maxRedirects: number;
    readonly agentOf: (url: URL) => Agent;
    readonly monotonic: () => number;
  },
): Promise<Answer> => {
  const { secret, maxRedirects, agentOf, monotonic, ...common } = options;
  const untilMs = monotonic() + common.timeoutMs;
  let at = common.url;
  for (let hops = 0; ; hops += 1) {
    const isOurs = at.origin === common.url.origin;
    const answer = await exchange({
      ...common,
      url: at,
      headers: { ...common.headers, ...(isOurs ? secret : {}) },
      // The first has all of it, so that its reason names the limit and not what is left.
      timeoutMs: hops === 0 ? common.timeoutMs : Math.max(1, Math.ceil(untilMs - monotonic())),
      agent: agentOf(at),
    });
    const next = maxRedirects === 0 ? undefined : redirection(answer, at);
    if (next === undefined) return answer;
    if (hops >= maxRedirects)
      throw new ExchangeFault("redirect", `more than ${maxRedirects} redirects`);
    at = next;
  }
};
