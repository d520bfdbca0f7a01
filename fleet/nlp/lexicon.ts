/**
 * Names the engine recognises in a sentence, longest first, with their places.
 *
 * Shape:  a trie over words; empty words (« de », « d' ») may stand inside a name or not. Parts,
 *         symptoms and lights match in the plural too; makes, models and places as written. Stems
 *         would be too wide here: « devis » is not « dévie », « rouler » no « roulement ».
 * Errors: throws on a lexicon that does not parse: the file ships with the code.
 */
import { z } from "zod";
import { isEmptyWord, words, type Token } from "./text.ts";

const names = z.record(z.string(), z.array(z.string()));
export const lexiconSchema = z.object({
  parts: names,
  symptoms: names,
  lights: names,
  makes: z.record(
    z.string(),
    z.object({ names: z.array(z.string()), models: z.array(z.string()) }),
  ),
  ambiguousModels: z.array(z.string()),
  cities: z.string(),
  departments: z.string(),
  ambiguousPlaces: z.array(z.string()),
  shorthand: z.string(),
  common: z.string(),
});
export type LexiconText = z.infer<typeof lexiconSchema>;

type NameKind = "part" | "symptom" | "light" | "make" | "model" | "place";
export type Name = {
  readonly kind: NameKind;
  readonly value: string;
  /** Of a model its make, of a place its department. */
  readonly of?: string;
  /** Also an ordinary word or number: only taken where something beside it says so. */
  readonly ambiguous?: boolean;
};
export type NameHit = Name & { readonly first: number; readonly last: number };
export type Lexicon = {
  readonly find: (tokens: readonly Token[]) => readonly NameHit[];
  readonly shorthand: ReadonlyMap<string, readonly string[]>;
  /** All words of all names: what a slip may be corrected to. */
  readonly words: readonly string[];
};

type Node = { readonly next: Map<string, Node>; names: Name[] };

export const makeLexicon = (text: LexiconText): Lexicon => {
  const [meaning, written] = [newNode(), newNode()];
  const all = new Set<string>();
  const add = (root: Node, phrase: string, name: Name): void => {
    let node = root;
    for (const word of words(phrase)) {
      all.add(word);
      // « à-coups » begins with its empty word: « coup » alone is something else.
      if (node !== root && isEmptyWord(word)) continue;
      const key = root === meaning ? singular(word) : word;
      let next = node.next.get(key);
      if (next === undefined) node.next.set(key, (next = newNode()));
      node = next;
    }
    if (!node.names.some(({ kind, value }) => kind === name.kind && value === name.value))
      node.names.push(name);
  };
  const meanings = { part: text.parts, symptom: text.symptoms, light: text.lights };
  for (const [kind, list] of Object.entries(meanings))
    for (const [value, phrases] of Object.entries(list))
      for (const phrase of phrases) add(meaning, phrase, { kind: kind as NameKind, value });
  for (const [make, { names, models }] of Object.entries(text.makes)) {
    for (const name of names) add(written, name, { kind: "make", value: make });
    for (const model of models) {
      const ambiguous = text.ambiguousModels.includes(model) || /^\d+$/.test(model);
      add(written, model, { kind: "model", value: plain(model), of: make, ambiguous });
    }
  }
  for (const [name, department] of [...pairs(text.cities), ...pairs(text.departments)]) {
    const ambiguous = text.ambiguousPlaces.includes(name);
    add(written, name, { kind: "place", value: name, of: department, ambiguous });
  }
  const shorthand = new Map(pairs(text.shorthand).map(([short, long]) => [short, words(long)]));
  return {
    find: (tokens) => [
      ...walk(meaning, tokens, singular),
      ...walk(written, tokens, (word) => word),
    ],
    shorthand,
    words: [...all, ...words(text.common)],
  };
};

const singular = (word: string): string =>
  word.length > 3 && /[sx]$/.test(word) ? word.slice(0, -1) : word;
const newNode = (): Node => ({ next: new Map(), names: [] });
const plain = (name: string): string => words(name).join(" ");
const pairs = (list: string): readonly (readonly [string, string])[] =>
  list.split(",").map((pair) => {
    const [name = "", value = ""] = pair.split("=");
    return [name.trim(), value.trim()];
  });

/** At every word the longest name that begins there; the words of one name begin no other. */
const walk = (
  root: Node,
  tokens: readonly Token[],
  key: (word: string) => string,
): readonly NameHit[] => {
  const hits: NameHit[] = [];
  for (let first = 0; first < tokens.length; first += 1) {
    let node: Node | undefined = root;
    let best: { node: Node; last: number } | undefined;
    for (let i = first; i < tokens.length; i += 1) {
      const { word } = tokens[i]!;
      const next: Node | undefined = node.next.get(key(word));
      if (next === undefined) {
        if (i > first && isEmptyWord(word)) continue;
        break;
      }
      node = next;
      if (node.names.length > 0) best = { node, last: i };
    }
    if (best === undefined) continue;
    for (const name of best.node.names) hits.push({ ...name, first, last: best.last });
    first = best.last;
  }
  return hits;
};
