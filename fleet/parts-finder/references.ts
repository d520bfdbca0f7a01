/**
 * Finds parts by reference, the brand's or the vehicle maker's, with or without spaces and dashes,
 * by their beginning too, and with one wrong sign.
 *
 * Shape:  every reference in one sorted list; an answer is ids of parts, exact ones first.
 * Errors: none; what looks like no reference finds nothing.
 */
import type { Catalogue } from "./catalogue.ts";

const MIN_CHARS = 5;
const MAX_CHARS = 16;
const MAX_FOUND = 100;
const SIGNS = "0123456789abcdefghijklmnopqrstuvwxyz";

export const bare = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

export const referenceIndex = (catalogue: Catalogue): ((text: string) => readonly number[]) => {
  const { articles, references, firstOf } = catalogue;
  // Entries up to `own` are parts; after them come articles, by their OE number.
  const own = references.length;
  const keys = [...references.map(bare), ...articles.map(({ oe }) => bare(oe))];
  const order = Uint32Array.from(keys.keys()).sort((a, b) => compare(keys[a]!, keys[b]!));
  const partsOf = (entry: number): readonly number[] => {
    if (entry < own) return [entry];
    const [from, to] = [firstOf[entry - own]!, firstOf[entry - own + 1]!];
    return Array.from({ length: to - from }, (_, i) => from + i);
  };
  const startingWith = (start: string, exactly: boolean): number[] => {
    const found: number[] = [];
    for (let at = lowerBound(order, keys, start); at < order.length; at += 1) {
      const key = keys[order[at]!]!;
      const fits = exactly ? key === start : key.startsWith(start);
      if (!fits || found.length >= MAX_FOUND) break;
      found.push(...partsOf(order[at]!));
    }
    return found;
  };
  return (text) => {
    const wanted = bare(text);
    const isLong = wanted.length >= MIN_CHARS && wanted.length <= MAX_CHARS;
    if (!isLong || !/\d{3}/.test(wanted)) return [];
    const exact = startingWith(wanted, true);
    if (exact.length > 0) return exact;
    const begun = startingWith(wanted, false);
    if (begun.length > 0) return begun;
    return oneWrong(wanted)
      .flatMap((other) => startingWith(other, true))
      .slice(0, MAX_FOUND);
  };
};

/** All that differ from it by one sign, replaced, missing, too many, or exchanged. */
const oneWrong = (text: string): readonly string[] => {
  const all = new Set<string>();
  for (let i = 0; i <= text.length; i += 1) {
    const [head, tail] = [text.slice(0, i), text.slice(i)];
    for (const sign of SIGNS) {
      all.add(head + sign + tail);
      if (tail !== "") all.add(head + sign + tail.slice(1));
    }
    if (tail !== "") all.add(head + tail.slice(1));
    if (tail.length > 1) all.add(head + tail[1]! + tail[0]! + tail.slice(2));
  }
  return [...all];
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const lowerBound = (order: Uint32Array, keys: readonly string[], start: string): number => {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[order[middle]!]! < start) low = middle + 1;
    else high = middle;
  }
  return low;
};
