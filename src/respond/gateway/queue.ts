/**
 * Calls that wait for a place at a service: by criticality, then by tier, in order of arrival.
 *
 * Shape:  `push` keeps a call, or refuses it when the queue is full of what matters as much; a call
 *         that matters more takes the place of the newest of the least. `pop` gives the next and
 *         drops on its way what waited beyond its deadline. Among calls of one criticality premium
 *         has a share of the turns, and of the places, so that standard is never starved.
 * Units:  ms of a clock that does not go backwards.
 * Errors: none; whoever is put out hears it by `onOut`, exactly once.
 * Source: the policy "priority, deadline, evict lowest" of the reference's simulation.
 */
import { newTurns, type Tier } from "./turns.ts";

export const CRITICALITIES = ["critical", "essential", "standard", "optional"] as const;
export type Criticality = (typeof CRITICALITIES)[number];
/** 0 matters most. */
export const rankOf = (criticality: Criticality): number => CRITICALITIES.indexOf(criticality);

export type OutWhy = "evicted" | "too_late" | "full";
export type Waiting<T> = {
  readonly call: T;
  readonly rank: number;
  readonly tier: Tier;
  readonly sinceMs: number;
  isGone: boolean;
};

export type TierQueue<T> = {
  readonly push: (
    call: T,
    as: { readonly rank: number; readonly tier: Tier },
    nowMs: number,
  ) => Waiting<T> | undefined;
  /** The next, with what it waited. */
  readonly pop: (nowMs: number) => Waiting<T> | undefined;
  /** Its client went away. */
  readonly remove: (waiting: Waiting<T>) => void;
  /** Puts out what waited too long, also where nothing is popped. */
  readonly expire: (nowMs: number) => void;
  readonly size: () => number;
  readonly sizeOf: (rank: number) => number;
};

export type QueueTerms = {
  readonly capacity: () => number;
  readonly deadlineMs: number;
  readonly premiumShare: () => number;
};

export const newTierQueue = <T>(
  terms: QueueTerms,
  onOut: (call: T, why: OutWhy, waitedMs: number) => void,
): TierQueue<T> => {
  const ranks = CRITICALITIES.map(() => ({
    premium: newLane<T>(),
    standard: newLane<T>(),
    turns: newTurns(),
  }));
  let size = 0;

  const out = (waiting: Waiting<T>, why: OutWhy, nowMs: number): void => {
    size -= 1;
    onOut(waiting.call, why, nowMs - waiting.sinceMs);
  };
  /** The newest of the least that matters less than the arriving call, out of its lane. */
  const victimFor = (rank: number, tier: Tier): Waiting<T> | undefined => {
    for (let low = ranks.length - 1; low > rank; low -= 1) {
      const victim = ranks[low]!.standard.takeNewest() ?? ranks[low]!.premium.takeNewest();
      if (victim !== undefined) return victim;
    }
    const { premium, standard } = ranks[rank]!;
    const places = Math.max(1, Math.floor(terms.capacity() * terms.premiumShare()));
    if (tier === "premium")
      return premium.size() < places && terms.premiumShare() > 0
        ? standard.takeNewest()
        : undefined;
    return premium.size() > places ? premium.takeNewest() : undefined;
  };
  const expireLane = (lane: Lane<T>, nowMs: number): void => {
    for (let head = lane.peek(); head !== undefined; head = lane.peek()) {
      if (nowMs - head.sinceMs <= terms.deadlineMs) return;
      lane.take();
      out(head, "too_late", nowMs);
    }
  };
  const expire = (nowMs: number): void => {
    for (const { premium, standard } of ranks) {
      expireLane(premium, nowMs);
      expireLane(standard, nowMs);
    }
  };

  return {
    size: () => size,
    sizeOf: (rank) => ranks[rank]!.premium.size() + ranks[rank]!.standard.size(),
    expire,
    push: (call, { rank, tier }, nowMs) => {
      const waiting: Waiting<T> = { call, rank, tier, sinceMs: nowMs, isGone: false };
      if (size >= terms.capacity()) {
        const victim = victimFor(rank, tier);
        if (victim === undefined) return undefined;
        out(victim, "evicted", nowMs);
      }
      ranks[rank]![tier].add(waiting);
      size += 1;
      return waiting;
    },
    pop: (nowMs) => {
      for (const { premium, standard, turns } of ranks) {
        expireLane(premium, nowMs);
        expireLane(standard, nowMs);
        const hasPremium = premium.peek() !== undefined;
        const hasStandard = standard.peek() !== undefined;
        const tier = turns.pick(hasPremium, hasStandard, terms.premiumShare());
        if (tier === undefined) continue;
        const next = tier === "premium" ? premium.take() : standard.take();
        size -= 1;
        return next;
      }
      return undefined;
    },
    remove: (waiting) => {
      if (ranks[waiting.rank]![waiting.tier].remove(waiting)) size -= 1;
    },
  };
};

/** One line. What leaves from its middle is marked and skipped. */
type Lane<T> = {
  readonly add: (waiting: Waiting<T>) => void;
  readonly peek: () => Waiting<T> | undefined;
  readonly take: () => Waiting<T> | undefined;
  readonly takeNewest: () => Waiting<T> | undefined;
  /** False: it had left already. */
  readonly remove: (waiting: Waiting<T>) => boolean;
  readonly size: () => number;
};

const newLane = <T>(): Lane<T> => {
  let items: Waiting<T>[] = [];
  let head = 0;
  let living = 0;
  const trim = (): void => {
    while (head < items.length && items[head]!.isGone) head += 1;
    while (items.length > head && items.at(-1)!.isGone) items.pop();
    if (head * 2 > items.length) {
      items = items.slice(head);
      head = 0;
    }
  };
  const leave = (waiting: Waiting<T> | undefined): Waiting<T> | undefined => {
    if (waiting === undefined) return undefined;
    waiting.isGone = true;
    living -= 1;
    trim();
    return waiting;
  };
  return {
    size: () => living,
    add: (waiting) => {
      items.push(waiting);
      living += 1;
    },
    peek: () => items[head],
    take: () => leave(items[head]),
    takeNewest: () => leave(items.length > head ? items.at(-1) : undefined),
    remove: (waiting) => !waiting.isGone && leave(waiting) !== undefined,
  };
};
