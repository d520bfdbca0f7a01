/**
 * The NLP Engine over HTTP: `POST /nlp/understand` a driver's sentence, `GET /nlp/intents`.
 *
 * Units:  confidences 0 to 1; places in UTF-16 offsets; amounts in cents, mileage in km.
 * Errors: 400 names the field and its limit. A sentence about something else is no error: its
 *         intent is `out_of_scope`, and `refused` says that the engine would not guess.
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { ok } from "../../src/kernel/result.ts";
import { route, type Route } from "../frame/route.ts";
import type { Service } from "../frame/service.ts";
import { ENTITY_KINDS } from "./entities.ts";
import { lexiconSchema } from "./lexicon.ts";
import { trainingSchema } from "./training.ts";
import { makeEngine, type Engine } from "./understand.ts";

const MAX_SENTENCE_CHARS = 500;
const DATA = new URL("data/", import.meta.url);

export const readEngine = (): Engine =>
  makeEngine(
    trainingSchema.parse(read("training.yaml")),
    lexiconSchema.parse(read("lexicon.yaml")),
  );

/** `intent<TAB>sentence` a line, written by hand and never trained on. */
export const readHeldOut = (): readonly (readonly [intent: string, sentence: string])[] =>
  readFileSync(new URL("held-out.tsv", DATA), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [intent = "", sentence = ""] = line.split("\t");
      return [intent, sentence];
    });

const read = (name: string): unknown => parse(readFileSync(new URL(name, DATA), "utf8"));

export const nlp: Service = {
  id: "nlp",
  title: "NLP Engine",
  dependencies: [],
  open: (frame) => {
    const engine = readEngine();
    const sentences = frame.meter.createCounter("nlp.sentences", {
      description: "Sentences understood, by intent",
    });
    const routes = nlpRoutes({
      engine,
      today: () => parisDay(frame.nowMs()),
      count: (intent, refused) => sentences.add(1, { intent, refused }),
    });
    return Promise.resolve({ routes });
  },
};

const parisDays = new Intl.DateTimeFormat("en-CA", { timeZone: "Europe/Paris" });
const parisDay = (nowMs: number): string => parisDays.format(nowMs);

const confidence = z.number().min(0).max(1);
const understood = z.object({
  intent: z.string(),
  confidence,
  refused: z.boolean().describe("nothing is likely enough: better to ask again than to guess"),
  alternatives: z.array(z.object({ intent: z.string(), confidence })),
  entities: z.array(
    z.object({
      kind: z.enum(ENTITY_KINDS),
      value: z.string().describe("normalised: AB-123-CD, 120000 (km), 8990 (cents), 2026-03-12"),
      text: z.string().describe("as it was said"),
      from: z.int().min(0).describe("UTF-16 offset in the sentence"),
      to: z.int().min(0).describe("UTF-16 offset after it"),
      detail: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

export const nlpRoutes = (deps: {
  readonly engine: Engine;
  readonly today: () => string;
  readonly count: (intent: string, refused: boolean) => void;
}): readonly Route[] => [
  route({
    method: "POST",
    path: "/understand",
    summary: "Intent and entities of a driver's French sentence",
    body: z.strictObject({
      sentence: z
        .string()
        .max(MAX_SENTENCE_CHARS, `has at most ${MAX_SENTENCE_CHARS} characters`)
        .refine((text) => text.trim() !== "", "is empty"),
      today: z.iso
        .date()
        .optional()
        .describe("the day « demain » is counted from; today in Paris unless given"),
    }),
    answer: understood,
    handler: ({ body }) => {
      const answer = deps.engine.understand(body.sentence, body.today ?? deps.today());
      deps.count(answer.intent, answer.refused);
      return Promise.resolve(
        ok({
          ...answer,
          alternatives: [...answer.alternatives],
          entities: [...answer.entities],
        }),
      );
    },
  }),
  route({
    method: "GET",
    path: "/intents",
    summary: "The intents the engine tells apart",
    answer: z.object({ intents: z.array(z.string()), examples: z.int() }),
    handler: () =>
      Promise.resolve(ok({ intents: [...deps.engine.intents], examples: deps.engine.examples })),
  }),
];
