/** What is kept of what senders say about their metrics, and what is forgotten. */
import { expect, test } from "vitest";
import { newMetadataBook } from "./metadata.ts";

const ALL = { limit: -1, limitPerMetric: -1 };
const counter = { type: "counter", help: "Requests.", unit: "" };
const gauge = { type: "gauge", help: "Heat.", unit: "celsius" };

test("a metric has each description once, the latest first", () => {
  const book = newMetadataBook();
  for (const said of [counter, gauge, { ...counter }]) book.note("m", said);
  expect(book.list(ALL)).toEqual({ m: [counter, gauge] });
  expect(book.list({ ...ALL, limitPerMetric: 1 })).toEqual({ m: [counter] });
});

test("metrics are listed by name; a limit cuts, and 0 leaves none", () => {
  const book = newMetadataBook();
  for (const name of ["b", "a", "c"]) book.note(name, gauge);
  expect(Object.keys(book.list(ALL))).toEqual(["a", "b", "c"]);
  expect(Object.keys(book.list({ ...ALL, limit: 2 }))).toEqual(["a", "b"]);
  expect(book.list({ ...ALL, limit: 0 })).toEqual({});
  expect(book.list({ ...ALL, metric: "c" })).toEqual({ c: [gauge] });
  expect(book.list({ ...ALL, metric: "nothing" })).toEqual({});
});

test("over a limit the metric that was unsaid longest is forgotten, and texts are cut", () => {
  const book = newMetadataBook({ maxFamilies: 2, maxPerFamily: 2, maxHelpChars: 3 });
  for (const name of ["a", "b", "a", "c"]) book.note(name, gauge);
  expect(book.list(ALL)).toEqual({
    a: [{ ...gauge, help: "Hea" }],
    c: [{ ...gauge, help: "Hea" }],
  });
  for (const help of ["1", "2", "3"]) book.note("c", { ...gauge, help });
  expect(book.list({ ...ALL, metric: "c" })["c"]?.map(({ help }) => help)).toEqual(["3", "2"]);
});

test("a name that is none is not kept, and a type nobody knows is unknown", () => {
  const book = newMetadataBook();
  for (const name of ["", "x".repeat(257)]) book.note(name, gauge);
  book.note("__proto__", { ...gauge, type: "heat" });
  expect(Object.entries(book.list(ALL))).toEqual([["__proto__", [{ ...gauge, type: "unknown" }]]]);
});
