import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Expr } from "./ast.ts";
import { parsePromql } from "./parser.ts";
import { printExpr } from "./print.ts";

const parse = (text: string): Expr => {
  const parsed = parsePromql(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.error.message} at ${parsed.error.position}`);
  return parsed.value;
};

/** The tree in prefix form, so that a table can show what binds what. */
const shape = (expr: Expr): string => {
  if (expr.kind === "unary") return `(${expr.op} ${shape(expr.expr)})`;
  if (expr.kind === "binary") return `(${expr.op} ${shape(expr.lhs)} ${shape(expr.rhs)})`;
  return printExpr(expr);
};

const withoutPlaces = (expr: Expr): unknown =>
  JSON.parse(
    JSON.stringify(expr, (key, value: unknown) =>
      key === "start" || key === "end" ? undefined : value,
    ),
  );

describe("precedence", () => {
  test.each([
    ["-1^2", "(- (^ 1 2))"],
    ["-1 * 2", "(* (- 1) 2)"],
    ["2^3^2", "(^ 2 (^ 3 2))"],
    ["2^-1 * 3", "(* (^ 2 (- 1)) 3)"],
    ["a / -b @ 60", "(/ a (- b @ 60.000))"],
    ["-a offset 5m", "(- a offset 5m)"],
    ["a or b and c unless d", "(or a (unless (and b c) d))"],
    ["a + b > c * d", "(> (+ a b) (* c d))"],
    ["a - b - c", "(- (- a b) c)"],
    ["a atan2 b + c", "(+ (atan2 a b) c)"],
    ["a == bool b", "(== a b)"],
    ["a AND b", "(and a b)"],
  ])("%s is %s", (text, wanted) => {
    expect(shape(parse(text))).toBe(wanted);
  });
});

describe("literals and durations", () => {
  test.each([
    ["0x1F", 31],
    ["1_000.5", 1000.5],
    [".5e1", 5],
    ["2.", 2],
    ["1h30m", 5400],
    ["1y", 31_536_000],
    ["5ms", 0.005],
    ["iNf", Infinity],
    ["nAn", NaN],
  ])("%s is the number %d", (text, value) => {
    expect(parse(text)).toMatchObject({ kind: "number", value });
  });

  test.each([
    [String.raw`"a\n\t\"\\"`, 'a\n\t"\\'],
    [String.raw`'it\'s'`, "it's"],
    [String.raw`"\x41\101\u00e9\U0001F600"`, "AAé😀"],
    [String.raw`"\xc3\xa9"`, "é"],
    ["`raw\\n\nline`", "raw\\n\nline"],
  ])("%s is a string", (text, value) => {
    expect(parse(text)).toMatchObject({ kind: "string", value });
  });

  test("a range, a step and an offset may be bare seconds", () => {
    expect(parse("a[300:60] offset -30")).toMatchObject({
      kind: "subquery",
      rangeMs: 300_000,
      stepMs: 60_000,
      offsetMs: -30_000,
    });
  });
});

describe("errors name the place", () => {
  test.each([
    ["", 0, "no expression"],
    ["1 +", 3, "end of input"],
    ["sum(a", 5, '")"'],
    ['a{b=~"("}', 5, "missing closing )"],
    ['a{b=~"x)|(y"}', 5, "unexpected )"],
    ["a{}}", 3, '"}"'],
    ['{a=~".*"}', 0, "non-empty matcher"],
    ['a{__name__="b"}', 0, "set twice"],
    ["a b", 2, '"b"'],
    ["rate(a)", 5, "range vector"],
    ["nope(a)", 0, "unknown function"],
    ["abs(a, b)", 0, "expected"],
    ["abs(a,)", 6, "trailing comma"],
    ["a and 1", 0, "set operator"],
    ["1 == 2", 0, "BOOL"],
    ["a + bool b", 2, "bool modifier"],
    ["a and on(x) group_left b", 6, "no grouping"],
    ["a * on(x) group_left(x) b", 4, "ON and GROUP"],
    ["1 + on(x) 2", 2, "vector matching"],
    ["-a[5m]", 0, "unary"],
    ["a[5m] + 1", 0, "scalar and instant vector"],
    ["a offset 5m offset 5m", 12, "multiple times"],
    ["a @ 1 @ 2", 6, "multiple times"],
    ["a @ inf", 4, "out of bounds"],
    ["(a + b) offset 5m", 8, "preceded by"],
    ["a offset 5m [5m]", 12, "no offset modifiers"],
    ["a @ 5 [5m]", 6, "no @ modifiers"],
    ["(a)[5m]", 3, "ranges only"],
    ["a[0s]", 2, "greater than 0"],
    ["a[5m:0s]", 2, "greater than 0"],
    ["5mm", 0, "bad number"],
    ["0x", 0, "bad number"],
    ["'open", 0, "unterminated"],
    ['"a\nb"', 0, "unterminated"],
    [String.raw`"\q"`, 1, "escape"],
    ["a ? b", 2, "unexpected character"],
    ["topk(a)", 0, "wrong number of arguments"],
    ["sum(1)", 4, "instant vector"],
    ["count_values(1, a)", 13, "string"],
    ['"a"[5m:]', 0, "subquery"],
    ["bool", 0, '"bool"'],
    ['a{b:c="d"}', 2, "label name"],
    ["a{b=c}", 4, "quoted string"],
    ["a{b}", 3, "label matching operator"],
    ["clamp(a, b, 1)", 9, "scalar"],
  ])("%s: position %d, %s", (text, position, message) => {
    const parsed = parsePromql(text);
    expect(parsed).toMatchObject({ ok: false, error: { position } });
    expect(parsed.ok ? "" : parsed.error.message).toContain(message);
  });

  test("a query that is too deep or too long is refused before it hurts", () => {
    expect(parsePromql("(".repeat(10_000))).toMatchObject({ ok: false });
    expect(parsePromql(`1${"+1".repeat(5000)}`)).toMatchObject({ ok: false });
    expect(parsePromql(" ".repeat(100_000))).toMatchObject({ ok: false });
    expect(parsePromql(`1${"+1".repeat(100)}`)).toMatchObject({ ok: true });
  });
});

describe("printing", () => {
  const name = fc.constantFrom("a", "http_requests_total", "job:rate:sum", "sum", "offset", "by");
  const label = fc.constantFrom("job", "le", "by", "on", "instance");
  const text = fc.string({ maxLength: 6 }).map((value) => JSON.stringify(value));
  const matcher = fc
    .tuple(label, fc.constantFrom("=", "!="), text)
    .map(([key, op, value]) => `${key}${op}${value}`);
  const shift = fc.constantFrom("", " offset 5m", " offset -90s", " @ 60.5", " @ end() offset 1h");
  const selector = fc
    .tuple(name, fc.array(matcher, { maxLength: 2 }))
    .map(([metric, matchers]) => `${metric}{${matchers.join(",")}}`);
  const vector = fc.letrec<{ expr: string }>((tie) => ({
    expr: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.tuple(selector, shift).map(([s, at]) => s + at),
      fc.tuple(selector, shift).map(([s, at]) => `rate(${s}[5m]${at})`),
      tie("expr").map((e) => `-${e}`),
      tie("expr").map((e) => `(${e})`),
      fc.tuple(tie("expr"), shift).map(([e, at]) => `max_over_time((${e})[1h:5m]${at})`),
      fc
        .tuple(tie("expr"), fc.constantFrom("+", "^", ">= bool", "and on(job)", "or"), tie("expr"))
        .map(([a, op, b]) => `${a} ${op} ${b}`),
      fc
        .tuple(tie("expr"), fc.constantFrom("group_left(le)", "group_right()"), tie("expr"))
        .map(([a, group, b]) => `${a} * ignoring(instance) ${group} ${b}`),
      fc
        .tuple(fc.constantFrom("sum by (job)", "avg without (le)", "count", "topk"), tie("expr"))
        .map(([op, e]) => (op === "topk" ? `topk(3, ${e})` : `${op} (${e})`)),
      tie("expr").map((e) => `label_replace(${e}, "a", "$1", "b", "(.*)")`),
      tie("expr").map((e) => `(1.5e-7 * ${e})`),
    ),
  })).expr;

  test("law: what is printed parses to the same tree", () => {
    fc.assert(
      fc.property(vector, (query) => {
        const expr = parse(query);
        expect(withoutPlaces(parse(printExpr(expr)))).toEqual(withoutPlaces(expr));
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    'max_over_time(a{b="]"}[1h:5m])',
    'label_replace(a, ")", "]", "(", "[")[1h:5m]',
    'sum by (job) (rate(a{b="c"}[5m] offset 1h))',
    '{"a.b", "c d"="e"}',
    '{"inf"}',
    "a[1h:] @ start()",
    "time()",
    "quantile without () (0.5, a)",
    "a * on (x, y) group_left (z) b",
    "NaN",
    "a[1500ms]",
  ])("%s prints as it was written", (query) => {
    expect(printExpr(parse(query)).replaceAll(/\s/g, "")).toBe(query.replaceAll(/\s/g, ""));
  });
});
