/** Doors for machines: probes, own metrics, the API's description, the agents. */
import type { Serving } from "../../io/http/handlers.ts";
import type { HubMetrics } from "../../io/http/metrics.ts";
import { openApi } from "../../io/http/openapi.ts";
import type { Log } from "../../io/log/json-log.ts";
import { ok, problem } from "../../kernel/result.ts";
import type { Signals } from "../../watch/signal/signals.ts";

export type SystemRouteDeps = {
  readonly signals: Signals;
  readonly metrics: HubMetrics;
  readonly version: string;
  readonly log: Pick<Log, "warn">;
  /** What is not ready yet, by name; empty when all is. */
  readonly waiting: () => Promise<readonly string[]>;
  readonly draining: () => boolean;
};

type RouteName =
  | "GET healthz"
  | "GET readyz"
  | "GET metrics"
  | "GET openapi"
  | "POST agentBatches"
  | "GET agentState";

const AGENT_ID = /^[\w.-]{1,64}$/;
const DRAIN_RETRY_MS = 2_000;

export const systemRoutes = (deps: SystemRouteDeps): Serving<RouteName> => {
  const description = openApi(deps.version);
  return {
    "GET healthz": async () => ok({ ok: true }),
    "GET readyz": async ({ reply }) => {
      const waiting = await deps.waiting();
      return reply
        .code(waiting.length === 0 ? 200 : 503)
        .send({ ready: waiting.length === 0, waiting });
    },
    "GET metrics": async ({ reply }) =>
      reply.type(deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics()),
    "GET openapi": async ({ reply }) => reply.send(description),
    "GET agentState": async ({ request }) => {
      const agentId = request.headers["x-novaevo-agent"];
      if (typeof agentId !== "string" || !AGENT_ID.test(agentId)) return badAgent;
      return ok(await deps.signals.agentState(agentId));
    },
    "POST agentBatches": async ({ request }) => {
      if (deps.draining()) {
        return problem("unavailable", "the hub is stopping", { retryAfterMs: DRAIN_RETRY_MS });
      }
      const agentId = request.headers["x-novaevo-agent"];
      if (typeof agentId !== "string" || !AGENT_ID.test(agentId)) return badAgent;
      const seq = Number(request.headers["x-novaevo-seq"]);
      if (!Number.isSafeInteger(seq) || seq < 1) {
        return problem("bad_request", "x-novaevo-seq: a whole number from 1", {
          field: "x-novaevo-seq",
        });
      }
      const previous = countOf(request.headers["x-novaevo-previous"]);
      if (previous !== undefined && !(previous >= 0 && previous < seq)) {
        return problem("bad_request", "x-novaevo-previous: a whole number below x-novaevo-seq", {
          field: "x-novaevo-previous",
        });
      }
      const encoding = request.headers["content-encoding"] ?? "identity";
      if (encoding !== "zstd" && encoding !== "identity") {
        return problem("unsupported", "content-encoding: zstd or identity");
      }
      if (!(request.body instanceof Uint8Array)) {
        return problem("unsupported", "content-type: application/x-protobuf");
      }
      const taken = await deps.signals.ingest({ agentId, seq, previous }, encoding, request.body);
      if (!taken.ok) return taken;
      const { accepted, stored, samples, complaints } = taken.value;
      deps.metrics.intakeTaken.inc({ protocol: "agent" }, samples);
      // The batch has its number: what is left out of it is for people to see, not to send again.
      if (complaints.length > 0)
        deps.log.warn("an agent's samples were left out", { agentId, complaints });
      return ok({ accepted, stored });
    },
  };
};

const countOf = (header: string | readonly string[] | undefined): number | undefined => {
  if (header === undefined) return undefined;
  const count = Number(header);
  return Number.isSafeInteger(count) ? count : Number.NaN;
};

const badAgent = problem("bad_request", "x-novaevo-agent: letters, digits, . _ -, at most 64", {
  field: "x-novaevo-agent",
});
