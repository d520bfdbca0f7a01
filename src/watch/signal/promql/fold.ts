/**
 * Aggregations that take one row after another and keep two numbers and a count per step.
 *
 * Shape:  `a`, `b` mean what the operator needs: sum and compensation, mean and squares, or one
 *         value. `n` counts the samples of a step.
 */
import type { Row } from "./row.ts";

export type Folded = {
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly n: Uint32Array;
  /** avg only: steps whose sum overflowed and that go on as a running mean. */
  readonly running: Uint8Array;
};

export type Fold = {
  readonly start: (steps: number) => Folded;
  readonly add: (folded: Folded, row: Row) => void;
  readonly finish: (folded: Folded, row: Row) => void;
};

const start = (steps: number): Folded => ({
  a: new Float64Array(steps),
  b: new Float64Array(steps),
  n: new Uint32Array(steps),
  running: new Uint8Array(steps),
});

const finishWith =
  (value: (folded: Folded, k: number) => number): Fold["finish"] =>
  (folded, row) => {
    for (let k = 0; k < row.values.length; k++) {
      if (folded.n[k] === 0) continue;
      row.values[k] = value(folded, k);
      row.present[k] = 1;
    }
  };

const addSum = ({ a, b, n }: Folded, { values, present }: Row): void => {
  for (let k = 0; k < values.length; k++) {
    if (present[k] === 0) continue;
    const value = values[k]!;
    n[k]!++;
    const sum = a[k]!;
    const total = sum + value;
    if (total === Infinity || total === -Infinity) b[k] = 0;
    else if (Math.abs(sum) >= Math.abs(value)) b[k]! += sum - total + value;
    else b[k]! += value - total + sum;
    a[k] = total;
  }
};

/** The plain sum as long as it is finite: it is more exact than a running mean. */
const addMean = (folded: Folded, { values, present }: Row): void => {
  const { a, b, n, running } = folded;
  for (let k = 0; k < values.length; k++) {
    if (present[k] === 0) continue;
    const count = ++n[k]!;
    let value = values[k]!;
    let sum = a[k]!;
    let rest = b[k]!;
    if (running[k] === 0 && count > 1 && Math.abs(sum + value) === Infinity) {
      running[k] = 1;
      sum /= count - 1;
      rest /= count - 1;
    }
    if (running[k] !== 0) {
      value /= count;
      sum *= (count - 1) / count;
      rest *= (count - 1) / count;
    }
    const total = sum + value;
    if (total === Infinity || total === -Infinity) rest = 0;
    else if (Math.abs(sum) >= Math.abs(value)) rest += sum - total + value;
    else rest += value - total + sum;
    a[k] = total;
    b[k] = rest;
  }
};

const addCount = ({ n }: Folded, { present }: Row): void => {
  for (let k = 0; k < present.length; k++) if (present[k] !== 0) n[k]!++;
};

const addBest =
  (better: (value: number, than: number) => boolean): Fold["add"] =>
  ({ a, n }, { values, present }) => {
    for (let k = 0; k < values.length; k++) {
      if (present[k] === 0) continue;
      const value = values[k]!;
      const best = a[k]!;
      if (n[k]!++ === 0 || better(value, best) || best !== best) a[k] = value;
    }
  };

/** Welford: `a` is the mean, `b` the sum of squared distances from it. */
const addVariance = ({ a, b, n }: Folded, { values, present }: Row): void => {
  for (let k = 0; k < values.length; k++) {
    if (present[k] === 0) continue;
    const value = values[k]!;
    const delta = value - a[k]!;
    a[k]! += delta / ++n[k]!;
    b[k]! += delta * (value - a[k]!);
  }
};

export const FOLDS = {
  sum: {
    start,
    add: addSum,
    finish: finishWith(({ a, b }, k) => a[k]! + b[k]!),
  },
  avg: {
    start,
    add: addMean,
    finish: finishWith(({ a, b, n, running }, k) =>
      running[k] !== 0 ? a[k]! + b[k]! : a[k]! / n[k]! + b[k]! / n[k]!,
    ),
  },
  count: { start, add: addCount, finish: finishWith(({ n }, k) => n[k]!) },
  group: { start, add: addCount, finish: finishWith(() => 1) },
  min: {
    start,
    add: addBest((value, than) => value < than),
    finish: finishWith(({ a }, k) => a[k]!),
  },
  max: {
    start,
    add: addBest((value, than) => value > than),
    finish: finishWith(({ a }, k) => a[k]!),
  },
  stdvar: {
    start,
    add: addVariance,
    finish: finishWith(({ b, n }, k) => b[k]! / n[k]!),
  },
  stddev: {
    start,
    add: addVariance,
    finish: finishWith(({ b, n }, k) => Math.sqrt(b[k]! / n[k]!)),
  },
} as const satisfies Record<string, Fold>;
