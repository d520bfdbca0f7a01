/**
 * Diagnostic trouble codes: two bytes are one letter, one digit and three hex digits.
 *
 * Shape:  0x01 0x33 → P0133. The two top bits choose P, C, B or U. Answers to modes 03, 07 and 0A
 *         count their codes on CAN; before CAN each has three places, filled up with zeros.
 * Errors: a count that the bytes do not bear out, as a sentence.
 * Source: SAE J2012 / ISO 15031-6; J1979 §6.3; ISO 15765-4.
 */
import { err, ok, type Result } from "../../src/kernel/result.ts";

export type Bytes = readonly number[];

const LETTERS = ["P", "C", "B", "U"] as const;

export const dtcOf = (high: number, low: number): string => {
  const digits = ((high & 0x3f) * 256 + low).toString(16).toUpperCase().padStart(4, "0");
  return `${LETTERS[high >> 6]}${digits}`;
};

/** Who gives the code its meaning: the standard, or the maker of the vehicle. */
export const authorityOf = (code: string): "standard" | "manufacturer" => {
  const isStandard = code.startsWith("P")
    ? /^P(?:[02]|3[4-9A-F])/.test(code)
    : /^(?:[CB]0|U[03])/.test(code);
  return isStandard ? "standard" : "manufacturer";
};

const PLACES = 3;

/** `data` comes after the mode's byte. Its number is odd with a count before it, even without. */
export const dtcsOf = (data: Bytes): Result<readonly string[], string> => {
  const hasCount = data.length % 2 === 1;
  if (!hasCount && data.length !== PLACES * 2)
    return err(`${data.length} bytes of codes: not ${PLACES * 2}, and no count before them`);
  const pairs = hasCount ? data.slice(1) : data;
  const [count = 0] = data;
  // A CAN answer may be followed by what fills its frame where the dongle left that in.
  if (hasCount && pairs.length < count * 2)
    return err(
      `byte 2 of the message: ${count} codes are announced, ${pairs.length / 2} are there`,
    );
  const codes = Array.from({ length: hasCount ? count : PLACES }, (_, nth) => {
    const [high = 0, low = 0] = pairs.slice(nth * 2, nth * 2 + 2);
    return high === 0 && low === 0 ? [] : [dtcOf(high, low)];
  });
  return ok(codes.flat());
};
