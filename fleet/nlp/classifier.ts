/**
 * Multinomial logistic regression on sparse counts: which of the labels a sentence has, with
 * probabilities that add up to 1.
 *
 * Shape:  `train` learns by Adagrad, in a seeded order: the same examples give the same model.
 *         A feature that was not seen is left out.
 * Errors: throws without examples.
 */
export type Sample = { readonly label: string; readonly features: readonly string[] };
export type Model = {
  readonly labels: readonly string[];
  /** Highest first. */
  readonly classify: (
    features: readonly string[],
  ) => readonly { readonly label: string; readonly probability: number }[];
  /** How much of the sentence the model has seen before, 0 to 1. */
  readonly knows: (features: readonly string[]) => number;
};

const EPOCHS = 12;
const RATE = 0.35;
/** Pulls weights to zero, so that no single word decides. */
const SHRINK = 2e-5;
/** A feature of one sentence only says nothing of the others. */
const MIN_SENTENCES = 2;

export const train = (samples: readonly Sample[], random: () => number): Model => {
  if (samples.length === 0) throw new Error("classifier: no examples");
  const labels = [...new Set(samples.map(({ label }) => label))];
  const ids = numbered(samples);
  const size = labels.length;
  const weights = new Float32Array((ids.size + 1) * size);
  const squares = new Float32Array((ids.size + 1) * size).fill(1e-6);
  const rows = samples.map(({ label, features }) => ({
    label: labels.indexOf(label),
    vector: vectorOf(ids, features),
  }));
  const scores = new Float64Array(size);
  for (let epoch = 0; epoch < EPOCHS; epoch += 1) {
    shuffle(rows, random);
    for (const { label, vector } of rows) {
      score(weights, size, vector, scores);
      for (let k = 0; k < size; k += 1) {
        const wrong = scores[k]! - (k === label ? 1 : 0);
        for (const { id, value } of vector) {
          const at = id * size + k;
          const slope = wrong * value + SHRINK * weights[at]!;
          squares[at]! += slope * slope;
          weights[at]! -= (RATE * slope) / Math.sqrt(squares[at]!);
        }
      }
    }
  }
  return {
    labels,
    classify: (features) => {
      score(weights, size, vectorOf(ids, features), scores);
      return labels
        .map((label, k) => ({ label, probability: scores[k]! }))
        .sort((a, b) => b.probability - a.probability);
    },
    knows: (features) =>
      features.length === 0
        ? 0
        : features.filter((feature) => ids.has(feature)).length / features.length,
  };
};

/** Number 0 is the bias, which every sentence has. */
const numbered = (samples: readonly Sample[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const { features } of samples)
    for (const feature of new Set(features)) counts.set(feature, (counts.get(feature) ?? 0) + 1);
  const often = [...counts].filter(([, count]) => count >= MIN_SENTENCES);
  return new Map(often.map(([feature], nth) => [feature, nth + 1]));
};

type Vector = readonly { readonly id: number; readonly value: number }[];

/** Of length 1 beside the bias: a long sentence says no more than a short one. */
const vectorOf = (ids: ReadonlyMap<string, number>, features: readonly string[]): Vector => {
  const known = [...new Set(features)].flatMap((feature) => ids.get(feature) ?? []);
  const value = 1 / Math.sqrt(Math.max(1, known.length));
  return [{ id: 0, value: 0.5 }, ...known.map((id) => ({ id, value }))];
};

/** Softmax of the weighted sums, into `scores`. */
const score = (weights: Float32Array, size: number, vector: Vector, scores: Float64Array): void => {
  scores.fill(0);
  for (const { id, value } of vector)
    for (let k = 0; k < size; k += 1) scores[k]! += weights[id * size + k]! * value;
  const top = scores.reduce((most, one) => Math.max(most, one), -Infinity);
  let sum = 0;
  for (let k = 0; k < size; k += 1) sum += scores[k] = Math.exp(scores[k]! - top);
  for (let k = 0; k < size; k += 1) scores[k]! /= sum;
};

const shuffle = (rows: unknown[], random: () => number): void => {
  for (let i = rows.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [rows[i], rows[j]] = [rows[j], rows[i]];
  }
};
