import * as fc from "fast-check";
import { expect, test } from "vitest";
import { nextMoves, type Move, type Place, type PoolWanted } from "./rollout.ts";

const POOL: PoolWanted = { region: "paris", replicas: 2, max: 3 };

const place = (nth: number, more: Partial<Place> = {}): Place => ({
  id: `fake.paris.${nth}`,
  ...{ region: "paris", nth, phase: "ready", isCurrent: true },
  ...{ isOver: false, isSpare: false, isParked: false },
  ...more,
});
const shown = (moves: readonly Move[]): string =>
  moves
    .map((move) => {
      if (move.kind === "open") return `${move.isSpare ? "spare" : "open"} ${move.nth}`;
      return move.kind === "settled" ? "settled" : `${move.kind} ${move.id.split(".")[2]}`;
    })
    .join(", ");
const STALE = { isCurrent: false } as const;

test.each<[string, Place[], string]>([
  ["all as wanted", [place(1), place(2)], "settled"],
  ["one is missing", [place(1)], "open 2, settled"],
  ["one is stopped", [place(1), place(2, { phase: "stopped" })], "start 2, settled"],
  [
    "one is drained by order",
    [place(1), place(2, { phase: "stopped", isParked: true })],
    "settled",
  ],
  ["one too many", [place(1), place(2), place(3)], "close 3, settled"],
  ["one too many, gone", [place(1), place(2), place(3, { phase: "stopped" })], "forget 3, settled"],
  ["all of an old version: a spare first", [place(1, STALE), place(2, STALE)], "spare 3"],
  [
    "the spare is not ready yet",
    [place(1, STALE), place(2, STALE), place(3, { isSpare: true, phase: "starting" })],
    "",
  ],
  [
    "the spare is ready",
    [place(1, STALE), place(2, STALE), place(3, { isSpare: true })],
    "replace 1",
  ],
  [
    "one is being replaced",
    [place(1, { phase: "draining" }), place(2, STALE), place(3, { isSpare: true })],
    "start 1",
  ],
  ["the last one", [place(1), place(2, STALE), place(3, { isSpare: true })], "replace 2"],
  ["all are new", [place(1), place(2), place(3, { isSpare: true })], "close 3, settled"],
  [
    "the spare ends",
    [place(1), place(2), place(3, { isSpare: true, phase: "stopped" })],
    "forget 3, settled",
  ],
  [
    "what serves nobody goes first and needs no spare",
    [place(1, STALE), place(2, { ...STALE, phase: "waiting" })],
    "replace 2",
  ],
  ["over its memory", [place(1, { isOver: true, phase: "unhealthy" }), place(2)], "spare 3"],
  ["unready is not replaced", [place(1, { phase: "unhealthy" }), place(2)], "settled"],
  ["given up is not replaced", [place(1, { phase: "quarantined" }), place(2)], "settled"],
  [
    "given up, of an old version, is",
    [place(1, { ...STALE, phase: "quarantined" }), place(2)],
    "replace 1",
  ],
])("%s", (_, places, moves) => {
  expect(shown(nextMoves([POOL], places))).toBe(moves);
});

test("without room for a spare it is replaced in place", () => {
  const full = { ...POOL, max: 2 };
  expect(shown(nextMoves([full], [place(1, STALE), place(2, STALE)]))).toBe("replace 1");
});

/** Does what the moves say, each process in one turn, until nothing is left to do. */
const settle = (pool: PoolWanted, first: readonly Place[]) => {
  let places = first;
  let fewest = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let turn = 0; turn < 200; turn += 1) {
    const moves = nextMoves([pool], places);
    const before = JSON.stringify(places);
    // What was under way is over by the next turn.
    places = places.map((one): Place => {
      if (one.phase === "starting") {
        return { ...one, phase: "ready" };
      }
      if (one.phase !== "draining") return one;
      return { ...one, phase: one.isSpare || one.nth > pool.replicas ? "stopped" : "starting" };
    });
    for (const move of moves) {
      if (move.kind === "settled") continue;
      if (move.kind === "open") {
        places = [...places, place(move.nth, { phase: "starting", isSpare: move.isSpare })];
        continue;
      }
      const after = (one: Place): Place[] => {
        if (one.id !== move.id) return [one];
        if (move.kind === "forget") return [];
        if (move.kind === "close") return [{ ...one, phase: "draining" }];
        if (move.kind === "start") return [{ ...one, phase: "starting", isCurrent: true }];
        return [{ ...one, phase: "draining", isCurrent: true, isOver: false }];
      };
      places = places.flatMap(after);
    }
    const serving = places.filter(({ phase }) => phase === "ready").length;
    fewest = Math.min(fewest, serving);
    most = Math.max(most, places.length);
    if (JSON.stringify(places) === before && moves.every(({ kind }) => kind === "settled")) break;
  }
  return { places, fewest, most };
};

const anyPool = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.nat({ max: 3 }))
  .map(([replicas, room]): PoolWanted => ({ region: "paris", replicas, max: replicas + room }));

test("law: a change goes through all, and never takes more than one that serves", () => {
  fc.assert(
    fc.property(anyPool, (pool) => {
      const old = Array.from({ length: pool.replicas }, (_, at) => place(at + 1, STALE));
      const { places, fewest, most } = settle(pool, old);
      const ids = places.map(({ nth, phase, isCurrent }) => [nth, phase, isCurrent]);
      expect(ids).toEqual(old.map(({ nth }) => [nth, "ready", true]));
      // With room for a spare not even one is missing.
      expect(fewest).toBeGreaterThanOrEqual(
        pool.max > pool.replicas ? pool.replicas : pool.replicas - 1,
      );
      expect(most).toBeLessThanOrEqual(pool.max);
    }),
  );
});

test("law: from any number of places it comes to the wanted number, and rests", () => {
  fc.assert(
    fc.property(anyPool, fc.nat({ max: 9 }), (pool, count) => {
      const there = Array.from({ length: count }, (_, at) => place(at + 1));
      const { places } = settle(pool, there);
      expect(places.map(({ nth }) => nth).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: pool.replicas }, (_, at) => at + 1),
      );
      expect(shown(nextMoves([pool], places))).toBe("settled");
    }),
  );
});
