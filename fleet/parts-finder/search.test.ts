/** The catalogue and its search: what is generated, and what a driver's words find in it. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { lexiconSchema } from "../nlp/lexicon.ts";
import { fuelOf, generateCatalogue } from "./catalogue.ts";
import { readCatalogue } from "./parts.flow.ts";
import { bare, referenceIndex } from "./references.ts";
import { makeSearch, plain, type Wanted } from "./search.ts";
import { kindsOfCode } from "./tables.ts";
import { understandWith } from "./understanding.ts";

const catalogue = readCatalogue();
const { tables } = catalogue;
const search = makeSearch(catalogue);
const ALL = { vehicle: {}, sort: "relevance", limit: 20, offset: 0 } as const;
const found = (text: string, more: Partial<Wanted> = {}) => {
  const answer = search({ text, ...ALL, ...more });
  if (!answer.ok) throw new Error(`${answer.error.field}: ${answer.error.value}`);
  return answer.value;
};

describe("the catalogue", () => {
  test("has at least 100,000 references, each once, the same from the same seed", () => {
    expect(catalogue.references.length).toBeGreaterThanOrEqual(100_000);
    expect(new Set(catalogue.references.map(bare)).size).toBe(catalogue.references.length);
    expect(generateCatalogue(tables, 1).references).toEqual(
      generateCatalogue(tables, 1).references,
    );
    const oe = (seed: number) => generateCatalogue(tables, seed).articles.map((one) => one.oe);
    expect(oe(1)).not.toEqual(oe(2));
  });

  test("sells no glow plug for petrol, no spark plug for diesel, no clutch for a battery", () => {
    for (const article of catalogue.articles) {
      const { fits } = tables.kinds[article.kind]!;
      const wrong = article.engines.map(fuelOf).filter((fuel) => {
        if (fits === "body") return false;
        return fits === "engine" ? fuel === "electric" : fuel !== fits;
      });
      expect([article, wrong]).toEqual([article, []]);
    }
  });

  test("has prices within the range of the kind, brand's factor included", () => {
    for (let id = 0; id < catalogue.references.length; id += 97) {
      const { kind, brand, listPriceCents } = catalogue.part(id);
      expect(listPriceCents).toBeGreaterThanOrEqual(
        Math.max(90, kind.fromEuros * brand.percent - 110),
      );
      expect(listPriceCents).toBeLessThanOrEqual(kind.toEuros * brand.percent + 110);
    }
  });

  test("names only kinds it has behind trouble codes, and the longest prefix counts", () => {
    const known = new Set(tables.kinds.map(({ id }) => id));
    for (const [code, kinds] of tables.codes)
      for (const kind of kinds) expect([code, known.has(kind)]).toEqual([code, true]);
    expect(kindsOfCode(tables, "P0420")[0]).toBe("catalyst");
    expect(kindsOfCode(tables, "P0301")).toContain("ignition-coil");
    expect(kindsOfCode(tables, "U0100")).toEqual([]);
  });

  test("has every part and vehicle that both it and the NLP Engine name, under one name", () => {
    const file = new URL("../nlp/data/lexicon.yaml", import.meta.url);
    const lexicon = lexiconSchema.parse(parse(readFileSync(file, "utf8")));
    const kinds = new Set(tables.kinds.map(({ id }) => id));
    expect(Object.keys(lexicon.parts).filter((part) => !kinds.has(part))).toEqual([]);
    const models = Object.entries(lexicon.makes).flatMap(([make, { models }]) =>
      models.map((model) => `${make} ${plain(model)}`),
    );
    const missing = tables.vehicles
      .map(({ make, model }) => `${make} ${plain(model)}`)
      .filter((name) => !models.includes(name));
    expect(missing).toEqual([]);
  });
});

describe("words", () => {
  test.each([
    ["plaquettes de frein clio 4", "brake-pad", "clio 4"],
    ["PLAQUETTE FREIN CLIO IV", "brake-pad", "clio 4"],
    ["embrayge golf 6", "clutch-kit", "golf 6"],
    ["amortiseur arriere berlingo", "shock-absorber", "berlingo 2"],
    ["kit distribution scenic 3 1.5 dci 110", "timing-kit", "scenic 3"],
    ["retroviseur droit c3", "mirror", "c3 1"],
    ["fap captur", "particle-filter", "captur 1"],
    ["feu arriere droite polo 5", "tail-light", "polo 5"],
    ["triangle av d clio 3", "wishbone", "clio 3"],
    ["alternateur fiat 500", "alternator", "500 1"],
    ["filt huile 308", "oil-filter", "308 1"],
    ["bobine d’allumage twingo", "ignition-coil", "twingo 2"],
    ["pneus", "tyre", "clio 2"],
  ])("« %s » finds %s of the %s first", (text, kind, vehicle) => {
    const [first] = found(text).parts;
    expect(first?.kind.id).toBe(kind);
    expect(`${first?.vehicle.model} ${first?.vehicle.generation}`).toBe(vehicle);
  });

  test("the engine that was said comes first", () => {
    const [first] = found("filtre à huile 308 1.6 hdi").parts;
    expect(first?.article.engines.join()).toContain("1.6 hdi");
    const [petrol] = found("filtre à huile 308 1.6 vti").parts;
    expect(petrol?.article.engines.join()).toContain("1.6 vti");
  });

  test("a place keeps its side, where the kind has sides", () => {
    const places = found("étrier avant gauche clio 4").parts.map(({ article }) => article.place);
    expect(new Set(places)).toEqual(new Set(["avant gauche"]));
    expect(found("batterie avant clio 4").total).toBeGreaterThan(0);
  });

  test.each(["xyzzy plugh", "?!", "ωψ", "de la pour", "1.5"])("« %s » finds nothing", (text) => {
    expect(found(text).total).toBe(0);
  });

  test("filters, facets and pages agree", () => {
    const all = found("frein clio");
    expect(all.total).toBeGreaterThan(100);
    const sum = all.facets.brand.reduce((total, { count }) => total + count, 0);
    expect(sum).toBe(all.total);
    const [brand] = all.facets.brand;
    expect(found("frein clio", { brand: brand!.value.toUpperCase() }).total).toBe(brand!.count);
    const pages = [0, 20, 40].flatMap((offset) => found("frein clio", { offset }).parts);
    expect(new Set(pages.map(({ reference }) => reference)).size).toBe(60);
    const prices = found("frein clio", { sort: "price" }).parts.map((one) => one.listPriceCents);
    expect(prices).toEqual(prices.toSorted((a, b) => a - b));
  });

  test("a vehicle given apart is kept to, whatever the words say", () => {
    const vehicle = { make: "Renault", model: "MEGANE", year: 2010, engine: "1.5 dci" };
    const { parts } = found("disque de frein", { vehicle });
    expect(parts.length).toBeGreaterThan(0);
    for (const part of parts)
      expect(part.vehicle).toMatchObject({ model: "mégane", generation: "3" });
    expect(found("disque clio", { vehicle }).parts[0]?.vehicle.model).toBe("mégane");
  });

  test.each([
    [{ make: "trabant" }, "make"],
    [{ make: "renault", model: "golf" }, "model"],
    [{ model: "clio", generation: "9" }, "generation"],
    [{ model: "clio", year: 1985 }, "year"],
    [{ model: "clio", engine: "v8" }, "engine"],
  ])("an unknown vehicle is named: %j", (vehicle, field) => {
    const answer = search({ text: "frein", ...ALL, vehicle });
    expect(answer).toMatchObject({ ok: false, error: { field } });
  });

  test("law: no text breaks the search, and a page never exceeds its limit", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
        const { total, parts } = found(text, { limit: 5 });
        expect(parts.length).toBeLessThanOrEqual(Math.min(5, total));
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});

describe("references", () => {
  const find = referenceIndex(catalogue);
  const ids = fc.nat(catalogue.references.length - 1);

  test("law: spaces, dashes and case do not matter", () => {
    fc.assert(
      fc.property(ids, fc.constantFrom("", " ", "-", ".", " / "), (id, between) => {
        const text = bare(catalogue.references[id]!)
          .match(/.{1,3}/g)!
          .join(between);
        expect(find(text.toUpperCase())).toEqual([id]);
      }),
      { numRuns: 200, seed: 5 },
    );
  });

  test("law: with one sign wrong, missing or too many, it is still among what is found", () => {
    const slips = fc.tuple(ids, fc.nat(6), fc.constantFrom("wrong", "missing", "more"));
    fc.assert(
      fc.property(slips, ([id, at, slip]) => {
        const right = bare(catalogue.references[id]!);
        const place = Math.min(3 + at, right.length - 1);
        const other = right[place] === "4" ? "5" : "4";
        const text =
          right.slice(0, place) +
          (slip === "missing" ? "" : slip === "wrong" ? other : other + right[place]!) +
          right.slice(place + 1);
        const all = find(text);
        // What was written may itself be a reference, or the beginning of some.
        const isAnother = all.some((one) => {
          const { reference, article } = catalogue.part(one);
          return bare(reference).startsWith(text) || bare(article.oe).startsWith(text);
        });
        expect(all.includes(id) || isAnother).toBe(true);
      }),
      { numRuns: 200, seed: 9 },
    );
  });

  test("the vehicle maker's number finds every brand's part, within a sentence too", () => {
    const article = catalogue.articles[777]!;
    const { parts } = found(`réf ${article.oe} disponible`);
    expect(parts.map((one) => one.article.oe)).toContain(article.oe);
    expect(found(bare(article.oe)).parts.length).toBe(found(article.oe).parts.length);
  });

  test("control: two signs wrong find it no more", () => {
    const [reference] = catalogue.references;
    expect(find(bare(reference!).replace("123", "998"))).not.toContain(0);
  });
});

describe("a sentence", () => {
  test("without the NLP Engine keeps its words and its codes", () => {
    const meant = understandWith(tables, "P0420 sur clio 4, catalyseur ?", undefined);
    expect(meant).toMatchObject({ by: "words", codes: ["P0420"], vehicle: {} });
    expect(meant.kinds[0]).toBe("catalyst");
  });

  test("a generation the table does not have does not hide the parts", () => {
    const entity = { from: 0, to: 0 };
    const meant = understandWith(tables, "x", {
      ...{ intent: "find_part", confidence: 0.9 },
      entities: [
        { ...entity, kind: "model", value: "clio", detail: { make: "renault", generation: "9" } },
        { ...entity, kind: "year", value: "2014" },
      ],
    });
    expect(meant.vehicle).toEqual({ make: "renault", model: "clio", year: 2014 });
  });
});
