/**
 * `name{label="value", …}` and `{"name", …}`.
 *
 * Errors: a `ParseError` for a name given twice, a bad regular expression, or a selector that
 *         every series would satisfy.
 */
import { METRIC_NAME } from "../series.ts";
import { type MatchOperator, type Matcher, compileMatcher } from "../matcher.ts";
import type { Selector } from "./ast.ts";
import { type Cursor, expect, labelName, peek, take, takeIf, unexpected } from "./cursor.ts";
import { ParseError } from "./fault.ts";
import { isSymbol, type Token } from "./lexer.ts";

const OPERATORS: ReadonlySet<string> = new Set<MatchOperator>(["=", "!=", "=~", "!~"]);

export const parseSelector = (cursor: Cursor): Selector => {
  const first = peek(cursor);
  let name = first.kind === "identifier" ? take(cursor).text : undefined;
  let end = first.end;
  const matchers: Matcher[] = [];
  if (takeIf(cursor, "{")) {
    while (!takeIf(cursor, "}")) {
      const quoted = quotedName(cursor);
      if (quoted !== undefined && name !== undefined) throw twice(name, quoted.text, quoted.start);
      if (quoted !== undefined) name = quoted.text;
      else matchers.push(parseMatcher(cursor));
      if (takeIf(cursor, ",")) continue;
      expect(cursor, "}");
      break;
    }
    end = cursor.tokens[cursor.at - 1]!.end;
  }
  const again = matchers.find((m) => m.name === METRIC_NAME && m.op === "=");
  if (name !== undefined && again !== undefined) throw twice(name, again.value, first.start);
  const all: readonly Matcher[] =
    name === undefined ? matchers : [...matchers, { name: METRIC_NAME, op: "=", value: name }];
  if (all.every((matcher) => compileMatcher(matcher).matchesEmpty)) {
    const message = "vector selector must contain at least one non-empty matcher";
    throw new ParseError(message, first.start);
  }
  const shift = { offsetMs: 0, at: undefined };
  return { kind: "selector", name, matchers: all, ...shift, start: first.start, end };
};

const twice = (one: string, other: string, position: number): ParseError =>
  new ParseError(`metric name must not be set twice: "${one}" or "${other}"`, position);

const quotedName = (cursor: Cursor): Token | undefined => {
  const token = peek(cursor);
  const following = peek(cursor, 1);
  const alone = isSymbol(following, ",") || isSymbol(following, "}");
  return token.kind === "string" && alone ? take(cursor) : undefined;
};

const parseMatcher = (cursor: Cursor): Matcher => {
  const name = labelName(cursor);
  const operator = peek(cursor);
  if (operator.kind !== "symbol" || !OPERATORS.has(operator.text)) {
    throw unexpected(cursor, "a label matching operator");
  }
  take(cursor);
  const value = peek(cursor);
  if (value.kind !== "string") throw unexpected(cursor, "a quoted string");
  take(cursor);
  const matcher: Matcher = { name, op: operator.text as MatchOperator, value: value.text };
  try {
    compileMatcher(matcher);
  } catch (error) {
    throw new ParseError(error instanceof Error ? error.message : String(error), value.start);
  }
  return matcher;
};
