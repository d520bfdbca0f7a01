/** The questions KPIs, gates and pages ask, put to the telemetry engine. */
import { ok, type Result } from "../../kernel/result.ts";
import type { Ask } from "../../launch/kpi/board.ts";
import type { Observation } from "../../launch/kpi/reading.ts";
import type { RangeAsk } from "../../respond/ops/ops.flow.ts";
import type { Answer, Signals } from "../../watch/signal/signals.ts";

export const askOf =
  (signals: Signals): Ask =>
  async (questions) => {
    if (questions.length === 0) return [];
    const asked = questions.flatMap(({ expr, countExpr, atMs }) => [
      { expr, timeMs: atMs },
      ...(countExpr === undefined ? [] : [{ expr: countExpr, timeMs: atMs }]),
    ]);
    const answers = await signals.queryMany(asked);
    let next = 0;
    return questions.map(({ countExpr }): Observation => {
      const value = answers[next++];
      const count = countExpr === undefined ? undefined : answers[next++];
      return observed(value, count);
    });
  };

const observed = (
  answer: Result<Answer> | undefined,
  counted: Result<Answer> | undefined,
): Observation => {
  if (answer === undefined) return { kind: "missing", why: "query_failed" };
  if (!answer.ok) {
    const { code, message } = answer.error;
    if (code === "unavailable") return { kind: "missing", why: "refilling" };
    return { kind: "missing", why: "query_failed", detail: message };
  }
  const value = numberOf(answer.value);
  if (value === undefined) return { kind: "missing", why: "no_data" };
  const n = counted?.ok === true ? (numberOf(counted.value) ?? null) : null;
  return { kind: "value", value, n, newestMs: answer.value.newestMs };
};

/** One number, or nothing: an answer of several series is no answer to a KPI. */
const numberOf = ({ value }: Answer): number | undefined => {
  switch (value.type) {
    case "scalar":
      return value.v;
    case "vector":
      return value.samples.length === 1 ? value.samples[0]?.v : undefined;
    case "string":
    case "matrix":
      return undefined;
  }
};

export const rangeAskOf =
  (signals: Signals): RangeAsk =>
  async (question) => {
    const answer = await signals.queryRange(question);
    if (!answer.ok) return answer;
    const { value } = answer.value;
    const points = new Map<number, number>();
    if (value.type === "matrix") {
      for (const { timestamps, values } of value.series.slice(0, 1)) {
        for (const [i, at] of timestamps.entries()) points.set(at, values[i] ?? Number.NaN);
      }
    }
    return ok(points);
  };
