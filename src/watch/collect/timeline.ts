/**
 * The time samples are stamped with: wall time that never goes back.
 *
 * A jump is where wall and monotonic time disagree by more than `JUMP_MS` between two looks.
 * Forward jumps (a resumed machine, a first synchronisation) are followed at once. After a backward
 * jump the line goes on from where it was and loses at most a twentieth of its speed until the wall
 * has caught up, because a stamp in the past would be refused and its sample lost.
 *
 * Units: ms.
 */
export type Timeline = {
  readonly wallMs: number;
  readonly monotonicMs: number;
  /** The line's own time at `monotonicMs`. */
  readonly nowMs: number;
  readonly jumps: number;
};

const JUMP_MS = 500;
const MAX_SLOWDOWN = 0.05;

export const startTimeline = (wallMs: number, monotonicMs: number): Timeline => ({
  wallMs,
  monotonicMs,
  nowMs: wallMs,
  jumps: 0,
});

export const advance = (line: Timeline, wallMs: number, monotonicMs: number): Timeline => {
  const elapsedMs = Math.max(0, monotonicMs - line.monotonicMs);
  const jumped = Math.abs(wallMs - line.wallMs - elapsedMs) > JUMP_MS;
  const slowest = line.nowMs + elapsedMs * (1 - MAX_SLOWDOWN);
  return {
    wallMs,
    monotonicMs,
    nowMs: Math.max(slowest, wallMs),
    jumps: line.jumps + Number(jumped),
  };
};
