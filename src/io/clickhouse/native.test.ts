import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeBlock } from "./native.ts";

/** A column of strings, read back by the format's description. */
const readTexts = (bytes: Uint8Array, rows: number): readonly string[] => {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const word = (): string => {
    const length = number();
    at += length;
    return Buffer.from(bytes.subarray(at - length, at)).toString("utf8");
  };
  expect([number(), number(), word(), word()]).toEqual([1, rows, "text", "String"]);
  const texts = Array.from({ length: rows }, word);
  expect(at).toBe(bytes.length);
  return texts;
};

test("law: texts of any length and any script are read back as they were", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 40 }),
    // Around the lengths whose own length takes one byte more, in characters of 1 to 3 bytes.
    fc
      .tuple(fc.constantFrom("a", "é", "€"), fc.integer({ min: 40, max: 140 }))
      .map(([char, count]) => char.repeat(count)),
    fc.constant("é".repeat(9_000)),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 20 }), (texts) => {
      const wellFormed = texts.map((one) => one.toWellFormed());
      const block = encodeBlock(texts.length, [{ name: "text", data: { type: "String", texts } }]);
      expect(readTexts(block, texts.length)).toEqual(wellFormed);
    }),
  );
});
