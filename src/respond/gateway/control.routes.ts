/**
 * The gateway's control door: state, events and orders, for the hub alone.
 *
 * Shape:  HTTP/1.1 on loopback, JSON, a bearer token; `/healthz` and `/metrics` without.
 * Errors: `{error:{code,message}}`: 400 bad_request, 401 unauthenticated, 404 unknown_target or
 *         not_found, 409 stale_epoch, 422 out_of_bounds, 503 unavailable.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { fastify, type FastifyInstance, type FastifyReply } from "fastify";
import * as z from "zod";
import { gatewayOrders } from "../control/messages.ts";
import type { Gateway } from "./gateway.flow.ts";

const MAX_BODY_BYTES = 64 * 1024;
const MAX_WAIT_MS = 30_000;
const number = z.coerce.number().int().nonnegative();
const stateQuery = z.strictObject({
  after: number.optional(),
  waitMs: number.max(MAX_WAIT_MS).default(0),
});
const eventsQuery = z.strictObject({
  after: number.default(0),
  waitMs: number.max(MAX_WAIT_MS).default(0),
});
const STATUS = {
  ...{ bad_request: 400, unauthenticated: 401, not_found: 404, unknown_target: 404 },
  ...{ stale_epoch: 409, out_of_bounds: 422, unavailable: 503 },
} as const;
type Code = keyof typeof STATUS;

export const newControlDoor = (gateway: Gateway, token: string): FastifyInstance => {
  const door = fastify({ bodyLimit: MAX_BODY_BYTES, logger: false, forceCloseConnections: true });
  const expected = digest(`Bearer ${token}`);
  const refuse = (reply: FastifyReply, code: Code, message: string) =>
    reply.code(STATUS[code]).send({ error: { code, message } });

  door.setErrorHandler((fault: Error & { statusCode?: number }, _request, reply) => {
    const isTheirs = fault.statusCode !== undefined && fault.statusCode < 500;
    return refuse(reply, isTheirs ? "bad_request" : "unavailable", fault.message);
  });
  door.setNotFoundHandler((_request, reply) => refuse(reply, "not_found", "no such door"));
  door.addHook("onRequest", async (request, reply) => {
    if (!request.url.startsWith("/control/")) return;
    // Digests have one length, whatever was sent.
    const given = digest(request.headers.authorization ?? "");
    if (!timingSafeEqual(given, expected))
      await refuse(reply, "unauthenticated", "the control token is wrong or missing");
  });

  door.get("/healthz", () => ({ ok: true }));
  door.get("/metrics", async (_request, reply) =>
    reply.type(gateway.metrics.contentType).send(await gateway.metrics.metrics()),
  );
  door.get("/control/state", async (request, reply) => {
    const query = stateQuery.safeParse(request.query);
    if (!query.success) return refuse(reply, "bad_request", problemOf(query.error));
    const { after, waitMs } = query.data;
    await waitFor(gateway, "revision", () => gateway.revision() !== after, waitMs);
    return gateway.state();
  });
  door.get("/control/events", async (request, reply) => {
    const query = eventsQuery.safeParse(request.query);
    if (!query.success) return refuse(reply, "bad_request", problemOf(query.error));
    const { after, waitMs } = query.data;
    const isNew = (): boolean => {
      const { missed, items } = gateway.events.after(after);
      return missed || items.length > 0;
    };
    await waitFor(gateway, "event", isNew, waitMs);
    return gateway.events.after(after);
  });
  door.post("/control/orders", async (request, reply) => {
    const asked = gatewayOrders.safeParse(request.body);
    if (!asked.success) return refuse(reply, "bad_request", problemOf(asked.error));
    const answer = await gateway.order(asked.data);
    return answer.ok ? answer.value : refuse(reply, answer.error.code, answer.error.message);
  });
  return door;
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const problemOf = ({ issues }: z.ZodError): string =>
  issues.map(({ path, message }) => `${path.join(".") || "the whole"}: ${message}`).join("; ");

/** Until it is so, or the time is over. */
const waitFor = async (
  { changes }: Gateway,
  name: "revision" | "event",
  isSo: () => boolean,
  waitMs: number,
): Promise<void> => {
  if (waitMs === 0) return;
  const signal = AbortSignal.timeout(waitMs);
  while (!isSo() && !signal.aborted) await once(changes, name, { signal }).catch(() => undefined);
};
