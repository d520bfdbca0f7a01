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

/** `samples` are taken one by one: their texts need not be in memory at once. */
export const train = (samples: Iterable<Sample>, random: () => number): Model => {
  const { ids, labels, rows } = numbered(samples);
  if (rows.length === 0) throw new Error("classifier: no examples");
  const size = labels.length;
  const weights = new Float32Array((ids.size + 1) * size);
  const squares = new Float32Array((ids.size + 1) * size).fill(1e-6);
  const scores = new Float64Array(size);
  for (let epoch = 0; epoch < EPOCHS; epoch += 1) {
    shuffle(rows, random);
    for (const { label, vector } of rows) {
      score(weights, size, vector, scores);
      const value = valueIn(vector);
      for (let k = 0; k < size; k += 1) {
        const wrong = scores[k]! - (k === label ? 1 : 0);
        for (const id of vector) {
          const at = id * size + k;
          const slope = wrong * (id === BIAS ? BIAS_VALUE : value) + SHRINK * weights[at]!;
          squares[at]! += slope * slope;
          weights[at]! -= (RATE * slope) / Math.sqrt(squares[at]!);
        }
      }
    }
  }
  return {
    labels,
    classify: (features) => {
      const known = [...new Set(features)].flatMap((feature) => ids.get(feature) ?? []);
      score(weights, size, Uint32Array.from([BIAS, ...known]), scores);
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

const BIAS = 0;
const BIAS_VALUE = 0.5;
type Row = { readonly label: number; readonly vector: Uint32Array };

/** Features that were seen often enough by number; number 0 is the bias, which every row has. */
const numbered = (
  samples: Iterable<Sample>,
): { ids: ReadonlyMap<string, number>; labels: readonly string[]; rows: Row[] } => {
  const seen = new Map<string, number>();
  const counts: number[] = [];
  const labels: string[] = [];
  const rows: Row[] = [];
  for (const { label, features } of samples) {
    const vector = Uint32Array.from(new Set(features), (feature) => {
      const nth = seen.get(feature) ?? seen.size;
      seen.set(feature, nth);
      counts[nth] = (counts[nth] ?? 0) + 1;
      return nth;
    });
    if (!labels.includes(label)) labels.push(label);
    rows.push({ label: labels.indexOf(label), vector });
  }
  const renumbered = new Uint32Array(counts.length);
  let next = BIAS + 1;
  for (const [nth, count] of counts.entries()) if (count >= MIN_SENTENCES) renumbered[nth] = next++;
  const often = [...seen].filter(([, nth]) => renumbered[nth]! > BIAS);
  return {
    ids: new Map(often.map(([feature, nth]) => [feature, renumbered[nth]!])),
    labels,
    rows: rows.map(({ label, vector }) => {
      const kept = vector.map((nth) => renumbered[nth]!).filter((id) => id > BIAS);
      return { label, vector: Uint32Array.from([BIAS, ...kept]) };
    }),
  };
};

/** Of length 1 beside the bias: a long sentence says no more than a short one. */
const valueIn = (vector: Uint32Array): number => 1 / Math.sqrt(Math.max(1, vector.length - 1));

/** Softmax of the weighted sums, into `scores`. */
const score = (
  weights: Float32Array,
  size: number,
  vector: Uint32Array,
  scores: Float64Array,
): void => {
  scores.fill(0);
  const value = valueIn(vector);
  for (const id of vector) {
    const worth = id === BIAS ? BIAS_VALUE : value;
    for (let k = 0; k < size; k += 1) scores[k]! += weights[id * size + k]! * worth;
  }
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
