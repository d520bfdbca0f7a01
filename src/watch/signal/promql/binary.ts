/**
 * Binary operators: scalars with scalars, vectors with scalars; vectors with vectors are in
 * `matching.ts`.
 */
import { type Binary, isComparison, isSetOperator } from "./ast.ts";
import { typeOf } from "./check.ts";
import { type Context, hold } from "./context.ts";
import { matchedRows, setRows } from "./matching.ts";
import { ARITHMETIC, COMPARISON } from "./numbers.ts";
import type { Row, Sink } from "./row.ts";

export const scalarBinary = (context: Context, { op, lhs, rhs }: Binary): Float64Array => {
  const left = context.evaluator.scalar(context, lhs);
  const right = context.evaluator.scalar(context, rhs);
  if (isSetOperator(op)) throw new Error(`${op} of scalars`);
  if (isComparison(op)) {
    const compare = COMPARISON[op];
    return left.map((value, k) => (compare(value, right[k]!) ? 1 : 0));
  }
  const apply = ARITHMETIC[op];
  return left.map((value, k) => apply(value, right[k]!));
};

export const binaryRows = (context: Context, expr: Binary, sink: Sink): void => {
  const { op, lhs, rhs, matching } = expr;
  if (typeOf(lhs) === "scalar") {
    const left = context.evaluator.scalar(context, lhs);
    context.evaluator.rows(context, rhs, (row) => withScalar(expr, row, left, true, sink));
    return;
  }
  if (typeOf(rhs) === "scalar") {
    const right = context.evaluator.scalar(context, rhs);
    context.evaluator.rows(context, lhs, (row) => withScalar(expr, row, right, false, sink));
    return;
  }
  if (matching === undefined) throw new Error("vector operation without matching");
  const left = context.evaluator.frame(context, lhs);
  const right = context.evaluator.frame(context, rhs);
  const result = isSetOperator(op)
    ? setRows(op, left, right, matching, context.grid.steps)
    : matchedRows({ op, bool: expr.bool, matching }, left, right, context.grid.steps, (amount) =>
        hold(context, amount),
      );
  for (const row of result) sink(row);
};

const withScalar = (
  { op, bool }: Binary,
  row: Row,
  scalar: Float64Array,
  scalarFirst: boolean,
  sink: Sink,
): void => {
  const { values, present } = row;
  if (isSetOperator(op)) throw new Error(`${op} with a scalar`);
  if (!isComparison(op)) {
    const apply = ARITHMETIC[op];
    for (let k = 0; k < values.length; k++) {
      if (present[k] === 0) continue;
      values[k] = scalarFirst ? apply(scalar[k]!, values[k]!) : apply(values[k]!, scalar[k]!);
    }
    row.dropName = true;
    sink(row);
    return;
  }
  const compare = COMPARISON[op];
  let any = false;
  for (let k = 0; k < values.length; k++) {
    if (present[k] === 0) continue;
    const value = values[k]!;
    const holds = scalarFirst ? compare(scalar[k]!, value) : compare(value, scalar[k]!);
    if (bool) values[k] = holds ? 1 : 0;
    else if (!holds) present[k] = 0;
    any ||= present[k] !== 0;
  }
  if (bool) row.dropName = true;
  if (any) sink(row);
};
