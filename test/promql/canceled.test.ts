/** Who goes away is not computed for: while it is evaluated, in line, or at the store. */
import { expect, test } from "vitest";
import { EVALUATING, started } from "./canceled-lab.ts";

const HEAVY = { expr: "sum(rate(m[5m]))", startMs: 400_000, endMs: 2_000_000, stepMs: 10_000 };
const OLD = { expr: "m", startMs: -9_000_000, endMs: -1_000, stepMs: 100_000 };

test("an evaluation stops in the middle when the one who asked has gone", async () => {
  const { callUnless, looked, goOn, outcomes } = started();
  const client = new AbortController();
  const answer = callUnless(client.signal, "queryRange", [HEAVY]).catch(String);
  await looked(EVALUATING);
  client.abort(new Error("the client went away"));
  // Told at once, although the thread is busy.
  expect(await answer).toBe("Error: the client went away");
  goOn();
  expect(await outcomes()).toEqual(["query: query was canceled in expression evaluation"]);
});

test("control: the same evaluation goes on for one who stays", async () => {
  const { callUnless, looked, goOn, outcomes } = started();
  const answer = callUnless(new AbortController().signal, "queryRange", [HEAVY]);
  await looked(EVALUATING);
  goOn();
  expect(await answer).toMatchObject({ ok: true });
  expect(await outcomes()).toEqual(["answered"]);
});

test("what waits in line behind it is not begun for one who has gone", async () => {
  const { callUnless, looked, goOn, outcomes } = started();
  const [client, other] = [new AbortController(), new AbortController()];
  const first = callUnless(client.signal, "queryRange", [HEAVY]);
  const second = callUnless(other.signal, "queryInstant", [{ expr: "sum(m)", timeMs: 900_000 }]);
  const third = callUnless(client.signal, "queryInstant", [{ expr: "sum(m)", timeMs: 900_000 }]);
  await looked(EVALUATING);
  other.abort(new Error("gone"));
  await expect(second).rejects.toThrow("gone");
  goOn();
  expect(await first).toMatchObject({ ok: true });
  expect(await third).toMatchObject({ ok: true });
  expect(await outcomes()).toEqual(["answered", "query: was canceled before it began", "answered"]);
});

test("nobody waits for a store that does not answer, when nobody waits for the query", async () => {
  const { callUnless, looked, goOn, outcomes } = started();
  goOn();
  const client = new AbortController();
  const answer = callUnless(client.signal, "queryRange", [OLD]).catch(String);
  await looked(1);
  client.abort(new Error("the client went away"));
  expect(await answer).toBe("Error: the client went away");
  expect(await outcomes()).toEqual(["query: was canceled while history was read"]);
});

test("control: with a store that answers, so does the query", async () => {
  const { callUnless, call, looked, goOn, outcomes } = started();
  goOn();
  const answer = callUnless(new AbortController().signal, "queryRange", [OLD]);
  await looked(1);
  expect(await outcomes()).toEqual([]);
  await call("storeAnswers", []);
  expect(await answer).toMatchObject({ ok: true });
});

test("who has gone before asking asks nothing, and a place is free again after an answer", async () => {
  const { callUnless, goOn, outcomes } = started();
  goOn();
  const question = [{ expr: "1", timeMs: 0 }];
  const gone = AbortSignal.abort(new Error("gone"));
  await expect(callUnless(gone, "queryInstant", question)).rejects.toThrow("gone");
  const times = 1_500;
  for (let i = 0; i < times; i++) {
    const client = new AbortController();
    const answer = callUnless<{ ok: boolean }>(client.signal, "queryInstant", question);
    if (i % 2 === 1) client.abort(new Error("gone"));
    const how = await answer.then(({ ok }) => String(ok), String);
    expect(how).toBe(i % 2 === 1 ? "Error: gone" : "true");
  }
  const ended = await outcomes();
  expect(ended.length).toBe(times);
  expect(ended.filter((how) => how === "answered").length).toBeGreaterThanOrEqual(times / 2);
});
