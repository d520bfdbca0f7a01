/** Doors for machines: probes, metrics, the agents. */
import { z } from "zod";
import type { RouteSpec } from "./route.ts";

export const AgentAnswer = z.object({
  accepted: z.number().int(),
  stored: z.number().int(),
});

export const MAX_BATCH_BYTES = 16 * 1024 * 1024;

export const systemRoutes = [
  {
    path: "healthz",
    method: "GET",
    access: "public",
    summary: "The process is alive",
    reply: z.object({ ok: z.literal(true) }),
  },
  {
    path: "readyz",
    method: "GET",
    access: "public",
    summary: "The engines answer and the recent window is filled",
    raw: "application/json",
  },
  {
    path: "metrics",
    method: "GET",
    access: "public",
    summary: "The hub's own metrics in Prometheus text format 0.0.4",
    raw: "text/plain",
  },
  {
    path: "openapi",
    method: "GET",
    access: "public",
    summary: "This API as OpenAPI 3.1",
    raw: "application/json",
  },
  {
    path: "agentBatches",
    method: "POST",
    access: "ingest",
    summary: "A batch of an agent: a remote write 1.0 request, zstd or identity",
    raw: "application/x-protobuf",
    maxBodyBytes: MAX_BATCH_BYTES,
    reply: AgentAnswer,
  },
  {
    path: "agentState",
    method: "GET",
    access: "ingest",
    summary: "The last batch that is durable here, and the last that is in the store",
    reply: AgentAnswer,
  },
] as const satisfies readonly RouteSpec[];
