/**
 * A driver's sentence, understood: intent with its confidence, alternatives, entities.
 *
 * Shape:  `makeEngine(training, lexicon)` learns once, `understand(sentence, today)` answers.
 *         What is unlike everything learnt is `out_of_scope`, with `refused: true`.
 * Errors: none; a sentence without words is out of scope.
 */
import { train, type Sample } from "./classifier.ts";
import { findEntities, type Entity } from "./entities.ts";
import { makeLexicon, type Lexicon, type LexiconText } from "./lexicon.ts";
import { fold, speller, stem, tokenise, words, type Token } from "./text.ts";
import { drawExamples, seeded, type Training } from "./training.ts";

export type Understood = {
  readonly intent: string;
  readonly confidence: number;
  /** The engine would rather ask again than guess. */
  readonly refused: boolean;
  readonly alternatives: readonly { readonly intent: string; readonly confidence: number }[];
  readonly entities: readonly Entity[];
};
export type Engine = {
  readonly intents: readonly string[];
  readonly examples: number;
  readonly hasLearnt: (sentence: string) => boolean;
  readonly understand: (sentence: string, today: string) => Understood;
};

const SEED = 20_250_410;
const OUT_OF_SCOPE = "out_of_scope";
/** Below it no intent is likely enough: fifteen of them share the rest. */
const MIN_CONFIDENCE = 0.3;
/** A sentence of words never seen is not judged by its little words. */
const MIN_KNOWN_SHARE = 0.25;
const ALTERNATIVES = 3;
/** A name is worth a correction as much as a word of this many sentences. */
const NAME_WEIGHT = 5;
/** Entities of the training sentences need a day; which one does not matter. */
const ANY_DAY = "2026-01-01";

export const makeEngine = (training: Training, text: LexiconText): Engine => {
  const lexicon = makeLexicon(text);
  const examples = drawExamples(training, SEED);
  const correct = speller(wordCounts(training, lexicon));
  const read = (sentence: string, today: string) => reading(sentence, today, lexicon, correct);
  const samples = function* (): Generator<Sample> {
    for (const { intent, sentence } of examples)
      yield { label: intent, features: read(sentence, ANY_DAY).features };
  };
  const model = train(samples(), seeded(SEED));
  const learnt = new Set(examples.map(({ sentence }) => fold(sentence).text));
  return {
    intents: model.labels,
    examples: examples.length,
    hasLearnt: (sentence) => learnt.has(fold(sentence).text),
    understand: (sentence, today) => {
      const { features, entities } = read(sentence, today);
      const all = model.classify(features);
      const [best] = all;
      const unlike =
        best === undefined ||
        best.probability < MIN_CONFIDENCE ||
        model.knows(features.filter((one) => one.startsWith("w:"))) < MIN_KNOWN_SHARE;
      const intent = unlike ? OUT_OF_SCOPE : best.label;
      return {
        intent,
        confidence: rounded(all.find(({ label }) => label === intent)?.probability ?? 0),
        refused: unlike,
        alternatives: all
          .filter(({ label }) => label !== intent)
          .slice(0, ALTERNATIVES)
          .map(({ label, probability }) => ({ intent: label, confidence: rounded(probability) })),
        entities,
      };
    },
  };
};

const rounded = (probability: number): number => Math.round(probability * 1e4) / 1e4;

/** Words of the templates as they are written, not of the drawn sentences: those have slips. */
const wordCounts = (training: Training, lexicon: Lexicon): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  const add = (word: string, count: number): void => {
    counts.set(word, (counts.get(word) ?? 0) + count);
  };
  const templates = Object.values(training.intents).flat();
  for (const text of [...templates, ...Object.values(training.slots).flat()])
    for (const word of words(text.replaceAll(/<\w+>/g, " "))) add(word, 1);
  for (const word of lexicon.words) add(word, NAME_WEIGHT);
  for (const word of lexicon.shorthand.keys()) add(word, 1);
  return counts;
};

const reading = (
  sentence: string,
  today: string,
  lexicon: Lexicon,
  correct: (word: string) => string,
): { readonly features: readonly string[]; readonly entities: readonly Entity[] } => {
  const folded = fold(sentence);
  const tokens: readonly Token[] = tokenise(folded.text).map((token) => ({
    ...token,
    word: correct(token.word),
  }));
  const entities = findEntities(sentence, folded, tokens, lexicon, today);
  return { features: featuresOf(tokens, entities, lexicon), entities };
};

/** Stems, pairs of stems, kinds of entities, and three letters in a row for what was misspelt. */
const featuresOf = (
  tokens: readonly Token[],
  entities: readonly Entity[],
  lexicon: Lexicon,
): readonly string[] => {
  const all = tokens.flatMap(({ word }) => lexicon.shorthand.get(word) ?? [word]);
  const list = all.map((word) => (/^\d+$/.test(word) ? "#" : stem(word)));
  const pairs = list.map((one, i) => `p:${list[i - 1] ?? "^"} ${one}`);
  const letters = all
    .filter((word) => word.length > 3 && !/\d/.test(word))
    .flatMap((word) => {
      const padded = `^${word}$`;
      return Array.from({ length: padded.length - 3 }, (_, i) => `l:${padded.slice(i, i + 4)}`);
    });
  return [
    ...list.map((one) => `w:${one}`),
    ...pairs,
    `p:${list.at(-1) ?? "^"} $`,
    ...entities.map(({ kind }) => `e:${kind}`),
    ...letters,
  ];
};
