/**
 * Prometheus' HTTP API over HTTP: parameters in, the worker's bytes out.
 *
 * Shape:  parameters of a form come before those of the address, as in Prometheus. The worker
 *         writes the answer; this side sends it, compressed when the caller asks for it. Who closes
 *         the connection, or whose `timeout` is over, leaves; the last one to leave ends the work.
 * Errors: Problems for parameters; what the worker found wrong is in its bytes already. Told from
 *         here, because the worker may be busy: timeout 503, and canceled 499 to nobody.
 */
import type { Socket } from "node:net";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Serving } from "../../../io/http/handlers.ts";
import { TooManyCalls } from "../../../io/rpc.ts";
import { ok, problem, type Result } from "../../../kernel/result.ts";
import { shared } from "../query/shared-calls.ts";
import type { Signals } from "../signals.ts";
import { errorReply, type PrometheusReply } from "./answer.ts";
import {
  type Ask,
  exemplarsAsk,
  labelsAsk,
  labelValuesAsk,
  metadataAsk,
  type Parameters,
  queryAsk,
  queryRangeAsk,
  seriesAsk,
} from "./parameters.ts";

export type PrometheusRouteDeps = {
  readonly signals: Pick<Signals, "prometheus">;
  readonly now: () => number;
  readonly version: string;
};

type RouteName =
  | "GET promQuery"
  | "POST promQuery"
  | "GET promQueryRange"
  | "POST promQueryRange"
  | "GET promSeries"
  | "POST promSeries"
  | "GET promLabels"
  | "POST promLabels"
  | "GET promLabelValues"
  | "GET promMetadata"
  | "GET promExemplars"
  | "POST promExemplars"
  | "GET promRules"
  | "GET promBuildInfo";

/** Different asks the worker has not answered yet, of all callers together. */
const MAX_WAITING = 256;
const BUSY_RETRY_MS = 1_000;
const MIN_GZIP_BYTES = 2_048;
const UNAVAILABLE = 503;
const RETRY_S = 1;

type Handle = (caller: {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}) => Promise<unknown>;

export const prometheusRoutes = (deps: PrometheusRouteDeps): Serving<RouteName> => {
  const { now, version } = deps;
  const answerOnce = sharing(deps.signals);
  const closed = closings();
  const door =
    (askOf: (given: Parameters, request: FastifyRequest) => Result<Ask>): Handle =>
    async ({ request, reply }) => {
      const ask = askOf(parametersOf(request), request);
      if (!ask.ok) return ask;
      const answer = await patiently(ask.value, closed(request.raw.socket), answerOnce);
      return answer.ok ? sendAnswer(request, reply, answer.value) : answer;
    };
  const query = door((given) => queryAsk(given, now()));
  const queryRange = door(queryRangeAsk);
  const series = door(seriesAsk);
  const labels = door(labelsAsk);
  const exemplars = door(exemplarsAsk);
  return {
    "GET promQuery": query,
    "POST promQuery": query,
    "GET promQueryRange": queryRange,
    "POST promQueryRange": queryRange,
    "GET promSeries": series,
    "POST promSeries": series,
    "GET promLabels": labels,
    "POST promLabels": labels,
    "GET promLabelValues": door((given, { params }) =>
      labelValuesAsk((params as { readonly name: string }).name, given),
    ),
    "GET promMetadata": door(metadataAsk),
    "GET promExemplars": exemplars,
    "POST promExemplars": exemplars,
    "GET promRules": async ({ reply }) => sendData(reply, { groups: [] }),
    "GET promBuildInfo": async ({ reply }) => sendData(reply, buildInfo(version)),
  };
};

type Answer = PrometheusReply & { packed?: Promise<Buffer> };
type AnswerOnce = (ask: Ask, signal: AbortSignal) => Promise<Result<Answer>>;

/** What is asked while the same is being answered gets that answer: ten viewers cost one. */
const sharing = ({ prometheus }: PrometheusRouteDeps["signals"]): AnswerOnce => {
  let waiting = 0;
  return shared(JSON.stringify, async (ask: Ask, signal) => {
    if (waiting >= MAX_WAITING) return busy(`${MAX_WAITING} requests wait for an answer already`);
    waiting += 1;
    try {
      return ok<Answer>(await prometheus(ask, signal));
    } catch (fault) {
      // Those whose askers left are no longer counted above, but not all answered yet.
      if (fault instanceof TooManyCalls) return busy(fault.message);
      throw fault;
    } finally {
      waiting -= 1;
    }
  });
};

const busy = (message: string): Result<never> =>
  problem("unavailable", message, { retryAfterMs: BUSY_RETRY_MS });

/** Why somebody waits no more, and what is said then. */
class Left extends Error {
  override readonly name = "Left";
  readonly reply: Answer;
  constructor(errorType: "timeout" | "canceled", message: string) {
    super(message);
    this.reply = errorReply(errorType, message);
  }
}

/** Waits until the connection is closed or the time is over, and not longer. */
const patiently = async (
  ask: Ask,
  closed: AbortSignal,
  answerOnce: AnswerOnce,
): Promise<Result<Answer>> => {
  const leaving = new AbortController();
  const hangUp = (): void =>
    leaving.abort(new Left("canceled", "query was canceled in query execution"));
  const giveUp = (): void =>
    leaving.abort(new Left("timeout", "query timed out in query execution"));
  // Who has no time at all is told so by the worker, after what is wrong with the query.
  const timeoutMs = "timeoutMs" in ask ? ask.timeoutMs : 0;
  const timer = timeoutMs > 0 ? setTimeout(giveUp, timeoutMs) : undefined;
  closed.addEventListener("abort", hangUp, { once: true });
  if (closed.aborted) hangUp();
  try {
    return await answerOnce(ask, leaving.signal);
  } catch (fault) {
    if (fault instanceof Left) return ok(fault.reply);
    throw fault;
  } finally {
    clearTimeout(timer);
    closed.removeEventListener("abort", hangUp);
  }
};

/**
 * One signal for each connection. Not the answer's own "close", which never comes for a request
 * that waits behind another on the same connection.
 */
const closings = (): ((socket: Socket) => AbortSignal) => {
  const known = new WeakMap<Socket, AbortSignal>();
  return (socket) => {
    const before = known.get(socket);
    if (before !== undefined) return before;
    const closing = new AbortController();
    if (socket.destroyed) closing.abort();
    else socket.once("close", () => closing.abort());
    known.set(socket, closing.signal);
    return closing.signal;
  };
};

/**
 * Prometheus' names, and whose build it is. Without "features" Grafana takes it for a Prometheus
 * whose rules are not edited over the API, which is so.
 */
const buildInfo = (version: string) => ({
  ...{ application: "NovaEvo", version },
  ...{ revision: "", branch: "", buildUser: "", buildDate: "", goVersion: "" },
});

const sendData = (reply: FastifyReply, data: unknown): FastifyReply =>
  reply.header("cache-control", "no-store").send({ status: "success", data });

const parametersOf = ({ url, body }: FastifyRequest): Parameters => {
  const at = url.indexOf("?");
  const address = new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
  if (!(body instanceof Uint8Array)) return address;
  const given = new URLSearchParams(Buffer.from(body).toString("utf8"));
  for (const [name, value] of address) given.append(name, value);
  return given;
};

const compress = promisify(gzip);

const sendAnswer = async (
  { headers }: FastifyRequest,
  reply: FastifyReply,
  answer: Answer,
): Promise<FastifyReply> => {
  const { status, body } = answer;
  void reply
    .code(status)
    .type("application/json")
    .header("cache-control", "no-store")
    .header("vary", "accept-encoding");
  if (status === UNAVAILABLE) void reply.header("retry-after", String(RETRY_S));
  if (body.length < MIN_GZIP_BYTES || !takesGzip(headers["accept-encoding"])) {
    return reply.send(Buffer.from(body.buffer, body.byteOffset, body.length));
  }
  answer.packed ??= compress(body, { level: constants.Z_BEST_SPEED });
  const packed = await answer.packed;
  return reply.header("content-encoding", "gzip").send(packed);
};

const takesGzip = (header: string | readonly string[] | undefined): boolean =>
  /(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)/i.test(
    String(header ?? ""),
  );
