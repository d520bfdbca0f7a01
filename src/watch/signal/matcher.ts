/**
 * A matcher asks one question of one label; a missing label has the empty value.
 *
 * Errors: a regular expression that does not compile throws RE2JS' own error.
 * Source: Prometheus: RE2 syntax, anchored at both ends, `.` matches newlines. RE2JS runs in
 *         linear time, so a hostile pattern costs its length times the input's, never more.
 */
import { RE2JS } from "re2js";
import { type Labels, labelValue } from "./series.ts";

export type MatchOperator = "=" | "!=" | "=~" | "!~";
export type Matcher = {
  readonly name: string;
  readonly op: MatchOperator;
  readonly value: string;
};

export type CompiledMatcher = {
  readonly matcher: Matcher;
  readonly test: (value: string) => boolean;
  readonly matchesEmpty: boolean;
};

const MAX_CACHED_PATTERNS = 256;
const MAX_CACHED_ANSWERS = 4096;

/** A regular expression, anchored; answers are remembered, because label values repeat. */
export const compileRegex = (pattern: string): RE2JS => {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  // Alone first: `a)|(b` must not compile just because we put parentheses around it.
  RE2JS.compile(pattern);
  const compiled = RE2JS.compile(`^(?s:${pattern})$`);
  if (patterns.size >= MAX_CACHED_PATTERNS) patterns.clear();
  patterns.set(pattern, compiled);
  return compiled;
};
const patterns = new Map<string, RE2JS>();

const remembered = (pattern: string): ((value: string) => boolean) => {
  const fixed = literalAlternatives(pattern);
  if (fixed !== undefined) return (value) => fixed.has(value);
  const regex = compileRegex(pattern);
  const answers = new Map<string, boolean>();
  return (value) => {
    const known = answers.get(value);
    if (known !== undefined) return known;
    const answer = regex.testExact(value);
    if (answers.size >= MAX_CACHED_ANSWERS) answers.clear();
    answers.set(value, answer);
    return answer;
  };
};

/** `a|b|c` without any operator is a set of strings, as dashboards send it. */
const literalAlternatives = (pattern: string): ReadonlySet<string> | undefined =>
  /^[\w\-:/ ,=@%&;~]+(?:\|[\w\-:/ ,=@%&;~]+)*$/.test(pattern)
    ? new Set(pattern.split("|"))
    : undefined;

export const compileMatcher = (matcher: Matcher): CompiledMatcher => {
  const test = testOf(matcher);
  return { matcher, test, matchesEmpty: test("") };
};

const testOf = ({ op, value }: Matcher): ((value: string) => boolean) => {
  if (op === "=") return (other) => other === value;
  if (op === "!=") return (other) => other !== value;
  const matches = remembered(value);
  return op === "=~" ? matches : (other) => !matches(other);
};

export const matchesAll = (matchers: readonly CompiledMatcher[], labels: Labels): boolean => {
  for (const { matcher, test } of matchers) {
    if (!test(labelValue(labels, matcher.name))) return false;
  }
  return true;
};
