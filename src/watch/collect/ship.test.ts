import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoffMs, mayBeTooNew, reconcile, trimmable } from "./ship.ts";

describe("what to send next", () => {
  test.each([
    ["nothing there yet", { accepted: 0, stored: 0 }, { first: 1, next: 4 }, true, 1, 0],
    ["some accepted", { accepted: 2, stored: 1 }, { first: 1, next: 4 }, true, 3, 0],
    ["all accepted", { accepted: 3, stored: 3 }, { first: 1, next: 4 }, true, 4, 0],
    ["the hub lost the unstored", { accepted: 1, stored: 1 }, { first: 2, next: 9 }, true, 2, 0],
    ["the hub lost the stored", { accepted: 0, stored: 0 }, { first: 5, next: 9 }, true, 5, 4],
    ["a new buffer, a new hub", { accepted: 0, stored: 0 }, { first: 1, next: 1 }, false, 1, 0],
  ])("%s", (_, hub, buffer, isConfirmed, from, missing) => {
    expect(reconcile(hub, buffer, isConfirmed)).toEqual({ kind: "send", from, missing });
  });

  test.each([
    ["the hub knows more than was ever written", 9, { first: 1, next: 9 }, true],
    ["another buffer had this name before", 1, { first: 1, next: 9 }, false],
  ])("a new name: %s", (_, accepted, buffer, isConfirmed) => {
    expect(reconcile({ accepted, stored: 0 }, buffer, isConfirmed)).toEqual({ kind: "rename" });
  });

  test("nothing is ever left out that the hub lacks and the buffer has, nothing sent twice", () => {
    const count = fc.nat(1_000);
    fc.assert(
      fc.property(count, count, count, (accepted, trimmed, kept) => {
        const buffer = { first: trimmed + 1, next: trimmed + 1 + kept };
        const decided = reconcile({ accepted, stored: 0 }, buffer, true);
        if (decided.kind === "rename") return accepted >= buffer.next;
        const lacks = Math.max(accepted + 1, buffer.first);
        return decided.from === lacks && decided.from === accepted + 1 + decided.missing;
      }),
    );
  });
});

test("deleted is only what was sent, accepted and stored", () => {
  expect(trimmable({ accepted: 5, stored: 4 }, 9)).toBe(4);
  expect(trimmable({ accepted: 5, stored: 7 }, 9)).toBe(5);
  expect(trimmable({ accepted: 5, stored: 5 }, 3)).toBe(2);
});

describe("how long to wait", () => {
  test("doubles up to two seconds, and a server may wish for more", () => {
    const delays = [0, 1, 2, 3, 4, 20].map((attempt) => backoffMs(attempt, 1));
    expect(delays).toEqual([200, 400, 800, 1_600, 2_000, 2_000]);
    expect(backoffMs(0, 0)).toBe(100);
    expect(backoffMs(0, 0, 5_000)).toBe(5_000);
    expect(backoffMs(0, 0, 3_600_000)).toBe(30_000);
  });
});

test.each([
  ["an hour ahead", 60, 0, true],
  ["nine minutes ahead", 9, 0, false],
  ["as the hub", 60, 60, false],
  ["behind", 0, 60, false],
  ["the hub's clock unknown", 60, undefined, false],
])("a refused batch may only be too new: %s", (_, newestMin, hubMin, expected) => {
  const hubAtMs = hubMin === undefined ? undefined : hubMin * 60_000;
  expect(mayBeTooNew(newestMin * 60_000, hubAtMs)).toBe(expected);
});
