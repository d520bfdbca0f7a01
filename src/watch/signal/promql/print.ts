/**
 * Expressions and labels as text. Parsing what is printed gives the same tree again.
 *
 * Units:  durations as milliseconds or the largest unit that divides them.
 */
import { METRIC_NAME, type Labels } from "../series.ts";
import {
  AGGREGATES,
  type Aggregate,
  type At,
  type Binary,
  type Expr,
  type Matching,
  type Selector,
  type Shift,
} from "./ast.ts";

const UNITS = [
  ["y", 31_536_000_000],
  ["w", 604_800_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

const formatDurationMs = (ms: number): string => {
  for (const [unit, unitMs] of UNITS) {
    if (ms !== 0 && ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  }
  return `${ms}ms`;
};

/** The shortest decimal text of a number, never with an exponent, as count_values wants it. */
export const formatDecimal = (value: number): string => {
  if (value !== value) return "NaN";
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  if (Object.is(value, -0)) return "-0";
  const text = String(value);
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, "0")}`;
};

/** As a label's value: whole numbers keep a point, as OpenMetrics writes `le` and `quantile`. */
export const formatFloat = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) < 1e6 ? value.toFixed(1) : formatDecimal(value);

const PLAIN_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const PLAIN_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Words that mean something else where a metric's name may stand. */
const WORDS: ReadonlySet<string> = new Set([
  ..."inf nan bool on ignoring group_left group_right atan2 offset and or unless".split(" "),
  ..."by without".split(" "),
  ...AGGREGATES,
]);
const isPlainMetric = (name: string): boolean =>
  PLAIN_METRIC.test(name) && !WORDS.has(name.toLowerCase());
const labelText = (name: string): string => (PLAIN_LABEL.test(name) ? name : quote(name));

const quote = (text: string): string => JSON.stringify(text);

/** `name{a="b"}`, or `{}` for nothing. */
export const formatLabels = (labels: Labels): string => {
  const name = labels.find((label) => label[0] === METRIC_NAME)?.[1];
  const plain = name !== undefined && PLAIN_METRIC.test(name);
  const pairs = labels
    .filter((label) => !(plain && label[0] === METRIC_NAME))
    .map((label) => `${labelText(label[0])}=${quote(label[1])}`);
  if (plain && pairs.length === 0) return name;
  return `${plain ? name : ""}{${pairs.join(", ")}}`;
};

export const printExpr = (expr: Expr): string => {
  switch (expr.kind) {
    case "number":
      return printNumber(expr.value);
    case "string":
      return quote(expr.value);
    case "paren":
      return `(${printExpr(expr.expr)})`;
    case "unary":
      return `${expr.op}${printExpr(expr.expr)}`;
    case "binary":
      return printBinary(expr);
    case "selector":
      return `${printMatchers(expr)}${printShift(expr)}`;
    case "matrix": {
      const range = formatDurationMs(expr.rangeMs);
      return `${printMatchers(expr.selector)}[${range}]${printShift(expr.selector)}`;
    }
    case "subquery": {
      const step = expr.stepMs === undefined ? "" : formatDurationMs(expr.stepMs);
      const range = `[${formatDurationMs(expr.rangeMs)}:${step}]`;
      return `${printExpr(expr.expr)}${range}${printShift(expr)}`;
    }
    case "call":
      return `${expr.func}(${expr.args.map(printExpr).join(", ")})`;
    case "aggregate":
      return printAggregate(expr);
    default:
      return expr satisfies never;
  }
};

const printNumber = (value: number): string =>
  value === Infinity ? "Inf" : value !== value ? "NaN" : String(value);

const printNames = (names: readonly string[]): string => `(${names.map(labelText).join(", ")})`;

const printMatchers = ({ name, matchers }: Selector): string => {
  const plain = name !== undefined && isPlainMetric(name);
  const rest = name === undefined ? matchers : matchers.filter((m) => !isNameOf(m, name));
  const pairs = rest.map((m) => `${labelText(m.name)}${m.op}${quote(m.value)}`);
  if (plain) return pairs.length === 0 ? name : `${name}{${pairs.join(", ")}}`;
  return `{${[...(name === undefined ? [] : [quote(name)]), ...pairs].join(", ")}}`;
};

const isNameOf = (matcher: Selector["matchers"][number], name: string): boolean =>
  matcher.name === METRIC_NAME && matcher.op === "=" && matcher.value === name;

const printAt = (at: At): string =>
  at.kind === "time" ? ` @ ${(at.ms / 1000).toFixed(3)}` : ` @ ${at.kind}()`;

const printShift = ({ offsetMs, at }: Shift): string => {
  const sign = offsetMs < 0 ? "-" : "";
  const offset = offsetMs === 0 ? "" : ` offset ${sign}${formatDurationMs(Math.abs(offsetMs))}`;
  return `${at === undefined ? "" : printAt(at)}${offset}`;
};

const printMatching = ({ on, labels, card, include }: Matching): string => {
  const word = on ? ` on ${printNames(labels)}` : ` ignoring ${printNames(labels)}`;
  const one = on || labels.length > 0;
  if (card === "many-to-one") return `${word} group_left ${printNames(include)}`;
  if (card === "one-to-many") return `${word} group_right ${printNames(include)}`;
  return one ? word : "";
};

const printBinary = ({ op, lhs, rhs, bool, matching }: Binary): string => {
  const word = `${op}${bool ? " bool" : ""}`;
  const how = matching === undefined ? "" : printMatching(matching);
  return `${printExpr(lhs)} ${word}${how} ${printExpr(rhs)}`;
};

const printAggregate = ({ op, expr, param, without, grouping }: Aggregate): string => {
  const by = without ? ` without ${printNames(grouping)} ` : ` by ${printNames(grouping)} `;
  const args = param === undefined ? [expr] : [param, expr];
  const clause = without || grouping.length > 0 ? by : "";
  return `${op}${clause}(${args.map(printExpr).join(", ")})`;
};
