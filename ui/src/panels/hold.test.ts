import { expect, test } from "vitest";
import { arrange } from "./hold.ts";

const row = (id: string, n = 0) => ({ id, n });

test("without a hold the rows are as the server ordered them", () => {
  expect(arrange(undefined, [row("b"), row("a")])).toEqual({
    rows: [
      { item: row("b"), gone: false },
      { item: row("a"), gone: false },
    ],
    waiting: 0,
  });
});

test("held rows keep their places, show new content, and the new ones wait", () => {
  const arranged = arrange([row("a"), row("b")], [row("c"), row("b", 2)]);
  expect(arranged.rows).toEqual([
    { item: row("a"), gone: true },
    { item: row("b", 2), gone: false },
  ]);
  expect(arranged.waiting).toBe(1);
});
