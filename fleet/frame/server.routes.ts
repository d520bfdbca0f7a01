/**
 * The HTTP of a service: its routes with validation, and what every service has beside them.
 *
 * Shape:  /healthz, /readyz (deep), /openapi.json, /_fault; business routes under `/<id>/…`, with
 *         spans, request ids and the faults in force. Probes meet no fault and make no span.
 * Units:  bytes, milliseconds.
 * Errors: `{error: {code, message, field?}}`; what a handler throws is 503 where a dependency is
 *         away and 500 else, with the cause in the log and not in the answer.
 */
import { randomUUID, timingSafeEqual, createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Log } from "../../src/io/log/json-log.ts";
import { isUnavailable } from "../../src/io/postgres/db.ts";
import type { FleetEnv } from "./env.ts";
import { faultOrder, NetworkLost, type Faults } from "./faults.ts";
import { openApiOf } from "./openapi.ts";
import { refusalOf, statusOf, type Caller, type Refusal, type Route } from "./route.ts";
import type { Check, Service } from "./service.ts";
import { endServer, type Telemetry, type Traced } from "./telemetry.ts";

export type ServerDeps = {
  readonly env: FleetEnv;
  readonly log: Log;
  readonly faults: Faults;
  readonly telemetry: Telemetry;
  readonly isDraining: () => boolean;
  /** In tests every answer is held against its schema. */
  readonly checkAnswers: boolean;
};

const MAX_BODY_BYTES = 1024 * 1024;
const CHECK_WITHIN_MS = 2_000;
const REQUEST_ID = /^[\w.:-]{1,64}$/;
const MAX_HEADER_CHARS = 256;
const CHANNELS = new Set(["api", "web", "mobile"]);

export const buildServer = (
  deps: ServerDeps,
  service: Service,
  routes: readonly Route[],
  checks: Readonly<Record<string, Check>>,
): FastifyInstance => {
  const app = Fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    // While it drains, what a kept connection still brings is served.
    return503OnClosing: false,
    genReqId: ({ headers }) => {
      const given = headers["x-request-id"];
      return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
    },
  });
  app.setErrorHandler((fault: unknown, request, reply) => failed(deps, fault, request, reply));
  app.setNotFoundHandler((request, reply) =>
    refused(reply, { code: "not_found", message: `no route ${request.method} ${request.url}` }),
  );
  app.addHook("onRequest", (request, reply, done) => {
    void reply.header("x-request-id", request.id);
    done();
  });
  // At the end, for a request that began before the drain must not keep its connection either.
  app.addHook("onSend", (_, reply, payload, done) => {
    if (deps.isDraining()) void reply.header("connection", "close");
    done(null, payload);
  });
  addProbes(app, deps, checks);
  if (deps.env.faultToken !== undefined) addFaultDoor(app, deps, deps.env.faultToken);
  const described = openApiOf(service, routes, deps.env.version);
  app.get("/openapi.json", (_, reply) => reply.send(described));
  for (const one of routes) addRoute(app, deps, service.id, one);
  return app;
};

const addProbes = (
  app: FastifyInstance,
  deps: ServerDeps,
  checks: Readonly<Record<string, Check>>,
): void => {
  app.get("/healthz", (_, reply) => reply.send({ alive: true }));
  app.get("/readyz", async (_, reply) => {
    if (deps.isDraining()) return reply.code(503).send({ ready: false, why: "draining" });
    const said = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        const wrong = await within(check).catch((fault: unknown) => String(fault));
        return wrong === undefined ? [] : [`${name}: ${wrong}`];
      }),
    );
    const why = said.flat();
    if (why.length === 0) return reply.send({ ready: true });
    return reply.code(503).send({ ready: false, why: why.join("; ") });
  });
};

const within = async (check: Check): Promise<string | undefined> => {
  const over = new AbortController();
  const late = sleep(CHECK_WITHIN_MS, `no answer in ${CHECK_WITHIN_MS} ms`, {
    signal: over.signal,
    ref: false,
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([check(), late]);
  } finally {
    over.abort();
  }
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const addFaultDoor = (app: FastifyInstance, { faults, log }: ServerDeps, token: string): void => {
  const expected = digest(token);
  const mayNot = (request: FastifyRequest): boolean => {
    const given = request.headers["x-fault-token"];
    return typeof given !== "string" || !timingSafeEqual(digest(given), expected);
  };
  const noToken = { code: "unauthenticated", message: "x-fault-token: is missing or wrong" };
  app.post("/_fault", async (request, reply) => {
    if (mayNot(request)) return refused(reply, noToken);
    const order = faultOrder.safeParse(request.body);
    if (!order.success) return refused(reply, refusalOf("body", order.error));
    log.warn("fault injected", order.data);
    return reply.send({ fault: faults.inject(order.data), inForce: faults.inForce() });
  });
  app.delete("/_fault", async (request, reply) => {
    if (mayNot(request)) return refused(reply, noToken);
    faults.lift();
    return reply.send({ inForce: [] });
  });
};

const addRoute = (app: FastifyInstance, deps: ServerDeps, id: string, route: Route): void => {
  const path = `/${id}${route.path}`;
  const shown = path.replaceAll(/:(\w+)/g, "{$1}");
  const spanName = `${route.method} ${shown}`;
  const common = {
    "http.request.method": route.method,
    "http.route": shown,
    "url.scheme": "http",
  };
  const traces = new WeakMap<FastifyRequest, Traced>();
  app.route({
    method: route.method,
    url: path,
    bodyLimit: route.maxBodyBytes ?? MAX_BODY_BYTES,
    onRequest: (request, _, done) => {
      const channel = channelOf(request);
      const attributes = { ...common, "novaevo.channel": channel };
      const traced = deps.telemetry.beginServer(spanName, attributes, request.headers);
      if (traced !== undefined) traces.set(request, traced);
      done();
    },
    onResponse: (request, reply, done) => {
      const traced = traces.get(request);
      if (traced !== undefined) endServer(traced.span, reply.statusCode);
      done();
    },
    handler: (request, reply) =>
      deps.telemetry.within(traces.get(request), () => served(deps, route, request, reply)),
  });
};

const served = async (
  deps: ServerDeps,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> => {
  const met = deps.faults.meets();
  if (met !== undefined && met.delayMs > 0) await sleep(met.delayMs);
  if (met?.fails === true)
    return refused(reply, { code: "internal", message: "the service failed" });
  const input = { params: undefined, query: undefined, body: undefined } as Record<string, unknown>;
  for (const part of ["params", "query", "body"] as const) {
    const schema = route[part];
    if (schema === undefined) continue;
    const parsed = schema.safeParse(request[part] ?? {});
    if (!parsed.success) return refused(reply, refusalOf(part, parsed.error));
    input[part] = parsed.data;
  }
  const { params, query, body } = input;
  const answer = await route.handler({ params, query, body, caller: callerOf(request) });
  if (!answer.ok) return refused(reply, answer.error);
  if (deps.checkAnswers) route.answer.parse(answer.value);
  return reply.code(route.status ?? 200).send(answer.value);
};

const headerOf = (request: FastifyRequest, name: string): string | null => {
  const value = request.headers[name];
  return typeof value === "string" && value !== "" && value.length <= MAX_HEADER_CHARS
    ? value
    : null;
};

const channelOf = (request: FastifyRequest): Caller["channel"] => {
  const said = headerOf(request, "x-channel");
  return said !== null && CHANNELS.has(said) ? (said as Caller["channel"]) : "api";
};

const callerOf = (request: FastifyRequest): Caller => ({
  user: headerOf(request, "x-user"),
  tier: headerOf(request, "x-tier") === "premium" ? "premium" : "standard",
  wave: headerOf(request, "x-wave"),
  channel: channelOf(request),
  region: headerOf(request, "x-region"),
  authorization: request.headers.authorization ?? null,
  requestId: request.id,
});

const refused = (reply: FastifyReply, refusal: Refusal): FastifyReply => {
  const { code, message, field, retryAfterMs } = refusal;
  if (retryAfterMs !== undefined)
    void reply.header("retry-after", String(Math.ceil(retryAfterMs / 1_000)));
  return reply
    .code(statusOf(refusal))
    .send({ error: { code, message, ...(field === undefined ? {} : { field }) } });
};

const RETRY_AFTER_MS = 1_000;
const CODES: Readonly<Record<number, string>> = { 413: "too_large", 415: "unsupported" };

const failed = (
  { log }: ServerDeps,
  fault: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply => {
  const said = fault instanceof Error ? fault : new Error(String(fault));
  const status = "statusCode" in said ? Number(said.statusCode) : 500;
  if (status >= 400 && status < 500) {
    const limit = request.routeOptions.bodyLimit;
    const message = status === 413 ? `body: over ${limit} bytes` : `body: ${said.message}`;
    return refused(reply, { status, code: CODES[status] ?? "bad_request", message, field: "body" });
  }
  log.error("a request failed", { fault: said, requestId: request.id, url: request.url });
  if (said instanceof NetworkLost || isUnavailable(said))
    return refused(reply, {
      code: "unavailable",
      message: "what this needs is away for now",
      retryAfterMs: RETRY_AFTER_MS,
    });
  if ("code" in said && said.code === "ENOSPC")
    return refused(reply, { status: 507, code: "disk_full", message: "no space is left" });
  return refused(reply, { code: "internal", message: "the service failed" });
};
