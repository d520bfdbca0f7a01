import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { peakSessionsPerS, PEAK_TO_MEAN, REQUESTS_A_SESSION, sessionsPerS } from "./day.ts";
import { DEPARTMENTS } from "./departments.ts";
import { newDice } from "./dice.ts";
import { newDue } from "./due.ts";
import { begin, learn, next, type Call } from "./journeys.ts";
import { newLatencies } from "./latency.ts";
import { newPopulation } from "./population.ts";
import { newTally, NOMINAL_PER_S } from "./tally.ts";

const HOUR_MS = 3_600_000;

describe("the day of a million users", () => {
  test("has one session each, and 2.25 times the mean at its peak", () => {
    let sessions = 0;
    for (let second = 0; second < 86_400; second += 10)
      sessions += 10 * sessionsPerS(1_000_000, second * 1_000);
    expect(sessions / 1_000_000).toBeCloseTo(1, 2);
    expect(peakSessionsPerS(1_000_000)).toBeCloseTo(26.04, 1);
    expect(sessionsPerS(1_000_000, 18.5 * HOUR_MS)).toBeCloseTo(peakSessionsPerS(1_000_000), 6);
    expect(PEAK_TO_MEAN * (1_000_000 / 86_400) * REQUESTS_A_SESSION).toBeCloseTo(NOMINAL_PER_S, -1);
  });

  test("a session has about twenty calls", () => {
    const dice = newDice(7);
    const people = newPopulation(10_000, dice);
    let calls = 0;
    for (let nth = 0; nth < 2_000; nth += 1) {
      const session = begin(people.user(people.nextNth()), dice);
      for (let call = next(session); call !== undefined; call = next(session)) {
        calls += 1;
        if (call.feature === "scheduling slots")
          learn(session, call.feature, { items: [{ garage: { id: "g" }, start: "s" }] });
        if (call.feature === "scheduling book")
          learn(session, call.feature, { booking: { id: "b" } });
      }
    }
    expect(calls / 2_000).toBeGreaterThan(18);
    expect(calls / 2_000).toBeLessThan(22);
  });
});

describe("users", () => {
  test("a million take a few bytes each, and are drawn once each", () => {
    const people = newPopulation(1_000_000, newDice(1));
    expect(people.bytes / 1_000_000).toBeLessThan(30);
    for (let turn = 0; turn < 1_000_000; turn += 1) people.nextNth();
    expect(people.distinct()).toBe(1_000_000);
  });

  test("control: who is drawn with replacement is not distinct", () => {
    const dice = newDice(1);
    const seen = new Set(Array.from({ length: 10_000 }, () => dice.below(10_000)));
    expect(seen.size).toBeLessThan(7_000);
  });

  test("live where people live, and the same seed makes the same ones", () => {
    const people = newPopulation(200_000, newDice(3));
    const again = newPopulation(200_000, newDice(3));
    const inNord = (of: typeof people): number => {
      let count = 0;
      for (let nth = 0; nth < of.size; nth += 1)
        if (of.user(nth).department.code === "59") count += 1;
      return count;
    };
    const total = DEPARTMENTS.reduce((sum, { thousands }) => sum + thousands, 0);
    const expected = (200_000 * 2607) / total;
    expect(inNord(people) / expected).toBeGreaterThan(0.95);
    expect(inNord(people) / expected).toBeLessThan(1.05);
    expect(again.user(123)).toEqual(people.user(123));
    expect(DEPARTMENTS).toHaveLength(101);
  });

  test("the same seed plays the same sessions", () => {
    const played = (seed: number): readonly Call[] => {
      const dice = newDice(seed);
      const session = begin(newPopulation(100, dice).user(5), dice);
      const calls: Call[] = [];
      for (let call = next(session); call !== undefined; call = next(session)) calls.push(call);
      return calls;
    };
    expect(played(11)).toEqual(played(11));
    expect(played(11)).not.toEqual(played(12));
  });
});

test("what is due comes in the order of time", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 200 }), (times) => {
      const due = newDue<number>();
      for (const at of times) due.push(at, at);
      const out: number[] = [];
      for (let one = due.pop(500); one !== undefined; one = due.pop(500)) out.push(one.what);
      expect(out).toEqual(times.filter((at) => at <= 500).toSorted((a, b) => a - b));
      expect(due.size()).toBe(times.length - out.length);
    }),
  );
});

test("a quantile is off by a sixty-fourth at most", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.02, max: 60_000, noNaN: true }), {
        minLength: 1,
        maxLength: 300,
      }),
      fc.constantFrom(0.5, 0.95, 0.99),
      (values, share) => {
        const latencies = newLatencies();
        for (const value of values) latencies.add(value);
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(share * values.length)) - 1]!;
        expect(Math.abs(latencies.quantile(share)! / exact - 1)).toBeLessThan(1 / 64);
      },
    ),
  );
  expect(newLatencies().quantile(0.5)).toBeNull();
});

describe("a load test is evidence", () => {
  const now = { distinctUsers: 1, registeredUsers: 1, sessions: 1, compression: 1 };
  const run = (perS: number, lateMs: number, elapsedMs = 600_000) => {
    const tally = newTally();
    for (let nth = 0; nth < (perS * elapsedMs) / 1_000; nth += 1) {
      tally.late(lateMs);
      tally.call("x", true, "ok", 20);
    }
    return tally.report({ ...now, elapsedMs });
  };
  test("only at the nominal load, for long enough, and on time", () => {
    expect(run(530, 1).verdict).toBe("valid");
    expect(run(400, 1)).toMatchObject({
      verdict: "unknown",
      why: expect.stringContaining("below the nominal"),
    });
    expect(run(530, 1, 60_000)).toMatchObject({
      verdict: "unknown",
      why: expect.stringContaining("of 6 minutes"),
    });
    expect(run(530, 60)).toMatchObject({ verdict: "void", why: expect.stringContaining("late") });
  });
});
