import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  DEAF,
  DRAIN_MS,
  dueOf,
  hasProcess,
  step,
  unborn,
  type Answer,
  type InstanceEvent,
  type Life,
} from "./instance.ts";
import { died, FRESH, POLICY, type Policy } from "./restart.ts";

const YES: Answer = { ready: "yes", isAlive: null, why: "" };
const NO: Answer = { ready: "no", isAlive: null, why: "503" };
const SILENT: Answer = { ready: "silent", isAlive: null, why: "no answer" };
const DEAD_SILENT: Answer = { ...SILENT, isAlive: false };

const probed = (answer: Answer): InstanceEvent => ({ kind: "probed", answer });
const exited = (dice = 1): InstanceEvent => ({ kind: "exited", why: "exit code 1", dice });

/** A story: each event, a moment after the one before. */
const told = (events: readonly InstanceEvent[], policy: Policy = POLICY, stepMs = 10) => {
  let life = unborn(0);
  let nowMs = 0;
  const effects: string[] = [];
  for (const event of events) {
    nowMs += stepMs;
    const next = step(policy)(life, event, nowMs);
    life = next.life;
    for (const effect of next.effects) {
      effects.push("signal" in effect ? effect.signal : "event" in effect ? effect.event : "spawn");
    }
  }
  return { life, effects, nowMs };
};
const START: InstanceEvent = { kind: "start" };
const READY = [START, probed(YES)];

describe("the story of an instance", () => {
  test.each<[string, InstanceEvent[], string, string]>([
    ["starts", [START], "starting", "spawn started"],
    ["is ready after one good answer", READY, "ready", "spawn started ready"],
    ["is not ready while it says no", [START, probed(NO)], "starting", "spawn started"],
    [
      "is still in rotation after one bad answer",
      [...READY, probed(NO)],
      "ready",
      "spawn started ready",
    ],
    [
      "is out after two",
      [...READY, probed(NO), probed(NO)],
      "unhealthy",
      "spawn started ready unhealthy",
    ],
    [
      "is back after one good answer",
      [...READY, probed(NO), probed(NO), probed(YES)],
      "ready",
      "spawn started ready unhealthy ready",
    ],
    [
      "is not killed for saying no, however often",
      [...READY, ...Array.from({ length: 20 }, () => probed(NO))],
      "unhealthy",
      "spawn started ready unhealthy",
    ],
    [
      "is killed when nothing of it answers",
      [...READY, probed(SILENT), ...Array.from({ length: DEAF }, () => probed(DEAD_SILENT))],
      "unhealthy",
      "spawn started ready unhealthy SIGKILL unhealthy",
    ],
    [
      "is restarted at once the first time",
      [...READY, exited()],
      "starting",
      "spawn started ready exited spawn restart_issued",
    ],
    [
      "waits the second time",
      [...READY, exited(), exited()],
      "waiting",
      "spawn started ready exited spawn restart_issued exited",
    ],
    [
      "drains, and stays down",
      [...READY, { kind: "stop", why: "x" }, exited()],
      "stopped",
      "spawn started ready SIGTERM draining stopped",
    ],
    [
      "drains, and comes again",
      [...READY, { kind: "restart", why: "x" }, exited()],
      "starting",
      "spawn started ready SIGTERM draining spawn restart_issued",
    ],
    [
      "is held down at once",
      [...READY, { kind: "hold", why: "x" }, exited()],
      "stopped",
      "spawn started ready SIGKILL draining stopped",
    ],
    [
      "over its memory is not made ready by a good answer",
      [...READY, { kind: "over", why: "x", share: 2 }, probed(YES)],
      "unhealthy",
      "spawn started ready unhealthy",
    ],
  ])("%s", (_, events, phase, effects) => {
    const story = told(events);
    expect([story.life.phase.name, story.effects.join(" ")]).toEqual([phase, effects]);
  });

  test("what does not end by SIGTERM is killed when its time is over", () => {
    const { life, nowMs } = told([...READY, { kind: "stop", why: "x" }]);
    expect(dueOf(life)).toBe(nowMs + DRAIN_MS);
    const early = step(POLICY)(life, { kind: "tick" }, nowMs + DRAIN_MS - 1);
    const due = step(POLICY)(life, { kind: "tick" }, nowMs + DRAIN_MS);
    expect([early.effects, due.effects]).toEqual([[], [{ kind: "signal", signal: "SIGKILL" }]]);
  });

  test("a start has a deadline, and what it said last is why", () => {
    const { life } = told([START, probed(NO)]);
    const late = step(POLICY)(life, { kind: "tick" }, dueOf(life)!);
    expect(late.life.why).toBe("not ready within 15000 ms: 503");
    expect(late.effects[0]).toEqual({ kind: "signal", signal: "SIGKILL" });
  });

  test("more than 5 restarts in 60 s are a crash loop, 5 are not", () => {
    const deaths = (count: number): InstanceEvent[] => [
      START,
      ...Array.from({ length: count }, (): InstanceEvent[] => [exited(0)]).flat(),
    ];
    expect(told(deaths(5)).life).toMatchObject({ phase: { name: "starting" } });
    expect(told(deaths(6)).life).toMatchObject({ phase: { name: "quarantined" } });
    // Control: the same six, spread over more than the window.
    expect(told(deaths(6), POLICY, 13_000).life.phase.name).not.toBe("quarantined");
    expect(told([...deaths(6), START]).life.phase.name).toBe("quarantined");
    expect(told([...deaths(6), { kind: "release" }]).life).toMatchObject({
      phase: { name: "starting" },
      record: { diedMs: [], restarts: 5 },
    });
  });

  test("memory that is over its bound after each restart ends in quarantine too", () => {
    const round: InstanceEvent[] = [
      probed(YES),
      { kind: "over", why: "too large", share: 1.1 },
      { kind: "restart", why: "too large" },
      exited(),
    ];
    const rounds = Array.from({ length: 5 }, () => round).flat();
    const { life } = told([START, ...rounds, ...round.slice(0, 2), exited()]);
    expect(life).toMatchObject({ phase: { name: "quarantined" }, why: "too large" });
  });
});

describe("when it is started again", () => {
  test("at once, then up to 0.5 s, 1 s, 2 s … 30 s, by full jitter", () => {
    const policy = { ...POLICY, maxRestarts: 100 };
    let record = FRESH;
    const most: number[] = [];
    const least: number[] = [];
    for (let nth = 0; nth < 9; nth += 1) {
      for (const [dice, into] of [[0, least] as const, [1, most] as const]) {
        const next = died(policy, record, nth, dice);
        if (next.verdict === "restart") into.push(next.delayMs);
        if (dice === 1) record = next.record;
      }
    }
    expect(most).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(least).toEqual(most.map(() => 0));
  });

  test("after 60 s of health all is forgotten, after less nothing is", () => {
    const before = { restarts: 3, attempts: 3, diedMs: [0, 1, 2], healthySinceMs: 10 };
    const steady = died(POLICY, before, 60_010, 1);
    const short = died(POLICY, before, 60_009, 1);
    expect([steady.verdict === "restart" && steady.delayMs, steady.record.attempts]).toEqual([
      0, 1,
    ]);
    expect([short.verdict === "restart" && short.delayMs, short.record.attempts]).toEqual([
      2_000, 4,
    ]);
  });
});

// ── laws ────────────────────────────────────────────────────────────────────────────────────────

const why = fc.constant("why");
const anyAnswer = fc.constantFrom(YES, NO, SILENT, DEAD_SILENT, { ...SILENT, isAlive: true });
const anyEvent: fc.Arbitrary<InstanceEvent> = fc.oneof(
  // What happens most: without it few stories would have a life in them.
  fc.constantFrom<InstanceEvent>(START, probed(YES), START, probed(YES), { kind: "release" }),
  fc.constantFrom<InstanceEvent>({ kind: "start" }, { kind: "release" }, { kind: "tick" }),
  fc.record({ kind: fc.constantFrom("stop", "restart", "hold", "kill"), why }),
  fc.record({ kind: fc.constant("over"), why, share: fc.constant(1.1) }),
  fc.record({ kind: fc.constant("probed"), answer: anyAnswer }),
  fc.record({ kind: fc.constant("exited"), why, dice: fc.double({ min: 0, max: 1, noNaN: true }) }),
) as fc.Arbitrary<InstanceEvent>;
const anyStory = fc.array(fc.tuple(anyEvent, fc.nat({ max: 20_000 })), { maxLength: 120 });

type Seen = {
  readonly before: Life;
  readonly life: Life;
  readonly event: InstanceEvent;
  readonly nowMs: number;
  readonly effects: ReturnType<ReturnType<typeof step>>["effects"];
};

/** A process only ends where there is one: the world tells no lies. */
const play = (story: readonly (readonly [InstanceEvent, number])[]): readonly Seen[] => {
  let life = unborn(0);
  let nowMs = 0;
  return story.flatMap(([event, passedMs]): Seen[] => {
    nowMs += passedMs;
    if (event.kind === "exited" && !hasProcess(life)) return [];
    const before = life;
    const next = step(POLICY)(life, event, nowMs);
    life = next.life;
    return [{ before, life, event, nowMs, effects: next.effects }];
  });
};
/** Of each moment it speaks of, whether the law held. */
type Law = (seen: readonly Seen[]) => readonly boolean[];

const oneProcess: Law = (seen) => {
  let processes = 0;
  return seen.map(({ event, effects, life }) => {
    if (event.kind === "exited") processes -= 1;
    processes += effects.filter(({ kind }) => kind === "spawn").length;
    return processes === (hasProcess(life) ? 1 : 0);
  });
};
const signalled: Law = (seen) =>
  seen.map(
    ({ before, effects }) => hasProcess(before) || effects.every(({ kind }) => kind !== "signal"),
  );
const becameReady: Law = (seen) =>
  seen
    .filter(({ before, life }) => before.phase.name !== "ready" && life.phase.name === "ready")
    .map(({ event }) => event.kind === "probed" && event.answer.ready === "yes");
const rested: Law = (seen) =>
  seen
    .filter(({ before, life }) => hasProcess(life) && /^(stopped|quar)/.test(before.phase.name))
    .map(({ event }) => /^(start|release|restart)$/.test(event.kind));
const bounded: Law = (seen) => {
  let issued: number[] = [];
  return seen.map(({ event, before, life, effects, nowMs }) => {
    const isToldTo = /^(start|release|restart)$/.test(event.kind);
    // Told to begin anew, or healthy for long: what was is forgotten.
    if (isToldTo || before.record.diedMs.length > life.record.diedMs.length) issued = [];
    const isDraining = before.phase.name === "draining";
    const isIssued = effects.some(({ kind }) => kind === "spawn") && !isToldTo && !isDraining;
    if (isIssued) issued.push(nowMs);
    return issued.filter((at) => nowMs - at < POLICY.windowMs).length <= POLICY.maxRestarts;
  });
};
const due: Law = (seen) =>
  seen.flatMap(({ life }) => {
    const dueMs = dueOf(life);
    if (dueMs === null) return [];
    const next = step(POLICY)(life, { kind: "tick" }, dueMs);
    return [next.effects.length > 0 && next.life.phase !== life.phase];
  });
const said: Law = (seen) =>
  seen
    .filter(({ before, life }) => before.phase.name !== life.phase.name)
    .map(({ effects }) => effects.some(({ kind }) => kind === "say"));

test.each([
  ["there is never more than one process, and the phase knows of it", oneProcess],
  ["nothing is signalled that is not there", signalled],
  ["only a good answer makes it ready", becameReady],
  ["what was stopped or given up starts only when told to", rested],
  ["deaths alone never bring more than 5 restarts within 60 s", bounded],
  ["whoever waits says until when, and a tick then does it", due],
  ["every change of phase is said in an event", said],
])("law: %s", (_, law) => {
  let moments = 0;
  fc.assert(
    fc.property(anyStory, (story) => {
      const held = law(play(story));
      moments += held.length;
      expect(held).not.toContain(false);
    }),
    { numRuns: 1_500 },
  );
  // A law that speaks of nothing holds always.
  expect(moments).toBeGreaterThan(50);
});

test("control: without its limit the law of 5 restarts does not hold", () => {
  const deaths = Array.from({ length: 8 }, (): [InstanceEvent, number] => [exited(0), 10]);
  const held = bounded(play([[START, 0], ...deaths.slice(0, 5)]));
  expect(held).not.toContain(false);
  let life = unborn(0);
  const lax = step({ ...POLICY, maxRestarts: 100 });
  const seen = [START, ...deaths.map(([event]) => event)].map((event, nth): Seen => {
    const before = life;
    const next = lax(life, event, nth);
    life = next.life;
    return { before, life, event, nowMs: nth, effects: next.effects };
  });
  expect(bounded(seen)).toContain(false);
});
