/**
 * Whether the name somebody gives is the one the registry has for who runs the company.
 *
 * Shape:  names are compared as words, without accents, case, titles, hyphens or particles. The
 *         same words in any order are the same name; fewer (a second given name left out), initials
 *         or one wrong letter are close: a person decides. Everything else is another name.
 * Errors: none; a name without a letter is another name.
 */
export type NameMatch = { readonly match: "same" | "close" | "other"; readonly why: string };

const MAX_WORDS = 12;
const MIN_TYPO_LENGTH = 5;
const TITLES = new Set(["M", "MR", "MME", "MLLE", "MONSIEUR", "MADAME", "DR", "ME"]);
const PARTICLES = new Set([
  ...["D", "DE", "DES", "DU", "L", "LA", "LE", "LES", "EL", "AL", "BEN", "DA", "DI", "DOS"],
  ...["VAN", "VON", "DER", "DEN", "TEN", "TER", "ZU"],
]);
/** Letters that are one sign and stay one when accents are taken off. */
const LIGATURES: Readonly<Record<string, string>> = {
  ...{ Œ: "OE", Æ: "AE", ẞ: "SS", Ø: "O", Ł: "L", Đ: "D" },
};

export const matchNames = (given: string, registered: string): NameMatch => {
  const left = wordsOf(given);
  const right = wordsOf(registered);
  if (left.length === 0 || right.length === 0) return { match: "other", why: "a name is empty" };
  if (left.join(" ") === right.join(" ")) return { match: "same", why: "the same words" };
  const sorted = (words: readonly string[]): string => words.toSorted().join(" ");
  if (sorted(left) === sorted(right))
    return { match: "same", why: "the same words in another order" };
  const [fewer, more] = left.length <= right.length ? [left, right] : [right, left];
  const unmatched = withoutOnce(more, fewer);
  if (fewer.length >= 2 && unmatched.missing.length === 0)
    return { match: "close", why: `without ${unmatched.left.join(" ")}` };
  return nearlySame(fewer, unmatched) ?? { match: "other", why: "other words" };
};

export const wordsOf = (name: string): readonly string[] => {
  const plain = name
    .replaceAll("ß", "ẞ")
    .toUpperCase()
    .replaceAll(/[ŒÆẞØŁĐ]/g, (sign) => LIGATURES[sign] ?? sign)
    .normalize("NFD")
    .replaceAll(/\p{M}/gu, "");
  const words = plain.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  const named = words.slice(0, MAX_WORDS).filter((word) => !TITLES.has(word));
  const bare = named.filter((word) => !PARTICLES.has(word));
  // A name made of particles alone is still a name.
  return bare.length > 0 ? bare : named;
};

type Unmatched = { readonly left: readonly string[]; readonly missing: readonly string[] };

const withoutOnce = (more: readonly string[], fewer: readonly string[]): Unmatched => {
  const left = [...more];
  const missing = fewer.filter((word) => {
    const at = left.indexOf(word);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return { left, missing };
};

/** One word differs, by an initial or a letter; at least one other must be equal. */
const nearlySame = (fewer: readonly string[], rest: Unmatched): NameMatch | undefined => {
  if (fewer.length < 2 || rest.missing.length !== 1) return undefined;
  const word = rest.missing[0]!;
  for (const other of rest.left) {
    const isInitial = (a: string, b: string): boolean => a.length === 1 && b.startsWith(a);
    if (isInitial(word, other) || isInitial(other, word))
      return { match: "close", why: `${word} may stand for ${other}` };
    const isLong = Math.min(word.length, other.length) >= MIN_TYPO_LENGTH;
    if (isLong && isOneEditApart(word, other))
      return { match: "close", why: `${word} and ${other} differ by one letter` };
  }
  return undefined;
};

/** One letter put in, left out, changed, or two neighbours swapped. */
export const isOneEditApart = (a: string, b: string): boolean => {
  if (a === b || Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  let end = 0;
  const shorter = Math.min(a.length, b.length);
  while (end < shorter - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const left = a.slice(start, a.length - end);
  const right = b.slice(start, b.length - end);
  if (left.length <= 1 && right.length <= 1) return true;
  return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
};
