import * as fc from "fast-check";
import { expect, test } from "vitest";
import { sortBy } from "./sort-rows.ts";

const collator = new Intl.Collator("fr", { numeric: true });

test("names sort as people count", () => {
  expect(sortBy(["web-10", "web-9", "éa"], (name) => name, false, collator)).toEqual([
    "éa",
    "web-9",
    "web-10",
  ]);
});

test("law: what has no value is last, whichever the direction", () => {
  const values = fc.array(fc.option(fc.integer()));
  fc.assert(
    fc.property(values, fc.boolean(), (rows, isDown) => {
      const sorted = sortBy(rows, (one) => one, isDown, collator);
      const firstNull = sorted.indexOf(null);
      const known = firstNull < 0 ? sorted : sorted.slice(0, firstNull);
      expect(known.length).toBe(rows.filter((one) => one !== null).length);
    }),
  );
});
