/**
 * Sums that lose nothing to rounding order: Kahan's compensation with Neumaier's improvement.
 *
 * Shape:  running sum, its compensation and the result are fields, changed in place.
 */

export type Compensated = { sum: number; rest: number };

export const addCompensated = (into: Compensated, value: number): void => {
  const { sum } = into;
  const total = sum + value;
  if (Math.abs(total) === Infinity) into.rest = 0;
  else if (Math.abs(sum) >= Math.abs(value)) into.rest += sum - total + value;
  else into.rest += value - total + sum;
  into.sum = total;
};

/** The mean of a run of values; only where the sum overflows is it computed step by step. */
export const meanOf = (values: Float64Array, from: number, to: number): number => {
  const sum: Compensated = { sum: 0, rest: 0 };
  for (let i = from; i < to; i++) {
    const before = sum.sum;
    const restBefore = sum.rest;
    addCompensated(sum, values[i]!);
    if (Math.abs(sum.sum) !== Infinity || i === from) continue;
    return runningMean(values, from, i, to, before, restBefore);
  }
  return sum.sum / (to - from) + sum.rest / (to - from);
};

const runningMean = (
  values: Float64Array,
  from: number,
  at: number,
  to: number,
  sumBefore: number,
  restBefore: number,
): number => {
  let count = at - from;
  const mean: Compensated = { sum: sumBefore / count, rest: restBefore / count };
  for (let i = at; i < to; i++) {
    count++;
    const share = (count - 1) / count;
    const value = values[i]! / count;
    mean.sum *= share;
    mean.rest *= share;
    addCompensated(mean, value);
  }
  return mean.sum + mean.rest;
};
