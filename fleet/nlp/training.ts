/**
 * Sentences to learn from, drawn from templates: seeded, so that every start learns the same.
 *
 * Shape:  {a|b|} is a choice, [a] may be left out, <name> is a word of `slots`; they nest.
 * Errors: throws on a template that does not parse or names no slot: the file ships with the code.
 */
import { z } from "zod";
import { fold } from "./text.ts";

export const trainingSchema = z.object({
  /** Drawn of each intent, at most. */
  samples: z.int().min(60).max(2_000),
  slots: z.record(z.string(), z.array(z.string()).min(1)),
  intents: z.record(z.string(), z.array(z.string()).min(1)),
});
export type Training = z.infer<typeof trainingSchema>;
export type Example = { readonly intent: string; readonly sentence: string };

const TRIES_PER_SAMPLE = 6;
/** The share of sentences written as people type on a phone. */
const NOISY_SHARE = 0.45;

export const drawExamples = (training: Training, seed: number): readonly Example[] =>
  Object.entries(training.intents).flatMap(([intent, templates], nth) => {
    const random = seeded(seed + nth);
    const grown = templates.map((text) => parse(text));
    const seen = new Set<string>();
    for (let i = 0; i < training.samples * TRIES_PER_SAMPLE; i += 1) {
      if (seen.size >= training.samples) break;
      const drawn = write(grown[i % grown.length]!, training.slots, random);
      const sentence = drawn.replaceAll(/\s+/g, " ").replaceAll(" ,", ",").trim();
      seen.add(random() < NOISY_SHARE ? typed(sentence, random) : sentence);
    }
    return [...seen].map((sentence) => ({ intent, sentence }));
  });

/** Mulberry32: small, and the same everywhere. */
export const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

type Part =
  | { readonly kind: "text" | "slot"; readonly text: string }
  | { readonly kind: "choice"; readonly of: readonly (readonly Part[])[] };

const parse = (template: string): readonly Part[] => {
  let i = 0;
  const sequence = (ends: string): readonly Part[] => {
    const parts: Part[] = [];
    while (i < template.length && !ends.includes(template[i]!)) {
      const sign = template[i]!;
      if (sign === "{" || sign === "[") {
        const close = sign === "{" ? "}" : "]";
        const of: (readonly Part[])[] = sign === "[" ? [[]] : [];
        do {
          i += 1;
          of.push(sequence(`${close}|`));
        } while (template[i] === "|");
        if (template[i] !== close) throw new Error(`template: no ${close} in: ${template}`);
        i += 1;
        parts.push({ kind: "choice", of });
      } else if (sign === "<") {
        const end = template.indexOf(">", i);
        parts.push({ kind: "slot", text: template.slice(i + 1, end) });
        i = end + 1;
      } else {
        const start = i;
        while (i < template.length && !`{[<${ends}`.includes(template[i]!)) i += 1;
        parts.push({ kind: "text", text: template.slice(start, i) });
      }
    }
    return parts;
  };
  const parts = sequence("");
  return parts;
};

const pick = <T>(of: readonly T[], random: () => number): T =>
  of[Math.floor(random() * of.length)]!;

const write = (parts: readonly Part[], slots: Training["slots"], random: () => number): string =>
  parts
    .map((part) => {
      if (part.kind === "text") return part.text;
      if (part.kind === "choice") return write(pick(part.of, random), slots, random);
      const slot = slots[part.text];
      if (slot === undefined) throw new Error(`template: no slot ${part.text}`);
      return pick(slot, random);
    })
    .join("");

const SHORT: readonly (readonly [long: RegExp, short: string])[] = [
  [/\brendez-vous\b/g, "rdv"],
  [/\bvous\b/g, "vs"],
  [/\bpour\b/g, "pr"],
  [/\bbonjour\b/g, "bjr"],
  [/\bquand\b/g, "qd"],
  [/\bj'ai\b/g, "jai"],
  [/\bc'est\b/g, "c"],
  [/\bquoi\b/g, "koi"],
  [/\bqui\b/g, "ki"],
  [/\bavec\b/g, "avc"],
  [/\bveux\b/g, "veu"],
  [/\bmise à jour\b/g, "maj"],
  [/\bmerci\b/g, "mrc"],
];

/** As on a phone: without accents, with shorthand, with a slip of the finger. */
const typed = (sentence: string, random: () => number): string => {
  let text = sentence;
  if (random() < 0.6) text = fold(text).text;
  if (random() < 0.5) for (const [long, short] of SHORT) text = text.replaceAll(long, short);
  if (random() < 0.3) text = text.replaceAll("'", random() < 0.5 ? " " : "");
  if (random() < 0.5) text = slip(text, random);
  return text;
};

const MIN_SLIP_CHARS = 5;
const slip = (text: string, random: () => number): string => {
  const list = text.split(" ");
  const nth = Math.floor(random() * list.length);
  const word = list[nth]!;
  if (word.length < MIN_SLIP_CHARS || /\d/.test(word)) return text;
  const at = 1 + Math.floor(random() * (word.length - 2));
  const [head, tail] = [word.slice(0, at), word.slice(at + 1)];
  const kinds = [
    head + tail,
    head + word[at]! + word[at]! + tail,
    head + tail[0]! + word[at]! + tail.slice(1),
  ];
  list[nth] = pick(kinds, random);
  return list.join(" ");
};
