/**
 * A generated catalogue of spare parts: the same seed gives the same references everywhere.
 *
 * Shape:  an article is a kind of part at a place of a vehicle (of its petrol or diesel engines,
 *         where it depends on them) and has a manufacturer's number; several brands make it, each
 *         under its own reference. Kept in columns: 100,000 objects would cost ten times as much.
 * Units:  prices in cents.
 * Errors: throws when no reference has the number asked for.
 */
import type { Brand, Kind, Tables, Vehicle } from "./tables.ts";

export type Fuel = "petrol" | "diesel" | "electric";
export type Article = {
  readonly kind: number;
  readonly place: string;
  readonly vehicle: number;
  readonly engines: readonly string[];
  readonly oe: string;
};
export type Part = {
  readonly reference: string;
  readonly brand: Brand;
  readonly kind: Kind;
  readonly vehicle: Vehicle;
  readonly article: Article;
  readonly listPriceCents: number;
};
export type Catalogue = {
  readonly tables: Tables;
  readonly articles: readonly Article[];
  /** Of article i the references from `firstOf[i]` to before `firstOf[i + 1]`. */
  readonly firstOf: Uint32Array;
  readonly articleOf: Uint32Array;
  readonly brandOf: Uint8Array;
  readonly priceOf: Uint32Array;
  readonly references: readonly string[];
  readonly part: (id: number) => Part;
};

export const CATALOGUE_SEED = 20_250_410;
const MIN_BRANDS = 3;
const MAX_BRANDS = 5;

export const generateCatalogue = (tables: Tables, seed: number): Catalogue => {
  const articles = articlesOf(tables, seed);
  const firstOf = new Uint32Array(articles.length + 1);
  const [articleOf, brandOf, priceOf]: [number[], number[], number[]] = [[], [], []];
  const references: string[] = [];
  for (const [nth, article] of articles.entries()) {
    firstOf[nth] = references.length;
    const dice = mix(seed, nth);
    const kind = tables.kinds[article.kind]!;
    const spread = (dice % 1_000) / 1_000;
    const base = kind.fromEuros + (kind.toEuros - kind.fromEuros) * spread;
    const makers = MIN_BRANDS + ((dice >>> 12) % (MAX_BRANDS - MIN_BRANDS + 1));
    for (let i = 0; i < makers; i += 1) {
      // The vehicle maker's own first, then neighbours in the list from a drawn one on.
      const others = tables.brands.length - 1;
      const brand = i === 0 ? 0 : 1 + (((dice >>> 16) + i) % others);
      articleOf.push(nth);
      brandOf.push(brand);
      priceOf.push(toNinety(base * tables.brands[brand]!.percent));
      references.push(referenceOf(tables.brands[brand]!, references.length));
    }
  }
  firstOf[articles.length] = references.length;
  const columns = { articleOf: Uint32Array.from(articleOf), brandOf: Uint8Array.from(brandOf) };
  const prices = Uint32Array.from(priceOf);
  return {
    ...{ tables, articles, firstOf, ...columns, priceOf: prices, references },
    part: (id) => {
      const article = articles[columns.articleOf[id] ?? -1];
      if (article === undefined) throw new Error(`catalogue: no part ${id}`);
      return {
        reference: references[id]!,
        brand: tables.brands[columns.brandOf[id]!]!,
        kind: tables.kinds[article.kind]!,
        vehicle: tables.vehicles[article.vehicle]!,
        article,
        listPriceCents: prices[id]!,
      };
    },
  };
};

const articlesOf = ({ vehicles, kinds }: Tables, seed: number): readonly Article[] => {
  const all: Article[] = [];
  for (const [vehicle, { make, engines }] of vehicles.entries()) {
    const byFuel = Map.groupBy(engines, (engine) => fuelOf(engine));
    for (const [kind, { fits, places }] of kinds.entries()) {
      const fuels = (["petrol", "diesel"] as const).filter(
        (one) => fits === "engine" || fits === one,
      );
      const groups = fits === "body" ? [engines] : fuels.map((fuel) => byFuel.get(fuel) ?? []);
      for (const group of groups)
        if (group.length > 0)
          for (const place of places) {
            const oe = oeNumber(make, mix(seed + 1, all.length));
            all.push({ kind, place, vehicle, engines: group, oe });
          }
    }
  }
  return all;
};

export const fuelOf = (engine: string): Fuel => {
  if (/^(?:r90|r110|r135|e-\w+)$/.test(engine)) return "electric";
  return /dci|hdi|tdi|cdti|tdci|dti|crdi|cdi|multijet|ecoblue|diesel|d-4d|\dd\b| d\b/.test(engine)
    ? "diesel"
    : "petrol";
};

/** What makes' numbers look like: # is a digit, @ a letter. */
const OE_FORMS: Readonly<Record<string, string>> = {
  ...{ renault: "82## ### ###", dacia: "60## ### ###", nissan: "#####-####@" },
  ...{ peugeot: "16## ### ###", citroen: "16## ### ###", ds: "98## ### ###" },
  ...{ volkswagen: "#@# ### ### @", audi: "#@# ### ### @", seat: "#@# ### ### @" },
  ...{ skoda: "#@# ### ### @", bmw: "## ## # ### ###", mini: "## ## # ### ###" },
  ...{ mercedes: "A ### ### ## ##", ford: "# ### ###", toyota: "#####-#####" },
};
const LETTERS = "ABCDEFGHJKLMNPQRSTVWXYZ";

const oeNumber = (make: string, dice: number): string => {
  let rest = dice;
  return (OE_FORMS[make] ?? "## ### ###").replaceAll(/[#@]/g, (sign) => {
    const of = sign === "#" ? 10 : LETTERS.length;
    const drawn = rest % of;
    // Longer than 32 bits of digits: what is left over is mixed anew.
    rest = rest < of * of ? mix(dice, rest + of) : Math.floor(rest / of);
    return sign === "#" ? String(drawn) : LETTERS[drawn]!;
  });
};

/** A step prime to ten million: each number once, and neighbours look unlike. */
const STEP = 7_368_787;
const referenceOf = ({ letters }: Brand, nth: number): string => {
  const digits = String((nth * STEP + 1_234_567) % 10_000_000).padStart(7, "0");
  return `${letters}${digits.slice(0, 4)}-${digits.slice(4)}`;
};

/** List prices end in ,90. */
const toNinety = (cents: number): number => Math.max(90, Math.round(cents / 100) * 100 - 10);

/** 32 well-mixed bits of a seed and a number. */
export const mix = (seed: number, value: number): number => {
  let bits = Math.imul(seed ^ Math.imul(value + 1, 0x9e3779b1), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
};
