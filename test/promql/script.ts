/**
 * Prometheus' conformance scripts (promql/promqltest), read into commands.
 *
 * Shape:  `load <step>` with series lines, `clear`, `eval instant at <t> <expr>`, `eval range from
 *         <a> to <b> step <s> <expr>` with expectations. A block ends at an empty line or a
 *         comment.
 * Units:  ms. Native histograms are noted ("{{…}}"), not read.
 */
import type { Labels } from "../../src/watch/signal/series.ts";
import { METRIC_NAME } from "../../src/watch/signal/series.ts";
import { tokenize } from "../../src/watch/signal/promql/lexer.ts";

/** A sample, none, the end of the series, or a native histogram. */
type Point = number | "gap" | "stale" | "histogram";
export type SeriesLine = { readonly labels: Labels; readonly points: readonly Point[] };

export type Load = {
  readonly kind: "load";
  readonly stepMs: number;
  readonly series: readonly SeriesLine[];
  /** Classic histograms are loaded as native ones as well. */
  readonly withNative: boolean;
};
type Expected = {
  readonly fail: boolean;
  readonly ordered: boolean;
  readonly text: string | undefined;
  readonly scalar: number | undefined;
  readonly rangeVector: QueryTimes | undefined;
  readonly series: readonly SeriesLine[];
};
type QueryTimes = {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
};
export type Eval = {
  readonly kind: "eval";
  readonly line: number;
  readonly expr: string;
  readonly range: boolean;
  readonly times: QueryTimes;
  readonly expected: Expected;
};
export type Command = Load | Eval | { readonly kind: "clear" };

export const parseScript = (text: string): Command[] => {
  const lines = text.split("\n").map((line) => (/^\s*#/.test(line) ? "" : line.trim()));
  const commands: Command[] = [];
  for (let at = 0; at < lines.length; at++) {
    const head = lines[at]!;
    if (head === "") continue;
    if (head === "clear") {
      commands.push({ kind: "clear" });
      continue;
    }
    const line = at + 1;
    const block: string[] = [];
    while (at + 1 < lines.length && lines[at + 1] !== "") block.push(lines[++at]!);
    commands.push(parseBlock(head, block, line));
  }
  return commands;
};

const START_TIMESTAMPS = /@st\s/;
const LOAD = /^load(_with_nhcb)?\s+(\S+)$/;
const INSTANT = /^eval(_fail|_ordered|_warn|_info)?\s+instant\s+(?:at\s+(\S+)\s+)?(.+)$/;
const RANGE =
  /^eval(_fail|_warn|_info)?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$/;

const parseBlock = (head: string, block: readonly string[], line: number): Command => {
  const load = LOAD.exec(head);
  if (load !== null) {
    const stepMs = parseMs(load[2]!);
    // Start timestamps (`series@st`) are a value we do not keep.
    const series = block.filter((entry) => !START_TIMESTAMPS.test(entry)).map(parseSeriesLine);
    return { kind: "load", stepMs, series, withNative: load[1] !== undefined };
  }
  const range = RANGE.exec(head);
  if (range !== null) {
    const [startMs, endMs, stepMs] = [range[2]!, range[3]!, range[4]!].map(parseMs);
    const times = { startMs: startMs!, endMs: endMs!, stepMs: stepMs! };
    const expected = parseExpected(block, range[1]);
    return { kind: "eval", line, expr: range[5]!, range: true, times, expected };
  }
  const instant = INSTANT.exec(head);
  if (instant === null) throw new Error(`line ${line}: ${head}`);
  const atMs = parseMs(instant[2] ?? "0");
  const times = { startMs: atMs, endMs: atMs, stepMs: 0 };
  const expected = parseExpected(block, instant[1]);
  return { kind: "eval", line, expr: instant[3]!, range: false, times, expected };
};

const parseMs = (text: string): number => {
  const negative = text.startsWith("-");
  const [token] = tokenize(negative ? text.slice(1) : text);
  return Math.round((token?.value ?? 0) * 1000) * (negative ? -1 : 1);
};

const parseExpected = (block: readonly string[], suffix: string | undefined): Expected => {
  let fail = suffix === "_fail";
  let ordered = suffix === "_ordered";
  let text: string | undefined;
  let scalar: number | undefined;
  let rangeVector: QueryTimes | undefined;
  const series: SeriesLine[] = [];
  for (const line of block) {
    const expectation = /^expect\s+(.*)$/.exec(line)?.[1] ?? "";
    const quoted = /^string\s+(.+)$/.exec(expectation)?.[1];
    const vector = /^range vector from (\S+) to (\S+) step (\S+)$/.exec(expectation);
    if (quoted !== undefined) text = tokenize(quoted)[0]?.text;
    else if (vector !== null) {
      const [startMs, endMs, stepMs] = vector.slice(1, 4).map(parseMs);
      rangeVector = { startMs: startMs!, endMs: endMs!, stepMs: stepMs! };
    } else if (expectation.startsWith("fail")) fail = true;
    else if (expectation === "ordered") ordered = true;
    else if (line.startsWith("expected_fail")) fail = true;
    else if (expectation === "" && NUMBER_ALONE.test(line)) scalar = parseNumber(line);
    else if (expectation === "") series.push(parseSeriesLine(line));
  }
  return { fail, ordered, text, scalar, rangeVector, series };
};

const FLOAT = "(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?|[Ii]nf|[Nn]a[Nn]";
const NUMBER_ALONE = new RegExp(`^[+-]?(?:${FLOAT})$`);
const SEQUENCE = new RegExp(`^([+-]?(?:${FLOAT}))(?:([+-])(${FLOAT}))?(?:x(\\d+))?$`);

const parseNumber = (text: string): number =>
  /inf/i.test(text) ? (text.startsWith("-") ? -Infinity : Infinity) : Number(text);

/** `name{a="b"} 1 2 _ 3x4 5+6x7 stale {{…}}x2` */
const parseSeriesLine = (line: string): SeriesLine => {
  const { labels, end } = parseLabels(line);
  const words = line.slice(end).match(/\{\{.*?\}\}(?:[+-]\{\{.*?\}\})?(?:x\d+)?|\S+/g) ?? [];
  return { labels, points: words.flatMap(parsePoints) };
};

const parsePoints = (word: string): Point[] => {
  const repeat = Number(/x(\d+)$/.exec(word)?.[1] ?? 0);
  if (word.startsWith("{{")) return Array.from({ length: repeat + 1 }, () => "histogram");
  if (word.startsWith("_")) return Array.from({ length: Math.max(1, repeat) }, () => "gap");
  if (word === "stale") return ["stale"];
  const match = SEQUENCE.exec(word);
  if (match === null) throw new Error(`bad sample: ${word}`);
  const [, first, sign, change = "0", times] = match;
  const points: number[] = [];
  const delta = parseNumber(change) * (sign === "-" ? -1 : 1);
  let value = parseNumber(first!);
  for (let i = 0; i <= Number(times ?? 0); i++) {
    points.push(value);
    value += delta;
  }
  return points;
};

const parseLabels = (line: string): { readonly labels: Labels; readonly end: number } => {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0] ?? "";
  const labels: [string, string][] = name === "" ? [] : [[METRIC_NAME, name]];
  const open = /^\s*\{(?!\{)/.exec(line.slice(name.length));
  if (open === null) return { labels, end: name.length };
  let at = name.length + open[0].length;
  const pair =
    /\s*(?:("(?:[^"\\]|\\.)*"|[a-zA-Z_][\w.:]*)\s*=\s*)?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*,?\s*/y;
  while (line[at] !== "}") {
    pair.lastIndex = at;
    const match = pair.exec(line);
    if (match === null) throw new Error(`bad labels: ${line}`);
    const key = match[1] === undefined ? METRIC_NAME : unquote(match[1]);
    labels.push([key, unquote(match[2]!)]);
    at = pair.lastIndex;
  }
  const kept = labels.filter(([, value]) => value !== "");
  return { labels: kept.sort(([a], [b]) => (a < b ? -1 : 1)), end: at + 1 };
};

const unquote = (text: string): string =>
  /^["']/.test(text) ? (tokenize(text)[0]?.text ?? "") : text;
