import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Lang } from "../format/text.ts";
import { csvOf } from "./csv.ts";

test("French figures have a comma, so fields are parted by a semicolon", () => {
  const rows = [
    ["time", 'up{job="a;b"}'],
    ["2026-11-24T12:00:00.000Z", 0.25],
    ["2026-11-24T12:00:15.000Z", null],
  ];
  expect(csvOf("fr", rows)).toBe(
    '\uFEFFtime;"up{job=""a;b""}"\r\n2026-11-24T12:00:00.000Z;0,25\r\n2026-11-24T12:00:15.000Z;\r\n',
  );
  expect(csvOf("en", rows)).toContain("2026-11-24T12:00:00.000Z,0.25\r\n");
});

test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])(
  "a label %j is a text, not a formula",
  (text) => {
    const [, first = ""] = /^\uFEFF"?(.)/.exec(csvOf("fr", [[text]])) ?? [];
    expect(first).toBe("'");
  },
);

test("what is not a finite number is written as Prometheus writes it", () => {
  expect(csvOf("fr", [[Number.NaN, Infinity, -Infinity]])).toBe("\uFEFFNaN;+Inf;-Inf\r\n");
});

/** A reader of RFC 4180, written from the document. */
const parse = (text: string, separator: string): string[][] => {
  const rows: string[][] = [[""]];
  let quoted = false;
  for (let at = 1; at < text.length; at += 1) {
    const row = rows.at(-1)!;
    const char = text[at]!;
    if (quoted && char === '"' && text[at + 1] === '"') {
      row[row.length - 1] += '"';
      at += 1;
    } else if (char === '"') quoted = !quoted;
    else if (quoted) row[row.length - 1] += char;
    else if (char === separator) row.push("");
    else if (char === "\r" && text[at + 1] === "\n") {
      rows.push([""]);
      at += 1;
    } else row[row.length - 1] += char;
  }
  return rows.slice(0, -1);
};

test("law: whatever is in it, each field is read back whole", () => {
  const cell = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom('"', ";", ",", "\r\n", "a\nb"),
  );
  const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1 });
  fc.assert(
    fc.property(table, fc.constantFrom<Lang>("fr", "en"), (rows, lang) => {
      const read = parse(csvOf(lang, rows), lang === "fr" ? ";" : ",");
      const guarded = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
      expect(read).toEqual(rows.map((row) => row.map(guarded)));
    }),
  );
});
