/** What is done for an ask, and what is not done any more when nobody waits for it. */
import { expect, test } from "vitest";
import { ok, problem, type Result } from "../../../kernel/result.ts";
import { type LabelQueryDeps, openLabelQueries } from "../query/label-query.flow.ts";
import { newMetadataBook } from "../metadata.ts";
import type { Value } from "../promql/evaluate.ts";
import type { Answer } from "../signals.ts";
import { newWindow } from "../window/window.ts";
import type { Ask } from "./parameters.ts";
import { openPrometheus } from "./prometheus.flow.ts";

const QUERY: Ask = { kind: "query", query: "up", timeMs: 7, timeoutMs: 1_000, limit: 0 };
const RANGE: Ask = {
  ...{ kind: "queryRange", query: "up", startMs: 0, endMs: 9, stepMs: 3 },
  ...{ timeoutMs: 1_000, limit: 0 },
};
const LISTING = { startMs: -1e6, endMs: 1e6, match: ["up"], limit: 0 };
const LISTS: readonly Ask[] = [
  { kind: "series", ...LISTING },
  { kind: "labels", ...LISTING },
  { kind: "labelValues", name: "job", ...LISTING },
];

const said = ({ status, body }: { status: number; body: Uint8Array }): unknown => ({
  ...{ status, body: JSON.parse(Buffer.from(body).toString()) as unknown },
});
const CANCELED = {
  status: 499,
  body: { status: "error", errorType: "canceled", error: "query was canceled in query execution" },
};

const lab = (
  evaluate: () => Promise<Result<Answer>>,
  rows: LabelQueryDeps["store"]["rows"] = async () => [],
) => {
  const window = newWindow();
  const ref = window.intern([
    ["__name__", "up"],
    ["job", "node"],
  ]);
  if (!ref.ok) throw new Error(ref.error.message);
  window.append(ref.value, 1, 1);
  const selects: unknown[] = [];
  const asked: [question: unknown, signal: AbortSignal | undefined][] = [];
  const query = (question: unknown, signal?: AbortSignal): Promise<Result<Answer>> => {
    asked.push([question, signal]);
    return evaluate();
  };
  const labels = openLabelQueries({
    ...{ ready: () => true, seamMs: () => 0, oldestMs: () => -1e9, store: { rows } },
    window: {
      ...window,
      select: (...all) => {
        selects.push(all);
        return window.select(...all);
      },
    },
  });
  const queries = { queryInstant: query, queryRange: query };
  const prometheus = openPrometheus({ queries, labels, metadata: newMetadataBook() });
  return { prometheus, asked, selects };
};

const answerOf = (value: Value): Result<Answer> => ok({ value, newestMs: null });
const ONE = answerOf({ type: "scalar", t: 0, v: 1 });

test("the engine is asked with the signal of who asks", async () => {
  const { prometheus, asked } = lab(async () => ONE);
  const { signal } = new AbortController();
  expect(said(await prometheus(QUERY, signal))).toMatchObject({ status: 200 });
  expect(said(await prometheus(RANGE, signal))).toMatchObject({ status: 200 });
  expect(asked).toEqual([
    [{ expr: "up", timeMs: 7 }, signal],
    [{ expr: "up", startMs: 0, endMs: 9, stepMs: 3 }, signal],
  ]);
});

test.each([QUERY, RANGE, ...LISTS])("nothing is begun for who has gone: $kind", async (ask) => {
  const { prometheus, asked, selects } = lab(async () => ONE);
  expect(said(await prometheus(ask, AbortSignal.abort()))).toEqual(CANCELED);
  expect([asked, selects]).toEqual([[], []]);
});

test.each([ONE, problem("unavailable", "query: was canceled")])(
  "who goes while it is evaluated is canceled, whatever it came to: %j",
  async (answer) => {
    const client = new AbortController();
    const { prometheus } = lab(async () => {
      client.abort();
      return answer;
    });
    expect(said(await prometheus(QUERY, client.signal))).toEqual(CANCELED);
  },
);

test.each(LISTS)(
  "a list goes no further when its asker leaves at the store: $kind",
  async (ask) => {
    const client = new AbortController();
    const { prometheus, selects } = lab(
      async () => ONE,
      async () => {
        client.abort();
        return [];
      },
    );
    expect(said(await prometheus(ask, client.signal))).toEqual(CANCELED);
    expect(selects).toEqual([]);
  },
);

test.each(LISTS)("control: it is whole when the asker stays: $kind", async (ask) => {
  const { prometheus, selects } = lab(async () => ONE);
  const reply = said(await prometheus(ask, new AbortController().signal));
  expect(reply).toMatchObject({ status: 200, body: { status: "success" } });
  expect(JSON.stringify(reply)).toContain(ask.kind === "labels" ? "job" : "node");
  expect(selects).toHaveLength(1);
});

test.each<[Parameters<typeof problem>[0], number, string, string]>([
  ["unavailable", 503, "unavailable", "query: too slow"],
  ["too_many", 503, "timeout", "too slow"],
  ["bad_request", 422, "execution", "too slow"],
])("a fault of the evaluation, %s, is told to who stays as %i %s", async (code, ...told) => {
  const { prometheus } = lab(async () => problem(code, "query: too slow"));
  const [status, errorType, error] = told;
  expect(said(await prometheus(QUERY, new AbortController().signal))).toEqual({
    ...{ status, body: { status: "error", errorType, error } },
  });
});

test("an answer's bytes are its own, to be moved away: also those of a refusal", async () => {
  const label = "x".repeat(1_000_000);
  const samples = Array.from({ length: 70 }, () => ({
    ...{ labels: [["l", label]] as const, t: 0, v: 1 },
  }));
  const { prometheus } = lab(async () => answerOf({ type: "vector", samples }));
  for (const signal of [new AbortController().signal, AbortSignal.abort()]) {
    const [one, other] = [await prometheus(QUERY, signal), await prometheus(QUERY, signal)];
    structuredClone(one.body, { transfer: [one.body.buffer] });
    expect([one.body.length, other.body.length > 0]).toEqual([0, true]);
  }
});
