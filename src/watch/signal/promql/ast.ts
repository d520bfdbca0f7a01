/**
 * A PromQL expression as a tree. Every node knows where it stands in the text.
 *
 * Units:  durations and timestamps in ms; positions are offsets into the query, end excluded.
 * Source: Prometheus 3.x, without native histograms; a later value type joins `ValueType`.
 */
import type { Matcher } from "../matcher.ts";

type Span = { readonly start: number; readonly end: number };
export type ValueType = "scalar" | "vector" | "matrix" | "string";

/** `@ 1600000000`, `@ start()` or `@ end()`. */
export type At =
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "start" | "end" };

type NumberLiteral = Span & { readonly kind: "number"; readonly value: number };
type StringLiteral = Span & { readonly kind: "string"; readonly value: string };
export type Paren = Span & { readonly kind: "paren"; readonly expr: Expr };
type Unary = Span & {
  readonly kind: "unary";
  readonly op: "+" | "-";
  readonly expr: Expr;
};

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%" | "^" | "atan2";
export type ComparisonOperator = "==" | "!=" | ">" | "<" | ">=" | "<=";
export type SetOperator = "and" | "or" | "unless";
export type BinaryOperator = ArithmeticOperator | ComparisonOperator | SetOperator;

export type Matching = {
  readonly card: "one-to-one" | "many-to-one" | "one-to-many" | "many-to-many";
  /** `on (labels)`; otherwise `ignoring (labels)`. */
  readonly on: boolean;
  readonly labels: readonly string[];
  /** Labels that group_left or group_right copies from the "one" side. */
  readonly include: readonly string[];
};
export type Binary = Span & {
  readonly kind: "binary";
  readonly op: BinaryOperator;
  readonly lhs: Expr;
  readonly rhs: Expr;
  readonly bool: boolean;
  /** Present where both sides are vectors. */
  readonly matching: Matching | undefined;
};

export type Shift = { readonly offsetMs: number; readonly at: At | undefined };
export type Selector = Span &
  Shift & {
    readonly kind: "selector";
    /** The metric name is a matcher like the others; this is how it was written. */
    readonly name: string | undefined;
    readonly matchers: readonly Matcher[];
  };
export type MatrixSelector = Span & {
  readonly kind: "matrix";
  readonly selector: Selector;
  readonly rangeMs: number;
};
export type Subquery = Span &
  Shift & {
    readonly kind: "subquery";
    readonly expr: Expr;
    readonly rangeMs: number;
    /** Without one, the engine's default step. */
    readonly stepMs: number | undefined;
  };

export type Call = Span & {
  readonly kind: "call";
  readonly func: string;
  readonly args: readonly Expr[];
};

export type AggregateOperator =
  | "sum"
  | "avg"
  | "count"
  | "min"
  | "max"
  | "group"
  | "stddev"
  | "stdvar"
  | "topk"
  | "bottomk"
  | "count_values"
  | "quantile"
  | "limitk"
  | "limit_ratio";
export type Aggregate = Span & {
  readonly kind: "aggregate";
  readonly op: AggregateOperator;
  readonly expr: Expr;
  readonly param: Expr | undefined;
  readonly without: boolean;
  readonly grouping: readonly string[];
};

export type Expr =
  | NumberLiteral
  | StringLiteral
  | Paren
  | Unary
  | Binary
  | Selector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregate;

export const AGGREGATES: ReadonlySet<string> = new Set<AggregateOperator>([
  "sum",
  "avg",
  "count",
  "min",
  "max",
  "group",
  "stddev",
  "stdvar",
  "topk",
  "bottomk",
  "count_values",
  "quantile",
  "limitk",
  "limit_ratio",
]);
export const AGGREGATES_WITH_PARAM: ReadonlySet<string> = new Set<AggregateOperator>([
  "topk",
  "bottomk",
  "count_values",
  "quantile",
  "limitk",
  "limit_ratio",
]);
const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", ">", "<", ">=", "<="]);
const SETS: ReadonlySet<string> = new Set(["and", "or", "unless"]);

export const isComparison = (op: BinaryOperator): op is ComparisonOperator => COMPARISONS.has(op);
export const isSetOperator = (op: BinaryOperator): op is SetOperator => SETS.has(op);

/** What an expression is without the parentheses around it. */
export const unwrap = (expr: Expr): Exclude<Expr, Paren> => {
  let inner = expr;
  while (inner.kind === "paren") inner = inner.expr;
  return inner;
};
