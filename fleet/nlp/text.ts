/**
 * A sentence as words with their places: case and accents folded, shorthand written out, slips
 * corrected towards words that are known.
 *
 * Shape:  `fold` keeps for each folded character the offset it came from, so that every answer
 *         names places in the sentence as it was sent (UTF-16 offsets, `to` exclusive).
 * Errors: none. Any text folds.
 */
import { StemmerFr } from "@nlpjs/lang-fr";

export type Folded = {
  readonly text: string;
  /** Of character i of `text`: where it began in the original; one more for the end. */
  readonly at: readonly number[];
};
export type Token = { readonly word: string; readonly from: number; readonly to: number };

const WIDE: Readonly<Record<string, string>> = { œ: "oe", æ: "ae", ß: "ss", "’": "'" };
const MARKS = /\p{Mn}/gu;

export const fold = (original: string): Folded => {
  let text = "";
  const at: number[] = [];
  let from = 0;
  for (const character of original) {
    const low = character.toLowerCase();
    const plain = WIDE[low] ?? low.normalize("NFD").replaceAll(MARKS, "");
    for (let i = 0; i < plain.length; i += 1) at.push(from);
    text += plain;
    from += character.length;
  }
  at.push(original.length);
  return { text, at };
};

/** Places are in the folded text; `at` takes them back. */
export const tokenise = (folded: string): readonly Token[] =>
  [...folded.matchAll(/[a-z0-9]+/g)].map((found) => ({
    word: found[0],
    from: found.index,
    to: found.index + found[0].length,
  }));

export const words = (text: string): readonly string[] =>
  tokenise(fold(text).text).map(({ word }) => word);

const stemmer = new StemmerFr();
const stems = new Map<string, string>();
const MAX_STEMS = 50_000;

/** The library's Snowball stemmer; words with digits are left as they are. */
export const stem = (word: string): string => {
  const known = stems.get(word);
  if (known !== undefined) return known;
  const found = /\d/.test(word) ? word : stemmer.stemWord(word);
  // Words come from outside: what is remembered has a bound.
  if (stems.size >= MAX_STEMS) stems.clear();
  stems.set(word, found);
  return found;
};

/** Words that carry no meaning inside a name: « kit (d')embrayage ». */
const EMPTY = new Set("a au aux d de des du en et l la le les ne n un une se s".split(" "));
export const isEmptyWord = (word: string): boolean => EMPTY.has(word);

const MIN_ONE_SLIP_CHARS = 5;
const MIN_TWO_SLIPS_CHARS = 10;

/**
 * The known word that a misspelt one most likely was: one slip from five letters on, two from
 * ten on. A slip is a letter lost, added, replaced, or two exchanged. Known words and words with
 * digits stay; of several candidates the more frequent wins.
 */
export const speller = (counts: ReadonlyMap<string, number>): ((word: string) => string) => {
  const byShorter = new Map<string, string[]>();
  for (const word of counts.keys())
    if (word.length >= MIN_ONE_SLIP_CHARS - 1 && !/\d/.test(word))
      for (const key of shortened(word)) push(byShorter, key, word);
  return (word) => {
    if (word.length < MIN_ONE_SLIP_CHARS || counts.has(word) || /\d/.test(word)) return word;
    let best = word;
    let bestRank = 0;
    for (const key of shortened(word))
      for (const candidate of byShorter.get(key) ?? []) {
        // The first letter is seldom the wrong one: « plaque » is no « claque ».
        if (candidate[0] !== word[0]) continue;
        const slips = distance(word, candidate);
        if (slips > (word.length >= MIN_TWO_SLIPS_CHARS ? 2 : 1)) continue;
        // Fewer slips before all.
        const rank = (1 + Math.log1p(counts.get(candidate) ?? 0)) / 100 ** slips;
        if (rank > bestRank) [best, bestRank] = [candidate, rank];
      }
    return best;
  };
};

const push = (map: Map<string, string[]>, key: string, word: string): void => {
  const list = map.get(key);
  if (list === undefined) map.set(key, [word]);
  else list.push(word);
};

/** The word, and it without any one letter; without any two where it is long. */
const shortened = (word: string): ReadonlySet<string> => {
  const once = Array.from(word, (_, i) => word.slice(0, i) + word.slice(i + 1));
  if (word.length < MIN_TWO_SLIPS_CHARS - 1) return new Set([word, ...once]);
  const twice = once.flatMap((w) => Array.from(w, (_, i) => w.slice(0, i) + w.slice(i + 1)));
  return new Set([word, ...once, ...twice]);
};

/** Optimal string alignment: the exchange of two neighbours is one slip. */
const distance = (a: string, b: string): number => {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let slips = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        slips = Math.min(slips, before[j - 2]! + 1);
      row.push(slips);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
};
