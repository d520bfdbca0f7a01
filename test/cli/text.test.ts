/** Slips of the fingers, tables and values: laws and a few examples. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { suggest } from "../../src/programs/cli/suggest.ts";
import { age, clean, table, value } from "../../src/programs/cli/text.ts";

const WORDS = ["alert", "doctor", "gate", "kpi", "ledger", "plan", "token"];

describe("a suggestion", () => {
  test("is the word whose letter was dropped, doubled, changed or swapped", () => {
    const slip = fc
      .record({
        word: fc.constantFrom(...WORDS.filter(({ length }) => length > 3)),
        at: fc.nat(),
        kind: fc.constantFrom("drop", "double", "change", "swap"),
      })
      .map(({ word, at: anywhere, kind }) => {
        const at = anywhere % (word.length - 1);
        const [head, letter = "", next = "", tail] = [
          word.slice(0, at),
          word[at],
          word[at + 1],
          word.slice(at + 2),
        ];
        const said = {
          drop: `${head}${next}${tail}`,
          double: `${head}${letter}${letter}${next}${tail}`,
          change: `${head}#${next}${tail}`,
          swap: `${head}${next}${letter}${tail}`,
        }[kind];
        return { word, said };
      });
    fc.assert(fc.property(slip, ({ word, said }) => suggest(said, WORDS) === word));
  });

  test("is one of the words or nothing, whatever was typed", () => {
    fc.assert(
      fc.property(fc.string(), (said) => {
        const meant = suggest(said, WORDS);
        return meant === undefined || WORDS.includes(meant);
      }),
    );
  });

  test.each([
    ["led", "ledger"],
    ["LEDGER", "ledger"],
    ["x", undefined],
    ["completely-different", undefined],
    ["x".repeat(100_000), undefined],
  ])("for %s is %s", (said, meant) => expect(suggest(said, WORDS)).toBe(meant));
});

describe("a table", () => {
  test("begins each column at one place, with accents and foreign letters", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", "é", "e\u0301", "œ", "Ç", "-") });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), (rows) => {
        const lines = table(
          ["A", "B"],
          rows.map(([left, right]) => [left, `|${right}`]),
        );
        const places = lines.slice(1).map((line) => Array.from(line.normalize("NFC")).indexOf("|"));
        return new Set(places).size === 1;
      }),
    );
  });

  test("sends nothing to the terminal that others wrote for it", () => {
    fc.assert(fc.property(fc.string(), (text) => !/\p{Cc}/u.test(clean(text))));
    expect(clean("\u001B[31mred\u001B[0m\u0007")).toBe("red\\u0007");
    expect(table(["A"], [["a\nb"]])).toEqual(["A", "a\\u000ab"]);
  });
});

test.each([
  [null, "ms", "—"],
  [0, "ms", "0 ms"],
  [0.123456, "ratio", "12.35 %"],
  [1_234_567, "", "1234567"],
  [3, null, "3"],
])("%s %s is shown as %s", (number, unit, shown) => expect(value(number, unit)).toBe(shown));

test.each([
  [0, "0 s"],
  [999, "0 s"],
  [61_000, "1 min"],
  [7_200_000, "2 h"],
  [200_000_000, "2 d"],
])("%d ms ago is %s", (ms, shown) => expect(age(ms)).toBe(shown));
