import { expect, test } from "vitest";
import { faultPlace } from "./fault-place.ts";

test.each([
  ["up{", 'invalid parameter "query": 1:4: parse error: unexpected end of input', [2, 3]],
  ["sum(rate(up))", 'invalid parameter "query": 1:10: parse error: expected range', [9, 11]],
  ["sum(\n  uq up)", "2:6: parse error: unexpected identifier", [10, 12]],
  ["up \n", "2:1: parse error: unexpected end of input", [1, 2]],
  ["", "1:1: parse error: no expression found in input", [0, 0]],
  ["up", "9:99: parse error: elsewhere", [1, 2]],
])("in %j the fault of « %s » is at %j", (expr, said, [from, to]) => {
  expect(faultPlace(expr, said)).toMatchObject({ from, to });
});

test("the message is told without its place", () => {
  const said = 'invalid parameter "query": 1:4: parse error: unexpected end of input';
  expect(faultPlace("up{", said)?.message).toBe("unexpected end of input");
});

test("a fault that names no place has none", () => {
  expect(faultPlace("up", "query timed out in expression evaluation")).toBeUndefined();
});
