import { expect, test } from "vitest";
import { safeNext, takeCode } from "./code.ts";

test("the code is read from the fragment and leaves the address", () => {
  const shown: string[] = [];
  const past = {
    state: null,
    replaceState: (_: unknown, __: string, to: string) => shown.push(to),
  };
  const where = { hash: "#code=AB%2DCD", pathname: "/", search: "?lang=en" };
  expect(takeCode(where as Location, past as unknown as History)).toBe("AB-CD");
  expect(shown).toEqual(["/?lang=en"]);
});

test("a fragment without code stays", () => {
  const where = { hash: "#main", pathname: "/", search: "" };
  expect(takeCode(where as Location, {} as History)).toBeUndefined();
});

test.each([
  ["/go?kpi=a", "/go?kpi=a"],
  ["//evil.example", "/"],
  ["/\\evil.example", "/"],
  ["https://evil.example", "/"],
  ["/sign-in?next=/sign-in", "/"],
  [null, "/"],
])("after signing in, next=%s leads to %s", (next, expected) => {
  expect(safeNext(next)).toBe(expected);
});
