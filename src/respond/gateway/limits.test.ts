/** Rate, adaptive limit, turns, balance, shedding, latency: tables, laws and published cases. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { choose, regionsFor } from "./balance.ts";
import { newGcra } from "./gcra.ts";
import { LIMIT_SETTINGS, newGradientLimit } from "./gradient.ts";
import { newBaseline, newLatency } from "./latency.ts";
import { newReflex } from "./shed.ts";
import { newTurns } from "./turns.ts";

describe("rate by key", () => {
  test("I.371: a burst conforms, then one an interval; what is early is told how much", () => {
    const gcra = newGcra();
    const rate = { ratePerS: 10, burst: 5 };
    const at = (ms: number) => gcra.take("u", rate, ms);
    expect([0, 0, 0, 0, 0].map(at)).toEqual([0, 0, 0, 0, 0]);
    expect(at(0)).toBe(100);
    expect(at(99)).toBe(1);
    expect(at(100)).toBe(0);
    expect(at(100)).toBe(100);
    expect([600, 600, 600, 600, 600].map(at)).toEqual([0, 0, 0, 0, 0]);
    expect(at(600)).toBe(100);
    expect(gcra.take("another", rate, 600)).toBe(0);
  });

  test("I.371: virtual scheduling and the continuous leaky bucket say the same", () => {
    const gaps = fc.array(fc.nat(400), { maxLength: 200 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 10 }), (all, burst) => {
        const [gcra, intervalMs] = [newGcra(), 100];
        let now = 0;
        let level = 0;
        let lastMs = 0;
        for (const gap of all) {
          now += gap;
          const left = Math.max(0, level - (now - lastMs));
          const conforms = left <= intervalMs * (burst - 1);
          if (conforms) [level, lastMs] = [left + intervalMs, now];
          const waitMs = gcra.take("u", { ratePerS: 1_000 / intervalMs, burst }, now);
          expect(waitMs === 0).toBe(conforms);
        }
      }),
    );
  });

  test("law: over any time no more than the burst and the rate, and who waits as told gets in", () => {
    const gaps = fc.array(fc.nat(300), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 8 }), (all, burst) => {
        const gcra = newGcra();
        const rate = { ratePerS: 7, burst };
        let [now, passed] = [0, 0];
        for (const gap of all) {
          now += gap;
          const waitMs = gcra.take("u", rate, now);
          if (waitMs === 0) passed += 1;
          expect(passed).toBeLessThanOrEqual(burst + (now * 7) / 1_000 + 1e-6);
        }
        const waitMs = gcra.take("u", rate, now);
        expect(waitMs === 0 || gcra.take("u", rate, now + waitMs) === 0).toBe(true);
      }),
    );
  });

  test("keys are bounded: the longest unused goes", () => {
    const gcra = newGcra(2);
    const rate = { ratePerS: 1, burst: 1 };
    for (const key of ["a", "b", "a", "c"]) gcra.take(key, rate, 0);
    expect(gcra.size()).toBe(2);
    expect(gcra.take("a", rate, 0)).toBeGreaterThan(0);
    expect(gcra.take("b", rate, 0)).toBe(0);
  });
});

describe("the adaptive limit", () => {
  const windows = (
    limit: ReturnType<typeof newGradientLimit>,
    count: number,
    rttMs: number,
    more: {
      readonly inflight?: number;
      readonly isDropped?: boolean;
      readonly fromMs?: number;
    } = {},
  ): number => {
    for (let nth = 0; nth <= count; nth += 1) {
      const inflight = more.inflight ?? limit.limit();
      const now = (more.fromMs ?? 0) + nth * 100;
      limit.sample(rttMs, inflight, more.isDropped ?? false, now);
    }
    return limit.limit();
  };
  const theirs = {
    ...LIMIT_SETTINGS,
    initial: 20,
    min: 20,
    max: 200,
    tolerance: 1,
    queue: () => 4,
  };

  test("Gradient2: an even latency lets it grow by the queue, smoothed: 20 → 20.8", () => {
    expect(windows(newGradientLimit(theirs), 1, 10)).toBeCloseTo(20.8, 6);
    expect(windows(newGradientLimit(theirs), 1_000, 10)).toBe(200);
  });

  test("Gradient2: a limit used by less than half does not grow", () => {
    expect(windows(newGradientLimit(theirs), 50, 10, { inflight: 9 })).toBe(20);
  });

  test("Gradient2: no step shrinks it by more than half, smoothed", () => {
    const limit = newGradientLimit({ ...theirs, initial: 100, min: 4 });
    windows(limit, 1, 10);
    const before = limit.limit();
    limit.sample(10_000, before, false, 1_000);
    expect(limit.limit()).toBeGreaterThanOrEqual(before * 0.9);
    expect(limit.limit()).toBeLessThan(before);
  });

  test("AIMD: a dropped call takes a tenth: 10 → 9", () => {
    const limit = newGradientLimit({ ...theirs, initial: 10, min: 4 });
    expect(windows(limit, 1, 1, { isDropped: true })).toBe(9);
  });

  test("law: it stays within its bounds, whatever comes", () => {
    const sample = fc.tuple(
      fc.double({ min: 0, max: 1e5, noNaN: true }),
      fc.nat(2_000),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 300 }), (samples) => {
        const limit = newGradientLimit();
        samples.forEach(([rttMs, inflight, isDropped], nth) => {
          limit.sample(rttMs, inflight, isDropped, nth * 60);
          expect(limit.limit()).toBeGreaterThanOrEqual(4);
          expect(limit.limit()).toBeLessThanOrEqual(1_000);
        });
      }),
    );
  });
});

describe("turns", () => {
  test("law: while both wait each gets its share, and standard is never left out", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 500 }),
        (share, n) => {
          const turns = newTurns();
          const picks = Array.from({ length: n }, () => turns.pick(true, true, share));
          const standard = picks.filter((tier) => tier === "standard").length;
          expect(standard).toBeGreaterThanOrEqual(Math.floor(n * (1 - Math.min(share, 0.9))));
          const premium = n - standard;
          expect(premium).toBeGreaterThanOrEqual(Math.floor(n * Math.min(share, 0.9) - 1e-6));
        },
      ),
    );
  });

  test("who is alone gets every turn", () => {
    const turns = newTurns();
    expect([turns.pick(true, false, 0), turns.pick(false, true, 0.9)]).toEqual([
      "premium",
      "standard",
    ]);
    expect(turns.pick(false, false, 0.5)).toBeUndefined();
  });
});

describe("balance", () => {
  const one = (region: string, inflight: number) => ({ region, inflight });
  test("home first; by weight where an order says so; weight 0 gets nothing", () => {
    const regions = ["lyon", "paris"];
    expect(regionsFor(regions, "paris", undefined, () => 0)).toEqual(["paris", "lyon"]);
    expect(regionsFor(regions, "paris", { lyon: 1, paris: 3 }, () => 0.24)).toEqual([
      "lyon",
      "paris",
    ]);
    expect(regionsFor(regions, "paris", { lyon: 1, paris: 3 }, () => 0.26)).toEqual([
      "paris",
      "lyon",
    ]);
    expect(regionsFor(regions, "paris", { lyon: 1 }, () => 0.9)).toEqual(["lyon"]);
  });

  test("of two different ones the less busy, in the first region that has any", () => {
    const pool = [one("paris", 9), one("paris", 1), one("lyon", 0)];
    for (const dice of [0, 0.3, 0.6, 0.99])
      expect(choose(pool, ["paris", "lyon"], () => dice)).toBe(pool[1]);
    expect(choose([pool[2]!], ["paris", "lyon"], () => 0)).toBe(pool[2]);
    expect(choose([pool[2]!], ["paris"], () => 0)).toBeUndefined();
    expect(choose([], ["paris"], () => 0)).toBeUndefined();
  });

  test("law: what two choices load is far more even than one choice", () => {
    let seed = 1;
    const dice = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const most = (pick: (pool: { region: string; inflight: number }[]) => { inflight: number }) => {
      const pool = Array.from({ length: 20 }, () => one("paris", 0));
      for (let call = 0; call < 2_000; call += 1) pick(pool).inflight += 1;
      return Math.max(...pool.map(({ inflight }) => inflight)) - 100;
    };
    const two = most((pool) => choose(pool, ["paris"], dice)!);
    const single = most((pool) => pool[Math.floor(dice() * 20)]!);
    expect(two).toBeLessThanOrEqual(3);
    expect(single).toBeGreaterThan(2 * two);
  });
});

describe("the reflex", () => {
  /** Waits of critical, essential, standard and optional, and for how long. */
  const story = (waits: readonly [readonly number[], number][]) => {
    const reflex = newReflex();
    let now = 0;
    return waits.map(([waitsMs, forMs]) => {
      for (const end = now + forMs; now < end; now += 100) reflex.look(waitsMs, now);
      return reflex.level();
    });
  };

  test("sheds one level per half second of waiting, restores one per five seconds", () => {
    expect(
      story([
        [[0, 0, 0, 0], 1_000],
        [[0, 150, 150, 500], 600],
        [[0, 150, 150, 0], 500],
        [[0, 50, 0, 0], 20_000],
        [[0, 0, 0, 0], 5_100],
        [[0, 0, 0, 0], 5_000],
      ]),
    ).toEqual([0, 1, 2, 2, 1, 0]);
  });

  test("sheds nothing for what waits behind it: never what matters most", () => {
    expect(story([[[0, 0, 0, 900], 60_000]])).toEqual([0]);
    expect(story([[[0, 0, 900, 900], 60_000]])).toEqual([1]);
    expect(story([[[0, 900, 900, 900], 60_000]])).toEqual([2]);
    expect(story([[[900, 900, 900, 900], 60_000]])).toEqual([3]);
  });

  test("a level is held while what is still served waits, and a burst is no overload", () => {
    const over = [0, 0, 900, 0];
    expect(
      story([
        [over, 600],
        [over, 60_000],
      ]),
    ).toEqual([1, 1]);
    const quiet = [0, 0, 0, 0];
    expect(
      story([
        [over, 400],
        [quiet, 100],
        [over, 400],
        [quiet, 100],
      ]),
    ).toEqual([0, 0, 0, 0]);
  });
});

describe("latency", () => {
  test("quantiles are within 12 % of the truth, and forgotten after ten seconds", () => {
    const latency = newLatency();
    for (let ms = 1; ms <= 1_000; ms += 1) latency.time(ms, 500);
    for (const q of [0.5, 0.95, 0.99]) {
      const off = latency.quantile(q, 600)! / (q * 1_000);
      expect(off).toBeGreaterThan(0.88);
      expect(off).toBeLessThan(1.13);
    }
    expect(latency.timed(9_999)).toBe(1_000);
    expect(latency.quantile(0.5, 10_000)).toBeNull();
  });

  test("the baseline is unknown at first, and a slow time does not teach it", () => {
    const baseline = newBaseline();
    expect(baseline.slowFromMs()).toBe(Infinity);
    baseline.learn(100, 99);
    expect(baseline.slowFromMs()).toBe(Infinity);
    baseline.learn(100, 1_000);
    expect(baseline.slowFromMs()).toBeCloseTo(300);
    baseline.learn(900, 1_000);
    expect(baseline.slowFromMs()).toBeCloseTo(300);
    baseline.learn(200, 1_000);
    expect(baseline.slowFromMs()).toBeCloseTo(330);
  });
});
