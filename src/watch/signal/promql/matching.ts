/**
 * Operators between two vectors.
 *
 * Shape:  rows meet when their signatures are equal: the labels of `on`, or all but those of
 *         `ignoring` and the name. Signatures are computed once per row, values once per step.
 * Errors: `EvalError` where several rows of a "one" side, or of both sides without a grouping
 *         word, meet at the same step.
 */
import { METRIC_NAME, type Labels } from "../series.ts";
import {
  type ArithmeticOperator,
  type ComparisonOperator,
  isComparison,
  type Matching,
  type SetOperator,
} from "./ast.ts";
import { EvalError } from "./fault.ts";
import { formatLabels } from "./print.ts";
import { ARITHMETIC, COMPARISON } from "./numbers.ts";
import {
  absorb,
  isEmpty,
  keyIgnoring,
  keyOn,
  labelsKey,
  mergeRows,
  newRow,
  onlyLabels,
  type Row,
  withLabel,
  withoutLabels,
} from "./row.ts";

type Signature = (labels: Labels) => string;

const signatureOf = ({ on, labels }: Matching): Signature => {
  if (on) return (of) => keyOn(of, labels);
  const ignored = [...labels, METRIC_NAME];
  return (of) => keyIgnoring(of, ignored);
};

const bySignature = (rows: readonly Row[], signature: Signature): Map<string, Row[]> => {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = signature(row.labels);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
};

const presence = (rows: readonly Row[], steps: number): Uint8Array => {
  const any = new Uint8Array(steps);
  for (const { present } of rows) {
    for (let k = 0; k < steps; k++) if (present[k] !== 0) any[k] = 1;
  }
  return any;
};

export const setRows = (
  op: SetOperator,
  left: Row[],
  right: Row[],
  matching: Matching,
  steps: number,
): Row[] => {
  const signature = signatureOf(matching);
  // `or` keeps the left and what of the right meets nothing; the others keep part of the left.
  const [kept, others] = op === "or" ? [right, left] : [left, right];
  const wanted = op === "and" ? 1 : 0;
  const masks = new Map<string, Uint8Array>();
  for (const [key, group] of bySignature(others, signature)) masks.set(key, presence(group, steps));
  for (const row of kept) {
    const mask = masks.get(signature(row.labels));
    for (let k = 0; k < steps; k++) if ((mask?.[k] ?? 0) !== wanted) row.present[k] = 0;
  }
  const result = kept.filter((row) => !isEmpty(row));
  return op === "or" ? united(left, result) : result;
};

const seriesKey = (row: Row): string => `${row.dropName}${labelsKey(row.labels)}`;

/** A series that comes from the left at some steps and from the right at others is one series. */
const united = (left: Row[], right: Row[]): Row[] => {
  const known = new Map(left.map((row) => [seriesKey(row), row]));
  const rest = right.filter((row) => {
    const same = known.get(seriesKey(row));
    return same === undefined || !absorb(same, row);
  });
  return [...left, ...rest];
};

export type Operation = {
  readonly op: ArithmeticOperator | ComparisonOperator;
  readonly bool: boolean;
  readonly matching: Matching;
};

/** The rows of one signature on the "one" side: at each step at most one of them is there. */
type Ones = { readonly rows: readonly Row[]; readonly owner: Int32Array };

export const matchedRows = (
  operation: Operation,
  left: readonly Row[],
  right: readonly Row[],
  steps: number,
  worked: (amount: number) => void,
): Row[] => {
  const { matching } = operation;
  const swapped = matching.card === "one-to-many";
  const [many, one] = swapped ? [right, left] : [left, right];
  if (many.length === 0 || one.length === 0) return [];
  const signature = signatureOf(matching);
  const manyThere = presence(many, steps);
  const ones = new Map<string, Ones>();
  for (const [key, group] of bySignature(one, signature)) {
    ones.set(key, onesOf(group, manyThere, matching, swapped));
  }
  const result: Row[] = [];
  const met = new Map<string, Uint8Array>();
  for (const row of many) {
    const key = signature(row.labels);
    const partner = ones.get(key);
    if (partner === undefined) continue;
    if (matching.card === "one-to-one") meetOnce(met, key, row, partner, steps);
    for (const [index, other] of partner.rows.entries()) {
      worked(steps);
      const made = combine(operation, row, other, partner.owner, index, swapped);
      if (!isEmpty(made)) result.push(made);
    }
  }
  return mergeRows(
    result,
    () => "multiple matches for labels: grouping labels must ensure unique matches",
  );
};

const onesOf = (
  rows: readonly Row[],
  manyThere: Uint8Array,
  matching: Matching,
  swapped: boolean,
): Ones => {
  const owner = new Int32Array(manyThere.length).fill(-1);
  for (const [index, row] of rows.entries()) {
    for (let k = 0; k < owner.length; k++) {
      if (row.present[k] === 0) continue;
      if (owner[k]! >= 0 && manyThere[k] !== 0) {
        throw tooMany(rows[owner[k]!]!, row, matching, swapped);
      }
      owner[k] = index;
    }
  }
  return { rows, owner };
};

const tooMany = (a: Row, b: Row, matching: Matching, swapped: boolean): EvalError => {
  const group = matching.on
    ? onlyLabels(a.labels, matching.labels)
    : withoutLabels(a.labels, [...matching.labels, METRIC_NAME]);
  const pair = [quoted(a.labels), quoted(b.labels)].sort().join(", ");
  const side = swapped ? "left" : "right";
  const message = `found duplicate series for the match group ${formatLabels(group)} on the ${side} hand-side of the operation: [${pair}];many-to-many matching not allowed: matching labels must be unique on one side`;
  return new EvalError("type", message);
};

const quoted = (labels: Labels): string =>
  `{${labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")}}`;

const meetOnce = (
  met: Map<string, Uint8Array>,
  key: string,
  row: Row,
  { owner }: Ones,
  steps: number,
): void => {
  let there = met.get(key);
  if (there === undefined) met.set(key, (there = new Uint8Array(steps)));
  for (let k = 0; k < steps; k++) {
    if (row.present[k] === 0 || owner[k]! < 0) continue;
    if (there[k] !== 0) {
      const message =
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
      throw new EvalError("type", message);
    }
    there[k] = 1;
  }
};

const combine = (
  { op, bool, matching }: Operation,
  many: Row,
  one: Row,
  owner: Int32Array,
  index: number,
  swapped: boolean,
): Row => {
  const steps = owner.length;
  const comparison = isComparison(op);
  const labels = labelsOf(many.labels, one.labels, matching, comparison);
  const made = newRow(labels, steps, comparison && (bool || many.dropName));
  const arithmetic = comparison ? undefined : ARITHMETIC[op];
  const compare = comparison ? COMPARISON[op] : undefined;
  for (let k = 0; k < steps; k++) {
    if (many.present[k] === 0 || owner[k] !== index) continue;
    const a = swapped ? one.values[k]! : many.values[k]!;
    const b = swapped ? many.values[k]! : one.values[k]!;
    if (compare !== undefined) {
      const holds = compare(a, b);
      if (!holds && !bool) continue;
      made.values[k] = bool ? (holds ? 1 : 0) : a;
    } else if (arithmetic !== undefined) {
      made.values[k] = arithmetic(a, b);
    }
    made.present[k] = 1;
  }
  return made;
};

const labelsOf = (
  many: Labels,
  one: Labels,
  { card, on, labels, include }: Matching,
  keepName: boolean,
): Labels => {
  let result = keepName ? many : withoutLabels(many, [METRIC_NAME]);
  if (card === "one-to-one") {
    result = on ? onlyLabels(result, labels) : withoutLabels(result, labels);
  }
  for (const name of include) {
    result = withLabel(result, name, one.find((label) => label[0] === name)?.[1] ?? "");
  }
  return result;
};
