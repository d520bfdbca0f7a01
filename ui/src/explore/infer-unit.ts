/**
 * The unit of what a PromQL expression answers, from its metrics' units and what is done to them.
 *
 * Shape:  `unitOf(expr, metadata)`; undefined where nothing can be said, so that the page shows a
 *         plain number and never a wrong unit. This reads an expression, it does not check it: a
 *         malformed one has no unit.
 * Units:  a metric's comes from its metadata, else from its name (`_seconds`, `_bytes`, `_ratio`).
 * Source: Prometheus, "Metric and label naming"; OpenMetrics, units.
 */
import type { Unit } from "../format/unit.ts";
import { ends, readTokens, type Token } from "./tokens.ts";

export type Metadata = Readonly<Record<string, { readonly type: string; readonly unit: string }>>;

/** What is counted, and whether it is counted per second. */
type Quantity = {
  readonly of: "s" | "ms" | "By" | "bit" | "ratio" | "percent" | "instant" | "count" | "request";
  readonly isRate: boolean;
  /** Of a bucket: the unit of its bounds, which `histogram_quantile` answers in. */
  readonly bounds?: Quantity["of"];
};
type Part = { readonly quantity: Quantity | undefined; readonly literal?: number };

const MAX_DEPTH = 100;
const UNKNOWN: Part = { quantity: undefined };

export const unitOf = (expr: string, metadata: Metadata): Unit | undefined => {
  const tokens = readTokens(expr);
  if (tokens === undefined) return undefined;
  const reader: Reader = { tokens, at: 0, depth: 0, metadata };
  const { quantity } = readBinary(reader, 0);
  return reader.at < tokens.length ? undefined : shownAs(quantity);
};

const shownAs = (quantity: Quantity | undefined): Unit | undefined => {
  if (quantity === undefined) return undefined;
  const { of, isRate } = quantity;
  if (of === "ratio" || of === "percent" || of === "instant") return isRate ? undefined : of;
  // Seconds spent per second are a number of cores, or of requests in flight.
  if (of === "s" || of === "ms") return isRate ? "number" : of;
  if (of === "By") return isRate ? "By/s" : "By";
  if (of === "bit") return isRate ? "bit/s" : "number";
  return isRate ? (of === "request" ? "req/s" : "1/s") : "number";
};

type Reader = {
  readonly tokens: readonly Token[];
  at: number;
  depth: number;
  readonly metadata: Metadata;
};

const PRECEDENCE: Readonly<Record<string, number>> = {
  ...{ or: 1, and: 2, unless: 2 },
  ...{ "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3 },
  ...{ "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, atan2: 5, "^": 6 },
};
const MATCHING = new Set(["on", "ignoring", "group_left", "group_right"]);
const GROUPING = new Set(["by", "without"]);

const readBinary = (reader: Reader, least: number): Part => {
  reader.depth += 1;
  let left = reader.depth > MAX_DEPTH ? UNKNOWN : readUnary(reader);
  for (;;) {
    const sign = reader.tokens[reader.at]?.text.toLowerCase() ?? "";
    const precedence = PRECEDENCE[sign];
    if (precedence === undefined || precedence <= least) break;
    reader.at += 1;
    const isBool = takeWord(reader, "bool");
    while (MATCHING.has(wordAt(reader))) {
      reader.at += 1;
      skipParens(reader);
    }
    const right = readBinary(reader, precedence);
    left = isBool ? { quantity: { of: "count", isRate: false } } : combine(sign, left, right);
  }
  reader.depth -= 1;
  return left;
};

const readUnary = (reader: Reader): Part => {
  if (reader.tokens[reader.at]?.text === "-" || reader.tokens[reader.at]?.text === "+") {
    reader.at += 1;
  }
  const token = reader.tokens[reader.at];
  if (token === undefined) return UNKNOWN;
  reader.at += 1;
  const part = readOperand(reader, token);
  readModifiers(reader);
  return part;
};

const readOperand = (reader: Reader, token: Token): Part => {
  if (token.kind === "number") return { quantity: undefined, literal: Number(token.text) };
  if (token.text === "(") {
    const inner = readBinary(reader, 0);
    reader.at += reader.tokens[reader.at]?.text === ")" ? 1 : 0;
    return inner;
  }
  if (token.text === "{") {
    reader.at = ends(reader.tokens, reader.at - 1);
    return UNKNOWN;
  }
  if (token.kind !== "word") return UNKNOWN;
  const opens = reader.tokens[reader.at]?.text;
  if (opens === "(" || GROUPING.has(wordAt(reader))) return readCall(reader, token.text);
  if (opens === "{") reader.at = ends(reader.tokens, reader.at);
  return { quantity: metricQuantity(token.text, reader.metadata) };
};

/** `[5m]`, `[1h:1m]`, `offset 5m`, `@ 123`, `@ start()`. */
const readModifiers = (reader: Reader): void => {
  for (;;) {
    const text = reader.tokens[reader.at]?.text;
    if (text === "[") reader.at = ends(reader.tokens, reader.at);
    else if (text === "@" || text?.toLowerCase() === "offset") {
      reader.at += 1;
      if (reader.tokens[reader.at]?.text === "-") reader.at += 1;
      reader.at += 1;
      if (reader.tokens[reader.at]?.text === "(") skipParens(reader);
    } else return;
  }
};

const readCall = (reader: Reader, name: string): Part => {
  const grouping = (): void => {
    if (!GROUPING.has(wordAt(reader))) return;
    reader.at += 1;
    skipParens(reader);
  };
  grouping();
  const args: Part[] = [];
  if (reader.tokens[reader.at]?.text === "(") {
    reader.at += 1;
    while (reader.at < reader.tokens.length && reader.tokens[reader.at]?.text !== ")") {
      const before = reader.at;
      args.push(readBinary(reader, 0));
      if (reader.tokens[reader.at]?.text === ",") reader.at += 1;
      // Nothing was read: the expression is not one, and must not hold us here.
      if (reader.at === before) break;
    }
    if (reader.tokens[reader.at]?.text === ")") reader.at += 1;
  }
  grouping();
  return { quantity: callQuantity(name.toLowerCase(), args) };
};

const COUNTS = new Set([
  ...["count", "count_values", "group", "absent", "absent_over_time", "present_over_time"],
  ...["count_over_time", "changes", "resets", "sgn"],
  ...["day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month"],
]);
const OPAQUE = new Set(["exp", "ln", "log2", "log10", "sqrt", "stdvar", "stdvar_over_time"]);
const INSTANTS = new Set(["time", "timestamp"]);
const RATES = new Set(["rate", "irate", "deriv"]);
const TAKES_LAST =
  /^(?:topk|bottomk|quantile|limitk|limit_ratio|quantile_over_time|histogram_quantile)$/;

const callQuantity = (name: string, args: readonly Part[]): Quantity | undefined => {
  if (COUNTS.has(name)) return { of: "count", isRate: false };
  if (INSTANTS.has(name)) return { of: "instant", isRate: false };
  if (OPAQUE.has(name)) return undefined;
  const main = (TAKES_LAST.test(name) ? args.at(-1) : args[0])?.quantity;
  if (main === undefined) return undefined;
  if (RATES.has(name)) return { ...main, isRate: true };
  if (name === "histogram_quantile") return { of: main.bounds ?? main.of, isRate: false };
  return main;
};

const combine = (sign: string, left: Part, right: Part): Part => {
  const [a, b] = [left.quantity, right.quantity];
  switch (sign) {
    case "*":
      return { quantity: scaled(left, right) ?? scaled(right, left) };
    case "/":
      return { quantity: divided(left, right) };
    case "+":
    case "%":
      return { quantity: a ?? b };
    case "-":
      return { quantity: isInstant(a) && isInstant(b) ? { of: "s", isRate: false } : (a ?? b) };
    case "^":
    case "atan2":
      return UNKNOWN;
    default:
      return { quantity: a ?? b };
  }
};

const isInstant = (quantity: Quantity | undefined): boolean => quantity?.of === "instant";

/** Factors that turn one unit into another; any other leaves a number without a unit. */
const scaled = (one: Part, by: Part): Quantity | undefined => {
  const { quantity } = one;
  if (quantity === undefined) return undefined;
  if (by.literal === undefined) return by.quantity?.of === "ratio" ? quantity : undefined;
  if (by.literal === 1) return quantity;
  if (by.literal === 100 && quantity.of === "ratio") return { ...quantity, of: "percent" };
  if (by.literal === 1_000 && quantity.of === "s") return { ...quantity, of: "ms" };
  if (by.literal === 8 && quantity.of === "By") return { ...quantity, of: "bit" };
  return undefined;
};

const divided = (left: Part, right: Part): Quantity | undefined => {
  const [a, b] = [left.quantity, right.quantity];
  if (a === undefined) return undefined;
  if (right.literal !== undefined) {
    if (right.literal === 1) return a;
    if (right.literal === 1_000 && a.of === "ms") return { ...a, of: "s" };
    if (right.literal === 100 && a.of === "percent") return { ...a, of: "ratio" };
    return undefined;
  }
  if (b === undefined) return undefined;
  const isCount = (of: Quantity["of"]): boolean => of === "count" || of === "request";
  const alike = a.of === b.of || (isCount(a.of) && isCount(b.of));
  if (alike && a.isRate === b.isRate) return { of: "ratio", isRate: false };
  if (isCount(b.of) && a.isRate === b.isRate) return { of: a.of, isRate: false };
  if (b.of === "s" && !b.isRate && !a.isRate) return { ...a, isRate: true };
  return b.of === "ratio" && !b.isRate ? a : undefined;
};

const SUFFIX: readonly (readonly [RegExp, Quantity["of"]])[] = [
  [/(?:_timestamp|_start_time|_created)(?:_seconds)?$/, "instant"],
  [/_milliseconds$/, "ms"],
  [/_seconds$/, "s"],
  [/_bytes$/, "By"],
  [/_bits$/, "bit"],
  [/_ratio$/, "ratio"],
  [/_percent$/, "percent"],
];
const UNIT_WORDS: Readonly<Record<string, Quantity["of"]>> = {
  ...{ seconds: "s", s: "s", milliseconds: "ms", ms: "ms", bytes: "By", By: "By" },
  ...{ bits: "bit", ratio: "ratio", "1": "ratio", percent: "percent", "%": "percent" },
};
const PARTS = /_(?:bucket|count|sum|total)$/;
const REQUESTS = /request|(?:^|_)calls(?:_|$)|(?:^|_)http_/;

const metricQuantity = (name: string, metadata: Metadata): Quantity | undefined => {
  const base = name.replace(PARTS, "");
  const known = metadata[name] ?? metadata[base];
  const word = UNIT_WORDS[known?.unit ?? ""];
  const of = word ?? SUFFIX.find(([suffix]) => suffix.test(base))?.[1];
  const counted: Quantity = { of: REQUESTS.test(base) ? "request" : "count", isRate: false };
  if (name.endsWith("_bucket")) return of === undefined ? counted : { ...counted, bounds: of };
  if (name.endsWith("_count")) return counted;
  if (of !== undefined) return { of, isRate: false };
  return name.endsWith("_total") || known?.type === "counter" ? counted : undefined;
};

const wordAt = (reader: Reader): string => {
  const token = reader.tokens[reader.at];
  return token?.kind === "word" ? token.text.toLowerCase() : "";
};

const takeWord = (reader: Reader, word: string): boolean => {
  if (wordAt(reader) !== word) return false;
  reader.at += 1;
  return true;
};

const skipParens = (reader: Reader): void => {
  if (reader.tokens[reader.at]?.text === "(") reader.at = ends(reader.tokens, reader.at);
};
