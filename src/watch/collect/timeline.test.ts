import fc from "fast-check";
import { expect, test } from "vitest";
import { advance, startTimeline, type Timeline } from "./timeline.ts";

const HOUR_MS = 3_600_000;

test("without a jump the line is the wall clock", () => {
  let line = startTimeline(1_000, 0);
  for (let n = 1; n <= 10; n += 1) line = advance(line, 1_000 + n * 100, n * 100);
  expect(line).toMatchObject({ nowMs: 2_000, jumps: 0 });
});

test("a jump forward is followed at once", () => {
  const line = advance(startTimeline(0, 0), HOUR_MS, 100);
  expect(line).toMatchObject({ nowMs: HOUR_MS, jumps: 1 });
});

test("after a jump back the line goes on a little slower until the wall has caught up", () => {
  let line = advance(startTimeline(HOUR_MS, 0), HOUR_MS - 1_000, 100);
  expect(line.jumps).toBe(1);
  let steps = 0;
  for (; line.nowMs > line.wallMs; steps += 1) {
    line = advance(line, line.wallMs + 1_000, line.monotonicMs + 1_000);
  }
  // One second, at a twentieth a second, and what passed between the first two looks.
  expect(steps).toBeGreaterThanOrEqual(20);
  expect(steps).toBeLessThanOrEqual(22);
  expect(line.jumps).toBe(1);
});

test("whatever the clocks do, the line never goes back and never stands still", () => {
  const look = fc.record({
    wall: fc.integer({ min: -HOUR_MS, max: HOUR_MS }),
    passed: fc.integer({ min: 1, max: 5_000 }),
  });
  fc.assert(
    fc.property(fc.array(look, { maxLength: 50 }), (looks) => {
      let line: Timeline = startTimeline(10 * HOUR_MS, 0);
      for (const { wall, passed } of looks) {
        const next = advance(line, 10 * HOUR_MS + wall, line.monotonicMs + passed);
        if (!(next.nowMs > line.nowMs)) return false;
        line = next;
      }
      return true;
    }),
  );
});
