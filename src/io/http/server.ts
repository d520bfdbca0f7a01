/**
 * The HTTP server, made from the contract's table: access, parsing and answers in one place.
 *
 * Errors: a handler's Problem becomes its status; a fault nobody expected becomes a 500 with the
 *         request id and nothing else, and is logged with the same id.
 */
import { randomUUID } from "node:crypto";
import cookie from "@fastify/cookie";
import helmet from "@fastify/helmet";
import { z } from "zod";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { ROUTES } from "../../contract/index.ts";
import { PATHS } from "../../contract/paths.ts";
import { mayCall, type RouteSpec } from "../../contract/route.ts";
import type { Principal } from "../../contract/session.ts";
import { problem, type Problem, type Result } from "../../kernel/result.ts";
import type { Log } from "../log/json-log.ts";
import { isUnavailable } from "../postgres/db.ts";
import { faultProblem, schemaProblem, sendInternal, sendProblem } from "./answer.ts";
import type { Handlers } from "./handlers.ts";
import type { HubMetrics } from "./metrics.ts";
import { forbiddenOrigin, type AllowedHosts } from "./origin.ts";

const DEFAULT_BODY_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_HEADER_PAIRS = 100;
const RECHECK_MS = 15_000;
/** Only the nearest proxy's word counts: what came before it anybody may have written. */
const PROXIES = 1;
const JSON_TYPE = "application/json";
const STREAM_TYPE = "text/event-stream";
const BYTES_TYPE = "application/octet-stream";
const NO_QUERY = z.strictObject({});

export type ServerDeps = {
  readonly handlers: Handlers;
  readonly authenticate: (request: FastifyRequest) => Promise<Principal | undefined>;
  readonly hosts: AllowedHosts;
  readonly metrics: HubMetrics;
  readonly log: Log;
  /** A trusted proxy stands in front: callers' addresses are what it says. */
  readonly trustProxy?: boolean;
  /** How often a stream's caller is asked for again whether he may still read it. */
  readonly recheckMs?: number;
};

type Loose = (input: unknown) => Promise<unknown>;
const NOTHING = { ok: true as const, value: undefined };

export const buildServer = async (deps: ServerDeps): Promise<FastifyInstance> => {
  const server = Fastify({
    genReqId: () => randomUUID(),
    bodyLimit: DEFAULT_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { maxHeaderSize: 16 * 1024 },
    routerOptions: { maxParamLength: 200 },
    onProtoPoisoning: "error",
    onConstructorPoisoning: "error",
    forceCloseConnections: true,
    trustProxy: deps.trustProxy === true ? (_, hop) => hop < PROXIES : false,
    frameworkErrors: (fault, request, reply) => void onFault(deps, fault, request, reply),
  });
  server.server.maxHeadersCount = MAX_HEADER_PAIRS;
  await server.register(cookie);
  await server.register(helmet, { contentSecurityPolicy: { directives: CSP }, hsts: false });
  observe(server, deps.metrics);
  server.addHook("onRequest", async (request, reply) => {
    const why = forbiddenOrigin(request, deps.hosts);
    if (why === undefined) return undefined;
    const field = why.slice(0, why.indexOf(":"));
    return sendProblem(request, reply, { code: "forbidden", message: why, field });
  });
  server.setErrorHandler((fault, request, reply) => onFault(deps, fault, request, reply));
  const routes = ROUTES as readonly RouteSpec[];
  for (const route of routes) if (!isForeign(route)) addRoute(server, deps, route);
  await server.register(async (doors) => {
    // Foreign bodies arrive as bytes; what they are is the door's business.
    doors.removeAllContentTypeParsers();
    doors.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) =>
      done(null, body),
    );
    for (const route of routes) if (isForeign(route)) addRoute(doors, deps, route);
  });
  return server;
};

const isForeign = ({ raw, method }: RouteSpec): boolean => raw !== undefined && method === "POST";

/** No inline script, no foreign origin, no framing. uPlot and Radix set styles on elements. */
const CSP = {
  defaultSrc: ["'self'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", "data:"],
  connectSrc: ["'self'"],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  upgradeInsecureRequests: null,
};

const addRoute = (server: FastifyInstance, deps: ServerDeps, route: RouteSpec): void => {
  const handle = deps.handlers[`${route.method} ${route.path}` as keyof Handlers] as Loose;
  const callers = new WeakMap<FastifyRequest, Principal>();
  server.route({
    method: route.method,
    url: PATHS[route.path],
    // A HEAD of a stream would never end.
    exposeHeadRoute: route.method === "GET" && route.raw !== STREAM_TYPE,
    bodyLimit: route.maxBodyBytes ?? DEFAULT_BODY_BYTES,
    config: { dialect: route.dialect },
    // Before the body is read: nobody may make the hub read megabytes just to be refused.
    onRequest: async (request, reply) => {
      const principal = await deps.authenticate(request);
      if (!mayCall(route.access, principal?.role)) {
        return sendProblem(request, reply, refusal(route, principal));
      }
      const wrong = wrongBody(route, request);
      if (wrong !== undefined) return sendProblem(request, reply, wrong);
      if (principal !== undefined) callers.set(request, principal);
      return undefined;
    },
    handler: async (request, reply) => {
      const principal = callers.get(request);
      if (route.raw !== undefined) {
        const answer = await handle({ principal, request, reply });
        if (route.raw === STREAM_TYPE) keepAsking(deps, route, request, reply);
        return settle(request, reply, answer);
      }
      const input = parseInput(route, request);
      if (!input.ok) return sendProblem(request, reply, input.error);
      const answer = await handle({ ...input.value, principal, request, reply });
      return settle(request, reply, answer);
    },
  });
};

/** A body the door cannot take, by its header alone. */
const wrongBody = (route: RouteSpec, { headers }: FastifyRequest): Problem | undefined => {
  const {
    "content-length": length = "0",
    "transfer-encoding": coding,
    "content-type": type,
  } = headers;
  if (length === "0" && coding === undefined) return undefined;
  const taken =
    route.body !== undefined
      ? [JSON_TYPE]
      : route.raw !== undefined && route.method === "POST"
        ? (route.takes ?? [route.raw, BYTES_TYPE])
        : [];
  if (taken.length === 0) {
    return { code: "bad_request", message: "body: this door takes none", field: "body" };
  }
  const said = type?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (taken.includes(said)) return undefined;
  const message = `content-type: "${said.slice(0, 80)}"; this door takes ${taken.join(" or ")}`;
  return { code: "unsupported", message, field: "content-type" };
};

/** A stream outlives the sign-in it was opened with: it ends when the caller may read no more. */
const keepAsking = (
  deps: ServerDeps,
  route: RouteSpec,
  request: FastifyRequest,
  reply: FastifyReply,
): void => {
  if (reply.raw.writableEnded || reply.raw.destroyed) return;
  const look = async (): Promise<void> => {
    try {
      const principal = await deps.authenticate(request);
      if (!mayCall(route.access, principal?.role)) reply.raw.destroy();
    } catch {
      // The database is away: nobody can say that he may not.
    }
  };
  const timer = setInterval(() => void look(), deps.recheckMs ?? RECHECK_MS);
  timer.unref();
  reply.raw.once("close", () => clearInterval(timer));
};

/** A raw door may have answered by itself (`reply.sent` or hijacked): then there is no Result. */
const settle = (request: FastifyRequest, reply: FastifyReply, answer: unknown): unknown => {
  if (!isResult(answer)) return answer;
  if (!answer.ok) return sendProblem(request, reply, answer.error);
  return reply.header("cache-control", "no-store").send(answer.value);
};

const isResult = (answer: unknown): answer is Result<unknown> =>
  typeof answer === "object" &&
  answer !== null &&
  "ok" in answer &&
  ("value" in answer || "error" in answer);

const refusal = (route: RouteSpec, principal: Principal | undefined): Problem =>
  principal === undefined
    ? { code: "unauthenticated", message: "sign in, or send a token: Authorization: Bearer …" }
    : {
        code: "forbidden",
        message: `this needs the role ${route.access}; ${principal.name} is ${principal.role}`,
      };

const parseInput = (
  route: RouteSpec,
  request: FastifyRequest,
): Result<{ params: unknown; query: unknown; body: unknown }> => {
  const parts = { params: NOTHING as { ok: true; value: unknown }, query: NOTHING, body: NOTHING };
  for (const part of ["params", "query", "body"] as const) {
    const schema = route[part] ?? (part === "query" ? NO_QUERY : undefined);
    if (schema === undefined) continue;
    const parsed = schema.safeParse(request[part] ?? {});
    if (!parsed.success) {
      const { code, message, ...more } = schemaProblem(part, parsed.error);
      return problem(code, message, more);
    }
    Object.assign(parts, { [part]: { ok: true, value: parsed.data } });
  }
  const { params, query, body } = parts;
  return { ok: true, value: { params: params.value, query: query.value, body: body.value } };
};

const onFault = (
  deps: ServerDeps,
  fault: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply => {
  const known = faultProblem(
    fault instanceof Error ? fault : new Error(String(fault)),
    request.routeOptions.bodyLimit ?? DEFAULT_BODY_BYTES,
  );
  if (known !== undefined) return sendProblem(request, reply, known);
  if (isUnavailable(fault)) {
    const message = "the database does not answer; nothing was changed";
    return sendProblem(request, reply, { code: "unavailable", message });
  }
  deps.metrics.faults.inc({ where: "http" });
  deps.log.error("request failed", {
    requestId: request.id,
    route: request.routeOptions.url,
    fault,
  });
  return sendInternal(request, reply);
};

/** Only routes of the table are named: an unknown path must not make a new series. */
const observe = (server: FastifyInstance, metrics: HubMetrics): void => {
  server.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    const surface = route.startsWith("/api/") ? "api" : "other";
    const method = request.method;
    metrics.requests.inc({ route, method, status: String(reply.statusCode), surface });
    if (route === PATHS.stream) return;
    metrics.durations.observe({ route, method, surface }, reply.elapsedTime / 1_000);
  });
};
