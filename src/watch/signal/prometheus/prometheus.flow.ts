/**
 * Prometheus' HTTP API, as the signal worker answers it: an ask in, ready bytes out.
 *
 * Shape:  parse the texts, ask the engine, write the answer; nothing is left for the main thread
 *         but to send it.
 * Units:  ms; limits below.
 * Errors: in the answer, in Prometheus' shape: bad_data 400 for texts, execution 422 for what
 *         cannot be evaluated or is over a limit, timeout and unavailable 503; canceled 499 when
 *         the signal says that nobody waits any more. How long somebody waits is not known here,
 *         but for who does not at all.
 */
import { ok, problem, type Problem, type Result } from "../../../kernel/result.ts";
import type { LabelQueries, LabelQuestion, Listed } from "../query/label-query.flow.ts";
import type { Matcher } from "../matcher.ts";
import type { MetadataBook } from "../metadata.ts";
import { typeOf } from "../promql/check.ts";
import type { Expr } from "../promql/ast.ts";
import type { Value } from "../promql/evaluate.ts";
import { parsePromql } from "../promql/parser.ts";
import type { Signals } from "../signals.ts";
import { dataReply, errorReply, seriesReply, valueReply, type PrometheusReply } from "./answer.ts";
import { parseFaultText } from "./fault-text.ts";
import type { Ask } from "./parameters.ts";

export type PrometheusDeps = {
  readonly queries: Pick<Signals, "queryInstant" | "queryRange">;
  readonly labels: LabelQueries;
  readonly metadata: Pick<MetadataBook, "list">;
};

const MAX_QUERY_CHARS = 16_384;
/** All selectors of one request together; they become parameters of one statement. */
const MAX_MATCH_CHARS = 4_096;
const MAX_MATCHES = 50;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const TRUNCATED = ["results truncated due to limit"];

export const openPrometheus =
  (deps: PrometheusDeps): Signals["prometheus"] =>
  async (ask, signal) => {
    if (signal.aborted) return canceled();
    const reply = await answerAsk(deps, ask, signal);
    return signal.aborted ? canceled() : reply;
  };

const answerAsk = async (
  deps: PrometheusDeps,
  ask: Ask,
  signal: AbortSignal,
): Promise<PrometheusReply> => {
  const { labels, metadata } = deps;
  switch (ask.kind) {
    case "query":
    case "queryRange":
      return answerQuery(deps, ask, signal);
    case "series": {
      const found = await listed(ask, (question) => labels.series(question, signal));
      if (!found.ok) return faultReply(found.error);
      const { items, warnings } = found.value;
      return seriesReply(items, warnings, MAX_ANSWER_BYTES) ?? tooLarge();
    }
    case "labels":
      return listReply(await listed(ask, (question) => labels.names(question, signal)));
    case "labelValues": {
      const { name } = ask;
      return listReply(await listed(ask, (question) => labels.values(name, question, signal)));
    }
    case "metadata":
      return dataReply(metadata.list(ask));
    case "exemplars": {
      // None are kept, which Prometheus without storage for them answers in the same way.
      const expr = parsedQuery(ask.query);
      return expr.ok ? dataReply([]) : faultReply(expr.error);
    }
    default:
      return ask satisfies never;
  }
};

type QueryAsk = Extract<Ask, { readonly query: string; readonly timeoutMs: number }>;

const answerQuery = async (
  { queries }: PrometheusDeps,
  ask: QueryAsk,
  signal: AbortSignal,
): Promise<PrometheusReply> => {
  const expr = parsedQuery(ask.query);
  if (!expr.ok) return faultReply(expr.error);
  const type = typeOf(expr.value);
  if (ask.kind === "queryRange" && type !== "scalar" && type !== "vector") {
    const said = type === "matrix" ? "range vector" : type;
    const why = `invalid expression type "${said}" for range query, must be Scalar or instant Vector`;
    return errorReply("bad_data", `invalid parameter "query": ${why}`);
  }
  if (ask.timeoutMs <= 0) return errorReply("timeout", "query timed out in query queue");
  const answer = await evaluated(queries, ask, signal);
  // A large answer takes long to be written.
  if (signal.aborted) return canceled();
  if (!answer.ok) return executionReply(answer.error);
  const { value, isCut } = limited(answer.value, ask.limit);
  return valueReply(value, isCut ? TRUNCATED : [], MAX_ANSWER_BYTES) ?? tooLarge();
};

const evaluated = async (
  { queryInstant, queryRange }: PrometheusDeps["queries"],
  ask: QueryAsk,
  signal: AbortSignal,
): Promise<Result<Value>> => {
  const answer =
    ask.kind === "queryRange"
      ? await queryRange({ expr: ask.query, ...spanOf(ask) }, signal)
      : await queryInstant({ expr: ask.query, timeMs: ask.timeMs }, signal);
  return answer.ok ? ok(answer.value.value) : answer;
};

const spanOf = ({ startMs, endMs, stepMs }: Extract<QueryAsk, { kind: "queryRange" }>) => ({
  ...{ startMs, endMs, stepMs },
});

const limited = (
  value: Value,
  limit: number,
): { readonly value: Value; readonly isCut: boolean } => {
  if (limit === 0) return { value, isCut: false };
  if (value.type === "vector" && value.samples.length > limit) {
    return { value: { ...value, samples: value.samples.slice(0, limit) }, isCut: true };
  }
  if (value.type === "matrix" && value.series.length > limit) {
    return { value: { ...value, series: value.series.slice(0, limit) }, isCut: true };
  }
  return { value, isCut: false };
};

const parsedQuery = (text: string): Result<Expr> => {
  if (text.length > MAX_QUERY_CHARS) {
    const why = `${text.length} characters, at most ${MAX_QUERY_CHARS}`;
    return problem("bad_request", `invalid parameter "query": ${why}`);
  }
  const expr = parsePromql(text);
  return expr.ok ? expr : problem("bad_request", parseFaultText("query", text, expr.error));
};

type Listing = Extract<Ask, { readonly match: readonly string[] }>;

const listed = async <T>(
  ask: Listing,
  list: (question: LabelQuestion) => Promise<Result<Listed<T>>>,
): Promise<Result<Listed<T>>> => {
  const sets = matcherSets(ask.match);
  if (!sets.ok) return sets;
  const { startMs, endMs, limit } = ask;
  return list({ startMs, endMs, limit, sets: sets.value });
};

const matcherSets = (texts: readonly string[]): Result<readonly (readonly Matcher[])[]> => {
  const chars = texts.reduce((sum, { length }) => sum + length, 0);
  if (texts.length > MAX_MATCHES || chars > MAX_MATCH_CHARS) {
    const why =
      texts.length > MAX_MATCHES
        ? `${texts.length} selectors, at most ${MAX_MATCHES}`
        : `${chars} characters, at most ${MAX_MATCH_CHARS}`;
    return problem("bad_request", `invalid parameter "match[]": ${why}`);
  }
  const sets: (readonly Matcher[])[] = [];
  for (const text of texts) {
    const expr = parsePromql(text);
    if (!expr.ok) return problem("bad_request", parseFaultText("match[]", text, expr.error));
    const { value } = expr;
    if (value.kind !== "selector" || value.offsetMs !== 0 || value.at !== undefined) {
      const fault = { message: "a series selector is expected here", position: 0 };
      return problem("bad_request", parseFaultText("match[]", text, fault));
    }
    sets.push(value.matchers);
  }
  return ok(sets);
};

const listReply = (found: Result<Listed<string>>): PrometheusReply =>
  found.ok ? dataReply(found.value.items, found.value.warnings) : faultReply(found.error);

/** A fault of the request itself. */
const faultReply = ({ code, message }: Problem): PrometheusReply =>
  errorReply(code === "unavailable" ? "unavailable" : "bad_data", message);

/** A fault of the evaluation: the text was good. */
const executionReply = ({ code, message }: Problem): PrometheusReply => {
  if (code === "unavailable") return errorReply("unavailable", message);
  return errorReply(code === "too_many" ? "timeout" : "execution", message.replace(/^query: /, ""));
};

// Made anew each time: the bytes of an answer are moved to another thread and then gone here.
const tooLarge = (): PrometheusReply =>
  errorReply(
    "execution",
    `the answer is larger than ${MAX_ANSWER_BYTES} bytes; ask for fewer series or a larger step`,
  );
const canceled = (): PrometheusReply =>
  errorReply("canceled", "query was canceled in query execution");
