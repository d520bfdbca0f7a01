/**
 * PromQL text to a checked tree: a Pratt parser, so precedence is a number per operator.
 *
 * Errors: a `ParseFault` with the offset of the first token that cannot stand where it stands.
 * Source: Prometheus' grammar. Sharp edges: a sign binds looser than `^` (`-1^2` is -1), `offset`
 *         and `@` bind tighter than any sign (`-b @ 60` is -(b @ 60)), a bare number is a duration
 *         in seconds wherever a duration may stand, keywords may be metric and label names.
 */
import { type Result, err, ok } from "../../../kernel/result.ts";
import {
  AGGREGATES,
  AGGREGATES_WITH_PARAM,
  type Aggregate,
  type AggregateOperator,
  type At,
  type Binary,
  type BinaryOperator,
  type Expr,
  type Matching,
  type Shift,
  isComparison,
  isSetOperator,
} from "./ast.ts";
import { check, typeOf } from "./check.ts";
import { ParseError, type ParseFault } from "./fault.ts";
import { FUNCTIONS } from "./functions.ts";
import { isSymbol, type Token, tokenize } from "./lexer.ts";
import { parseSelector } from "./parse-selector.ts";
import {
  type Cursor,
  expect,
  labelNames,
  isWord,
  newCursor,
  peek,
  take,
  takeIf,
  takeWord,
  unexpected,
} from "./cursor.ts";

const POWER: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  "==": 3,
  "!=": 3,
  ">": 3,
  "<": 3,
  ">=": 3,
  "<=": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
  atan2: 5,
  "^": 7,
};
/** Between `*` and `^`. */
const SIGN_POWER = 6;
/** Words that cannot be a metric's name. */
const RESERVED: ReadonlySet<string> = new Set([
  "bool",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "atan2",
]);
/** Nested parts and chained operators both make a tree deep, and the evaluator walks it. */
const MAX_DEPTH = 400;

export const parsePromql = (text: string): Result<Expr, ParseFault> => {
  try {
    const cursor = newCursor(tokenize(text));
    if (peek(cursor).kind === "end") throw new ParseError("no expression found in input", 0);
    const expr = parseExpr(cursor, 0);
    if (peek(cursor).kind !== "end") throw unexpected(cursor);
    check(expr);
    return ok(expr);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return err({ message: error.message, position: error.position });
  }
};

const parseExpr = (cursor: Cursor, power: number): Expr => {
  const { depth } = cursor;
  deeper(cursor);
  let left = parseOperand(cursor);
  for (;;) {
    const op = binaryOperator(peek(cursor));
    if (op === undefined || POWER[op]! <= power) break;
    left = parseBinary(cursor, left, op);
    deeper(cursor);
  }
  cursor.depth = depth;
  return left;
};

const deeper = (cursor: Cursor): void => {
  if (++cursor.depth <= MAX_DEPTH) return;
  throw new ParseError(`the query is deeper than ${MAX_DEPTH} levels`, peek(cursor).start);
};

const binaryOperator = (token: Token): BinaryOperator | undefined => {
  if (token.kind !== "symbol" && token.kind !== "identifier") return undefined;
  const op = token.kind === "identifier" ? token.text.toLowerCase() : token.text;
  return Object.hasOwn(POWER, op) ? (op as BinaryOperator) : undefined;
};

const parseBinary = (cursor: Cursor, lhs: Expr, op: BinaryOperator): Binary => {
  const token = take(cursor);
  const power = POWER[op]!;
  const bool = takeWord(cursor, "bool");
  if (bool && !isComparison(op)) {
    throw new ParseError("bool modifier can only be used on comparison operators", token.start);
  }
  const written = parseMatching(cursor, op);
  const rhs = parseExpr(cursor, op === "^" ? power - 1 : power);
  const matching = matchingFor(op, lhs, rhs, written, token);
  return { kind: "binary", op, lhs, rhs, bool, matching, start: lhs.start, end: rhs.end };
};

const parseMatching = (cursor: Cursor, op: BinaryOperator): Matching | undefined => {
  const start = peek(cursor).start;
  const on = takeWord(cursor, "on");
  if (!on && !takeWord(cursor, "ignoring")) return undefined;
  const labels = labelNames(cursor);
  let card: Matching["card"] = isSetOperator(op) ? "many-to-many" : "one-to-one";
  let include: readonly string[] = [];
  for (const [word, grouped] of GROUPED) {
    if (!takeWord(cursor, word)) continue;
    if (isSetOperator(op)) {
      throw new ParseError(`no grouping allowed for "${op}" operation`, start);
    }
    card = grouped;
    if (isSymbol(peek(cursor), "(")) include = labelNames(cursor);
    break;
  }
  const both = on ? include.find((label) => labels.includes(label)) : undefined;
  if (both !== undefined) {
    const message = `label "${both}" must not occur in ON and GROUP clause at once`;
    throw new ParseError(message, start);
  }
  return { card, on, labels, include };
};
const GROUPED = [
  ["group_left", "many-to-one"],
  ["group_right", "one-to-many"],
] as const;

const matchingFor = (
  op: BinaryOperator,
  lhs: Expr,
  rhs: Expr,
  written: Matching | undefined,
  at: Token,
): Matching | undefined => {
  const vectors = typeOf(lhs) === "vector" && typeOf(rhs) === "vector";
  if (!vectors) {
    if (written === undefined) return undefined;
    const message = "vector matching only allowed between instant vectors";
    throw new ParseError(message, at.start);
  }
  const card = isSetOperator(op) ? "many-to-many" : "one-to-one";
  return written ?? { card, on: false, labels: [], include: [] };
};

const parseOperand = (cursor: Cursor): Expr => {
  const token = peek(cursor);
  if (token.kind === "symbol" && (token.text === "-" || token.text === "+")) {
    take(cursor);
    const expr = parseExpr(cursor, SIGN_POWER);
    return { kind: "unary", op: token.text, expr, start: token.start, end: expr.end };
  }
  return parsePostfix(cursor, parsePrimary(cursor));
};

const parsePrimary = (cursor: Cursor): Expr => {
  const token = peek(cursor);
  const span = { start: token.start, end: token.end };
  if (token.kind === "number") {
    take(cursor);
    return { kind: "number", value: token.value, ...span };
  }
  if (token.kind === "string") {
    take(cursor);
    return { kind: "string", value: token.text, ...span };
  }
  if (isSymbol(token, "(")) {
    take(cursor);
    const expr = parseExpr(cursor, 0);
    return { kind: "paren", expr, start: token.start, end: expect(cursor, ")").end };
  }
  if (isSymbol(token, "{")) return parseSelector(cursor);
  if (token.kind === "identifier") return parseNamed(cursor, token);
  throw unexpected(cursor);
};

const parseNamed = (cursor: Cursor, token: Token): Expr => {
  const lower = token.text.toLowerCase();
  const following = peek(cursor, 1);
  const opens = isSymbol(following, "(");
  if (AGGREGATES.has(lower) && (opens || isWord(following, "by") || isWord(following, "without"))) {
    return parseAggregate(cursor, lower as AggregateOperator);
  }
  if (lower === "inf" || lower === "nan") {
    take(cursor);
    const value = lower === "inf" ? Infinity : NaN;
    return { kind: "number", value, start: token.start, end: token.end };
  }
  if (opens) {
    take(cursor);
    if (!FUNCTIONS.has(token.text)) {
      throw new ParseError(`unknown function with name "${token.text}"`, token.start);
    }
    const { args, end } = parseArguments(cursor);
    return { kind: "call", func: token.text, args, start: token.start, end };
  }
  if (RESERVED.has(lower)) throw unexpected(cursor);
  return parseSelector(cursor);
};

const parseArguments = (cursor: Cursor): { readonly args: Expr[]; readonly end: number } => {
  expect(cursor, "(");
  const args: Expr[] = [];
  while (!isSymbol(peek(cursor), ")")) {
    args.push(parseExpr(cursor, 0));
    if (!takeIf(cursor, ",")) break;
    if (isSymbol(peek(cursor), ")")) {
      const message = "trailing commas not allowed in function call args";
      throw new ParseError(message, peek(cursor).start);
    }
  }
  return { args, end: expect(cursor, ")").end };
};

const parseAggregate = (cursor: Cursor, op: AggregateOperator): Aggregate => {
  const { start } = take(cursor);
  const before = parseGrouping(cursor);
  const { args, end } = parseArguments(cursor);
  const after = before === undefined ? parseGrouping(cursor) : undefined;
  const wanted = AGGREGATES_WITH_PARAM.has(op) ? 2 : 1;
  if (args.length !== wanted) {
    const message = `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`;
    throw new ParseError(message, start);
  }
  const grouping = before ?? after;
  return {
    kind: "aggregate",
    op,
    expr: args[wanted - 1]!,
    param: wanted === 2 ? args[0] : undefined,
    without: grouping?.without ?? false,
    grouping: grouping?.labels ?? [],
    start,
    end: after?.end ?? end,
  };
};

type Grouping = { readonly without: boolean; readonly labels: string[]; readonly end: number };
const parseGrouping = (cursor: Cursor): Grouping | undefined => {
  const without = takeWord(cursor, "without");
  if (!without && !takeWord(cursor, "by")) return undefined;
  const labels = labelNames(cursor);
  return { without, labels, end: cursor.tokens[cursor.at - 1]!.end };
};

/** Ranges, `offset` and `@`, which bind tighter than everything else. */
const parsePostfix = (cursor: Cursor, operand: Expr): Expr => {
  let expr = operand;
  for (;;) {
    const token = peek(cursor);
    if (isSymbol(token, "[")) expr = parseRange(cursor, expr);
    else if (isWord(token, "offset")) expr = parseOffset(cursor, expr);
    else if (isSymbol(token, "@")) expr = parseAt(cursor, expr);
    else return expr;
  }
};

const parseRange = (cursor: Cursor, expr: Expr): Expr => {
  const open = take(cursor);
  const rangeMs = parseDuration(cursor);
  if (rangeMs <= 0) throw new ParseError("duration must be greater than 0", open.end);
  if (takeIf(cursor, ":")) {
    const closed = isSymbol(peek(cursor), "]");
    const stepMs = closed ? undefined : parseDuration(cursor);
    if (stepMs !== undefined && stepMs <= 0) {
      throw new ParseError("duration must be greater than 0", open.end);
    }
    const { end } = expect(cursor, "]");
    const shift = { offsetMs: 0, at: undefined };
    return { kind: "subquery", expr, rangeMs, stepMs, ...shift, start: expr.start, end };
  }
  const { end } = expect(cursor, "]");
  if (expr.kind !== "selector") {
    throw new ParseError("ranges only allowed for vector selectors", open.start);
  }
  if (expr.at !== undefined) {
    throw new ParseError("no @ modifiers allowed before range", open.start);
  }
  if (expr.offsetMs !== 0) {
    throw new ParseError("no offset modifiers allowed before range", open.start);
  }
  return { kind: "matrix", selector: expr, rangeMs, start: expr.start, end };
};

const parseSign = (cursor: Cursor): number => {
  if (takeIf(cursor, "-")) return -1;
  takeIf(cursor, "+");
  return 1;
};

const parseDuration = (cursor: Cursor): number => {
  const sign = parseSign(cursor);
  const token = peek(cursor);
  if (token.kind !== "number") throw unexpected(cursor, "a duration");
  take(cursor);
  const ms = Math.round(token.value * 1000);
  if (!Number.isSafeInteger(ms)) throw new ParseError("duration out of range", token.start);
  return sign * ms;
};

/** Applies a change to the part of the expression that `offset` and `@` speak about. */
const shifted = (
  expr: Expr,
  end: number,
  position: number,
  name: string,
  change: (shift: Shift) => Shift,
): Expr => {
  if (expr.kind === "selector" || expr.kind === "subquery") {
    return { ...expr, ...change(expr), end };
  }
  if (expr.kind === "matrix") {
    return { ...expr, selector: { ...expr.selector, ...change(expr.selector) }, end };
  }
  const message = `${name} modifier must be preceded by an instant vector selector or range vector selector or a subquery`;
  throw new ParseError(message, position);
};

const parseOffset = (cursor: Cursor, expr: Expr): Expr => {
  const { start } = take(cursor);
  const offsetMs = parseDuration(cursor);
  const { end } = cursor.tokens[cursor.at - 1]!;
  return shifted(expr, end, start, "offset", (shift) => {
    if (shift.offsetMs === 0) return { offsetMs, at: shift.at };
    throw new ParseError("offset may not be set multiple times", start);
  });
};

const parseAt = (cursor: Cursor, expr: Expr): Expr => {
  const { start } = take(cursor);
  const at = parseInstant(cursor);
  const { end } = cursor.tokens[cursor.at - 1]!;
  return shifted(expr, end, start, "@", (shift) => {
    if (shift.at === undefined) return { offsetMs: shift.offsetMs, at };
    throw new ParseError("@ <timestamp> may not be set multiple times", start);
  });
};

const parseInstant = (cursor: Cursor): At => {
  for (const kind of ["start", "end"] as const) {
    if (!takeWord(cursor, kind)) continue;
    expect(cursor, "(");
    expect(cursor, ")");
    return { kind };
  }
  const sign = parseSign(cursor);
  const token = peek(cursor);
  const infinite = isWord(token, "inf") || isWord(token, "nan");
  const ms = Math.round(sign * token.value * 1000);
  if (infinite || (token.kind === "number" && !Number.isSafeInteger(ms))) {
    throw new ParseError("timestamp out of bounds for @ modifier", token.start);
  }
  if (token.kind !== "number") throw unexpected(cursor, "a timestamp");
  take(cursor);
  return { kind: "time", ms };
};
