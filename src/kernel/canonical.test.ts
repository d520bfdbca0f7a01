import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, MAX_JSON_DEPTH } from "./canonical.ts";

const textOf = (value: unknown): string => {
  const result = canonicalJson(value);
  if (!result.ok) throw new Error(`${result.error.path}: ${result.error.why}`);
  return result.value;
};

const doubleOf = (bits: string): number => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return view.getFloat64(0);
};

describe("the published vectors of RFC 8785", () => {
  test("section 3.2.2: literals, numbers and strings", () => {
    const input = {
      numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\u002f",
      literals: [null, true, false],
    };
    expect(textOf(input)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test("section 3.2.3: keys are sorted by UTF-16 code unit", () => {
    const input = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    const order = Object.values(JSON.parse(textOf(input)) as Record<string, string>);
    // JSON.parse moves the integer-like key first, so the text is looked at, not the object.
    expect(order).toHaveLength(7);
    const positions = [
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ].map((word) => textOf(input).indexOf(word));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  });

  test.each([
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ])("appendix B: the double 0x%s is %s", (bits, text) => {
    expect(textOf(doubleOf(bits))).toBe(text);
  });

  test.each(["7fffffffffffffff", "7ff0000000000000"])(
    "appendix B: the double 0x%s is refused",
    (bits) => {
      expect(canonicalJson(doubleOf(bits)).ok).toBe(false);
    },
  );
});

describe("what is not JSON is refused by its path", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  const hole: unknown[] = [1];
  hole[2] = 3;
  test.each([
    { title: "an undefined member", value: { a: { b: undefined } }, path: "a.b" },
    { title: "a function", value: { list: [1, () => 1] }, path: "list[1]" },
    { title: "a bigint", value: { n: 1n }, path: "n" },
    { title: "a symbol", value: [Symbol("s")], path: "[0]" },
    { title: "a Date", value: { at: new Date(0) }, path: "at" },
    { title: "a Map", value: { m: new Map() }, path: "m" },
    { title: "a hole in an array", value: { hole }, path: "hole[1]" },
    { title: "half a surrogate pair", value: { s: "a\ud800" }, path: "s" },
    { title: "half a surrogate pair in a key", value: { "\udc00": 1 }, path: "\udc00" },
    { title: "a symbol key", value: { a: { [Symbol("k")]: 1 } }, path: "a" },
    { title: "minus infinity", value: [-Infinity], path: "[0]" },
  ])("$title", ({ value, path }) => {
    const result = canonicalJson(value);
    expect(result.ok ? "accepted" : result.error.path).toBe(path);
  });

  test("a cycle, at the depth limit", () => {
    const result = canonicalJson(cyclic);
    expect(result.ok ? "" : result.error.why).toContain(String(MAX_JSON_DEPTH));
  });
});

test("law: the text parses back to the same value and is a fixed point", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const result = canonicalJson(value);
      if (!result.ok) return; // fast-check may build lone surrogates
      expect(textOf(JSON.parse(result.value))).toBe(result.value);
    }),
  );
});

test("law: the order in which keys were set does not matter", () => {
  const entries = fc.uniqueArray(
    fc.tuple(
      fc.string().filter((key) => key !== "__proto__"),
      fc.integer(),
    ),
    { selector: ([key]) => key },
  );
  fc.assert(
    fc.property(entries, (pairs) => {
      const there = textOf(Object.fromEntries(pairs));
      expect(textOf(Object.fromEntries(pairs.toReversed()))).toBe(there);
    }),
  );
});
