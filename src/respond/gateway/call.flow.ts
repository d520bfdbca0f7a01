/**
 * One call of a backend for a request: streams both ways, with back pressure both ways.
 *
 * Shape:  `port.ended` hears once how it ended; what comes next is not decided here. A class,
 *         because six callbacks a request as closures cost more than what they do.
 * Units:  ms of a clock that does not go backwards; `wallMs` since the epoch.
 * Errors: none thrown: `Ending` says what happened.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { errors, type Dispatcher } from "undici";
import type { Outcome } from "./breaker.ts";
import { MAX_ANSWER_BYTES, mayKeep, type Kept } from "./fallback.ts";
import { answerHeaders, type Channel, type Said } from "./headers.ts";
import type { Backend, ServicePool } from "./pool.ts";
import type { Waiting } from "./queue.ts";
import type { Route } from "./routing.ts";
import type { Session } from "./session-token.ts";
import type { Tier } from "./turns.ts";

/** A request on its way through, over all its attempts. */
export type Journey = {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly route: Route;
  readonly said: Said;
  readonly session: Session | undefined;
  readonly channel: Channel;
  readonly tier: Tier;
  readonly trace: string;
  readonly span: string;
  readonly parent: string;
  readonly requestId: string;
  readonly startMs: number;
  readonly wallMs: number;
  readonly deadlineMs: number;
  waiting: Waiting<Journey> | undefined;
  call: Call | undefined;
  attempts: number;
  /** What answers in place of the service. */
  fallback: "backup" | "last_good" | "static" | undefined;
  isOver: boolean;
};

export type Ending =
  | { readonly is: "answered"; readonly outcome: Outcome }
  /** Nothing was sent to the client yet: something else may be. */
  | {
      readonly is: "unanswered";
      readonly outcome: Outcome;
      readonly why: string;
      readonly isLate: boolean;
    }
  /** The answer broke off in its middle. */
  | { readonly is: "broken"; readonly why: string }
  /** The request's own doing. */
  | { readonly is: "aborted" | "too_large" };

export type CallPort = {
  readonly now: () => number;
  readonly ended: (call: Call, ending: Ending) => void;
  /** Whether an answer of 5xx is better replaced. */
  readonly wouldReplace: (journey: Journey) => boolean;
  readonly wantsKept: (journey: Journey) => boolean;
  readonly keep: (journey: Journey, kept: Kept) => void;
};

type Parsed = Readonly<Record<string, string | string[] | undefined>>;

export class Call implements Dispatcher.DispatchHandler {
  readonly journey: Journey;
  readonly pool: ServicePool;
  readonly backend: Backend;
  readonly startMs: number;
  readonly inflightThen: number;
  readonly #port: CallPort;
  #controller: Dispatcher.DispatchController | undefined;
  #isRunning = true;
  #status = 0;
  /** The length of the whole body, where it says one and it is small. */
  #wholeBytes = -1;
  #kept:
    | { readonly headers: readonly string[]; readonly chunks: Buffer[]; bytes: number }
    | undefined;

  constructor(
    port: CallPort,
    journey: Journey,
    pool: ServicePool,
    backend: Backend,
    startMs: number,
  ) {
    this.#port = port;
    this.journey = journey;
    this.pool = pool;
    this.backend = backend;
    this.startMs = startMs;
    this.inflightThen = pool.inflight();
  }

  /** The client went away, or the time is over. */
  end(ending: Ending): void {
    if (!this.#isRunning) return;
    this.#finish(ending);
    this.#controller?.abort(new errors.RequestAbortedError(ending.is));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It ended while it waited for a connection.
    if (!this.#isRunning) controller.abort(new errors.RequestAbortedError("ended"));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, parsed: Parsed): void {
    if (status < 200 || !this.#isRunning) return;
    this.#status = status;
    const { journey } = this;
    if (status >= 500 && this.#port.wouldReplace(journey)) {
      const why = `the service answered ${status}`;
      this.#finish({ is: "unanswered", outcome: "failed", why, isLate: false });
      controller.abort(new errors.RequestAbortedError("replaced"));
      return;
    }
    const headers = answerHeaders(flat(parsed));
    if (this.#port.wantsKept(journey) && mayKeep(status, headers))
      this.#kept = { headers: [...headers], chunks: [], bytes: 0 };
    if (journey.fallback !== undefined) headers.push("x-novaevo-fallback", journey.fallback);
    if (parsed["x-request-id"] === undefined) headers.push("x-request-id", journey.requestId);
    const length = parsed["content-length"];
    if (typeof length === "string" && length.length <= WHOLE_DIGITS)
      this.#wholeBytes = Number(length);
    journey.res.writeHead(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isRunning) return;
    if (this.#kept !== undefined) this.#hold(this.#kept, chunk);
    const { res } = this.journey;
    if (chunk.length === this.#wholeBytes) {
      // Head and body as one string are one write; as head and buffer they cost a slower one.
      res.end(chunk.toString("latin1"), "latin1");
      return;
    }
    if (res.write(chunk)) return;
    controller.pause();
    res.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    if (!this.#isRunning) return;
    const { res } = this.journey;
    if (!res.writableEnded) res.end();
    if (this.#kept !== undefined) {
      const { headers, chunks } = this.#kept;
      const kept = { atMs: this.#port.now(), headers, body: Buffer.concat(chunks) };
      this.#port.keep(this.journey, kept);
    }
    this.#finish({ is: "answered", outcome: this.#status >= 500 ? "failed" : "good" });
  }

  onResponseError(_controller: Dispatcher.DispatchController, fault: Error): void {
    if (!this.#isRunning) return;
    const { req, res } = this.journey;
    if ("code" in fault && fault.code === BODY_TOO_LARGE) return this.#finish({ is: "too_large" });
    if (req.destroyed && !req.complete) return this.#finish({ is: "aborted" });
    const why = `${"code" in fault ? String(fault.code) : fault.name}: ${fault.message}`;
    const outcome = isUnreached(fault) ? "unreached" : "failed";
    if (res.headersSent) this.#finish({ is: "broken", why });
    else this.#finish({ is: "unanswered", outcome, why, isLate: isLate(fault) });
  }

  #hold(kept: { readonly chunks: Buffer[]; bytes: number }, chunk: Buffer): void {
    kept.bytes += chunk.length;
    if (kept.bytes > MAX_ANSWER_BYTES) this.#kept = undefined;
    else kept.chunks.push(chunk);
  }

  #finish(ending: Ending): void {
    this.#isRunning = false;
    this.#port.ended(this, ending);
  }
}

/** Up to 9,999 bytes. */
const WHOLE_DIGITS = 4;
export const BODY_TOO_LARGE = "NOVAEVO_BODY_TOO_LARGE";
const NO_CONNECTION = new Set([
  ...["ECONNREFUSED", "ENOENT", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EADDRNOTAVAIL"],
  ...["UND_ERR_CONNECT_TIMEOUT", "ETIMEDOUT"],
]);
const LATE = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);
const isUnreached = (fault: Error): boolean =>
  "code" in fault && NO_CONNECTION.has(String(fault.code));
const isLate = (fault: Error): boolean => "code" in fault && LATE.has(String(fault.code));

const flat = (parsed: Parsed): string[] => {
  const headers: string[] = [];
  for (const name in parsed) {
    const value = parsed[name];
    if (typeof value === "string") headers.push(name, value);
    else if (value !== undefined) for (const one of value) headers.push(name, one);
  }
  return headers;
};
