/**
 * The doors of other senders: Prometheus remote write 1.0, OTLP/HTTP metrics and traces.
 *
 * Errors: what will never be taken is said once the rest of the body is durable: by 400 to remote
 *         write, as partial success to OTLP. 503 with Retry-After while the hub cannot keep more,
 *         so that the sender keeps it.
 * Source: Prometheus remote write specification 1.0; OTLP specification, OTLP/HTTP.
 */
import type { FastifyRequest } from "fastify";
import { withHead } from "../../io/http/answer.ts";
import type { Caller, Serving } from "../../io/http/handlers.ts";
import type { HubMetrics } from "../../io/http/metrics.ts";
import { problem, type Result } from "../../kernel/result.ts";
import type { Signals, Taken } from "../signal/signals.ts";
import type { BodyEncoding, BodyFormat } from "./body.ts";
import { exportAnswer, statusAnswer, type OtlpAnswer, type OtlpSignal } from "./otlp/answer.ts";

export type TelemetryRouteDeps = {
  readonly signals: Pick<Signals, "take">;
  readonly draining: () => boolean;
  readonly metrics: Pick<HubMetrics, "intakeTaken" | "intakeLeftOut" | "intakeDeferred">;
};

/** Bodies on their way to the worker; what comes on top is asked to come again. */
const MAX_IN_FLIGHT_BYTES = 64 * 1024 * 1024;
const BUSY_RETRY_MS = 1_000;
const DRAIN_RETRY_MS = 2_000;
/** The error text goes into the sender's log, whole. */
const MAX_ERROR_CHARS = 1_000;
const VERSION_2 = "io.prometheus.write.v2.Request";

type RouteName = "POST remoteWrite" | "POST otlpMetrics" | "POST otlpTraces";

export const telemetryRoutes = (deps: TelemetryRouteDeps): Serving<RouteName> => {
  const take = takeBounded(deps);
  return {
    "POST remoteWrite": async ({ request, principal, reply }) => {
      const said = String(request.headers["content-type"]);
      if (said.includes(VERSION_2)) {
        const message = "content-type: remote write 2.0 is not taken here; use 1.0";
        return problem("unsupported", message, { field: "content-type" });
      }
      const encoding = request.headers["content-encoding"];
      if (encoding !== "snappy") {
        const message = `content-encoding: "${String(encoding).slice(0, 40)}"; remote write is snappy`;
        return problem("unsupported", message, { field: "content-encoding" });
      }
      const taken = await take(request, principal!.name, "remote-write", "snappy");
      if (!taken.ok) return taken;
      if (taken.value.rejected > 0) return problem("bad_request", complaint(taken.value));
      return reply.code(204).send();
    },
    "POST otlpMetrics": (caller) => otlp(take, caller, "metrics"),
    "POST otlpTraces": (caller) => otlp(take, caller, "traces"),
  };
};

const ENCODINGS: ReadonlySet<string> = new Set<BodyEncoding>([
  ...(["identity", "gzip", "deflate", "zstd", "snappy"] as const),
]);
const isEncoding = (said: string): said is BodyEncoding => ENCODINGS.has(said);

const otlp = async (
  take: ReturnType<typeof takeBounded>,
  { request, principal, reply }: Caller,
  signal: OtlpSignal,
): Promise<unknown> => {
  const isJson = String(request.headers["content-type"]).startsWith("application/json");
  const speech = isJson ? "json" : "protobuf";
  const answer = ({ contentType, body }: OtlpAnswer): unknown =>
    reply.header("content-type", contentType).send(Buffer.from(body));
  const said = request.headers["content-encoding"] ?? "identity";
  const taken = isEncoding(said)
    ? await take(request, principal!.name, `otlp-${signal}${isJson ? "-json" : ""}`, said)
    : problem("unsupported", `content-encoding: ${[...ENCODINGS].join(", ")}`);
  if (!taken.ok) {
    withHead(reply, taken.error);
    return answer(statusAnswer(speech, taken.error));
  }
  const { rejected, complaints } = taken.value;
  return answer(exportAnswer(speech, signal, { count: rejected, messages: complaints }));
};

const takeBounded = (deps: TelemetryRouteDeps) => {
  const bounded = boundedTake(deps);
  const { intakeTaken, intakeLeftOut, intakeDeferred } = deps.metrics;
  return async (...call: Parameters<typeof bounded>): Promise<Result<Taken>> => {
    const protocol = call[2];
    const answer = await bounded(...call);
    if (answer.ok) {
      intakeTaken.inc({ protocol }, answer.value.taken);
      intakeLeftOut.inc({ protocol }, answer.value.rejected);
    } else if (answer.error.code === "unavailable") intakeDeferred.inc({ protocol });
    return answer;
  };
};

const boundedTake = ({ signals, draining }: TelemetryRouteDeps) => {
  let inFlight = 0;
  return async (
    { body }: FastifyRequest,
    source: string,
    format: BodyFormat,
    encoding: BodyEncoding,
  ): Promise<Result<Taken>> => {
    if (draining()) {
      return problem("unavailable", "the hub is stopping", { retryAfterMs: DRAIN_RETRY_MS });
    }
    const bytes = body instanceof Uint8Array ? body : new Uint8Array();
    if (inFlight + bytes.length > MAX_IN_FLIGHT_BYTES) {
      const message = `over ${MAX_IN_FLIGHT_BYTES} bytes of bodies are being taken`;
      return problem("unavailable", message, { retryAfterMs: BUSY_RETRY_MS });
    }
    inFlight += bytes.length;
    try {
      return await signals.take({ source, format, encoding }, bytes);
    } finally {
      inFlight -= bytes.length;
    }
  };
};

const complaint = ({ taken, rejected, complaints }: Taken): string =>
  `${rejected} samples were left out, ${taken} were kept: ${complaints.join("; ")}`.slice(
    0,
    MAX_ERROR_CHARS,
  );
