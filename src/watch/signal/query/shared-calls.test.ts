/** Who asks the same at the same time shares one run, and leaves it alone. */
import { expect, test } from "vitest";
import { shared } from "./shared-calls.ts";

const begun = () => {
  const runs: { question: string; signal: AbortSignal; done: PromiseWithResolvers<string> }[] = [];
  const ask = shared(
    (question: string) => question,
    (question, signal) => {
      const done = Promise.withResolvers<string>();
      runs.push({ question, signal, done });
      return done.promise;
    },
  );
  return { runs, ask };
};

test("the same question on its way runs once, for all who ask", async () => {
  const { runs, ask } = begun();
  const answers = [ask("up"), ask("up"), ask("up", new AbortController().signal)];
  expect(runs.length).toBe(1);
  runs[0]!.done.resolve("1");
  expect(await Promise.all(answers)).toEqual(["1", "1", "1"]);
});

test("control: another question, or the same after its answer, runs by itself", async () => {
  const { runs, ask } = begun();
  const first = ask("up");
  void ask("down");
  expect(runs.map(({ question }) => question)).toEqual(["up", "down"]);
  runs[0]!.done.resolve("1");
  await first;
  void ask("up");
  expect(runs.length).toBe(3);
});

test("one who goes leaves the run to the others; the last one ends it", async () => {
  const { runs, ask } = begun();
  const [a, b] = [new AbortController(), new AbortController()];
  const answers = [ask("up", a.signal), ask("up", b.signal)].map((one) => one.catch(String));
  a.abort(new Error("a went"));
  expect(await answers[0]).toBe("Error: a went");
  expect(runs[0]!.signal.aborted).toBe(false);
  b.abort(new Error("b went"));
  expect(await answers[1]).toBe("Error: b went");
  expect(runs[0]!.signal.aborted).toBe(true);
  // A run that was ended is nobody's answer.
  void ask("up");
  expect(runs.length).toBe(2);
});

test("who asks without a signal stays, whoever goes", async () => {
  const { runs, ask } = begun();
  const a = new AbortController();
  const [left, stays] = [ask("up", a.signal).catch(String), ask("up")];
  a.abort(new Error("gone"));
  expect(await left).toBe("Error: gone");
  expect(runs[0]!.signal.aborted).toBe(false);
  runs[0]!.done.resolve("1");
  expect(await stays).toBe("1");
});

test("a fault is everybody's, and the next who asks tries again", async () => {
  const { runs, ask } = begun();
  const answers = [ask("up"), ask("up")].map((one) => one.catch(String));
  runs[0]!.done.reject(new Error("broken"));
  expect(await Promise.all(answers)).toEqual(["Error: broken", "Error: broken"]);
  void ask("up");
  expect(runs.length).toBe(2);
});

test("who has gone already asks nothing", async () => {
  const { runs, ask } = begun();
  await expect(ask("up", AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
  expect(runs.length).toBe(0);
});
