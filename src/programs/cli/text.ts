/**
 * What the command line prints: aligned tables, ages, values.
 *
 * Control characters of what others wrote (names, reasons) are shown, never sent to the terminal.
 */
import { stripVTControlCharacters } from "node:util";

const SECOND_MS = 1_000;
const AGES = [
  { unit: "d", ms: 86_400 * SECOND_MS },
  { unit: "h", ms: 3_600 * SECOND_MS },
  { unit: "min", ms: 60 * SECOND_MS },
  { unit: "s", ms: SECOND_MS },
] as const;

/** Columns as wide as their widest cell; the last one is not padded. */
export const table = (
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] => {
  const cells = [head, ...rows].map((row) => row.map(clean));
  const widths = head.map((_, i) => Math.max(...cells.map((row) => widthOf(row[i] ?? ""))));
  return cells.map((row) =>
    row
      .map((cell, i) =>
        i === row.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - widthOf(cell)),
      )
      .join("  ")
      .trimEnd(),
  );
};

/** Accents are one column however they are written; that is enough for fr and en. */
const widthOf = (text: string): number => Array.from(text.normalize("NFC")).length;

export const clean = (text: string): string =>
  stripVTControlCharacters(text).replace(
    /\p{Cc}/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** "3 min", in the largest unit that fits. */
export const age = (ms: number): string => {
  const found = AGES.find((one) => ms >= one.ms) ?? AGES[3];
  return `${Math.max(0, Math.floor(ms / found.ms))} ${found.unit}`;
};

/** Missing is not zero. */
export const value = (number: number | null, unit: string | null): string => {
  if (number === null) return "—";
  if (unit === "ratio") return `${Number((number * 100).toPrecision(4))} %`;
  const whole = Math.abs(number) >= 1_000;
  const text = String(whole ? Math.round(number) : Number(number.toPrecision(4)));
  return unit === null || unit === "" || unit === "1" ? text : `${text} ${unit}`;
};

export const count = (number: number, word: string): string =>
  `${number} ${word}${number === 1 ? "" : "s"}`;
