import * as fc from "fast-check";
import { expect, test } from "vitest";
import { newTurns } from "./turns.ts";

test("the next begins when one gives its turn back, in order, and a second return is nothing", async () => {
  const { take } = newTurns(1, 10);
  const began: string[] = [];
  const first = await take();
  const second = take().then((back) => (began.push("second"), back));
  const third = take().then((back) => (began.push("third"), back));
  expect(began).toEqual([]);
  first();
  first();
  const back = await second;
  expect(began).toEqual(["second"]);
  back();
  await third;
  expect(began).toEqual(["second", "third"]);
});

test("who goes leaves the line, and the turn goes to the next", async () => {
  const { take } = newTurns(1, 10);
  const first = await take();
  const gone = new AbortController();
  const left = take(gone.signal).catch(String);
  const next = take();
  gone.abort(new Error("gone"));
  expect(await left).toBe("Error: gone");
  first();
  expect(await next).toBeTypeOf("function");
});

test("too many do not wait", async () => {
  const { take } = newTurns(1, 1);
  await take();
  void take();
  await expect(take()).rejects.toThrow("1 wait already, at most 1 may");
});

test("law: never more at once than may, and everybody who stays has a turn", async () => {
  const jobs = fc.array(fc.record({ leaves: fc.boolean(), turnsMs: fc.nat(3) }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), jobs, async (atOnce, all) => {
      const { take } = newTurns(atOnce, all.length);
      let now = 0;
      let done = 0;
      const working = all.map(async ({ leaves, turnsMs }) => {
        const gone = new AbortController();
        const turn = take(gone.signal);
        if (leaves) gone.abort(new Error("gone"));
        const back = await turn.catch(() => undefined);
        if (back === undefined) return;
        now += 1;
        expect(now).toBeLessThanOrEqual(atOnce);
        for (let i = 0; i < turnsMs; i++) await Promise.resolve();
        now -= 1;
        done += 1;
        back();
      });
      await Promise.all(working);
      expect(now).toBe(0);
      expect(done).toBeGreaterThanOrEqual(all.filter(({ leaves }) => !leaves).length);
    }),
    { numRuns: 100 },
  );
});
