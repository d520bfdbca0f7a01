/**
 * Reads Prometheus's text exposition format 0.0.4, line by line.
 *
 * Shape:  `name{label="value",…} value [timestamp]`. Comments are skipped, and of OpenMetrics the
 *         `# EOF` line and exemplars are let pass. The caller gets the series' text as it stands,
 *         so that he can look up what he parsed before.
 * Units:  timestamps in ms.
 * Errors: one bad line spoils the whole text, as in Prometheus: half a scrape is not a scrape.
 * Source: prometheus.io/docs/instrumenting/exposition_formats
 */
import { err, ok, type Result } from "../../kernel/result.ts";

export type SeriesName = {
  readonly name: string;
  readonly labels: readonly (readonly [string, string])[];
};
export type Line = {
  readonly seriesText: string;
  readonly value: number;
  readonly timeMs: number | undefined;
};

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const BLANKS = /[ \t]*/y;
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const TIMESTAMP = /^-?\d{1,16}$/;
const SPECIAL: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  "+nan": Number.NaN,
  "-nan": Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "+inf": Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  "+infinity": Number.POSITIVE_INFINITY,
  "-infinity": Number.NEGATIVE_INFINITY,
};
const ESCAPED: Readonly<Record<string, string>> = { n: "\n", '"': '"', "\\": "\\" };
const MAX_LABELS = 64;
const MAX_SHOWN = 80;

const match = (pattern: RegExp, text: string, at: number): string | undefined => {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
};

/** Where a quoted value starting at `at` (its opening quote) ends, and what it says. */
const quoted = (text: string, at: number): { value: string; end: number } | undefined => {
  let end = at + 1;
  let value = "";
  for (let from = end; ;) {
    const stop = text.indexOf('"', end);
    const slash = text.indexOf("\\", end);
    if (stop === -1) return undefined;
    if (slash === -1 || slash > stop)
      return { value: value + text.slice(from, stop), end: stop + 1 };
    const next = text[slash + 1];
    if (next === undefined) return undefined;
    value += text.slice(from, slash) + (ESCAPED[next] ?? `\\${next}`);
    end = slash + 2;
    from = end;
  }
};

/** The name and labels at the start of a line, and where they end. */
export const parseSeriesName = (
  line: string,
): (SeriesName & { readonly end: number }) | undefined => {
  const name = match(NAME, line, 0);
  if (name === undefined) return undefined;
  const skip = (at: number): number => at + match(BLANKS, line, at)!.length;
  let at = skip(name.length);
  if (line[at] !== "{") return { name, labels: [], end: name.length };
  const labels: (readonly [string, string])[] = [];
  at = skip(at + 1);
  while (line[at] !== "}") {
    const label = match(LABEL_NAME, line, at);
    if (label === undefined || labels.length >= MAX_LABELS) return undefined;
    at = skip(at + label.length);
    if (line[at] !== "=") return undefined;
    at = skip(at + 1);
    const text = line[at] === '"' ? quoted(line, at) : undefined;
    if (text === undefined || labels.some(([known]) => known === label)) return undefined;
    labels.push([label, text.value]);
    at = skip(text.end);
    if (line[at] === ",") at = skip(at + 1);
    else if (line[at] !== "}") return undefined;
  }
  return { name, labels, end: at + 1 };
};

const parseFloatStrictly = (text: string): number | undefined =>
  FLOAT.test(text) ? Number(text) : SPECIAL[text.toLowerCase()];

/** What follows the series: value, optional timestamp, optional exemplar. */
const parseRest = (rest: string): Omit<Line, "seriesText"> | undefined => {
  const exemplarAt = rest.indexOf(" # ");
  const words = (exemplarAt === -1 ? rest : rest.slice(0, exemplarAt)).trim().split(/[ \t]+/);
  const value = parseFloatStrictly(words[0]!);
  if (value === undefined || words.length > 2) return undefined;
  const stamp = words[1];
  if (stamp === undefined) return { value, timeMs: undefined };
  return TIMESTAMP.test(stamp) ? { value, timeMs: Number(stamp) } : undefined;
};

/** The end of the series' text: the last `}`, as none stands in a value or a timestamp. */
const seriesEnd = (line: string): number | undefined => {
  const brace = line.lastIndexOf("}");
  if (brace === -1) {
    const blank = line.search(/[ \t]/);
    return blank === -1 ? undefined : blank;
  }
  return brace + 1;
};

const parseLine = (line: string): Line | undefined => {
  const end = line.includes(" # ") ? parseSeriesName(line)?.end : seriesEnd(line);
  if (end === undefined) return undefined;
  const rest = parseRest(line.slice(end));
  return rest === undefined ? undefined : { seriesText: line.slice(0, end), ...rest };
};

/** Hands over every line; stops, with the line's number, at the first that is not one. */
export const parseExposition = (
  text: string,
  visit: (line: Line) => string | undefined,
): Result<undefined, string> => {
  let number = 0;
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf("\n", from);
    const end = newline === -1 ? text.length : newline;
    number += 1;
    const line = text.slice(from, end).trim();
    from = end + 1;
    if (line === "" || line.startsWith("#")) continue;
    const parsed = parseLine(line);
    const wrong = parsed === undefined ? "not a sample" : visit(parsed);
    if (wrong !== undefined) {
      return err(`line ${number}: ${wrong}: ${JSON.stringify(line.slice(0, MAX_SHOWN))}`);
    }
  }
  return ok(undefined);
};
