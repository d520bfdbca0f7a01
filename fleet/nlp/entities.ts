/**
 * What a driver's sentence names: vehicle, plate, mileage, symptom, light, part, place, date, DTC,
 * amount. Places are UTF-16 offsets in the sentence as sent, `to` exclusive.
 *
 * Units:  mileage in km, amounts in cents of a euro, days as `2026-03-12` in Paris.
 * Errors: none. Where two readings lie over each other, the one first in `ENTITY_KINDS` is taken.
 */
import { findDates } from "./dates.ts";
import type { Lexicon, NameHit } from "./lexicon.ts";
import type { Folded, Token } from "./text.ts";

/** In this order they are taken where they lie over each other. */
export const ENTITY_KINDS = [
  ...(["dtc", "amount", "mileage", "engine", "light", "part", "symptom"] as const),
  ...(["make", "model", "plate", "place", "year", "date"] as const),
] as const;
export type EntityKind = (typeof ENTITY_KINDS)[number];
export type Entity = {
  readonly kind: EntityKind;
  /** As a machine wants it: "AB-123-CD", "120000", "brake-pad", "2026-03-12". */
  readonly value: string;
  /** As it was said. */
  readonly text: string;
  readonly from: number;
  readonly to: number;
  readonly detail?: Record<string, string>;
};

type Found = Omit<Entity, "text">;

export const findEntities = (
  original: string,
  folded: Folded,
  /** Of `folded`, slips corrected. */
  tokens: readonly Token[],
  lexicon: Lexicon,
  today: string,
): readonly Entity[] => {
  const names = lexicon.find(tokens).filter((hit) => isMeant(hit, tokens));
  const found: readonly Found[] = [
    ...PATTERNS.flatMap((pattern) => matches(pattern, folded.text)),
    ...years(folded.text, names, tokens),
    ...names.map((hit) => entityOf(hit, tokens, folded.text)),
    ...findDates(folded.text, today).map(({ from, to, ...when }): Found => {
      const value = when.day ?? when.time ?? when.part ?? "";
      return { kind: "date", value, from, to, detail: when };
    }),
  ];
  return withoutOverlaps(found)
    .toSorted((a, b) => a.from - b.from)
    .map((entity) => {
      const [from, to] = [folded.at[entity.from]!, folded.at[entity.to]!];
      return { ...entity, from, to, text: original.slice(from, to) };
    });
};

/** A longer reading of the same kind wins; a full plate (AB-123-CD) is never anything else. */
const withoutOverlaps = (found: readonly Found[]): readonly Found[] => {
  const rank = (one: Found): number =>
    one.detail?.["format"] === "siv" ? -1 : ENTITY_KINDS.indexOf(one.kind);
  const taken: Found[] = [];
  const length = (one: Found): number => one.to - one.from;
  for (const one of found.toSorted((a, b) => rank(a) - rank(b) || length(b) - length(a)))
    if (!taken.some((other) => one.from < other.to && other.from < one.to)) taken.push(one);
  return taken;
};

const entityOf = (hit: NameHit, tokens: readonly Token[], text: string): Found => {
  const { kind, value, of } = hit;
  const [from, to] = [tokens[hit.first]!.from, tokens[hit.last]!.to];
  if (kind === "place") return { kind, value, from, to, detail: { department: of ?? "" } };
  if (kind !== "model") return { kind, value, from, to };
  const next = tokens[hit.last + 1];
  const generation = next === undefined ? undefined : generationOf(next, text);
  return generation === undefined
    ? { kind, value, from, to, detail: { make: of ?? "" } }
    : { kind, value, from, to: next!.to, detail: { make: of ?? "", generation } };
};

const ROMANS: Readonly<Record<string, string>> = {
  ...{ ii: "2", iii: "3", iv: "4", v: "5", vi: "6", vii: "7", viii: "8" },
};
/** « clio 4 », « mégane III », « corsa D »; not the 1 of « clio 1.5 dci » nor that of « 2 h ». */
const generationOf = ({ word, from, to }: Token, text: string): string | undefined => {
  if (
    !/[ -]/.test(text[from - 1] ?? "") ||
    /^(?:[.,]\d| ?(?:h|€|euros?|portes)\b)/.test(text.slice(to))
  )
    return undefined;
  return ROMANS[word] ?? (/^(?:[1-9]|[b-hj-k])$/.test(word) ? word : undefined);
};

const BEFORE_MODEL = new Set("ma mon ta ton sa votre notre un une sur la le ce cette".split(" "));
const BEFORE_PLACE = new Set("a au en dans sur vers de d du la le l pres secteur cote".split(" "));
const ENGINE_WORD = /^(?:hdi|bluehdi|dci|tdi|tce|tsi|puretech|cdti|tdci|vti|sw|cc|gti|phase)$/;

/** « 308 », « note » or « Tours » is a name only where a word beside it says so. */
const isMeant = (hit: NameHit, tokens: readonly Token[]): boolean => {
  const [before, after] = [tokens[hit.first - 1], tokens[hit.last + 1]];
  if (hit.kind === "place")
    return hit.ambiguous !== true || (before !== undefined && BEFORE_PLACE.has(before.word));
  if (hit.kind !== "model" || hit.ambiguous !== true) return true;
  if (before?.word === hit.of || before?.word === "modele") return true;
  if (after !== undefined && ENGINE_WORD.test(after.word)) return true;
  // Three or four digits are a model unless they count something; « 500 » mostly does.
  if (/^\d+$/.test(hit.value) && hit.value !== "500")
    return !COUNTED.test(after?.word ?? "") && !NUMBERED.test(before?.word ?? "");
  return before !== undefined && BEFORE_MODEL.has(before.word);
};
/** « 308 1.6 hdi » goes on with one digit; more of them are a reference or a telephone. */
const COUNTED = /^(?:euros?|eur|km|kms|kilometres?|balles|mille|bornes|ch|cv|\d\d+)$/;
const NUMBERED = /^(?:code|numero|num|ref|reference|stage|\d+)$/;

type Pattern = {
  readonly kind: EntityKind;
  readonly pattern: RegExp;
  readonly read: (
    groups: Readonly<Record<string, string | undefined>>,
    all: string,
  ) => { readonly value: string; readonly detail?: Record<string, string> } | undefined;
};

const matches = ({ kind, pattern, read }: Pattern, text: string): readonly Found[] =>
  [...text.matchAll(pattern)].flatMap((match) => {
    const said = read(match.groups ?? {}, match[0]);
    if (said === undefined) return [];
    const from = match.index + (match[0].length - match[0].trimStart().length);
    return [{ kind, from, to: match.index + match[0].trimEnd().length, ...said }];
  });

const digits = (text: string | undefined): string => (text ?? "").replaceAll(/\D/g, "");
/** I, O and U are on no plate made since 2009, nor in the series before. */
const LETTERS = "a-hj-np-tv-z";
const NOT_SERIES = /^(?:sw|cc|gt|gti|kw|ch|cv|cm|mm|km|rs|st|h|e|et|de|a|s|x)$/;
const NOT_LETTERS = /\b(?:la|le|les|ma|sa|ta|de|des|et|en|es|ce|se|ne|pr|vs|as|ds|xs|sw|gt)\b/;
const MAX_MILEAGE_KM = 2_000_000;
const MAX_AMOUNT_EUROS = 1_000_000;

const PATTERNS: readonly Pattern[] = [
  {
    kind: "plate",
    pattern: new RegExp(
      String.raw`\b(?<a>[${LETTERS}]{2})[- ]?(?<n>\d{3})[- ]?(?<b>[${LETTERS}]{2})\b`,
      "g",
    ),
    read: ({ a, n, b }) =>
      // « ma 208 la » looks like one: with spaces, its letters must be no words.
      n === "000" || a === "ss" || b === "ss" || NOT_LETTERS.test(`${a} ${b}`)
        ? undefined
        : { value: `${a}-${n}-${b}`.toUpperCase(), detail: { format: "siv" } },
  },
  {
    kind: "plate",
    pattern: new RegExp(
      String.raw`\b(?<n>[1-9]\d{1,3})[- ]?(?<a>[${LETTERS}]{2,3})[- ]?(?<d>2[ab]|97[1-46]|0[1-9]|[1-8]\d|9[0-5])\b`,
      "g",
    ),
    read: ({ n, a, d }) =>
      NOT_SERIES.test(a ?? "") || d === "20"
        ? undefined
        : { value: `${n} ${a} ${d}`.toUpperCase(), detail: { format: "fni", department: d ?? "" } },
  },
  {
    kind: "dtc",
    // « PO420 »: the letter O for a zero is the usual slip.
    pattern: /\b(?<system>[pbcu])(?<rest>[0-3o][0-9a-fo]{3})\b/g,
    read: ({ system, rest }) =>
      // Four letters are a word: « code », « bobo ».
      /\d/.test(rest ?? "")
        ? { value: (system + (rest ?? "").replaceAll("o", "0")).toUpperCase() }
        : undefined,
  },
  {
    kind: "amount",
    pattern:
      /(?<![\d.,])(?<euros>\d{1,3}(?: \d{3})+|\d{1,7})(?:[.,](?<cents>\d{1,2}))? ?(?:€|euros?\b|eur\b|balles\b) ?(?<after>\d\d\b)?/g,
    read: ({ euros, cents, after }) => {
      const part = (cents ?? after ?? "0").padEnd(2, "0");
      const whole = Number(digits(euros));
      return whole > MAX_AMOUNT_EUROS ? undefined : { value: String(whole * 100 + Number(part)) };
    },
  },
  {
    kind: "mileage",
    pattern:
      /(?<![\d.,])(?<n>\d{1,3}(?:[ .]\d{3})+|\d{1,7}) ?(?<thousand>mille|k(?!m))? ?(?:kms?|kilometres?|bornes)\b/g,
    read: ({ n, thousand }) => {
      const km = Number(digits(n)) * (thousand === undefined ? 1 : 1_000);
      return km > MAX_MILEAGE_KM ? undefined : { value: String(km) };
    },
  },
  {
    kind: "engine",
    pattern:
      /\b(?:(?<litres>[0-6][.,]\d) ?(?<name>hdi|blue ?hdi|blue ?dci|dci|tdi|tce|tsi|tfsi|cdti|tdci|puretech|vti|thp|vvti|hybride?|essence|diesel)?(?: (?<power>\d{2,3})(?: ?ch\b)?)?|(?<only>hdi|blue ?hdi|blue ?dci|dci|tdi|tce|tsi|cdti|tdci|puretech|vti|thp)(?: (?<power2>\d{2,3})(?: ?ch\b)?)?)\b(?! ?(?:€|eur|km|h\b|%))/g,
    read: ({ litres, name, power, only, power2 }) => {
      const value = [litres?.replace(",", "."), name ?? only, power ?? power2];
      return { value: value.filter((part) => part !== undefined).join(" ") };
    },
  },
  {
    kind: "place",
    pattern:
      /\b(?:dans le|departement|dept|dpt|le|du) (?<d>2[ab]|97[1-46]|0[1-9]|[1-8]\d|9[0-5])\b(?![ /.:,]*(?:\d|h\b|km|€|eur|%|janv|fev|mars|avr|mai\b|juin|juil|aou|sept|oct|nov|dec))/g,
    // « le 12 » alone is a day; what is over 31 or said with « dans » is a department.
    read: ({ d }, all) =>
      /^(?:dans|dep|dpt)/.test(all) || Number.parseInt(d ?? "", 10) > 31
        ? { value: (d ?? "").toUpperCase(), detail: { department: (d ?? "").toUpperCase() } }
        : undefined,
  },
  {
    kind: "place",
    pattern:
      /(?<![\d.,])(?:(?<=\b(?:a|sur|dans|vers|postal|cp|en) )|(?!\d\d000))(?<code>(?:0[1-9]|[1-8]\d|9[0-5])\d{3}|97[1-46]\d\d)\b(?! ?(?:k|€|eur|bornes|\d))/g,
    read: ({ code }) => {
      const d = code?.startsWith("97") === true ? code.slice(0, 3) : (code?.slice(0, 2) ?? "");
      // Corsica's codes begin with 20, and its departments are 2A and 2B.
      const department = d === "20" ? (Number(code) < 20_200 ? "2A" : "2B") : d;
      return { value: code ?? "", detail: { department } };
    },
  },
];

/** 1980 to 2049; « 2008 », « 3008 » next to their make are models. */
const years = (
  text: string,
  names: readonly NameHit[],
  tokens: readonly Token[],
): readonly Found[] =>
  [...text.matchAll(/\b(?<year>19[89]\d|20[0-4]\d)\b(?! ?(?:€|eur|km|\d))/g)].flatMap((match) => {
    const [from, to] = [match.index, match.index + 4];
    const says = /\b(?:annee|de|en|modele|mod)\s$/.test(text.slice(0, from));
    const asModel = names.some((hit) => hit.kind === "model" && tokens[hit.first]!.from === from);
    return asModel && !says ? [] : [{ kind: "year" as const, value: match[0], from, to }];
  });
