/** The breaker by what its peers publish of theirs, and by laws. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BREAKER_LIMITS, maxEjected, newBreaker, type Outcome } from "./breaker.ts";

const even = (): number => 0.5;
/** As Resilience4j's CircuitBreakerStateMachineTest sets its own up. */
const THEIRS = {
  ...BREAKER_LIMITS,
  ...{ buckets: 5, minCalls: 5, slowShare: 0.5, trials: 4, goodToClose: 4, jitter: 0 },
};
const feed = (breaker: ReturnType<typeof newBreaker>, outcomes: readonly Outcome[], at = 0) => {
  for (const outcome of outcomes) breaker.record(outcome, at, at);
  return breaker.state();
};
const times = (count: number, outcome: Outcome): Outcome[] => Array(count).fill(outcome);
const opened = (): ReturnType<typeof newBreaker> => {
  const breaker = newBreaker(even, THEIRS);
  feed(breaker, times(5, "failed"));
  return breaker;
};

describe("as Resilience4j's tests say", () => {
  test("3 failures of 4 calls leave it closed; the fifth call decides, 60 % opens", () => {
    const breaker = newBreaker(even, THEIRS);
    expect(feed(breaker, ["failed", "failed", "failed", "good"])).toBe("closed");
    expect(breaker.record("failed", 0, 0)).toMatchObject({ to: "open", cause: "failures" });
    expect(breaker.acquire(0)).toBe(false);
  });

  test("slow calls of half or more open it", () => {
    const breaker = newBreaker(even, THEIRS);
    expect(feed(breaker, ["slow", "slow", "good", "good"])).toBe("closed");
    expect(breaker.record("slow", 0, 0)).toMatchObject({ to: "open", cause: "slowness" });
  });

  test("open for 5 s: not at 3 s, at 6 s half open", () => {
    const breaker = opened();
    expect(breaker.acquire(3_000)).toBe(false);
    expect(breaker.state()).toBe("open");
    expect(breaker.acquire(6_000)).toBe(true);
    expect(breaker.state()).toBe("half_open");
  });

  test("half open permits 4 calls at a time; one given back permits one more", () => {
    const breaker = opened();
    const asked = Array.from({ length: 6 }, () => breaker.acquire(6_000));
    expect(asked).toEqual([true, true, true, true, false, false]);
    breaker.release(6_000);
    expect([breaker.acquire(6_000), breaker.acquire(6_000)]).toEqual([true, false]);
  });

  test("what is older than the window is forgotten", () => {
    const breaker = newBreaker(even, THEIRS);
    feed(breaker, times(4, "failed"), 0);
    expect(feed(breaker, ["failed"], 5_000)).toBe("closed");
    const control = newBreaker(even, THEIRS);
    feed(control, times(4, "failed"), 0);
    expect(feed(control, ["failed"], 4_999)).toBe("open");
  });
});

describe("ours", () => {
  test.each([
    ["19 failures are too few to say", times(19, "failed"), "closed"],
    ["20 calls, half of them failed", [...times(10, "good"), ...times(10, "failed")], "open"],
    ["20 calls, 9 of them failed", [...times(11, "good"), ...times(9, "failed")], "closed"],
    ["20 calls, 12 of them slow", [...times(8, "good"), ...times(12, "slow")], "open"],
    ["20 calls, 11 of them slow", [...times(9, "good"), ...times(11, "slow")], "closed"],
    ["4 connections that were not made", times(4, "unreached"), "closed"],
    ["5 connections that were not made", times(5, "unreached"), "open"],
    [
      "5, with one that was made among them",
      [...times(3, "unreached"), "good", ...times(2, "unreached")],
      "closed",
    ],
  ] as const)("%s", (_, outcomes, state) => {
    expect(feed(newBreaker(even), outcomes)).toBe(state);
  });

  test("each failed trial doubles the wait, to a minute; five good ones begin anew", () => {
    const breaker = newBreaker(even);
    feed(breaker, times(5, "unreached"));
    const waits: number[] = [];
    let now = 0;
    for (let nth = 0; nth < 6; nth += 1) {
      waits.push(breaker.openUntilMs() - now);
      now = breaker.openUntilMs();
      expect(breaker.acquire(now)).toBe(true);
      breaker.record("failed", now, now);
    }
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    now = breaker.openUntilMs();
    for (let nth = 0; nth < 5; nth += 1) {
      expect(breaker.acquire(now)).toBe(true);
      breaker.record("good", now, now);
    }
    expect(breaker.state()).toBe("closed");
    feed(breaker, times(5, "unreached"), now);
    expect(breaker.openUntilMs() - now).toBe(5_000);
  });

  test("a call from before the trials neither closes nor opens it", () => {
    const breaker = newBreaker(even);
    feed(breaker, times(5, "unreached"));
    breaker.acquire(5_000);
    expect(breaker.record("failed", 5_001, 0)).toBeUndefined();
    expect(breaker.state()).toBe("half_open");
    expect(breaker.record("failed", 5_001, 5_000)).toMatchObject({ to: "open" });
  });

  test("it stays closed where too much of its pool would be out", () => {
    expect(
      feed(
        newBreaker(even, BREAKER_LIMITS, () => false),
        times(40, "failed"),
      ),
    ).toBe("closed");
    expect([0, 1, 2, 3, 4, 5].map(maxEjected)).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test("law: never more trials at once than allowed, and it opens within ± 20 %", () => {
    const step = fc.record({
      outcome: fc.constantFrom<Outcome>("good", "slow", "failed", "unreached"),
      afterMs: fc.nat(3_000),
      answersNow: fc.boolean(),
    });
    const dice = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), dice, (steps, throws) => {
        const breaker = newBreaker(() => throws);
        const running: number[] = [];
        const found: string[] = [];
        let now = 0;
        for (const { outcome, afterMs, answersNow } of steps) {
          now += afterMs;
          if (breaker.acquire(now)) running.push(now);
          const halfOpen = breaker.state() === "half_open";
          const trials = halfOpen ? running.filter((at) => at >= breaker.openUntilMs()).length : 0;
          if (trials > 3) found.push(`${trials} trials at ${now}`);
          if (!answersNow) continue;
          const since = running.shift();
          const change = since === undefined ? undefined : breaker.record(outcome, now, since);
          const openMs = breaker.openUntilMs() - now;
          if (change?.to === "open" && (openMs < 4_000 || openMs > 72_000))
            found.push(`open for ${openMs} ms`);
        }
        expect(found).toEqual([]);
      }),
    );
  });
});
