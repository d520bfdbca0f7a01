/**
 * Overload in virtual time: the reference's table of queues, and what is kept at 3 × the load.
 *
 * Shape:  Poisson arrivals from a fixed seed; a service of 100 places of 100 ms, 1,000 calls a
 *         second; a client gives up after 1 s, its call is served all the same.
 */
import { describe, expect, test } from "vitest";
import { newGradientLimit } from "../../src/respond/gateway/gradient.ts";
import { newTierQueue, rankOf } from "../../src/respond/gateway/queue.ts";
import type { Criticality } from "../../src/respond/gateway/queue.ts";
import { isShed, newReflex } from "../../src/respond/gateway/shed.ts";
import type { Tier } from "../../src/respond/gateway/turns.ts";

const PLACES = 100;
const SERVICE_MS = 100;
const PATIENCE_MS = 1_000;
type Call = { readonly kind: string; readonly atMs: number };
type Kind = {
  readonly name: string;
  readonly part: number;
  readonly criticality: Criticality;
  readonly tier: Tier;
};
/** What decides who goes next; false: refused at the door. */
type Policy = {
  readonly push: (call: Call, kind: Kind, nowMs: number) => boolean;
  readonly pop: (nowMs: number) => Call | undefined;
  readonly limit?: () => number;
  readonly ended?: (rttMs: number, inflight: number, nowMs: number) => void;
  readonly each100Ms?: (nowMs: number) => void;
};
type Seen = { offered: number; good: number; latencies: number[] };

const dice = (seed: number) => {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
};

const run = (
  policy: Policy,
  kinds: readonly Kind[],
  offeredPerS: number,
  more: { readonly forMs?: number; readonly slows?: boolean } = {},
): ReadonlyMap<string, Seen> => {
  const { forMs = 60_000, slows = false } = more;
  const random = dice(7);
  const seen = new Map<string, Seen>(
    kinds.map(({ name }) => [name, { offered: 0, good: 0, latencies: [] }]),
  );
  const ends: { readonly atMs: number; readonly call: Call; readonly startMs: number }[] = [];
  let inflight = 0;
  const start = (now: number): void => {
    while (inflight < Math.floor(policy.limit?.() ?? PLACES)) {
      const call = policy.pop(now);
      if (call === undefined) return;
      inflight += 1;
      // A service that is asked for more at a time than it has places answers slower; and no two
      // calls are alike.
      const tookMs = SERVICE_MS * (slows ? Math.max(1, inflight / PLACES) * (0.5 + random()) : 1);
      const end = { atMs: now + tookMs, call, startMs: now };
      let at = ends.length;
      while (at > 0 && ends[at - 1]!.atMs > end.atMs) at -= 1;
      ends.splice(at, 0, end);
    }
  };
  let nextMs = 0;
  let tickMs = 0;
  for (;;) {
    const end = ends[0];
    const now = Math.min(nextMs, end?.atMs ?? Infinity, tickMs);
    if (now >= forMs) return seen;
    if (now === tickMs) {
      policy.each100Ms?.(now);
      tickMs += 100;
    } else if (end !== undefined && end.atMs === now) {
      ends.shift();
      policy.ended?.(now - end.startMs, inflight, now);
      inflight -= 1;
      const tookMs = now - end.call.atMs;
      const one = seen.get(end.call.kind)!;
      if (tookMs <= PATIENCE_MS) {
        one.good += 1;
        one.latencies.push(tookMs);
      }
    } else {
      let point = random();
      const kind = kinds.find(({ part }) => (point -= part) < 0) ?? kinds.at(-1)!;
      seen.get(kind.name)!.offered += 1;
      policy.push({ kind: kind.name, atMs: now }, kind, now);
      nextMs = now - Math.log(1 - random()) * (1_000 / offeredPerS);
    }
    start(now);
  }
};

const fifo = (capacity: number): Policy => {
  const queue: Call[] = [];
  let head = 0;
  return {
    push: (call) => queue.length - head < capacity && queue.push(call) > 0,
    pop: () => (head < queue.length ? queue[head++] : undefined),
  };
};
const tiers = (evicts = true, share = 0.75): Policy => {
  const queue = newTierQueue<Call>(
    { capacity: () => 500, deadlineMs: 500, premiumShare: () => share },
    () => undefined,
  );
  return {
    push: (call, { criticality, tier }, now) =>
      (evicts || queue.size() < 500) &&
      queue.push(call, { rank: rankOf(criticality), tier }, now) !== undefined,
    pop: (now) => queue.pop(now)?.call,
  };
};
/** Premium first, always: what must not be. */
const strict = (): Policy => {
  const lanes: Record<Tier, Call[]> = { premium: [], standard: [] };
  return {
    push: (call, { tier }) => lanes[tier].length < 250 && lanes[tier].push(call) > 0,
    pop: () => lanes.premium.shift() ?? lanes.standard.shift(),
  };
};

const KINDS: readonly Kind[] = [
  { name: "premium", part: 0.2, criticality: "standard", tier: "premium" },
  { name: "standard", part: 0.5, criticality: "standard", tier: "standard" },
  { name: "optional", part: 0.3, criticality: "optional", tier: "standard" },
];
const percents = (seen: ReadonlyMap<string, Seen>) =>
  [...seen.values()].map(({ good, offered }) => Math.round((100 * good) / offered));
const goodput = (seen: ReadonlyMap<string, Seen>, forS = 60) =>
  [...seen.values()].reduce((sum, { good }) => sum + good, 0) / forS;

describe("the reference's table of queues, at 1.5 times what can be served", () => {
  test("a queue without end serves nobody in time", () => {
    const seen = run(fifo(Infinity), KINDS, 1_500);
    expect(goodput(seen)).toBeLessThan(60);
    for (const percent of percents(seen)) expect(percent).toBeLessThanOrEqual(4);
  });

  test("a bounded one serves all kinds alike", () => {
    const seen = run(fifo(500), KINDS, 1_500);
    expect(goodput(seen)).toBeGreaterThan(980);
    for (const percent of percents(seen)) expect(Math.abs(percent - 67)).toBeLessThanOrEqual(2);
  });

  test("priority and a deadline alone keep less of premium at three times the load", () => {
    const [premium] = percents(run(tiers(false), KINDS, 3_000));
    expect(premium).toBeLessThan(80);
  });

  test("ours: 100 of premium, 95 of standard, none of optional; and all of premium at 3,000", () => {
    const seen = run(tiers(), KINDS, 1_500);
    const [premium, standard, optional] = percents(seen);
    expect(goodput(seen)).toBeGreaterThan(980);
    expect(premium).toBe(100);
    expect(standard).toBeGreaterThanOrEqual(92);
    expect(optional).toBeLessThanOrEqual(2);
    expect(percents(run(tiers(), KINDS, 3_000))[0]).toBe(100);
  });
});

describe("premium has a share, and starves nobody", () => {
  const flood: readonly Kind[] = [
    { name: "premium", part: 0.75, criticality: "standard", tier: "premium" },
    { name: "standard", part: 0.25, criticality: "standard", tier: "standard" },
  ];
  test("standard keeps its quarter of the turns under a flood of premium", () => {
    const seen = run(tiers(), flood, 4_000);
    expect(seen.get("standard")!.good / 60).toBeGreaterThan(230);
  });

  test("control: strict priority leaves standard with next to nothing", () => {
    const seen = run(strict(), flood, 4_000);
    expect(seen.get("standard")!.good / 60).toBeLessThan(20);
  });
});

describe("three times the load on a service that slows down, with limit, queue and reflex", () => {
  const kinds: readonly Kind[] = [
    { name: "essential", part: 0.2, criticality: "essential", tier: "standard" },
    { name: "standard", part: 0.3, criticality: "standard", tier: "standard" },
    { name: "optional", part: 0.5, criticality: "optional", tier: "standard" },
  ];
  const gateway = (): Policy & { readonly level: () => number } => {
    const limit = newGradientLimit();
    const reflex = newReflex();
    const queue = newTierQueue<Call>(
      { capacity: () => 500, deadlineMs: 500, premiumShare: () => 0.75 },
      () => undefined,
    );
    let least: number[] = [];
    return {
      level: reflex.level,
      limit: limit.limit,
      ended: (rttMs, inflight, now) => limit.sample(rttMs, inflight, false, now),
      push: (call, { criticality, tier }, now) => {
        if (isShed(rankOf(criticality), reflex.level())) return false;
        return queue.push(call, { rank: rankOf(criticality), tier }, now) !== undefined;
      },
      pop: (now) => {
        const next = queue.pop(now);
        if (next !== undefined)
          least[next.rank] = Math.min(least[next.rank] ?? Infinity, now - next.sinceMs);
        return next?.call;
      },
      each100Ms: (now) => {
        const waits = [0, 1, 2, 3].map((rank) => least[rank] ?? (queue.sizeOf(rank) > 0 ? 500 : 0));
        reflex.look(waits, now);
        least = [];
      },
    };
  };
  const p95 = (latencies: readonly number[]): number =>
    latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.95)]!;

  test("99 % of the essential is answered, its P95 within twice the normal; optional pays", () => {
    const normal = run(gateway(), kinds, 800, { forMs: 30_000, slows: true });
    const over = run(gateway(), kinds, 3_000, { forMs: 60_000, slows: true });
    const essential = over.get("essential")!;
    expect(essential.good / essential.offered).toBeGreaterThan(0.99);
    expect(p95(essential.latencies)).toBeLessThanOrEqual(
      2 * p95(normal.get("essential")!.latencies),
    );
    const optional = over.get("optional")!;
    expect(optional.good / optional.offered).toBeLessThan(0.4);
    for (const { good, offered } of normal.values()) expect(good / offered).toBeGreaterThan(0.97);
  });

  test("control: without limit and queue the same load takes the essential along", () => {
    const open = { ...fifo(Infinity), limit: () => Infinity };
    const over = run(open, kinds, 3_000, { forMs: 20_000, slows: true });
    const essential = over.get("essential")!;
    expect(essential.good / essential.offered).toBeLessThan(0.5);
  });
});
