/**
 * The supervisor's control door.
 *
 * Shape:  JSON over HTTP on loopback; /control/* needs the token. State and events are long polls.
 *         The doors of faults answer 404 where nothing is rehearsed.
 * Units:  ms.
 * Errors: `{error: {code, message, field?}}`; a body that does not fit is 400 with its field.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import type { Registry } from "prom-client";
import * as z from "zod";
import type { Result } from "../../kernel/result.ts";
import { supervisorOrders } from "../control/messages.ts";
import type { EventFeed } from "./event-feed.flow.ts";
import { faultRequest } from "./fault.ts";
import type { Faults } from "./faults.flow.ts";
import type { Scenarios } from "./scenarios.flow.ts";
import type { Supervisor } from "./supervisor.flow.ts";

const MAX_BODY_BYTES = 65_536;
const MAX_WAIT_MS = 30_000;
const MAX_READERS = 64;
const MAX_MESSAGE = 500;

const STATUS: Readonly<Partial<Record<string, number>>> = {
  bad_request: 400,
  unauthenticated: 401,
  unknown_target: 404,
  not_found: 404,
  conflict: 409,
  stale_epoch: 409,
  not_running: 409,
  scenario_running: 409,
  out_of_bounds: 422,
  unavailable: 503,
};

const whole = z.coerce.number().int().nonnegative();
const following = z.strictObject({
  after: whole.optional(),
  waitMs: whole.max(MAX_WAIT_MS).default(0),
});
const scenarioOrder = z.strictObject({ scenario: z.string().max(64) });

type Problem = { readonly code: string; readonly message: string; readonly field?: string };

export type ControlDeps = {
  readonly supervisor: Supervisor;
  readonly events: EventFeed;
  readonly metrics: Registry;
  readonly token: string;
  /** Absent: nothing is rehearsed. */
  readonly breaking: { readonly faults: Faults; readonly scenarios: Scenarios } | undefined;
  readonly onFault: (what: string, fault: unknown) => void;
};

export const controlDoor = (deps: ControlDeps): FastifyInstance => {
  const app = fastify({ bodyLimit: MAX_BODY_BYTES, forceCloseConnections: true });
  const wanted = digestOf(`Bearer ${deps.token}`);
  app.addHook("onRequest", async (request, reply) => {
    if (!request.url.startsWith("/control/")) return;
    if (timingSafeEqual(digestOf(request.headers.authorization ?? ""), wanted)) return;
    return refuse(reply, { code: "unauthenticated", message: "a valid bearer token is needed" });
  });
  app.setNotFoundHandler((_, reply) => refuse(reply, NOT_FOUND));
  app.setErrorHandler((fault: unknown, _, reply) => {
    const status = statusOf(fault);
    if (status !== undefined) {
      const message = fault instanceof Error ? fault.message : "the request cannot be read";
      return refuse(reply.code(status), { code: "bad_request", message }, status);
    }
    deps.onFault("the control door", fault);
    return refuse(reply, { code: "internal", message: "the supervisor failed; see its log" }, 500);
  });
  app.get("/healthz", () => ({ ok: true }));
  app.get("/metrics", async (_, reply) => {
    void reply.type(deps.metrics.contentType);
    return deps.metrics.metrics();
  });
  pollRoutes(app, deps);
  app.post("/control/orders", async (request, reply) => {
    const asked = read(supervisorOrders, request.body);
    return answer(reply, asked.ok ? await deps.supervisor.order(asked.value) : asked);
  });
  if (deps.breaking !== undefined) faultRoutes(app, deps.breaking);
  return app;
};

const NOT_FOUND: Problem = { code: "not_found", message: "there is no such door" };

const pollRoutes = (app: FastifyInstance, { supervisor, events }: ControlDeps): void => {
  const tooMany = (): boolean => supervisor.poll.waiting() + events.poll.waiting() >= MAX_READERS;
  const full: Problem = { code: "unavailable", message: `${MAX_READERS} readers wait already` };
  app.get("/control/state", async (request, reply) => {
    const asked = read(following, request.query);
    if (!asked.ok) return answer(reply, asked);
    if (tooMany()) return refuse(reply, full);
    const { after, waitMs } = asked.value;
    if (after !== undefined) {
      // A reader that is ahead knew another life: it is answered at once.
      const isDue = (): boolean => supervisor.state().revision !== after;
      await supervisor.poll.until(isDue, waitMs, goneOf(reply));
    }
    return supervisor.state();
  });
  app.get("/control/events", async (request, reply) => {
    const asked = read(following, request.query);
    if (!asked.ok) return answer(reply, asked);
    if (tooMany()) return refuse(reply, full);
    return events.after(asked.value.after ?? 0, asked.value.waitMs, goneOf(reply));
  });
};

const faultRoutes = (
  app: FastifyInstance,
  { faults, scenarios }: NonNullable<ControlDeps["breaking"]>,
): void => {
  app.get("/control/faults", () => ({ items: faults.inForce(), running: scenarios.running() }));
  app.post("/control/faults", async (request, reply) => {
    const asked = read(faultRequest, request.body);
    return answer(reply, asked.ok ? await faults.inject(asked.value) : asked);
  });
  app.delete("/control/faults", async () => {
    scenarios.halt();
    return { lifted: await faults.stopAll("all faults were stopped") };
  });
  app.delete("/control/faults/:id", async (request, reply) => {
    const { id } = request.params as { readonly id: string };
    if (await faults.lift(id, "it was lifted")) return { lifted: [id] };
    const message = `id: no fault "${id.slice(0, 100)}" is in force`;
    return refuse(reply, { code: "unknown_target", message, field: "id" });
  });
  app.get("/control/scenarios", async () => ({
    items: await scenarios.list(),
    running: scenarios.running(),
  }));
  app.post("/control/scenarios", async (request, reply) => {
    const asked = read(scenarioOrder, request.body);
    return answer(reply, asked.ok ? await scenarios.start(asked.value.scenario) : asked);
  });
  app.delete("/control/scenarios", async () => ({
    stopped: await scenarios.stop("the scenario was stopped"),
  }));
};

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

const read = <T>(schema: z.ZodType<T>, value: unknown): Result<T, Problem> => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  const keys = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 3) : [];
  const field = [...(issue?.path ?? []), ...keys].join(".");
  const message = `${field === "" ? "the body" : field}: ${issue?.message ?? "is not valid"}`;
  return { ok: false, error: { code: "bad_request", message, ...(field ? { field } : {}) } };
};

const answer = (reply: FastifyReply, result: Result<unknown, Problem>): unknown =>
  result.ok ? result.value : refuse(reply, result.error);

const refuse = (
  reply: FastifyReply,
  { code, message, field }: Problem,
  status: number = STATUS[code] ?? 500,
): FastifyReply =>
  reply.code(status).send({
    error: {
      code,
      message: message.slice(0, MAX_MESSAGE),
      ...(field === undefined ? {} : { field }),
    },
  });

/** Fastify's own complaints about a request: too large, no JSON. */
const statusOf = (fault: unknown): number | undefined => {
  if (!(fault instanceof Error) || !("statusCode" in fault)) return undefined;
  const status = Number(fault.statusCode);
  return status >= 400 && status < 500 ? status : undefined;
};

/** By the answer, not by the socket: that one lives on, with a listener more for each request. */
const goneOf = (reply: FastifyReply): AbortSignal => {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  return gone.signal;
};
