/**
 * Aggregations.
 *
 * Shape:  what sums up (sum, avg, min, …) takes rows as they come and keeps a few numbers per
 *         group and step; what compares (topk, quantile, …) needs the rows of a group together.
 * Errors: `EvalError` for a parameter that is not a number.
 */
import { METRIC_NAME, type Labels } from "../series.ts";
import type { Aggregate } from "./ast.ts";
import { stringOf } from "./check.ts";
import type { Context } from "./context.ts";
import { hold, work } from "./context.ts";
import { EvalError } from "./fault.ts";
import { FOLDS, type Folded } from "./fold.ts";
import { quantileOf } from "./quantile.ts";
import {
  keyIgnoring,
  keyOn,
  labelsKey,
  newRow,
  onlyLabels,
  type Row,
  type Sink,
  withLabel,
  withoutLabels,
} from "./row.ts";
import { formatDecimal } from "./print.ts";

type Grouping = {
  readonly keyOf: (labels: Labels) => string;
  readonly labelsOf: (labels: Labels) => Labels;
};

const groupingOf = ({ without, grouping }: Aggregate): Grouping => {
  if (without) {
    const names = [...grouping, METRIC_NAME];
    return {
      keyOf: (labels) => keyIgnoring(labels, names),
      labelsOf: (labels) => withoutLabels(labels, names),
    };
  }
  if (grouping.length === 0) return { keyOf: () => "", labelsOf: () => [] };
  return {
    keyOf: (labels) => keyOn(labels, grouping),
    labelsOf: (labels) => onlyLabels(labels, grouping),
  };
};

export const aggregateRows = (context: Context, expr: Aggregate, sink: Sink): void => {
  const { op } = expr;
  if (op === "quantile") quantileRows(context, expr, sink);
  else if (op === "count_values") countValueRows(context, expr, sink);
  else if (op === "topk" || op === "bottomk" || op === "limitk" || op === "limit_ratio") {
    chooseRows(context, expr, sink);
  } else foldRows(context, expr, op, sink);
};

const foldRows = (context: Context, expr: Aggregate, op: keyof typeof FOLDS, sink: Sink): void => {
  const { steps } = context.grid;
  const fold = FOLDS[op];
  const { keyOf, labelsOf } = groupingOf(expr);
  const groups = new Map<
    string,
    { readonly folded: Folded; readonly labels: Labels; dropName: boolean }
  >();
  context.evaluator.rows(context, expr.expr, (row) => {
    const key = keyOf(row.labels);
    let group = groups.get(key);
    if (group === undefined) {
      hold(context, steps * 2);
      group = { folded: fold.start(steps), labels: labelsOf(row.labels), dropName: false };
      groups.set(key, group);
    }
    fold.add(group.folded, row);
    group.dropName ||= row.dropName;
  });
  for (const { folded, labels, dropName } of groups.values()) {
    const row = newRow(labels, steps, dropName);
    fold.finish(folded, row);
    sink(row);
  }
};

type Group = { readonly labels: Labels; readonly rows: Row[] };

const groupsOf = (context: Context, expr: Aggregate): Group[] => {
  const { keyOf, labelsOf } = groupingOf(expr);
  const groups = new Map<string, Group>();
  for (const row of context.evaluator.frame(context, expr.expr)) {
    const key = keyOf(row.labels);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels: labelsOf(row.labels), rows: [row] });
    else group.rows.push(row);
  }
  return [...groups.values()];
};

const paramOf = (context: Context, { op, param }: Aggregate): Float64Array => {
  if (param === undefined) throw new Error(`${op} without a parameter`);
  const values = context.evaluator.scalar(context, param);
  if (op === "quantile" || !values.includes(NaN)) return values;
  throw new EvalError("type", `${op === "limit_ratio" ? "Ratio" : "Parameter"} value is NaN`);
};

const quantileRows = (context: Context, expr: Aggregate, sink: Sink): void => {
  const phi = paramOf(context, expr);
  const { steps } = context.grid;
  for (const group of groupsOf(context, expr)) {
    const dropName = group.rows.some((row) => row.dropName);
    const result = newRow(group.labels, steps, dropName);
    const values = new Float64Array(group.rows.length);
    for (let k = 0; k < steps; k++) {
      work(context, group.rows.length);
      let count = 0;
      for (const row of group.rows) if (row.present[k] !== 0) values[count++] = row.values[k]!;
      if (count === 0) continue;
      result.values[k] = quantileOf(phi[k]!, values.subarray(0, count));
      result.present[k] = 1;
    }
    sink(result);
  }
};

/** A label set and a key per sample cost as much as so many plain samples. */
const COUNT_WORK = 20;

const countValueRows = (context: Context, expr: Aggregate, sink: Sink): void => {
  if (expr.param === undefined) throw new Error("count_values without a label");
  const name = stringOf(expr.param);
  if (name === "" || name.includes("\ufffd")) {
    throw new EvalError("type", `invalid label name ${JSON.stringify(name)}`);
  }
  const { steps } = context.grid;
  const found = new Map<string, Row>();
  for (const group of groupsOf(context, expr)) {
    for (const row of group.rows) {
      work(context, steps * COUNT_WORK);
      for (let k = 0; k < steps; k++) {
        if (row.present[k] === 0) continue;
        const labels = withLabel(group.labels, name, formatDecimal(row.values[k]!));
        const key = labelsKey(labels);
        let result = found.get(key);
        if (result === undefined) {
          hold(context, steps);
          found.set(key, (result = newRow(labels, steps)));
        }
        result.values[k]!++;
        result.present[k] = 1;
      }
    }
  }
  for (const row of found.values()) sink(row);
};

/** topk and its kin keep some of a group's rows at each step, as they are. */
const chooseRows = (context: Context, expr: Aggregate, sink: Sink): void => {
  const { steps } = context.grid;
  const param = paramOf(context, expr);
  for (const { rows } of groupsOf(context, expr)) {
    const order = new Map<Row, number>();
    const kept = rows.map(() => new Uint8Array(steps));
    for (let k = 0; k < steps; k++) {
      work(context, rows.length);
      const chosen = chosenAt(expr, rows, k, param[k]!);
      for (const index of chosen) {
        kept[index]![k] = 1;
        if (!order.has(rows[index]!)) order.set(rows[index]!, order.size);
      }
    }
    for (const [index, row] of rows.entries()) row.present = kept[index]!;
    // An instant query shows them in order.
    for (const row of order.keys()) sink(row);
  }
};

const chosenAt = (
  { op }: Aggregate,
  rows: readonly Row[],
  step: number,
  param: number,
): readonly number[] => {
  const there: number[] = [];
  for (const [index, row] of rows.entries()) if (row.present[step] !== 0) there.push(index);
  if (op === "limit_ratio") return there.filter((index) => inRatio(rows[index]!.labels, param));
  const k = Math.trunc(param);
  if (k < 1) return [];
  if (op === "limitk") return there.slice(0, k);
  const sign = op === "topk" ? -1 : 1;
  return there
    .sort((a, b) => byValue(rows[a]!.values[step]!, rows[b]!.values[step]!, sign))
    .slice(0, k);
};

/** NaN comes last either way. */
const byValue = (a: number, b: number, sign: number): number => {
  if (a !== a || b !== b) return (a !== a ? 1 : 0) - (b !== b ? 1 : 0);
  return sign * (a < b ? -1 : a > b ? 1 : 0);
};

const HASH_SEED = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

/** A ratio picks the series whose hash is below it; a negative one picks the others. */
const inRatio = (labels: Labels, ratio: number): boolean => {
  let hash = HASH_SEED;
  for (const char of labelsKey(labels)) {
    hash = Math.imul(hash ^ char.codePointAt(0)!, HASH_PRIME);
  }
  // FNV's high bits vary little on short texts; this mixes the low ones in.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  const share = ((hash ^ (hash >>> 12)) >>> 0) / 2 ** 32;
  return ratio >= 0 ? share < ratio : share >= 1 + ratio;
};
