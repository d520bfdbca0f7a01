/**
 * A vehicle's identification number, and its check digit where there is one.
 *
 * Shape:  17 of A-Z and 0-9 without I, O and Q. Place 9 is a check digit in North America and
 *         China; in Europe the standard leaves it to the maker, so one that does not fit says
 *         nothing.
 * Errors: none: a number that is none says why.
 * Source: ISO 3779 and 3780; 49 CFR 565.15 for the check digit.
 */
export type Vin = {
  readonly vin: string;
  /** Of the world manufacturer identifier. */
  readonly wmi: string;
  readonly area: string;
  readonly checkDigit: {
    readonly state: "valid" | "wrong" | "absent";
    readonly found: string;
    readonly expected: string;
    readonly why: string;
  };
};
export type NoVin = { readonly vin: null; readonly why: string };

const LENGTH = 17;
const PLACE = 8;
const WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
/** A=1 … H=8, J=1 … N=5, P=7, R=9, S=2 … Z=9. */
const VALUES = new Map<string, number>(
  Array.from("ABCDEFGHJKLMNPRSTUVWXYZ", (letter) => {
    const at = letter.charCodeAt(0) - 65;
    const value = letter <= "H" ? at + 1 : letter <= "R" ? at - 8 : at - 16;
    return [letter, value];
  }),
);
const AREAS: readonly (readonly [RegExp, string])[] = [
  [/^[A-H]/, "africa"],
  [/^[J-R]/, "asia"],
  [/^[S-Z]/, "europe"],
  [/^[1-5]/, "north_america"],
  [/^[67]/, "oceania"],
  [/^[89]/, "south_america"],
];

export const readVin = (text: string): Vin | NoVin => {
  if (text.length !== LENGTH) return { vin: null, why: `has ${text.length} characters, not 17` };
  const bad = /[^A-HJ-NPR-Z0-9]/.exec(text);
  if (bad !== null)
    return { vin: null, why: `character ${bad.index + 1} is none of A-Z (no I, O, Q) and 0-9` };
  const area = AREAS.find(([first]) => first.test(text))?.[1] ?? "unknown";
  const expected = checkDigitOf(text);
  const found = text[PLACE]!;
  const isAsked = area === "north_america" || text.startsWith("L");
  const state = found === expected ? "valid" : isAsked ? "wrong" : "absent";
  return {
    vin: text,
    wmi: text.slice(0, 3),
    area,
    checkDigit: { state, found, expected, why: WHY[state] },
  };
};

const WHY = {
  valid: "character 9 is the check digit of the others",
  wrong: "character 9 must be a check digit where this vehicle is from, and is not",
  absent: "no check digit: where this vehicle is from none is asked for",
} as const;

export const checkDigitOf = (vin: string): string => {
  const total = Array.from(vin).reduce(
    (sum, letter, nth) => sum + (VALUES.get(letter) ?? Number(letter)) * WEIGHTS[nth]!,
    0,
  );
  return total % 11 === 10 ? "X" : String(total % 11);
};
