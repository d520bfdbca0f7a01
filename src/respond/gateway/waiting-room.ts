/**
 * The door when more want in than can be served: sessions wait their turn, and none loses its place.
 *
 * Shape:  a session that is in stays in while it comes again within `idleMs`. Who waits has a place
 *         (the instant it came) in the line of its tier; between the lines turns are shared. Who does not
 *         ask for `goneMs` leaves the line, and comes back to its old place by its signed ticket,
 *         also after the room itself was lost.
 * Units:  ms of the wall clock; sessions.
 * Errors: none; a full line says so, and what is refused has no place to lose.
 */
import { newTurns, TIERS, type Tier } from "./turns.ts";

export type RoomTerms = { readonly maxActive: number; readonly perMinute: number | null };
export type RoomLimits = {
  readonly maxWaiting: number;
  readonly maxTracked: number;
  readonly idleMs: number;
  readonly goneMs: number;
};
export const ROOM_LIMITS: RoomLimits = {
  ...{ maxWaiting: 100_000, maxTracked: 200_000, idleMs: 60_000, goneMs: 120_000 },
};

export type Ticket = { readonly key: string; readonly tier: Tier; readonly place: number };
export type Arrival =
  | { readonly is: "in" }
  | { readonly is: "full" }
  | {
      readonly is: "waiting";
      readonly ticket: Ticket;
      /** 1: next. */
      readonly position: number;
      /** null: nobody was let in yet, so nobody knows. */
      readonly expectedWaitMs: number | null;
    };

export type WaitingRoom = {
  /** null opens the door; who is in stays in. */
  readonly set: (terms: RoomTerms | null, nowMs: number) => void;
  readonly arrive: (key: string, tier: Tier, place: number | undefined, nowMs: number) => Arrival;
  /** Lets in whoever's turn it is, and forgets who went away. */
  readonly turn: (nowMs: number) => void;
  readonly isOn: () => boolean;
  readonly waiting: () => number;
  readonly active: () => number;
  readonly expectedWaitMs: (nowMs: number) => number | null;
};

type Entry = { readonly key: string; readonly place: number; seenMs: number };
const MS_PER_MINUTE = 60_000;
/** Two that come in one millisecond still have an order. */
const LEAST_STEP_MS = 1 / 4_096;

export const newWaitingRoom = (
  premiumShare: () => number,
  limits: RoomLimits = ROOM_LIMITS,
): WaitingRoom => {
  const lines: Readonly<Record<Tier, Entry[]>> = { premium: [], standard: [] };
  const byKey = new Map<string, Entry>();
  /** Least recently seen first. */
  const active = new Map<string, number>();
  const turns = newTurns();
  const pace = newPace();
  let terms: RoomTerms | null = null;
  let lastPlace = 0;
  let nextAdmissionMs = 0;

  const touch = (key: string, nowMs: number): void => {
    active.delete(key);
    active.set(key, nowMs);
    if (active.size <= Math.max(limits.maxTracked, terms?.maxActive ?? 0)) return;
    for (const [oldest] of active) return void active.delete(oldest);
  };
  const forgetIdle = (nowMs: number): void => {
    for (const [key, seenMs] of active) {
      if (nowMs - seenMs <= limits.idleMs) return;
      active.delete(key);
    }
  };
  /** The first of the line that is still there. */
  const firstOf = (line: Entry[], nowMs: number): Entry | undefined => {
    for (let first = line[0]; first !== undefined; first = line[0]) {
      if (nowMs - first.seenMs <= limits.goneMs) return first;
      byKey.delete(first.key);
      line.shift();
    }
    return undefined;
  };
  const admit = (nowMs: number): void => {
    forgetIdle(nowMs);
    while (terms !== null && active.size < terms.maxActive && nowMs >= nextAdmissionMs) {
      const premium = firstOf(lines.premium, nowMs);
      const standard = firstOf(lines.standard, nowMs);
      const tier = turns.pick(premium !== undefined, standard !== undefined, premiumShare());
      if (tier === undefined) return;
      const { key } = lines[tier].shift()!;
      byKey.delete(key);
      touch(key, nowMs);
      pace.count(nowMs);
      if (terms.perMinute !== null)
        nextAdmissionMs =
          Math.max(nextAdmissionMs, nowMs - MS_PER_MINUTE / terms.perMinute) +
          MS_PER_MINUTE / terms.perMinute;
    }
  };
  const wait = (position: number, nowMs: number): number | null => {
    const measured = pace.perMs(nowMs);
    const most = terms?.perMinute == null ? Infinity : terms.perMinute / MS_PER_MINUTE;
    const perMs = Math.min(measured ?? most, most);
    return Number.isFinite(perMs) && perMs > 0 ? position / perMs : null;
  };
  const positionOf = (entry: Entry, tier: Tier): number => {
    const own = placeIn(lines[tier], entry.place) + 1;
    const others = lines[tier === "premium" ? "standard" : "premium"].length;
    const share = tier === "premium" ? premiumShare() : 1 - premiumShare();
    // Who is served between two of one's own line.
    const between = share <= 0 ? others : Math.floor((own * (1 - share)) / share);
    return own + Math.min(others, between);
  };
  const enter = (key: string, tier: Tier, place: number | undefined, nowMs: number) => {
    if (byKey.size >= limits.maxWaiting) return undefined;
    lastPlace = Math.max(lastPlace + LEAST_STEP_MS, nowMs);
    // A ticket's place is in the past; one of the future would be no place at all.
    const own = place !== undefined && place < lastPlace ? place : lastPlace;
    const entry = { key, place: own, seenMs: nowMs };
    lines[tier].splice(placeIn(lines[tier], own), 0, entry);
    byKey.set(key, entry);
    return entry;
  };

  return {
    set: (next, nowMs) => {
      terms = next;
      nextAdmissionMs = 0;
      if (next !== null) return admit(nowMs);
      // The door is open: who waited is in.
      for (const key of byKey.keys()) touch(key, nowMs);
      byKey.clear();
      for (const tier of TIERS) lines[tier].length = 0;
    },
    arrive: (key, tier, place, nowMs) => {
      if (terms === null || active.has(key)) {
        touch(key, nowMs);
        return { is: "in" };
      }
      const entry = byKey.get(key) ?? enter(key, tier, place, nowMs);
      if (entry === undefined) return { is: "full" };
      entry.seenMs = nowMs;
      admit(nowMs);
      if (active.has(key)) return { is: "in" };
      // A session that changed its tier while it waits keeps the line it is in.
      const line = lines[tier][placeIn(lines[tier], entry.place)] === entry ? tier : other(tier);
      const position = positionOf(entry, line);
      const ticket = { key, tier: line, place: entry.place };
      return { is: "waiting", ticket, position, expectedWaitMs: wait(position, nowMs) };
    },
    turn: (nowMs) => {
      admit(nowMs);
      for (const tier of TIERS) {
        const line = lines[tier];
        const there = line.filter(({ seenMs }) => nowMs - seenMs <= limits.goneMs);
        if (there.length === line.length) continue;
        for (const { key, seenMs } of line) if (nowMs - seenMs > limits.goneMs) byKey.delete(key);
        line.splice(0, line.length, ...there);
      }
    },
    isOn: () => terms !== null,
    waiting: () => byKey.size,
    active: () => active.size,
    expectedWaitMs: (nowMs) => (terms === null ? null : wait(byKey.size + 1, nowMs)),
  };
};

const other = (tier: Tier): Tier => (tier === "premium" ? "standard" : "premium");

/** How many of a line have an earlier place. */
const placeIn = (line: readonly Entry[], place: number): number => {
  let low = 0;
  let high = line.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (line[middle]!.place < place) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** How fast the line moves: an average over about a minute. */
const newPace = () => {
  let sinceMs = Number.NaN;
  let level = 0;
  let atMs = 0;
  const decayed = (nowMs: number): number => level * Math.exp((atMs - nowMs) / MS_PER_MINUTE);
  return {
    count: (nowMs: number): void => {
      if (Number.isNaN(sinceMs)) sinceMs = nowMs;
      level = decayed(nowMs) + 1;
      atMs = nowMs;
    },
    perMs: (nowMs: number): number | undefined => {
      const spanMs = nowMs - sinceMs;
      if (!(spanMs > 0)) return undefined;
      // The first minute is not a whole one.
      return decayed(nowMs) / (MS_PER_MINUTE * (1 - Math.exp(-spanMs / MS_PER_MINUTE)));
    },
  };
};

export type TicketDeps = {
  readonly sign: (text: string) => string;
  readonly isSame: (a: string, b: string) => boolean;
  readonly encode: (text: string) => string;
  readonly decode: (base64url: string) => string;
};
const MAX_TICKET_CHARS = 512;

export const writeTicket = (deps: TicketDeps, { key, tier, place }: Ticket): string => {
  const body = `w1.${deps.encode(JSON.stringify([key, tier, place]))}`;
  return `${body}.${deps.sign(body)}`;
};

/** undefined: not one of ours. Its bearer then gets a new place, as anybody does. */
export const readTicket = (deps: TicketDeps, text: string): Ticket | undefined => {
  if (text.length > MAX_TICKET_CHARS || !text.startsWith("w1.")) return undefined;
  const end = text.lastIndexOf(".");
  const body = text.slice(0, end);
  if (!deps.isSame(deps.sign(body), text.slice(end + 1))) return undefined;
  const [key, tier, place] = JSON.parse(deps.decode(body.slice(3))) as [string, Tier, number];
  return { key, tier, place };
};
