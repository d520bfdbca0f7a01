import fc from "fast-check";
import { expect, test } from "vitest";
import type { AlertSignal } from "../../launch/kpi/reading.ts";
import { IDLE, MAX_CREDIT_MS, step, type AlertRule, type AlertState } from "./alert.ts";

const rule: AlertRule = { forMs: 3_000, keepForMs: 2_000 };
type Line = readonly [signal: AlertSignal, elapsedMs: number];

const play = (lines: readonly Line[], from: AlertState = IDLE, by = rule) => {
  const effects: string[] = [];
  let state = from;
  for (const [signal, elapsedMs] of lines) {
    const next = step(state, signal, elapsedMs, by);
    state = next.state;
    effects.push(next.effect);
  }
  return { state: state.state, effects };
};

test.each<{ title: string; lines: Line[]; state: string; last: string }>([
  {
    title: "fires once a breach has lasted for `for`",
    lines: [
      ["breach", 0],
      ["breach", 1_000],
      ["breach", 1_000],
      ["breach", 1_000],
    ],
    state: "firing",
    last: "fire",
  },
  {
    title: "is still pending one step before",
    lines: [
      ["breach", 0],
      ["breach", 1_000],
      ["breach", 1_000],
    ],
    state: "pending",
    last: "none",
  },
  {
    title: "forgets a breach that ends before `for`",
    lines: [
      ["breach", 0],
      ["breach", 2_000],
      ["clear", 500],
      ["breach", 500],
    ],
    state: "pending",
    last: "none",
  },
  {
    title: "does not count time without data towards `for`",
    lines: [
      ["breach", 0],
      ["unknown", 5_000],
      ["unknown", 5_000],
    ],
    state: "pending",
    last: "none",
  },
  {
    title: "does not fire because the process slept for an hour",
    lines: [
      ["breach", 0],
      ["clear", 3_600_000],
      ["breach", 1],
    ],
    state: "pending",
    last: "none",
  },
])("an alert $title", ({ lines, state, last }) => {
  const played = play(lines);
  expect(played.state).toBe(state);
  expect(played.effects.at(-1)).toBe(last);
});

const firing: AlertState = { state: "firing", clearMs: -1 };

test.each<{ title: string; lines: Line[]; state: string }>([
  { title: "stays inside the hysteresis band", lines: [["between", 9_000]], state: "firing" },
  {
    title: "stays when data stops",
    lines: Array.from({ length: 50 }, () => ["unknown", 1_000]),
    state: "firing",
  },
  {
    title: "resolves once clear for `keepFor`",
    lines: [
      ["clear", 1_000],
      ["clear", 1_000],
      ["clear", 1_000],
    ],
    state: "idle",
  },
  {
    title: "starts counting again after a gap in the evidence",
    lines: [
      ["clear", 0],
      ["clear", 1_500],
      ["unknown", 1_000],
      ["clear", 1_000],
      ["clear", 1_500],
    ],
    state: "firing",
  },
])("a firing alert $title", ({ lines, state }) => {
  expect(play(lines, firing).state).toBe(state);
});

test("with `for` at 0 the first breach fires", () => {
  expect(play([["breach", 0]], IDLE, { forMs: 0, keepForMs: 0 }).effects).toEqual(["fire"]);
});

const signals = fc.constantFrom<AlertSignal>("breach", "between", "clear", "unknown");
const history = fc.array(fc.tuple(signals, fc.nat(20_000)), { maxLength: 80 });

test("law: fire and resolve alternate, beginning with fire", () => {
  fc.assert(
    fc.property(history, (lines) => {
      const said = play(lines).effects.filter((effect) => effect !== "none");
      expect(said).toEqual(said.map((_, i) => (i % 2 === 0 ? "fire" : "resolve")));
    }),
  );
});

test("law: without a clear reading nothing resolves", () => {
  fc.assert(
    fc.property(history, (lines) => {
      const blind = lines.filter(([signal]) => signal !== "clear");
      expect(play(blind, firing).effects).not.toContain("resolve");
    }),
  );
});

test("law: no single step is credited with more than the limit", () => {
  fc.assert(
    fc.property(fc.integer({ min: MAX_CREDIT_MS + 1, max: 1e9 }), (jumpMs) => {
      const long = { forMs: MAX_CREDIT_MS + 1, keepForMs: 0 };
      expect(
        play(
          [
            ["breach", 0],
            ["breach", jumpMs],
          ],
          IDLE,
          long,
        ).state,
      ).toBe("pending");
    }),
  );
});
