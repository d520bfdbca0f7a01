/** A kept answer is the answer: with and without keeping, whatever samples come in between. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openQueries } from "./query.flow.ts";
import { newWindow, type Window } from "../window/window.ts";

const STEP_MS = 1_000;
const SERIES = 3;

const filled = (): { readonly window: Window; readonly refs: readonly number[] } => {
  const window = newWindow({ retentionMs: Infinity });
  const refs = Array.from({ length: SERIES }, (_, i) => {
    const ref = window.intern([
      ["__name__", i === 0 ? "a" : "b"],
      ["i", String(i)],
    ]);
    if (!ref.ok) throw new Error(ref.error.message);
    return ref.value;
  });
  return { window, refs };
};

const engine = (window: Window, takeTouchedMs: () => number) => {
  const selected: number[] = [];
  const queries = openQueries({
    window: {
      takeTouchedMs,
      select: (matchers, fromMs, toMs) => {
        selected.push(toMs);
        return window.select(matchers, fromMs, toMs);
      },
    },
    store: { rows: () => Promise.reject(new Error()), blocks: () => Promise.reject(new Error()) },
    ...{ monotonic: () => 0, ready: () => true, seamMs: () => -Infinity, oldestMs: () => null },
  });
  return { ...queries, selected };
};

type Step =
  | { readonly kind: "sample"; readonly series: number; readonly t: number; readonly v: number }
  | { readonly kind: "query"; readonly expr: string; readonly from: number; readonly to: number };

const sample = fc.record({
  kind: fc.constant("sample" as const),
  series: fc.nat(SERIES - 1),
  t: fc.nat(60),
  v: fc.nat(9),
});
const query = fc.record({
  kind: fc.constant("query" as const),
  expr: fc.constantFrom("a", "sum(b)", "rate(b[10s])", "b offset -5s", "sum(a @ 30)", "time()"),
  from: fc.constant(10),
  to: fc.constantFrom(20, 40),
});
const steps: fc.Arbitrary<readonly Step[]> = fc.array(fc.oneof(sample, query), {
  minLength: 30,
  maxLength: 80,
});

/** Answers of an engine that keeps and of one that never does; undefined when all agree. */
const firstDifference = async (
  all: readonly Step[],
  touchedOf: (window: Window) => () => number,
): Promise<string | undefined> => {
  const { window, refs } = filled();
  const keeping = engine(window, touchedOf(window));
  const never = engine(window, () => -Infinity);
  for (const step of all) {
    if (step.kind === "sample") {
      window.append(refs[step.series]!, step.t * STEP_MS, step.v);
      continue;
    }
    const { expr, from, to } = step;
    const ask = { expr, startMs: from * STEP_MS, endMs: to * STEP_MS, stepMs: STEP_MS };
    const [a, b] = [await keeping.queryRange(ask), await never.queryRange(ask)];
    if (JSON.stringify(a) !== JSON.stringify(b)) return JSON.stringify(step);
  }
  return undefined;
};

test("law: samples may come in any order, a kept answer is the answer", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      expect(await firstDifference(all, (window) => window.takeTouchedMs)).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

test("control: without being told of samples, a kept answer goes wrong", async () => {
  const all = fc.sample(steps, { numRuns: 50, seed: 1 });
  const wrong = [];
  for (const one of all) wrong.push(await firstDifference(one, () => () => Infinity));
  expect(wrong.filter((difference) => difference !== undefined).length).toBeGreaterThan(10);
});

const LIVE = { expr: "a", startMs: 0, endMs: 20_000, stepMs: STEP_MS };

test("newer samples leave an answer as it is, and it is not computed again", async () => {
  const { window, refs } = filled();
  const queries = engine(window, window.takeTouchedMs);
  window.append(refs[0]!, 5_000, 1);
  const first = await queries.queryRange(LIVE);
  window.append(refs[0]!, 21_000, 2);
  expect(await queries.queryRange(LIVE)).toEqual(first);
  expect(queries.selected.length).toBe(1);
  window.append(refs[1]!, 20_000, 3);
  await queries.queryRange(LIVE);
  expect(queries.selected.length).toBe(2);
});

test("room is bounded: old answers make place for new ones", async () => {
  const { window, refs } = filled();
  const queries = engine(window, window.takeTouchedMs);
  window.append(refs[0]!, 5_000, 1);
  const many = 1_001;
  for (let i = 0; i < many; i++) await queries.queryInstant({ expr: "a", timeMs: 5_000 + i });
  await queries.queryInstant({ expr: "a", timeMs: 5_000 + many - 1 });
  expect(queries.selected.length).toBe(many);
  await queries.queryInstant({ expr: "a", timeMs: 5_000 });
  expect(queries.selected.length).toBe(many + 1);
});
