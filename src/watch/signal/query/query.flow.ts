/**
 * PromQL answered from the recent window, and from the store where the window does not reach.
 *
 * Shape:  parse (remembered) → say what will be read → fetch what only the store has → evaluate,
 *         synchronously. Questions that are the same within one request are answered once; an
 *         answer of the window alone is kept as long as no sample comes that it could have read.
 * Units:  ms; limits below.
 * Errors: "bad_request" for a text or an expression that cannot be answered or is over a limit,
 *         "too_many" past the deadline, "unavailable" while history cannot be read, and for who
 *         does not wait any more (`signal`).
 */
import { ok, problem, type ProblemCode, type Result } from "../../../kernel/result.ts";
import { newAnswerCache } from "./answer-cache.ts";
import { fetchHistory, type History, type HistoryDeps, newHistoryTurns } from "./history.flow.ts";
import { joined } from "./history.ts";
import type { Expr } from "../promql/ast.ts";
import type { Source } from "../promql/context.ts";
import { evaluateInstant, evaluateRange, type Value } from "../promql/evaluate.ts";
import type { EvalFault } from "../promql/fault.ts";
import { type QueryRange, type RangeGrid, selectorsOf } from "../promql/grid.ts";
import { parsePromql } from "../promql/parser.ts";
import type { Answer } from "../signals.ts";
import type { Window } from "../window/window.ts";

export type QueryDeps = HistoryDeps & {
  readonly window: Pick<Window, "select" | "takeTouchedMs">;
  /** False until the window was refilled: before that an answer would be a guess. */
  readonly ready: () => boolean;
};

const MAX_EXPR_LENGTH = 16_384;
const MAX_QUERIES = 1_000;
const MAX_PARSED = 1_000;
const QUERY_LIMITS = {
  timeoutMs: 2_000,
  maxSamples: 20_000_000,
  maxSeries: 100_000,
  maxResultSeries: 20_000,
  /** Of rows side by side; the heap of the thread has a limit of its own. */
  maxBytes: 256 * 1024 * 1024,
};
const REFILL_RETRY_MS = 1_000;

export const openQueries = (deps: QueryDeps) => {
  const parsed = new Map<string, Result<Expr>>();
  const kept = newAnswerCache();
  const turns = newHistoryTurns();
  const parseOnce = (expr: string): Result<Expr> => {
    const known = parsed.get(expr);
    if (known !== undefined) return known;
    const result = parseText(expr);
    if (parsed.size >= MAX_PARSED) parsed.clear();
    parsed.set(expr, result);
    return result;
  };
  const answer = async (
    text: string,
    range: QueryRange,
    signal?: AbortSignal,
  ): Promise<Result<Answer>> => {
    if (signal?.aborted === true) return canceled;
    if (!deps.ready()) return refilling;
    const expr = parseOnce(text);
    if (!expr.ok) return expr;
    const key = `${range.startMs} ${range.endMs} ${range.stepMs} ${text}`;
    kept.touched(deps.window.takeTouchedMs());
    const known = kept.get(key);
    if (known !== undefined) return ok(known);
    const history = await fetchHistory({ ...deps, turns }, expr.value, range, signal);
    if (!history.ok) return history;
    // What came while we waited is read now, and may change what is kept of others.
    kept.touched(deps.window.takeTouchedMs());
    const found = evaluate(deps, expr.value, range, history.value, signal);
    if (found.ok && history.value.isNone) {
      kept.put(key, readUntilMs(expr.value, range), found.value);
    }
    return found;
  };
  return {
    queryMany: async (
      questions: readonly { readonly expr: string; readonly timeMs: number }[],
    ): Promise<readonly Result<Answer>[]> => {
      if (questions.length > MAX_QUERIES) {
        const message = `queries: ${questions.length}, at most ${MAX_QUERIES} at once`;
        return questions.map(() => problem("bad_request", message));
      }
      const shared = new Map<string, Promise<Result<Answer>>>();
      return Promise.all(
        questions.map(({ expr, timeMs }) => {
          const key = `${timeMs} ${expr}`;
          const known = shared.get(key);
          if (known !== undefined) return known;
          const fresh = answer(expr, { startMs: timeMs, endMs: timeMs, stepMs: 0 });
          shared.set(key, fresh);
          return fresh;
        }),
      );
    },
    queryInstant: async (
      { expr, timeMs }: { readonly expr: string; readonly timeMs: number },
      signal?: AbortSignal,
    ) => answer(expr, { startMs: timeMs, endMs: timeMs, stepMs: 0 }, signal),
    queryRange: async (
      question: QueryRange & { readonly expr: string },
      signal?: AbortSignal,
    ): Promise<Result<Answer>> =>
      question.stepMs > 0
        ? answer(question.expr, question, signal)
        : problem("bad_request", "step: must be greater than 0", { field: "step" }),
  };
};

/** No sample after this time could change the answer. */
const readUntilMs = (expr: Expr, range: QueryRange): number =>
  selectorsOf(expr, range).reduce((latest, { toMs }) => Math.max(latest, toMs), -Infinity);

const canceled = problem("unavailable", "query: was canceled before it began");

const PROBLEM_OF: Readonly<Record<EvalFault["code"], ProblemCode>> = {
  limit: "bad_request",
  type: "bad_request",
  timeout: "too_many",
  stopped: "unavailable",
};

const refilling = problem("unavailable", "the recent window is being refilled", {
  retryAfterMs: REFILL_RETRY_MS,
});

const parseText = (text: string): Result<Expr> => {
  if (text.length > MAX_EXPR_LENGTH) {
    const message = `query: ${text.length} characters, at most ${MAX_EXPR_LENGTH}`;
    return problem("bad_request", message, { field: "query" });
  }
  const result = parsePromql(text);
  if (result.ok) return result;
  const { message, position } = result.error;
  return problem("bad_request", `query: character ${position + 1}: ${message}`, { field: "query" });
};

const evaluate = (
  deps: QueryDeps,
  expr: Expr,
  range: QueryRange,
  history: History,
  signal?: AbortSignal,
): Result<Answer> => {
  let newestMs: number | null = null;
  const saw = (timeMs: number): void => {
    if (newestMs === null || timeMs > newestMs) newestMs = timeMs;
  };
  const source: Source = (matchers, fromMs, toMs) => {
    const older = history.samples({ matchers, fromMs, toMs });
    const newer = deps.window.select(matchers, fromMs, toMs);
    return joined(older, newer);
  };
  const limits = {
    computed: (call: RangeGrid) => {
      const found = history.computed(call);
      if (typeof found?.newestMs === "number") saw(found.newestMs);
      return found;
    },
    ...QUERY_LIMITS,
    now: deps.monotonic,
    saw,
    isStopped: () => signal?.aborted ?? false,
  };
  const value: Result<Value, EvalFault> =
    range.stepMs > 0
      ? evaluateRange(expr, range, source, limits)
      : evaluateInstant(expr, { timeMs: range.startMs }, source, limits);
  if (value.ok) return ok({ value: value.value, newestMs });
  const { code, message } = value.error;
  return problem(PROBLEM_OF[code], `query: ${message}`);
};
