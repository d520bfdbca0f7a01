/** The NLP Engine: what it tells apart on sentences it never saw, what it reads out of them. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openApiFaults, startForTest, type Lab } from "../frame/lab.ts";
import { accuracyOf } from "./accuracy.ts";
import { train } from "./classifier.ts";
import { findDates } from "./dates.ts";
import { nlp, readEngine, readHeldOut } from "./nlp.routes.ts";
import { fold, speller } from "./text.ts";
import { seeded } from "./training.ts";

const engine = readEngine();
const heldOut = readHeldOut();
/** A Tuesday. */
const TODAY = "2026-03-10";

describe("intents", () => {
  const judge = (sentences: typeof heldOut) =>
    sentences.map(([is, sentence]) => ({ is, said: engine.understand(sentence, TODAY).intent }));

  test("macro-F1 on at least 300 held-out sentences of 15 intents is 0.94 or more", () => {
    expect(heldOut.length).toBeGreaterThanOrEqual(300);
    expect(new Set(heldOut.map(([intent]) => intent)).size).toBe(15);
    const { macroF1, f1 } = accuracyOf(judge(heldOut));
    expect(macroF1).toBeGreaterThanOrEqual(0.94);
    expect(f1.get("out_of_scope")).toBeGreaterThanOrEqual(0.8);
  });

  test("control: with the labels shifted by one, the same measure is near nothing", () => {
    const shifted = heldOut.map(([, sentence], i) => {
      const [other] = heldOut[(i + 16) % heldOut.length]!;
      return [other, sentence] as const;
    });
    expect(accuracyOf(judge(shifted)).macroF1).toBeLessThan(0.2);
  });

  test("no held-out sentence is among those it learnt from", () => {
    const { share } = accuracyOf(
      heldOut.map(([, sentence]) => ({
        is: "new",
        said: engine.hasLearnt(sentence) ? "learnt" : "new",
      })),
    );
    // « bonjour » and « merci » are what everybody says.
    expect(share).toBeGreaterThanOrEqual(0.9);
  });

  test("its confidences and alternatives are ordered shares", () => {
    for (const [, sentence] of heldOut) {
      const { confidence, alternatives, intent } = engine.understand(sentence, TODAY);
      const shares = alternatives.map((one) => one.confidence);
      expect(shares).toEqual(shares.toSorted((a, b) => b - a));
      expect(confidence + shares.reduce((a, b) => a + b, 0)).toBeLessThan(1.001);
      expect(alternatives.map((one) => one.intent)).not.toContain(intent);
    }
  });

  test.each(["???", "0 0 0", "zxcv qwop", "ωψ ξ", "你好"])(
    "%s is refused or out of scope",
    (text) => {
      expect(engine.understand(text, TODAY).intent).toBe("out_of_scope");
    },
  );
});

describe("entities", () => {
  test.each([
    ["ma clio 4 AB-123-CD a 120 000 km", "model:clio mileage:120000 plate:AB-123-CD"],
    ["plaque ab123cd", "plate:AB-123-CD"],
    ["immatriculée 1234 AB 75", "plate:1234 AB 75"],
    ["Je vends ma 208 la semaine prochaine", "model:208 date:2026-03-16"],
    ["peugeot 2008 de 2016", "make:peugeot model:2008 year:2016"],
    ["polo 1.4 tdi 90 de 2015", "model:polo engine:1.4 tdi 90 year:2015"],
    ["code PO420 et u0100", "dtc:P0420 dtc:U0100"],
    ["j'ai payé 89,90 € pour un alternateur", "amount:8990 part:alternator"],
    ["1 250 euros l'embrayage", "amount:125000 part:clutch-kit"],
    ["vidange à 15 000 km dans le 92", "mileage:15000 place:92"],
    ["garage à Tours ou à Nîmes", "place:Tours place:Nîmes"],
    ["je vais faire deux tours", ""],
    ["plaquetes de frien avant", "part:brake-pad"],
    ["le voyant d’huile s’allume", "light:oil-light"],
    ["elle ne démarre plus, fumée noire", "symptom:no-start symptom:smoke"],
    ["rdv demain matin à 75011 Paris", "date:2026-03-11 place:75011 place:Paris"],
    ["500 euros pour ma fiat 500", "amount:50000 make:fiat model:500"],
    ["je cherche un devis", ""],
  ])("%s → %s", (sentence, expected) => {
    const said = engine.understand(sentence, TODAY).entities;
    const shown = said.map(({ kind, value }) => `${kind}:${value}`);
    expect(shown.toSorted().join(" ")).toBe(
      expected
        .split(/ (?=\w+:)/)
        .toSorted()
        .join(" "),
    );
  });

  test("law: every entity is the text at its place, none over another, on any string", () => {
    const pieces = fc.constantFrom(
      "clio 4",
      "ÉTRIER",
      "12 km",
      "le 12 mars",
      "P0420",
      "œuf",
      "é😀",
    );
    const text = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 80 }),
      fc
        .array(fc.oneof(pieces, fc.string({ maxLength: 8 })), { maxLength: 10 })
        .map((a) => a.join(" ")),
    );
    fc.assert(
      fc.property(text, (sentence) => {
        let last = 0;
        for (const { from, to, text } of engine.understand(sentence, TODAY).entities) {
          expect(from).toBeGreaterThanOrEqual(last);
          expect(to).toBeGreaterThan(from);
          expect(sentence.slice(from, to)).toBe(text);
          last = to;
        }
      }),
      { numRuns: 300, seed: 11 },
    );
  });
});

describe("dates, said on Tuesday 10 March 2026", () => {
  test.each([
    ["aujourd'hui", "2026-03-10"],
    ["demain matin", "2026-03-11 morning"],
    ["après-demain", "2026-03-12"],
    ["mardi", "2026-03-10"],
    ["mardi prochain", "2026-03-17"],
    ["lundi dernier", "2026-03-09"],
    ["jeudi vers 14h30", "2026-03-12 14:30"],
    ["le 12 mars à 9h", "2026-03-12 09:00"],
    ["1er mai", "2026-05-01"],
    ["le 2 mars", "2027-03-02"],
    ["25/04/2026", "2026-04-25"],
    ["25/04", "2026-04-25"],
    ["le 29 février", "2028-02-29"],
    ["dans trois jours", "2026-03-13"],
    ["dans 2 semaines", "2026-03-24"],
    ["la semaine prochaine", "2026-03-16..2026-03-22"],
    ["ce week-end", "2026-03-14..2026-03-15"],
    ["cet après-midi", "2026-03-10 afternoon"],
    ["31/02", ""],
    ["25:99", ""],
    ["le 12", "2026-03-12"],
    ["le 5", "2026-04-05"],
    ["à 17 heures", "17:00"],
  ])("%s → %s", (text, expected) => {
    const shown = findDates(fold(text).text, TODAY).map(({ day, until, time, part }) =>
      [until === undefined ? day : `${day}..${until}`, time, part].filter(Boolean).join(" "),
    );
    expect(shown.join("; ")).toBe(expected);
  });
});

test("a slip is corrected towards the known word, and a known word never", () => {
  const correct = speller(
    new Map([
      ["embrayage", 4],
      ["alternateur", 2],
      ["freins", 9],
      ["frais", 1],
    ]),
  );
  const said = ["embraillage", "embrayge", "alternatuer", "fraise", "freins", "frein", "p0420"];
  expect(said.map((word) => correct(word))).toEqual([
    ...["embraillage", "embrayage", "alternateur", "frais", "freins", "freins", "p0420"],
  ]);
});

test("the same examples give the same model", () => {
  const samples = [
    ...["a b", "a c", "a d"].map((text) => ({ label: "x", features: text.split(" ") })),
    ...["e b", "e c", "e d"].map((text) => ({ label: "y", features: text.split(" ") })),
  ];
  const answers = [1, 1].map((seed) => train(samples, seeded(seed)).classify(["a", "unseen"]));
  expect(answers[0]).toEqual(answers[1]);
  expect(answers[0]?.[0]?.label).toBe("x");
});

describe("over HTTP", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startForTest(nlp);
  });
  afterAll(() => lab.stop());

  test("a sentence is understood", async () => {
    const { status, body } = await lab.call("POST", "/nlp/understand", {
      sentence: "Bonjour, il me faut des plaquettes de frein pour ma Clio 4 demain",
      today: TODAY,
    });
    expect(status).toBe(200);
    expect(body.intent).toBe("find_part");
    expect(body.entities).toContainEqual({
      ...{ kind: "model", value: "clio", text: "Clio 4", from: 52, to: 58 },
      detail: { make: "renault", generation: "4" },
    });
  });

  test.each([
    [{ sentence: "" }, /sentence: is empty/],
    [{ sentence: " \t " }, /sentence: is empty/],
    [{ sentence: "a".repeat(501) }, /sentence: has at most 500 characters/],
    [{ sentence: 12 }, /sentence: /],
    [{}, /sentence: /],
    [{ sentence: "bonjour", today: "2026-02-30" }, /today: /],
    [{ sentence: "bonjour", more: 1 }, /more/],
  ])("%j is refused by name", async (body, says) => {
    const answer = await lab.call("POST", "/nlp/understand", body);
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toMatch(says);
  });

  test("500 characters of anything are answered", async () => {
    for (const sentence of [
      "1 ".repeat(250),
      "a".repeat(500),
      "é😀".repeat(166),
      "'-".repeat(250),
    ]) {
      const answer = await lab.call("POST", "/nlp/understand", { sentence });
      expect(answer.status).toBe(200);
    }
  });

  test("its OpenAPI is one a client can be made from", async () => {
    const { body } = await lab.call("GET", "/openapi.json");
    expect(openApiFaults(body)).toEqual([]);
    expect((await lab.call("GET", "/nlp/intents")).body.intents).toHaveLength(15);
  });
});
