import * as fc from "fast-check";
import { expect, test } from "vitest";
import { UNITS } from "../format/unit.ts";
import { durationMs, LASTS, MAX_POINTS, readRange, spanOf } from "./range.ts";
import { frozen, MAX_QUERIES, readState, REFRESHES_MS, writeState } from "./state.ts";

const range = fc.oneof(
  fc.constantFrom(...LASTS).map((text) => ({ kind: "last" as const, ms: durationMs(text)! })),
  fc
    .tuple(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 10_000, max: 3e10 }))
    .map(([fromMs, ms]) => ({ kind: "between" as const, fromMs, toMs: fromMs + ms })),
);
const state = fc.record({
  queries: fc.array(fc.record({ expr: fc.string(), isOff: fc.boolean() }), {
    maxLength: MAX_QUERIES,
  }),
  range,
  view: fc.constantFrom("graph" as const, "table" as const),
  unit: fc.option(fc.constantFrom(...UNITS), { nil: undefined }),
  refreshMs: fc.constantFrom(...REFRESHES_MS),
});

test("law: what an address says is what was shown, and parameters of others survive", () => {
  fc.assert(
    fc.property(state, (shown) => {
      const address = writeState(shown, new URLSearchParams("lang=en&q=old")).toString();
      const params = new URLSearchParams(address);
      expect(readState(params)).toEqual(shown);
      expect(params.get("lang")).toBe("en");
    }),
  );
});

test("law: an address of any content is read as a state within its limits", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.constantFrom("q", "off", "from", "to", "view", "unit", "refresh"), fc.string()),
      ),
      (pairs) => {
        const read = readState(new URLSearchParams(pairs.map(([k, v]) => [k, v])));
        expect(read.queries.length).toBeLessThanOrEqual(MAX_QUERIES);
        expect(readState(writeState(read, new URLSearchParams()))).toEqual(read);
      },
    ),
  );
});

test("a copied link has times that stand still", () => {
  const shown = readState(new URLSearchParams("q=up&from=now-15m&to=now&refresh=5"));
  const params = writeState(frozen(shown, 1_000_000, 1_900_000), new URLSearchParams());
  expect(params.toString()).toBe(
    "q=up&from=1970-01-01T00%3A16%3A40.000Z&to=1970-01-01T00%3A31%3A40.000Z",
  );
});

test.each(["now-0s", "now-99999d", "now-1y", "yesterday", "", "2026-01-01T00:00:00Z"])(
  "from=%s alone is no range, so the last hour is shown",
  (from) => {
    expect(readRange(from, null)).toEqual({ kind: "last", ms: 3_600_000 });
  },
);

test("law: a step is one of whole seconds, and never asks for more points than are answered", () => {
  fc.assert(
    fc.property(range, fc.integer({ min: 0, max: 100_000 }), (range, width) => {
      const { fromMs, toMs, stepMs } = spanOf(range, 1_800_000_000_123, width);
      expect(stepMs % 1_000).toBe(0);
      expect(fromMs % stepMs).toBe(0);
      expect((toMs - fromMs) / stepMs + 1).toBeLessThanOrEqual(MAX_POINTS);
    }),
  );
});
