/**
 * Reads Prometheus's text exposition format 0.0.4 and OpenMetrics 1.0, line by line.
 *
 * Shape:  `name{label="value",…} value [timestamp]`, and lines about families. An exemplar is read
 *         and stepped over; `_created` is a series like others. The caller gets the series' text as
 *         it stands, so that he can look up what he parsed before.
 * Units:  timestamps in ms; OpenMetrics writes them in seconds.
 * Errors: one bad line spoils the whole text, as in Prometheus: half a scrape is not a scrape. So
 *         does an OpenMetrics text that does not end with `# EOF`: it was cut off.
 * Source: prometheus.io/docs/instrumenting/exposition_formats; OpenMetrics 1.0, "Text format"
 */
import { err, ok, type Result } from "../../kernel/result.ts";
import { parseComment, type FamilyLine } from "./family.ts";

export type Format = "text" | "openmetrics";

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
const EOF = "# EOF";
const MS = 1_000;
/** Beyond it a number of ms is no longer exact, and no time. */
const MAX_TIME_MS = 1e16;

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

const parseTime = (text: string, format: Format): number | undefined => {
  if (format === "text") return TIMESTAMP.test(text) ? Number(text) : undefined;
  if (!FLOAT.test(text)) return undefined;
  const timeMs = Math.round(Number(text) * MS);
  return Math.abs(timeMs) < MAX_TIME_MS ? timeMs : undefined;
};

/** `{trace_id="…"} value [seconds]`: read so that a broken one is found, then left. */
const isExemplar = (text: string): boolean => {
  if (!text.startsWith("{")) return false;
  // The labels of an exemplar are those of a series that has no name.
  const labels = parseSeriesName(`e${text}`);
  if (labels === undefined) return false;
  const [value = "", stamp, ...more] = text
    .slice(labels.end - 1)
    .trim()
    .split(/[ \t]+/);
  const isTimed = stamp === undefined || parseTime(stamp, "openmetrics") !== undefined;
  return parseFloatStrictly(value) !== undefined && isTimed && more.length === 0;
};

/** What follows the series: value, optional timestamp, optional exemplar. */
const parseRest = (rest: string, format: Format): Omit<Line, "seriesText"> | undefined => {
  const exemplarAt = rest.indexOf(" # ");
  if (exemplarAt !== -1 && !isExemplar(rest.slice(exemplarAt + 3))) return undefined;
  const words = (exemplarAt === -1 ? rest : rest.slice(0, exemplarAt)).trim().split(/[ \t]+/);
  const value = parseFloatStrictly(words[0]!);
  if (value === undefined || words.length > 2) return undefined;
  const stamp = words[1];
  if (stamp === undefined) return { value, timeMs: undefined };
  const timeMs = parseTime(stamp, format);
  return timeMs === undefined ? undefined : { value, timeMs };
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

const parseLine = (line: string, format: Format): Line | undefined => {
  const end = line.includes(" # ") ? parseSeriesName(line)?.end : seriesEnd(line);
  if (end === undefined) return undefined;
  const rest = parseRest(line.slice(end), format);
  return rest === undefined ? undefined : { seriesText: line.slice(0, end), ...rest };
};

export type Visitor = {
  readonly format: Format;
  /** Answers what is wrong with the line, if anything is. */
  readonly sample: (line: Line) => string | undefined;
  readonly family: (line: FamilyLine) => void;
};

const visitLine = (line: string, { format, sample, family }: Visitor): string | undefined => {
  if (line.startsWith("#")) {
    const comment = parseComment(line, format === "openmetrics");
    if (typeof comment === "string") return comment;
    if (comment !== undefined) family(comment);
    return undefined;
  }
  const parsed = parseLine(line, format);
  return parsed === undefined ? "not a sample" : sample(parsed);
};

/** Hands over every line; stops, with the line's number, at the first that is not one. */
export const parseExposition = (text: string, visitor: Visitor): Result<undefined, string> => {
  const isOpenMetrics = visitor.format === "openmetrics";
  let number = 0;
  let isOver = false;
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf("\n", from);
    const end = newline === -1 ? text.length : newline;
    number += 1;
    const line = text.slice(from, end).trim();
    from = end + 1;
    if (line === EOF) {
      if (isOpenMetrics && isOver) return err(`line ${number}: a second ${EOF}`);
      isOver = true;
      continue;
    }
    if (line === "") continue;
    const wrong = isOver && isOpenMetrics ? `text after ${EOF}` : visitLine(line, visitor);
    if (wrong !== undefined) {
      return err(`line ${number}: ${wrong}: ${JSON.stringify(line.slice(0, MAX_SHOWN))}`);
    }
  }
  if (isOpenMetrics && !isOver) return err(`no ${EOF} at the end: the answer was cut off`);
  return ok(undefined);
};
