import { expect, test } from "vitest";
import type { Fault } from "../api/client.ts";
import { change, emptySlots, isRepeat, type Change } from "./state.ts";

const fault: Fault = { kind: "http", status: 503, code: null, message: "", retryAfterMs: null };
const play = (...events: readonly Change[]) => events.reduce(change, emptySlots).services;

const frame = (data: unknown): Change => ({ kind: "frame", topic: "services", data, nowMs: 5 });
const answer = (data: unknown, framesWhenAsked: number): Change => ({
  kind: "answered",
  topic: "services",
  data,
  framesWhenAsked,
  nowMs: 9,
});

test("an answer fills the panel", () => {
  expect(play(answer("A", 0))).toMatchObject({ data: "A", loading: false, receivedMs: 9 });
});

test("an answer that a frame overtook is dropped", () => {
  expect(play(frame("new"), answer("old", 0))).toMatchObject({ data: "new", receivedMs: 5 });
});

test("a fault keeps the last data, and the next frame clears it", () => {
  const failed: Change = { kind: "failed", topic: "services", fault };
  expect(play(frame("A"), failed)).toMatchObject({ data: "A", fault, loading: false });
  expect(play(frame("A"), failed, frame("B"))).toMatchObject({ data: "B", fault: undefined });
});

test("one topic's change leaves the others as they are", () => {
  expect(change(emptySlots, frame("A")).alerts).toBe(emptySlots.alerts);
});

test.each([
  [undefined, "r:1", false],
  ["r:4", "r:4", true],
  ["r:4", "r:3", true],
  ["r:4", "r:5", false],
  ["r:9", "r:10", false],
  ["old:900", "new:1", false],
  ["7", "7", true],
  ["7", "8", false],
  ["r:4", "", false],
])("after %s, the frame %s is a repeat: %s", (last, id, expected) => {
  expect(isRepeat(last, id)).toBe(expected);
});
