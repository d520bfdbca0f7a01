/**
 * One HTTP request with every bound set: time for the whole exchange, bytes of the answer as
 * unpacked. Redirects are not followed: a target that moved is a finding, not a detour.
 *
 * Errors: ExchangeFault: "timeout", "too_large", "network", "aborted".
 */
import { request as httpRequest, type Agent, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { createGunzip } from "node:zlib";

export class ExchangeFault extends Error {
  override readonly name = "ExchangeFault";
  readonly reason: "timeout" | "too_large" | "network" | "aborted";
  constructor(reason: ExchangeFault["reason"], message: string, cause?: unknown) {
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
  /** Sees the connection before anything is sent on it; throwing gives the request up. */
  readonly onConnection?: (isReused: boolean) => void;
};
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
};

const collectBody = async (message: IncomingMessage, maxBytes: number): Promise<Buffer> => {
  const isPacked = message.headers["content-encoding"] === "gzip";
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
  });
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
    const bytes = await collectBody(message, maxBytes);
    return { status: message.statusCode ?? 0, headers: message.headers, body: bytes };
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
