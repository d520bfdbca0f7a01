/** Every limit of an evaluation, reached by a query and named in its refusal. */
import { describe, expect, test } from "vitest";
import { newWindow } from "../window/window.ts";
import { evaluateInstant, evaluateRange, EVAL_LIMITS } from "./evaluate.ts";
import { parsePromql } from "./parser.ts";

const MINUTE_MS = 60_000;
const SERIES = 200;

const window = newWindow({ retentionMs: Infinity });
for (let i = 0; i < SERIES; i++) {
  const labels = [["__name__", "m"] as const, ["i", String(i)] as const];
  const ref = window.intern(labels);
  if (!ref.ok) throw new Error(ref.error.message);
  for (let k = 0; k < 6; k++) window.append(ref.value, k * MINUTE_MS, i + k);
}

const parse = (text: string) => {
  const parsed = parsePromql(text);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
};

const minutes = { startMs: 0, endMs: 5 * MINUTE_MS, stepMs: MINUTE_MS };
const evaluate = (text: string, limits: Partial<typeof EVAL_LIMITS>): string => {
  const result = evaluateRange(parse(text), minutes, window.select, limits);
  return result.ok ? "ok" : `${result.error.code}: ${result.error.message}`;
};

const TOO_MANY_SAMPLES =
  "limit: query processing would load too many samples into memory in query execution: more than 5";

describe("too many", () => {
  test.each([
    ["samples", "sum(m)", { maxSamples: 5 }, TOO_MANY_SAMPLES],
    [
      "series of a selector",
      "sum(m)",
      { maxSeries: SERIES - 1 },
      `limit: a selector matches ${SERIES} series, at most ${SERIES - 1} are allowed`,
    ],
    [
      "series of the answer",
      "m",
      { maxResultSeries: 3 },
      `limit: the answer has ${SERIES} series, at most 3 are allowed`,
    ],
    [
      "steps",
      "m",
      { maxSteps: 4 },
      "limit: exceeded maximum resolution of 4 points per timeseries (6). Try decreasing the query resolution (?step=XX)",
    ],
    [
      "subquery steps",
      "max_over_time(vector(1)[1y:1ms])",
      {},
      "limit: a subquery has 31536300000 steps, at most 1000000 are allowed",
    ],
    [
      "bytes",
      "m",
      { maxBytes: 10_000 },
      "limit: query processing would hold too much memory: more than 10000 bytes",
    ],
    [
      "bytes of both sides of an operator",
      "m * on(i) m",
      { maxBytes: 100_000 },
      "limit: query processing would hold too much memory: more than 100000 bytes",
    ],
  ])("%s: refused with the limit's name", (_, text, limits, wanted) => {
    expect(evaluate(text, limits)).toBe(wanted);
  });

  test("control: within its limits a query is answered", () => {
    const enough = { maxSamples: 10_000, maxSeries: SERIES, maxResultSeries: SERIES, maxSteps: 5 };
    expect(evaluate("m", { ...enough, maxBytes: SERIES * (6 * 9 + 256) })).toBe("ok");
    expect(evaluate("m", { ...enough, maxBytes: SERIES * (6 * 9 + 256) - 1 })).toMatch(/memory/);
  });

  test("an answer of one instant and of raw samples is bounded as well", () => {
    const at = (text: string): unknown =>
      evaluateInstant(parse(text), { timeMs: 0 }, window.select, { maxResultSeries: 3 });
    const refused = { ok: false, error: { code: "limit" } };
    expect(at("m")).toMatchObject(refused);
    expect(at("m[5m]")).toMatchObject(refused);
    expect(at("topk(3, m)")).toMatchObject({ ok: true });
  });
});

/** A clock that says how often it was looked at. */
const clock = (stepMs: number) => {
  const seen = { looks: 0 };
  return { seen, now: () => seen.looks++ * stepMs };
};

describe("time", () => {
  const heavy = [
    ["many series", "sum(m)", {}],
    ["long ranges", "quantile_over_time(0.5, m[5m])", { defaultStepMs: 1 }],
    ["a sort at each step", "topk(5, m)", {}],
    ["a quantile at each step", "quantile(0.5, m)", {}],
    ["matching", "m + on(i) m", {}],
    ["a subquery", "max_over_time(sum(m)[5m:10ms])", {}],
  ] as const;

  test.each(heavy)("%s: past its deadline a query stops and says so", (_, text, limits) => {
    const { now } = clock(1);
    expect(evaluate(text, { ...limits, timeoutMs: 0, now })).toBe(
      "timeout: query timed out in expression evaluation: more than 0 ms",
    );
  });

  test.each(heavy)("%s: nobody waits any more, so it stops", (_, text, limits) => {
    let looks = 0;
    const isStopped = (): boolean => ++looks > 1;
    expect(evaluate(text, { ...limits, isStopped })).toBe(
      "stopped: query was canceled in expression evaluation",
    );
    expect(looks).toBe(2);
  });

  test.each(heavy)("control: %s with time and an asker is answered", (_, text, limits) => {
    const { now, seen } = clock(1);
    expect(evaluate(text, { ...limits, timeoutMs: 1_000_000, now, isStopped: () => false })).toBe(
      "ok",
    );
    expect(seen.looks).toBeGreaterThan(1);
  });
});
