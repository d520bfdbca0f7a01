import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createSseParser, type SseEvent } from "./sse.ts";

const read = (pieces: readonly string[]): SseEvent[] => {
  const seen: SseEvent[] = [];
  const parser = createSseParser((event) => seen.push(event));
  for (const piece of pieces) parser.feed(piece);
  return seen;
};

const STREAM =
  'retry: 1000\n\n: beat\n\nid: a:1\nevent: kpis\ndata: {"é":1}\n\n' +
  ": 2\n\nid: a:2\r\nevent: alerts\r\ndata: x\r\ndata: y\r\n\r\nevent: resync\ndata:{}\n\n";

const EVENTS: readonly SseEvent[] = [
  { type: "kpis", data: '{"é":1}', id: "a:1" },
  { type: "alerts", data: "x\ny", id: "a:2" },
  { type: "resync", data: "{}", id: "a:2" },
];

test("events are read, comments and retry make none", () => {
  expect(read([STREAM])).toEqual(EVENTS);
});

test("an event without its blank line has not arrived yet", () => {
  expect(read(["id: 1\nevent: kpis\ndata: 1\n"])).toEqual([]);
});

test("law: where the stream is cut into pieces changes nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: STREAM.length }), { maxLength: 12 }), (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), STREAM.length];
      const pieces = at.slice(1).map((end, i) => STREAM.slice(at[i] ?? 0, end));
      expect(read(pieces)).toEqual(EVENTS);
    }),
  );
});
