/**
 * The word somebody probably meant: the nearest of the allowed ones by edit distance.
 *
 * Errors: `undefined` where nothing is near enough to be worth suggesting.
 */

/** Insertions, deletions and substitutions from one word to another. */
const distance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
};

const MAX_WORD_CHARS = 80;

export const nearest = (word: string, allowed: readonly string[]): string | undefined => {
  if (word.length > MAX_WORD_CHARS) return undefined;
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: { readonly word: string; readonly off: number } | undefined;
  for (const candidate of allowed) {
    const off = distance(word.toLowerCase(), candidate.toLowerCase());
    if (off <= limit && (best === undefined || off < best.off)) best = { word: candidate, off };
  }
  return best?.word;
};

const MAX_LISTED = 12;

/** « did you mean "x"; allowed: … », the list shortened where it is long. */
export const suggestion = (word: string, allowed: readonly string[]): string => {
  const near = nearest(word, allowed);
  const listed = allowed.slice(0, MAX_LISTED).join(", ");
  const more = allowed.length > MAX_LISTED ? `, … (${allowed.length} in all)` : "";
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  return `${hint}${hint === "" ? ";" : ""} allowed: ${listed === "" ? "none" : listed}${more}`;
};
