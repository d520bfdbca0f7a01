/** The word somebody may have meant: close enough to be a slip of the fingers, or nothing. */
const MAX_SLIPS = 2;
const MAX_WORD_CHARS = 40;

export const suggest = (said: string, known: readonly string[]): string | undefined => {
  const word = said.toLowerCase();
  if (word.length > MAX_WORD_CHARS) return undefined;
  const begun = known.filter((one) => word.length > 1 && one.startsWith(word));
  if (begun.length === 1) return begun[0];
  const [best] = known
    .map((one) => ({ one, slips: slipsBetween(word, one) }))
    .filter(({ one, slips }) => slips <= Math.min(MAX_SLIPS, one.length - 1))
    .toSorted((a, b) => a.slips - b.slips);
  return best?.one;
};

/** Levenshtein's distance, with two neighbours swapped as one slip (optimal string alignment). */
const slipsBetween = (a: string, b: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + same,
        swapped ? (beforeLast[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
};
