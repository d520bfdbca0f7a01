/**
 * What is shown, as a file a spreadsheet opens.
 *
 * Shape:  RFC 4180: CRLF ends a line, a field that holds the separator, a quote or a line's end is
 *         quoted, a quote is doubled. In French the separator is « ; » and the decimal sign a
 *         comma, as French spreadsheets read them; in English « , » and a point. UTF-8 with a BOM,
 *         without which they take accents for other letters. Instants are ISO 8601 in UTC.
 * Units:  figures are in the base unit (seconds, bytes, shares), all their digits kept; a value
 *         that was not measured is an empty field.
 * Errors: none. A text that a spreadsheet would run as a formula (it starts with = + - @, a tab or
 *         a carriage return) gets an apostrophe in front, since labels may come from anybody.
 */
import type { Lang } from "../format/text.ts";

export type Cell = string | number | null;

const BOM = "\uFEFF";
const SEPARATOR: Readonly<Record<Lang, string>> = { fr: ";", en: "," };
const RUNS = /^[=+\-@\t\r]/;
const TO_QUOTE = /[";,\r\n]/;

export const csvOf = (lang: Lang, rows: readonly (readonly Cell[])[]): string =>
  BOM +
  rows.map((row) => row.map((cell) => field(lang, cell)).join(SEPARATOR[lang])).join("\r\n") +
  "\r\n";

const field = (lang: Lang, cell: Cell): string => {
  if (cell === null) return "";
  if (typeof cell === "number") {
    const figure = Number.isFinite(cell) ? String(cell) : infinite(cell);
    return lang === "fr" ? figure.replace(".", ",") : figure;
  }
  const text = RUNS.test(cell) ? `'${cell}` : cell;
  return TO_QUOTE.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** As Prometheus writes them. */
const infinite = (value: number): string =>
  Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
