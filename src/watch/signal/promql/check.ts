/**
 * Does every part of an expression get the type it wants?
 *
 * Errors: a `ParseError` at the part that does not.
 */
import {
  type Aggregate,
  type Binary,
  type Call,
  type Expr,
  type ValueType,
  isComparison,
  isSetOperator,
  unwrap,
} from "./ast.ts";
import { ParseError } from "./fault.ts";
import { FUNCTIONS } from "./functions.ts";

const TYPE_NAMES: Readonly<Record<ValueType, string>> = {
  scalar: "scalar",
  vector: "instant vector",
  matrix: "range vector",
  string: "string",
};

export const typeOf = (expr: Expr): ValueType => {
  switch (expr.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "paren":
    case "unary":
      return typeOf(expr.expr);
    case "selector":
    case "aggregate":
      return "vector";
    case "matrix":
    case "subquery":
      return "matrix";
    case "call":
      return FUNCTIONS.get(expr.func)?.returns ?? "vector";
    case "binary":
      return typeOf(expr.lhs) === "scalar" && typeOf(expr.rhs) === "scalar" ? "scalar" : "vector";
    default:
      return expr satisfies never;
  }
};

export const check = (expr: Expr): void => {
  switch (expr.kind) {
    case "number":
    case "string":
    case "selector":
    case "matrix":
      return;
    case "paren":
      check(expr.expr);
      return;
    case "unary": {
      check(expr.expr);
      const type = typeOf(expr.expr);
      if (type === "scalar" || type === "vector") return;
      throw new ParseError(
        `unary expression only allowed on expressions of type scalar or instant vector, got "${TYPE_NAMES[type]}"`,
        expr.start,
      );
    }
    case "subquery":
      check(expr.expr);
      if (typeOf(expr.expr) === "vector" || typeOf(expr.expr) === "scalar") return;
      throw new ParseError(
        `subquery is only allowed on instant vector, got ${TYPE_NAMES[typeOf(expr.expr)]} instead`,
        expr.start,
      );
    case "binary":
      checkBinary(expr);
      return;
    case "call":
      checkCall(expr);
      return;
    case "aggregate":
      checkAggregate(expr);
      return;
    default:
      expr satisfies never;
  }
};

const wanted = (expr: Expr, type: ValueType, context: string): void => {
  const actual = typeOf(expr);
  if (actual === type) return;
  const message = `expected type ${TYPE_NAMES[type]} in ${context}, got ${TYPE_NAMES[actual]}`;
  throw new ParseError(message, expr.start);
};

const checkBinary = ({ op, lhs, rhs, bool }: Binary): void => {
  check(lhs);
  check(rhs);
  for (const side of [lhs, rhs]) {
    const type = typeOf(side);
    if (type === "scalar" || type === "vector") continue;
    const message = "binary expression must contain only scalar and instant vector types";
    throw new ParseError(message, side.start);
  }
  const scalars = [lhs, rhs].filter((side) => typeOf(side) === "scalar").length;
  if (scalars > 0 && isSetOperator(op)) {
    const message = `set operator "${op}" not allowed in binary scalar expression`;
    throw new ParseError(message, lhs.start);
  }
  if (scalars === 2 && isComparison(op) && !bool) {
    const message = "comparisons between scalars must use BOOL modifier";
    throw new ParseError(message, lhs.start);
  }
};

const checkCall = ({ func, args, start }: Call): void => {
  const signature = FUNCTIONS.get(func);
  if (signature === undefined) throw new ParseError(`unknown function "${func}"`, start);
  const { args: types, variadic } = signature;
  const least = variadic === 0 ? types.length : types.length - 1;
  const most = variadic < 0 ? Infinity : Math.max(types.length, least + variadic);
  if (args.length < least || args.length > most) {
    const bounded = variadic === 0 ? "" : args.length < least ? "at least " : "at most ";
    const bound = args.length < least ? least : most;
    const message = `expected ${bounded}${bound} argument(s) in call to "${func}", got ${args.length}`;
    throw new ParseError(message, start);
  }
  for (const [i, arg] of args.entries()) {
    check(arg);
    wanted(arg, types[Math.min(i, types.length - 1)]!, `call to function "${func}"`);
  }
};

const checkAggregate = ({ op, expr, param }: Aggregate): void => {
  check(expr);
  wanted(expr, "vector", "aggregation expression");
  if (param === undefined) return;
  check(param);
  wanted(param, op === "count_values" ? "string" : "scalar", "aggregation parameter");
  if (op !== "count_values") return;
  if (unwrap(param).kind !== "string") {
    throw new ParseError("count_values needs a label name as a string", param.start);
  }
};

export const stringOf = (expr: Expr): string => {
  const inner = unwrap(expr);
  if (inner.kind !== "string") throw new Error(`${inner.kind} is no string`);
  return inner.value;
};
