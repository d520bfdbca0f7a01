/**
 * From what runs to what is to run: the next moves of one service.
 *
 * Shape:  missing places are opened and superfluous ones closed at once. A place whose process is
 *         not what it should be (another version, other bounds, over its memory) is replaced, one
 *         of the service at a time; before one that serves is touched, a spare is started where the
 *         pool's bound allows, and closed when all are as they should be.
 * Errors: none; no move means to wait or that all is as wanted.
 */
import type { Phase } from "./instance.ts";

export type Place = {
  readonly id: string;
  readonly region: string;
  readonly nth: number;
  readonly phase: Phase["name"];
  /** Its process is of the wanted version and bounds. */
  readonly isCurrent: boolean;
  /** Over its memory: replaced though it is current. */
  readonly isOver: boolean;
  /** Opened beyond the replicas, for the time of a replacement. */
  readonly isSpare: boolean;
  /** Drained by order, or held down. */
  readonly isParked: boolean;
};
export type PoolWanted = {
  readonly region: string;
  readonly replicas: number;
  readonly max: number;
};
export type Move =
  | {
      readonly kind: "open";
      readonly region: string;
      readonly nth: number;
      readonly isSpare: boolean;
    }
  | { readonly kind: "start" | "close" | "forget" | "replace"; readonly id: string }
  /** All that runs is as wanted. */
  | { readonly kind: "settled" };

export const nextMoves = (
  pools: readonly PoolWanted[],
  places: readonly Place[],
): readonly Move[] => {
  const sizing = pools.flatMap((pool) => sizeMoves(pool, inRegion(places, pool.region)));
  return [...sizing, ...replaceMoves(pools, places)];
};

const inRegion = (places: readonly Place[], region: string): readonly Place[] =>
  places.filter((place) => place.region === region);

const isBeyond = (pool: PoolWanted, place: Place): boolean => place.nth > pool.replicas;

const sizeMoves = (pool: PoolWanted, places: readonly Place[]): readonly Move[] => {
  const moves: Move[] = [];
  for (let nth = 1; nth <= pool.replicas; nth += 1) {
    const place = places.find((one) => one.nth === nth);
    if (place === undefined) moves.push({ kind: "open", region: pool.region, nth, isSpare: false });
    else if (isDown(place) && !place.isParked) moves.push({ kind: "start", id: place.id });
  }
  for (const place of places) {
    if (!isBeyond(pool, place)) continue;
    if (place.phase === "stopped") moves.push({ kind: "forget", id: place.id });
    else if (!place.isSpare && place.phase !== "draining") {
      moves.push({ kind: "close", id: place.id });
    }
  }
  return moves;
};

/** One that drains is told, too: its place is wanted again. */
const isDown = ({ phase }: Place): boolean => phase === "stopped" || phase === "draining";

const replaceMoves = (pools: readonly PoolWanted[], places: readonly Place[]): readonly Move[] => {
  const wanted = places.filter((place) => {
    const pool = pools.find(({ region }) => region === place.region);
    return pool !== undefined && (place.isSpare || !isBeyond(pool, place)) && !place.isParked;
  });
  const isMoving = ({ phase }: Place): boolean =>
    phase === "starting" || phase === "waiting" || phase === "draining";
  if (wanted.some((place) => place.isCurrent && isMoving(place))) return [];
  const stale = wanted.filter(
    (place) => (!place.isCurrent || place.isOver) && place.phase !== "stopped",
  );
  // What serves nobody goes first and needs no spare.
  const idle = stale.find((place) => !serves(place));
  if (idle !== undefined) return idle.phase === "draining" ? [] : [replace(idle)];
  const next = stale.find((place) => !place.isSpare) ?? stale[0];
  if (next === undefined) return settle(places);
  const pool = pools.find(({ region }) => region === next.region);
  const here = inRegion(places, next.region);
  if (pool === undefined || here.some(({ isSpare }) => isSpare) || here.length >= pool.max) {
    return [replace(next)];
  }
  return [{ kind: "open", region: next.region, nth: freeNth(pool, here), isSpare: true }];
};

const replace = ({ id }: Place): Move => ({ kind: "replace", id });
const serves = ({ phase, isOver }: Place): boolean =>
  phase === "ready" || (phase === "unhealthy" && isOver);

const settle = (places: readonly Place[]): readonly Move[] => {
  const spares = places.filter(({ isSpare, phase }) => isSpare && phase !== "stopped");
  const closing = spares.filter(({ phase }) => phase !== "draining");
  return [...closing.map(({ id }): Move => ({ kind: "close", id })), { kind: "settled" }];
};

const freeNth = (pool: PoolWanted, here: readonly Place[]): number => {
  let nth = pool.replicas + 1;
  while (here.some((place) => place.nth === nth)) nth += 1;
  return nth;
};
