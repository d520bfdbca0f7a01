/** The life of an action: a table of its turns, and what holds whatever happens. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  alreadyDone,
  APPROVAL_MS,
  HOLD_MS,
  isOver,
  proposed,
  RUN_STATES,
  step,
  type Life,
  type RunEvent,
} from "./action.ts";

const OF = { steps: 1, verifyWithinMs: 30_000, otherwise: "undo" } as const;
const fresh = (more: Partial<Life> = {}): Life => ({ ...proposed(OF, 0), ...more });
const failed: RunEvent = { kind: "apply_failed", reason: "no answer", isUncertain: true };
const refused: RunEvent = { kind: "apply_failed", reason: "out of bounds", isUncertain: false };
const clear: RunEvent = { kind: "signal", signal: "clear" };
const breach: RunEvent = { kind: "signal", signal: "breach" };
const time: RunEvent = { kind: "time" };
type Line = readonly [event: RunEvent, atMs: number];

const play = (lines: readonly Line[], from: Life = fresh()) => {
  let life = from;
  const states: string[] = [];
  for (const [event, atMs] of lines) {
    const next = step(life, event, atMs);
    expect(next.why.fr.length * next.why.en.length).toBeGreaterThan(0);
    life = next.life;
    if (states.at(-1) !== life.state) states.push(life.state);
  }
  return { states, life };
};
const begun: readonly Line[] = [
  [{ kind: "approve" }, 0],
  [{ kind: "start" }, 0],
];
const carried: readonly Line[] = [...begun, [{ kind: "applied" }, 100]];

test.each<{ title: string; lines: readonly Line[]; from?: Life; ends: string }>([
  {
    title: "that helps is verified once its signal has held",
    lines: [...carried, [breach, 1_000], [clear, 2_000], [clear, 2_000 + HOLD_MS]],
    ends: "verified",
  },
  {
    title: "whose signal comes and goes is not verified by its sum",
    lines: [...carried, [clear, 1_000], [breach, 2_000], [clear, 3_000]],
    ends: "verifying",
  },
  {
    title: "without data is not verified, and goes back at its deadline",
    from: fresh({ canUndo: true }),
    lines: [
      ...carried,
      [{ kind: "signal", signal: "unknown" }, 29_000],
      [{ kind: "signal", signal: "unknown" }, 30_100],
      [time, 30_200],
      [{ kind: "undone" }, 30_300],
    ],
    ends: "rolled_back",
  },
  {
    title: "without a way back is escalated",
    lines: [...carried, [time, 30_100], [time, 30_101]],
    ends: "escalated",
  },
  {
    title: "that would harm when taken away stays, and people are told",
    from: fresh({ canUndo: true, otherwise: "keep" }),
    lines: [...carried, [time, 30_100], [time, 30_101]],
    ends: "escalated",
  },
  {
    title: "nobody approves is not executed",
    lines: [
      [time, APPROVAL_MS],
      [{ kind: "approve" }, APPROVAL_MS + 1],
    ],
    ends: "not_executed",
  },
  {
    title: "approved too late is not executed",
    lines: [[{ kind: "approve" }, APPROVAL_MS]],
    ends: "not_executed",
  },
  {
    title: "that was refused outright changed nothing",
    lines: [...begun, [refused, 10], [time, 11]],
    ends: "not_executed",
  },
  {
    title: "nobody answered for is taken back, since it may be there",
    from: fresh({ canUndo: true }),
    lines: [...begun, [failed, 10], [time, 11], [{ kind: "undone" }, 12]],
    ends: "rolled_back",
  },
  {
    title: "that cannot be taken back is escalated",
    from: fresh({ canUndo: true }),
    lines: [...begun, [failed, 10], [time, 11], [{ kind: "undo_failed", reason: "gone" }, 12]],
    ends: "escalated",
  },
  {
    title: "whose way back is never confirmed is escalated",
    from: fresh({ canUndo: true }),
    lines: [...begun, [failed, 10], [time, 11], [time, 60_000]],
    ends: "escalated",
  },
  {
    title: "found in place after an interruption is verified, not repeated",
    lines: [...begun, [{ kind: "interrupted", isThere: true }, 10]],
    ends: "verifying",
  },
  {
    title: "that helped can still be undone by hand",
    from: fresh({ canUndo: true }),
    lines: [
      ...carried,
      [clear, 1_000],
      [clear, 4_000],
      [{ kind: "undo", reason: "the peak is over" }, 9_000],
    ],
    ends: "rolling_back",
  },
])("an action $title", ({ lines, from, ends }) => {
  expect(play(lines, from).life.state).toBe(ends);
});

test("several steps are carried out before it is verified", () => {
  const two = fresh({ steps: 2 });
  expect(play(carried, two).life).toMatchObject({ state: "running", done: 1 });
  expect(play([...carried, [{ kind: "applied" }, 200]], two).life.state).toBe("verifying");
});

const events = fc.oneof(
  fc.constantFrom<RunEvent>(
    ...[{ kind: "approve" } as const, { kind: "start" } as const, { kind: "applied" } as const],
    ...[{ kind: "undone" } as const, time, clear, breach, failed, refused],
    { kind: "signal", signal: "unknown" },
    { kind: "reject", reason: "no" },
    { kind: "undo", reason: "no" },
    { kind: "undo_failed", reason: "no" },
    { kind: "refuse", why: { fr: "non", en: "no" } },
  ),
  fc.record({
    kind: fc.constant("interrupted" as const),
    isThere: fc.constantFrom(true, false, null),
  }),
);
const lives = fc
  .record({ canUndo: fc.boolean(), steps: fc.integer({ min: 1, max: 4 }) })
  .chain((more) =>
    fc.constantFrom("undo" as const, "keep" as const).map((otherwise) => ({ ...more, otherwise })),
  );
const history = fc.array(fc.tuple(events, fc.nat(20_000)), { maxLength: 60 });
const played = (more: Partial<Life>, steps: readonly (readonly [RunEvent, number])[]) => {
  const trail: Life[] = [fresh(more)];
  let nowMs = 0;
  for (const [event, passMs] of steps) {
    nowMs += passMs;
    trail.push(step(trail.at(-1) ?? fresh(more), event, nowMs).life);
  }
  return { trail, nowMs };
};

test("law: every state that is no end has a deadline, and time alone ends it", () => {
  fc.assert(
    fc.property(lives, history, (more, steps) => {
      const { trail, nowMs } = played(more, steps);
      for (const life of trail) expect(life.deadlineMs === null).toBe(isOver(life));
      let life = trail.at(-1) ?? fresh();
      let atMs = nowMs;
      // Failed → rolling_back → escalated is the longest way from anywhere.
      for (let turn = 0; turn < 4 && !isOver(life); turn += 1) {
        atMs = Math.max(atMs, life.deadlineMs ?? atMs);
        life = step(life, time, atMs).life;
      }
      expect(isOver(life)).toBe(true);
    }),
  );
});

test("law: only what was carried out and seen to work is verified", () => {
  fc.assert(
    fc.property(lives, history, (more, steps) => {
      const { trail } = played(more, steps);
      for (const [at, life] of trail.entries()) {
        if (life.state !== "verified" || trail[at - 1]?.state === "verified") continue;
        expect(life.done).toBe(life.steps);
        expect(steps[at - 1]?.[0]).toEqual(clear);
      }
    }),
  );
});

test("law: nothing runs that was not approved, and an end is left by an undo only", () => {
  fc.assert(
    fc.property(lives, history, (more, steps) => {
      const { trail } = played(more, steps);
      const states = trail.map(({ state }) => state);
      const runs = states.indexOf("running");
      expect(runs < 0 || states.slice(0, runs).includes("approved")).toBe(true);
      for (const [at, life] of trail.entries()) {
        const before = trail[at - 1];
        if (before === undefined || !isOver(before) || before.state === life.state) continue;
        expect([before.state, life.state, steps[at - 1]?.[0].kind]).toEqual([
          ...["verified", "rolling_back", "undo"],
        ]);
      }
    }),
  );
});

test("what the data plane did by itself begins by being verified", () => {
  expect(alreadyDone(OF, 5)).toMatchObject({ state: "verifying", done: 1, deadlineMs: 30_005 });
  expect(RUN_STATES).toHaveLength(10);
});
