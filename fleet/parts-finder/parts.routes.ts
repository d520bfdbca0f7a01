/**
 * The Parts Finder over HTTP: search by words, by a driver's sentence, by trouble code and by
 * diagnosis; one part; the vehicles; what the suppliers keep of their promise.
 *
 * Units:  prices in cents; `ageMs` of a price since the supplier said it.
 * Errors: 400 names the field and its limit, 404 an unknown vehicle, part or code, 503 with
 *         Retry-After while the OBD-II Service is away and only it knows.
 */
import { z } from "zod";
import { ok, type Result } from "../../src/kernel/result.ts";
import { refuse, route, type Caller, type Refusal, type Route } from "../frame/route.ts";
import type { Catalogue, Part } from "./catalogue.ts";
import { LIVE_MS, MAX_REFERENCES, SUPPLIERS, type Offer, type Offers } from "./offers.flow.ts";
import { bare } from "./references.ts";
import { plain, type Search, type VehicleFilter, type Wanted } from "./search.ts";
import { kindsOfCode } from "./tables.ts";
import { understandWith, type Understanding, type Understood } from "./understanding.ts";

const MAX_TEXT_CHARS = 500;
const MAX_PAGE = MAX_REFERENCES;
const DEFAULT_PAGE = 10;
const MAX_OFFSET = 1_000;
const MAX_FILTER_CHARS = 60;

type Deps = {
  readonly catalogue: Catalogue;
  readonly search: Search;
  readonly offers: Offers;
  readonly nowMs: () => number;
  readonly understand: (sentence: string, caller: Caller) => Promise<Understood | undefined>;
  readonly codesOf: (id: string, caller: Caller) => Promise<Result<readonly string[], Refusal>>;
};

const text = z
  .string()
  .max(MAX_TEXT_CHARS, `has at most ${MAX_TEXT_CHARS} characters`)
  .refine((said) => said.trim() !== "", "is empty");
const filter = z.string().min(1).max(MAX_FILTER_CHARS).optional();
const vehicle = {
  ...{ make: filter, model: filter, generation: filter, engine: filter },
  year: z.coerce.number().int().min(1980).max(2049).optional(),
};
const page = {
  ...{ family: filter, brand: filter, place: filter },
  inStock: z
    .enum(["true", "false"])
    .optional()
    .describe("of the first 50 that fit: stock is the suppliers' knowledge"),
  sort: z.enum(["relevance", "price"]).default("relevance"),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE),
  offset: z.coerce.number().int().min(0).max(MAX_OFFSET).default(0),
};
const filters = z.strictObject({ ...vehicle, ...page });
type Filters = z.output<typeof filters>;

const price = z.object({
  cents: z.int(),
  source: z.enum(["live", "cache", "list"]),
  ageMs: z.number().min(0).nullable(),
  says: z.string().describe("« prix en direct », « prix d'il y a 7 min », « prix catalogue »"),
  supplier: z.enum(SUPPLIERS).nullable(),
});
const part = z.object({
  ...{ reference: z.string(), oe: z.string(), name: z.string(), kind: z.string() },
  ...{ family: z.string(), brand: z.string(), place: z.string().nullable() },
  fits: z.object({
    ...{ make: z.string(), model: z.string(), generation: z.string() },
    ...{ from: z.int(), to: z.int(), engines: z.array(z.string()) },
  }),
  ...{ listPriceCents: z.int(), price },
  availability: z.object({
    state: z.enum(["in-stock", "on-order", "unknown"]),
    stock: z.int().nullable(),
    leadDays: z.int().nullable(),
  }),
});
const facet = z.array(z.object({ value: z.string(), count: z.int() }));
const result = z.object({
  total: z.int(),
  parts: z.array(part),
  facets: z.object({ family: facet, brand: facet, place: facet, make: facet }),
  /** True when no supplier answered for what the cache did not know well enough. */
  degraded: z.boolean(),
});
const understanding = z.object({
  by: z.enum(["nlp", "words"]).describe("« words » while the NLP Engine is away"),
  intent: z.string().nullable(),
  ...{ kinds: z.array(z.string()), codes: z.array(z.string()) },
  vehicle: z.object(vehicle),
});

export const partsRoutes = (deps: Deps): readonly Route[] => {
  const { tables } = deps.catalogue;
  return [
    route({
      method: "GET",
      path: "/search",
      summary: "Parts by words or reference, by vehicle, with facets, price and availability",
      query: z.strictObject({ q: text, ...vehicle, ...page }),
      answer: result,
      refusals: { 404: "No such vehicle" },
      handler: ({ query: { q, ...rest } }) => find(deps, rest, { text: q }),
    }),
    route({
      method: "POST",
      path: "/ask",
      summary: "Parts by a driver's sentence, understood by the NLP Engine",
      body: z.strictObject({ sentence: text, ...vehicle, limit: page.limit }),
      answer: z.object({ understood: understanding, result }),
      refusals: { 404: "No such vehicle" },
      handler: async ({ body: { sentence, limit, ...said }, caller }) => {
        const answer = await deps.understand(sentence, caller);
        const meant = understandWith(tables, sentence, answer);
        const all = filters.parse({ ...meant.vehicle, ...withoutNothing(said), limit });
        const found = await find(deps, all, wish(meant));
        if (!found.ok) return found;
        const { by, intent, kinds, codes } = meant;
        const understood = { by, intent, kinds: [...kinds], codes: [...codes] };
        return ok({
          understood: { ...understood, vehicle: meant.vehicle },
          result: found.value,
        });
      },
    }),
    route({
      method: "GET",
      path: "/codes/:code",
      summary: "Parts that are behind a trouble code",
      params: z.strictObject({
        code: z.string().regex(/^[PCBUpcbu][0-3][0-9A-Fa-f]{3}$/, "a code like P0420"),
      }),
      query: filters,
      answer: z.object({ code: z.string(), kinds: z.array(z.string()), result }),
      refusals: { 404: "No part is known behind the code, or no such vehicle" },
      handler: async ({ params, query }) => {
        const code = params.code.toUpperCase();
        const kinds = kindsOfCode(tables, code);
        if (kinds.length === 0)
          return refuse("not_found", 404, `code: no part is known behind ${code}`, "code");
        const found = await find(deps, query, { text: "", kinds });
        return found.ok ? ok({ code, kinds: [...kinds], result: found.value }) : found;
      },
    }),
    route({
      method: "GET",
      path: "/diagnostics/:id",
      summary: "Parts behind the trouble codes of a diagnosis of the OBD-II Service",
      params: z.strictObject({ id: z.uuid() }),
      query: filters,
      answer: z.object({ codes: z.array(z.string()), kinds: z.array(z.string()), result }),
      refusals: { 404: "No such diagnosis or vehicle", 503: "The OBD-II Service is away" },
      handler: async ({ params, query, caller }) => {
        const codes = await deps.codesOf(params.id, caller);
        if (!codes.ok) return codes;
        const kinds = [...new Set(codes.value.flatMap((code) => kindsOfCode(tables, code)))];
        const found = await find(deps, query, { text: "", kinds });
        return found.ok ? ok({ codes: [...codes.value], kinds, result: found.value }) : found;
      },
    }),
    ...lookups(deps),
  ];
};

const lookups = (deps: Deps): readonly Route[] => {
  const { references, tables } = deps.catalogue;
  const ids = new Map(references.map((reference, id) => [bare(reference), id]));
  return [
    route({
      method: "GET",
      path: "/parts/:reference",
      summary: "One part by its reference, with or without spaces and dashes",
      params: z.strictObject({ reference: z.string().min(1).max(32) }),
      answer: part,
      refusals: { 404: "No such reference" },
      handler: async ({ params }) => {
        const id = ids.get(bare(params.reference));
        if (id === undefined)
          return refuse("not_found", 404, `reference: no part ${params.reference}`, "reference");
        const one = deps.catalogue.part(id);
        const { known } = await deps.offers.of([one.reference]);
        return ok(said(one, known.get(one.reference), deps.nowMs()));
      },
    }),
    route({
      method: "GET",
      path: "/vehicles",
      summary: "The vehicles of the catalogue",
      query: z.strictObject({ make: filter }),
      answer: z.object({ items: z.array(part.shape.fits) }),
      refusals: { 404: "No such make" },
      handler: async ({ query: { make } }) => {
        const items = tables.vehicles.filter(
          (one) => make === undefined || plain(one.make) === plain(make),
        );
        if (items.length === 0) return refuse("not_found", 404, `make: no make ${make}`, "make");
        return ok({
          items: items.map((one) => Object.assign({}, one, { engines: [...one.engines] })),
        });
      },
    }),
    route({
      method: "GET",
      path: "/partners",
      summary: "Availability and latency of the suppliers over five minutes",
      answer: z.object({
        items: z.array(
          z.object({
            ...{ partner: z.enum(SUPPLIERS), calls: z.int(), availability: z.number().nullable() },
            ...{ p50Ms: z.number().nullable(), p95Ms: z.number().nullable() },
          }),
        ),
      }),
      handler: async () => {
        const slas = deps.offers.slas();
        return ok({ items: SUPPLIERS.map((partner) => Object.assign({ partner }, slas[partner])) });
      },
    }),
  ];
};

/** Kinds that were named decide; the words say places and brands, and kinds where none was. */
const wish = ({ kinds, text }: Understanding): Pick<Wanted, "text" | "kinds"> =>
  kinds.length === 0 ? { text } : { text, kinds };

const withoutNothing = (said: VehicleFilter): VehicleFilter =>
  Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));

const find = async (
  deps: Deps,
  { inStock, limit, offset, ...rest }: Filters,
  { text, kinds }: Pick<Wanted, "text" | "kinds">,
): Promise<Result<z.input<typeof result>, Refusal>> => {
  const { make, model, generation, engine, year, ...others } = rest;
  const by = { make, model, generation, engine, year };
  // Who wants only what is in stock needs the offers of more than the page.
  const range = inStock === undefined ? { limit, offset } : { limit: MAX_PAGE, offset: 0 };
  const found = deps.search({ ...{ text, kinds, vehicle: by }, ...others, ...range });
  if (!found.ok) {
    const { field, value } = found.error;
    return refuse("unknown_vehicle", 404, `${field}: no vehicle with ${field} ${value}`, field);
  }
  const { known, isCurrent } = await deps.offers.of(
    found.value.parts.map(({ reference }) => reference),
  );
  const now = deps.nowMs();
  const all = found.value.parts.map((one) => said(one, known.get(one.reference), now));
  const there = all.filter(
    ({ availability: { state } }) =>
      inStock === undefined || (state === "in-stock") === (inStock === "true"),
  );
  const parts = inStock === undefined ? there : there.slice(offset, offset + limit);
  const { family, brand, place, make: makes } = found.value.facets;
  return ok({
    total: inStock === undefined ? found.value.total : there.length,
    parts,
    facets: { family: [...family], brand: [...brand], place: [...place], make: [...makes] },
    degraded: !isCurrent,
  });
};

const MINUTE_MS = 60_000;

const said = (one: Part, offer: Offer | undefined, now: number): z.input<typeof part> => {
  const { make, model, generation, from, to } = one.vehicle;
  const ageMs = offer === undefined ? null : Math.max(0, now - offer.fetchedAt);
  const minutes = Math.floor((ageMs ?? 0) / MINUTE_MS);
  const isLive = ageMs !== null && ageMs < LIVE_MS;
  const old = minutes < 1 ? "prix de moins d'une minute" : `prix d'il y a ${minutes} min`;
  return {
    ...{ reference: one.reference, oe: one.article.oe, name: one.kind.name, kind: one.kind.id },
    ...{ family: one.kind.family, brand: one.brand.name, place: one.article.place || null },
    fits: { make, model, generation, from, to, engines: [...one.article.engines] },
    listPriceCents: one.listPriceCents,
    price: {
      cents: offer?.priceCents ?? one.listPriceCents,
      source: offer === undefined ? "list" : isLive ? "live" : "cache",
      ageMs,
      says: offer === undefined ? "prix catalogue" : isLive ? "prix en direct" : old,
      supplier: offer?.supplier ?? null,
    },
    availability: {
      state: offer === undefined ? "unknown" : offer.stock > 0 ? "in-stock" : "on-order",
      stock: offer?.stock ?? null,
      leadDays: offer?.leadDays ?? null,
    },
  };
};
