/**
 * The φ-quantile of some values: linear between the two nearest ranks; NaN sorts first.
 */
export const quantileOf = (phi: number, values: Float64Array): number => {
  if (values.length === 0 || phi !== phi) return NaN;
  if (phi < 0) return -Infinity;
  if (phi > 1) return Infinity;
  // A typed array sorts NaN last; PromQL wants it first.
  const sorted = values.slice().sort();
  let unknown = 0;
  for (const value of values) if (value !== value) unknown++;
  const at = (rank: number): number => (rank < unknown ? NaN : sorted[rank - unknown]!);
  const rank = phi * (values.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(values.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return at(lower) * (1 - weight) + at(upper) * weight;
};
