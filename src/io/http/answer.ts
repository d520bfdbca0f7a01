/** The one place where a Problem, or a fault nobody expected, becomes an HTTP answer. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Dialect } from "../../contract/route.ts";
import type { Problem, ProblemCode } from "../../kernel/result.ts";

const STATUS: Readonly<Record<ProblemCode, number>> = {
  bad_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unsupported: 415,
  too_many: 429,
  unavailable: 503,
};
const DEFAULT_RETRY_MS = 1_000;

declare module "fastify" {
  interface FastifyContextConfig {
    dialect?: Dialect | undefined;
  }
}

export const sendProblem = (
  request: FastifyRequest,
  reply: FastifyReply,
  problem: Problem,
): FastifyReply => {
  const { code, message, field } = problem;
  return withHead(reply, problem).send(
    isPrometheus(request)
      ? prometheusFault(code, message)
      : {
          error: {
            ...{ code, message, ...(field === undefined ? {} : { field }) },
            requestId: request.id,
          },
        },
  );
};

/** Status and headers of a problem, for a door that has a body of its own for it. */
export const withHead = (
  reply: FastifyReply,
  { code, retryAfterMs }: Pick<Problem, "code" | "retryAfterMs">,
): FastifyReply => {
  if (code === "unavailable" || code === "too_many") {
    const seconds = Math.ceil((retryAfterMs ?? DEFAULT_RETRY_MS) / 1_000);
    void reply.header("retry-after", String(Math.max(1, seconds)));
  }
  return reply.code(STATUS[code]).header("cache-control", "no-store");
};

/** The caller learns nothing of the fault but the id it is logged with. */
export const sendInternal = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  reply
    .code(500)
    .header("cache-control", "no-store")
    .send(
      isPrometheus(request)
        ? prometheusFault("internal", `internal fault, request ${request.id}`)
        : { error: { code: "internal", message: "internal fault", requestId: request.id } },
    );

const isPrometheus = ({ routeOptions }: FastifyRequest): boolean =>
  routeOptions.config.dialect === "prometheus";

/** Prometheus' own words where it has one; its clients read `error` and show it. */
const prometheusFault = (code: ProblemCode | "internal", error: string) => ({
  status: "error",
  errorType: PROMETHEUS_TYPES[code] ?? code,
  error,
});
const PROMETHEUS_TYPES: Readonly<Partial<Record<ProblemCode | "internal", string>>> = {
  bad_request: "bad_data",
  too_large: "bad_data",
  unsupported: "bad_data",
  conflict: "bad_data",
};

/** All of a schema's complaints as one Problem that names the first field and lists the rest. */
export const schemaProblem = (where: string, fault: z.core.$ZodError): Problem => {
  const said = fault.issues.flatMap((issue) => {
    const field = [where, ...issue.path.map(String)].join(".");
    if (issue.code !== "unrecognized_keys") {
      return [{ field, message: `${field}: ${issue.message}` }];
    }
    return issue.keys.map((key) => {
      const unknown = `${field}.${key.slice(0, MAX_NAME_CHARS)}`;
      return { field: unknown, message: `${unknown}: is not known here` };
    });
  });
  const first = said[0];
  return {
    code: "bad_request",
    message: said
      .map(({ message }) => message)
      .join("; ")
      .slice(0, MAX_MESSAGE_CHARS),
    ...(first === undefined ? {} : { field: first.field }),
  };
};
const MAX_MESSAGE_CHARS = 2_000;
const MAX_NAME_CHARS = 80;

type FastifyFault = {
  readonly statusCode?: number;
  readonly code?: string;
  readonly message: string;
};

/** What Fastify itself refuses: bad JSON, too large a body, an unknown media type. */
export const faultProblem = (fault: FastifyFault, maxBytes: number): Problem | undefined => {
  switch (fault.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return {
        code: "too_large",
        message: `body: larger than the limit of ${maxBytes} bytes`,
        field: "body",
      };
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return {
        code: "unsupported",
        message: "content-type: this door does not take it",
        field: "content-type",
      };
    case "FST_ERR_CTP_EMPTY_JSON_BODY":
    case "FST_ERR_CTP_INVALID_JSON_BODY":
      return { code: "bad_request", message: "body: not valid JSON", field: "body" };
    default:
      if (fault.statusCode === 429) return { code: "too_many", message: fault.message };
      return fault.statusCode !== undefined && fault.statusCode < 500
        ? { code: "bad_request", message: fault.message }
        : undefined;
  }
};
