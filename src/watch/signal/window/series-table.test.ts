import fc from "fast-check";
import { expect, test } from "vitest";
import { newSeriesTable } from "./series-table.ts";
import type { Labels } from "../series.ts";

type Entry = { readonly labels: Labels; readonly hash: number; next: Entry | undefined };

const entry = (value: number, hash: number): Entry => ({
  ...{ labels: [["a", String(value)]], hash, next: undefined },
});

test("law: what was added and not removed is found, also where hashes are the same", () => {
  const step = fc.tuple(fc.constantFrom("add", "remove"), fc.nat(12));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = newSeriesTable<Entry>();
      const model = new Map<number, Entry>();
      for (const [what, value] of steps) {
        const known = model.get(value);
        if (what === "add" && known === undefined) {
          const made = entry(value, value % 3);
          model.set(value, made);
          table.add(made);
        } else if (what === "remove" && known !== undefined) {
          model.delete(value);
          table.remove(known);
        }
      }
      expect(table.size()).toBe(model.size);
      for (let value = 0; value <= 12; value += 1) {
        expect(table.find(value % 3, [["a", String(value)]])).toBe(model.get(value));
      }
    }),
  );
});
