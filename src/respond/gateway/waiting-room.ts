/**
 * The door when more want in than can be served: sessions wait, and none loses its place.
 *
 * Shape:  a session that is in stays in while it comes again within `idleMs`. Who waits has a place
 *         (the instant it came) in its tier's line; the lines share the turns. Who does not ask
 *         for `goneMs` leaves the line, and comes back to its old place by its signed ticket,
 *         also after the room itself was lost.
 * Units:  ms of the wall clock; sessions.
 * Errors: none; a full line says so, and what is refused has no place to lose.
 */
import { newTurns, TIERS, type Tier, type Turns } from "./turns.ts";

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

type Inner = {
  readonly limits: RoomLimits;
  readonly premiumShare: () => number;
  readonly lines: Readonly<Record<Tier, Entry[]>>;
  readonly byKey: Map<string, Entry>;
  /** Least recently seen first. */
  readonly active: Map<string, number>;
  readonly turns: Turns;
  readonly pace: ReturnType<typeof newPace>;
  terms: RoomTerms | null;
  lastPlace: number;
  nextAdmissionMs: number;
};

export const newWaitingRoom = (
  premiumShare: () => number,
  limits: RoomLimits = ROOM_LIMITS,
): WaitingRoom => {
  const room: Inner = {
    ...{ limits, premiumShare, lines: { premium: [], standard: [] }, turns: newTurns() },
    ...{ byKey: new Map(), active: new Map(), pace: newPace() },
    ...{ terms: null, lastPlace: 0, nextAdmissionMs: 0 },
  };
  return {
    set: (terms, nowMs) => {
      // Another pace begins at once; the same one goes on, whatever else was ordered.
      if (terms?.perMinute !== room.terms?.perMinute) room.nextAdmissionMs = 0;
      room.terms = terms;
      if (terms === null) openDoor(room, nowMs);
      else admit(room, nowMs);
    },
    arrive: (key, tier, place, nowMs) => arrive(room, key, tier, place, nowMs),
    turn: (nowMs) => {
      admit(room, nowMs);
      for (const tier of TIERS) forgetGone(room, room.lines[tier], nowMs);
    },
    isOn: () => room.terms !== null,
    waiting: () => room.byKey.size,
    active: () => room.active.size,
    expectedWaitMs: (nowMs) =>
      room.terms === null ? null : waitOf(room, room.byKey.size + 1, nowMs),
  };
};

const arrive = (
  room: Inner,
  key: string,
  tier: Tier,
  place: number | undefined,
  nowMs: number,
): Arrival => {
  const { active, byKey, lines } = room;
  if (room.terms === null || active.has(key)) {
    touch(room, key, nowMs);
    return { is: "in" };
  }
  const entry = byKey.get(key) ?? enter(room, key, tier, place, nowMs);
  if (entry === undefined) return { is: "full" };
  entry.seenMs = nowMs;
  admit(room, nowMs);
  if (active.has(key)) return { is: "in" };
  // A session that changed its tier while it waits keeps the line it is in.
  const line = lines[tier][placeIn(lines[tier], entry.place)] === entry ? tier : other(tier);
  const position = positionOf(room, entry, line);
  const ticket = { key, tier: line, place: entry.place };
  return { is: "waiting", ticket, position, expectedWaitMs: waitOf(room, position, nowMs) };
};

const enter = (
  room: Inner,
  key: string,
  tier: Tier,
  place: number | undefined,
  nowMs: number,
): Entry | undefined => {
  const { byKey, limits, lines } = room;
  if (byKey.size >= limits.maxWaiting) return undefined;
  room.lastPlace = Math.max(room.lastPlace + LEAST_STEP_MS, nowMs);
  // A ticket's place is in the past; one of the future would be no place at all.
  const own = place !== undefined && place < room.lastPlace ? place : room.lastPlace;
  const entry = { key, place: own, seenMs: nowMs };
  lines[tier].splice(placeIn(lines[tier], own), 0, entry);
  byKey.set(key, entry);
  return entry;
};

const admit = (room: Inner, nowMs: number): void => {
  const { active, lines, byKey, limits, turns, pace } = room;
  for (const [key, seenMs] of active) {
    if (nowMs - seenMs <= limits.idleMs) break;
    active.delete(key);
  }
  while (room.terms !== null && active.size < room.terms.maxActive) {
    if (nowMs < room.nextAdmissionMs) return;
    const hasPremium = firstOf(room, lines.premium, nowMs) !== undefined;
    const hasStandard = firstOf(room, lines.standard, nowMs) !== undefined;
    const tier = turns.pick(hasPremium, hasStandard, room.premiumShare());
    if (tier === undefined) return;
    const { key } = lines[tier].shift()!;
    byKey.delete(key);
    touch(room, key, nowMs);
    pace.count(nowMs);
    if (room.terms.perMinute === null) continue;
    // Rounds of the clock are made good, a pause is not.
    const stepMs = MS_PER_MINUTE / room.terms.perMinute;
    room.nextAdmissionMs = Math.max(room.nextAdmissionMs, nowMs - stepMs) + stepMs;
  }
};

/** The first of the line that is still there. */
const firstOf = ({ byKey, limits }: Inner, line: Entry[], nowMs: number): Entry | undefined => {
  for (let first = line[0]; first !== undefined; first = line[0]) {
    if (nowMs - first.seenMs <= limits.goneMs) return first;
    byKey.delete(first.key);
    line.shift();
  }
  return undefined;
};

const forgetGone = ({ byKey, limits }: Inner, line: Entry[], nowMs: number): void => {
  const there = line.filter(({ seenMs }) => nowMs - seenMs <= limits.goneMs);
  if (there.length === line.length) return;
  for (const { key, seenMs } of line) if (nowMs - seenMs > limits.goneMs) byKey.delete(key);
  line.splice(0, line.length, ...there);
};

const touch = ({ active, limits, terms }: Inner, key: string, nowMs: number): void => {
  active.delete(key);
  active.set(key, nowMs);
  if (active.size <= Math.max(limits.maxTracked, terms?.maxActive ?? 0)) return;
  for (const oldest of active.keys()) {
    active.delete(oldest);
    return;
  }
};

/** Who waited is in. */
const openDoor = (room: Inner, nowMs: number): void => {
  for (const key of room.byKey.keys()) touch(room, key, nowMs);
  room.byKey.clear();
  for (const tier of TIERS) room.lines[tier].length = 0;
};

const positionOf = ({ lines, premiumShare }: Inner, entry: Entry, tier: Tier): number => {
  const own = placeIn(lines[tier], entry.place) + 1;
  const others = lines[other(tier)].length;
  const share = tier === "premium" ? premiumShare() : 1 - premiumShare();
  // Who is served between two of one's own line.
  const between = share <= 0 ? others : Math.floor((own * (1 - share)) / share);
  return own + Math.min(others, between);
};

const waitOf = ({ pace, terms }: Inner, position: number, nowMs: number): number | null => {
  const most = terms?.perMinute == null ? Infinity : terms.perMinute / MS_PER_MINUTE;
  const perMs = Math.min(pace.perMs(nowMs) ?? most, most);
  return Number.isFinite(perMs) && perMs > 0 ? position / perMs : null;
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
