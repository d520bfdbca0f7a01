/**
 * The public side: takes requests, refuses what is not one, and leads the rest through the gates.
 *
 * Shape:  headers → route → session → admission → waiting room → shedding → rate → place. Each gate
 *         answers or lets through. Closing is graceful: no new connections, what runs is finished.
 * Units:  bytes, ms.
 * Errors: to the client as JSON `{error:{code,message}}`.
 */
import { randomFillSync } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../kernel/clock.ts";
import type { Result } from "../../kernel/result.ts";
import type { Admission } from "./admission.ts";
import type { Journey } from "./call.flow.ts";
import type { Calls } from "./calls.flow.ts";
import type { FinishedAs } from "./finished.ts";
import type { Gcra } from "./gcra.ts";
import {
  channelOf,
  isRefused,
  MAX_URL_CHARS,
  readHeaders,
  requestIdOf,
  traceOf,
} from "./headers.ts";
import type { Said } from "./headers.ts";
import type { ServicePool } from "./pool.ts";
import { rankOf } from "./queue.ts";
import { REPLIES, replyBody, type Reply } from "./replies.ts";
import { STATUS_PATH, type RoomDoor } from "./room.flow.ts";
import type { Route } from "./routing.ts";
import type { Rules } from "./rules.ts";
import type { Session } from "./session-token.ts";
import { isShed } from "./shed.ts";

export type ProxyDeps = {
  readonly clock: Clock;
  readonly routing: (target: string) => Route | "ambiguous" | undefined;
  readonly pools: ReadonlyMap<string, ServicePool>;
  readonly calls: Calls;
  readonly room: RoomDoor;
  readonly verify: (token: string, nowMs: number) => Result<Session, string>;
  readonly admission: Admission;
  readonly gcra: Gcra;
  readonly rules: () => Rules;
  readonly finished: (journey: Journey, as: FinishedAs) => void;
  readonly refused: (status: number) => void;
};
export type ProxyTerms = { readonly region: string; readonly maxBodyBytes: number };

const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_MS = 10_000;
const REQUEST_MS = 60_000;
const KEEP_ALIVE_MS = 65_000;
const MAX_CONNECTIONS = 10_000;

export const newProxyServer = (deps: ProxyDeps, terms: ProxyTerms): Server => {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    insecureHTTPParser: false,
    noDelay: true,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on("request", handler(deps, terms));
  server.on("clientError", answerClientError);
  server.on("connect", (_req, socket: Socket) => cut(socket, 501, "no tunnels are served"));
  return server;
};

const handler = (deps: ProxyDeps, terms: ProxyTerms) => {
  const { clock, calls, rules } = deps;
  const refuse = (res: ServerResponse, what: Reply): void => {
    const body = replyBody(what);
    res.writeHead(what.status, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      // Whatever comes after it on this connection is not to be trusted.
      ...(what.status === 404 || what.status === 401 ? {} : { connection: "close" }),
    });
    res.end(body);
    deps.refused(what.status);
  };

  return (req: IncomingMessage, res: ServerResponse): void => {
    const target = req.url ?? "";
    if (target.length > MAX_URL_CHARS) return refuse(res, REPLIES.longUrl);
    if (!target.startsWith("/")) return refuse(res, REPLIES.originForm);
    const said = readHeaders(req.rawHeaders, terms.maxBodyBytes);
    if (isRefused(said)) return refuse(res, said);
    const wallMs = clock.now();
    const session = sessionOf(deps, said, wallMs);
    if (session !== undefined && !session.ok)
      return refuse(res, { status: 401, code: "invalid_token", message: session.error });
    const visitor = session?.value;
    const visit = { req, res, said, session: visitor, tier: visitor?.tier ?? "standard" } as const;
    if (target.startsWith(STATUS_PATH)) return deps.room.status(visit, wallMs);
    const route = deps.routing(target);
    if (route === undefined) return refuse(res, REPLIES.noRoute);
    if (route === "ambiguous") return refuse(res, REPLIES.ambiguousPath);
    const journey = journeyOf(visit, route, clock.monotonic(), wallMs);
    res.once("close", () => {
      if (!res.writableFinished) calls.gone(journey);
    });
    pass(deps, terms, journey, rules());
  };
};

/** The gates, in order of what they cost. */
const pass = (deps: ProxyDeps, terms: ProxyTerms, journey: Journey, rules: Rules): void => {
  const { calls, pools } = deps;
  const { route, session, tier, req, startMs, wallMs } = journey;
  const { service, feature } = route;
  const pool = pools.get(service)!;
  pool.latency.count("offered", startMs);
  const region = session?.region || terms.region;
  const { sub, wave = "" } = session ?? {};
  const verdict = deps.admission({ sub, wave, tier, region, service, feature });
  if (!verdict.isIn)
    return calls.reply(
      journey,
      { status: 403, code: "not_admitted", message: verdict.why },
      "denied",
    );
  if (route.criticality !== "critical" && !deps.room.passes(journey, wallMs))
    return finishWaiting(deps, journey);
  const rank = rankOf(route.criticality);
  if (isShed(rank, Math.max(rules.shedLevel, pool.reflex.level())))
    return calls.instead(journey, REPLIES.shed, "shed");
  const rate = rules.throttle.get(service);
  if (rate !== undefined) {
    const key = `${service} ${sub ?? req.socket.remoteAddress ?? ""}`;
    const againMs = deps.gcra.take(key, rate, startMs);
    if (againMs > 0) {
      const message = `more than ${rate.ratePerS} calls a second to ${service}`;
      const limited = { status: 429, code: "rate_limited", message, retryAfterMs: againMs };
      return calls.reply(journey, limited, "limited");
    }
  }
  calls.offer(journey);
};

const finishWaiting = (deps: ProxyDeps, journey: Journey): void => {
  journey.isOver = true;
  deps.finished(journey, "waiting");
};

/** undefined: nobody says who it is. */
const sessionOf = (deps: ProxyDeps, said: Said, nowMs: number) => {
  const token = said.authorization;
  if (token === undefined || !token.startsWith(BEARER)) return undefined;
  return deps.verify(token.slice(BEARER.length), nowMs);
};
const BEARER = "Bearer ";

const journeyOf = (
  visit: Pick<Journey, "req" | "res" | "said" | "session" | "tier">,
  route: Route,
  startMs: number,
  wallMs: number,
): Journey => {
  const { said } = visit;
  const from = traceOf(said.traceparent);
  const span = randomHex(SPAN_BYTES);
  return {
    ...visit,
    ...{ route, startMs, wallMs, span, channel: channelOf(said.channel) },
    trace: from?.trace ?? randomHex(TRACE_BYTES),
    parent: from?.parent ?? "",
    requestId: requestIdOf(said.requestId) ?? span,
    deadlineMs: startMs + route.timeoutMs,
    ...{ waiting: undefined, call: undefined, attempts: 0, fallback: undefined, isOver: false },
  };
};

const SPAN_BYTES = 8;
const TRACE_BYTES = 16;
/** Random bytes cost less by the thousand. */
const pool = Buffer.alloc(8_192);
let used = pool.length;
const randomHex = (bytes: number): string => {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
};

const CLIENT_FAULTS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, `the header is over ${MAX_HEADER_BYTES} bytes`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "the chunk extensions are too long"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "the request did not arrive in time"],
};
const answerClientError = (fault: NodeJS.ErrnoException, socket: Socket): void => {
  if (fault.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const [status, message] = CLIENT_FAULTS[fault.code ?? ""] ?? [400, "this is no HTTP request"];
  cut(socket, status, message);
};

const REASONS: Readonly<Record<number, string>> = {
  ...{ 400: "Bad Request", 408: "Request Timeout", 413: "Content Too Large" },
  ...{ 431: "Request Header Fields Too Large", 501: "Not Implemented" },
};
const cut = (socket: Socket, status: number, message: string): void => {
  const body = JSON.stringify({ error: { code: "bad_request", message } });
  socket.end(
    `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
};
