import { expect, test } from "vitest";
import { nextRestart, STEADY_MS } from "./restart.ts";

test("the first restart is immediate, the next ones back off to 5 s", () => {
  const delays: number[] = [];
  let attempts = 0;
  for (let i = 0; i < 8; i += 1) {
    const next = nextRestart(attempts, 100);
    delays.push(next.delayMs);
    attempts = next.attempts;
  }
  expect(delays).toEqual([0, 250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
});

test("a child that lived long enough starts again at once", () => {
  expect(nextRestart(7, STEADY_MS)).toEqual({ delayMs: 0, attempts: 1 });
});
