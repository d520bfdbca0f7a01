/**
 * What the Parts Finder takes out of an answer of the NLP Engine: kinds, trouble codes, vehicle.
 *
 * Shape:  a sentence is free text for the search too: what the engine did not name is looked for by
 *         its words. Without the engine, codes are still found by their form.
 * Errors: none; an answer that does not fit is no answer.
 */
import { z } from "zod";
import { plain, type VehicleFilter } from "./search.ts";
import { kindsOfCode, type Tables } from "./tables.ts";

const understood = z.object({
  intent: z.string(),
  confidence: z.number(),
  entities: z.array(
    z.object({
      kind: z.string(),
      value: z.string(),
      from: z.int().min(0),
      to: z.int().min(0),
      detail: z.record(z.string(), z.string()).optional(),
    }),
  ),
});
export type Understood = z.infer<typeof understood>;

export type Understanding = {
  readonly by: "nlp" | "words";
  readonly intent: string | null;
  readonly kinds: readonly string[];
  readonly codes: readonly string[];
  readonly vehicle: VehicleFilter;
  /** The sentence without vehicle, date, place, plate, amount: what is left to be looked for. */
  readonly text: string;
};

/** Undefined also where a stand-in answered for the engine: then it is sure of nothing. */
export const readUnderstood = (body: unknown): Understood | undefined => {
  const parsed = understood.safeParse(body);
  return parsed.success && parsed.data.confidence > 0 ? parsed.data : undefined;
};

const NOT_LOOKED_FOR = /^(?:make|model|engine|year|date|place|plate|amount|mileage|dtc)$/;

export const understandWith = (
  tables: Tables,
  sentence: string,
  answer: Understood | undefined,
): Understanding => {
  const codes =
    answer?.entities.filter(({ kind }) => kind === "dtc").map(({ value }) => value) ??
    [...sentence.toUpperCase().matchAll(/\b[PCBU][0-3][0-9A-F]{3}\b/g)].map(([code]) => code);
  const known = new Set(tables.kinds.map(({ id }) => id));
  const named = answer?.entities.filter(({ kind }) => kind === "part") ?? [];
  const kinds = [
    ...named.map(({ value }) => value).filter((kind) => known.has(kind)),
    ...codes.flatMap((code) => kindsOfCode(tables, code)),
  ];
  let text = sentence;
  for (const { kind, from, to } of answer?.entities ?? [])
    if (NOT_LOOKED_FOR.test(kind))
      text = text.slice(0, from) + " ".repeat(Math.max(0, to - from)) + text.slice(to);
  return {
    by: answer === undefined ? "words" : "nlp",
    intent: answer?.intent ?? null,
    kinds: [...new Set(kinds)],
    codes: [...new Set(codes)],
    vehicle: answer === undefined ? {} : vehicleOf(tables, answer),
    text: text.replaceAll(/\s+/g, " ").trim(),
  };
};

/** Only what the table has: a generation or engine it does not know must not hide the parts. */
const vehicleOf = ({ vehicles }: Tables, { entities }: Understood): VehicleFilter => {
  const model = entities.find(({ kind }) => kind === "model");
  const said = (wanted: string): string | undefined =>
    entities.find(({ kind }) => kind === wanted)?.value;
  const wishes: readonly (readonly [keyof VehicleFilter, string | number | undefined])[] = [
    ["make", said("make") ?? model?.detail?.["make"]],
    ["model", model?.value],
    ["generation", model?.detail?.["generation"]],
    ["year", said("year") === undefined ? undefined : Number(said("year"))],
    ["engine", said("engine")],
  ];
  let left = vehicles;
  let filter: VehicleFilter = {};
  for (const [field, value] of wishes) {
    if (value === undefined) continue;
    const next = left.filter((vehicle) => fits(vehicle, field, value));
    if (next.length === 0) continue;
    left = next;
    filter = { ...filter, [field]: value };
  }
  return filter;
};

const fits = (
  vehicle: Tables["vehicles"][number],
  field: keyof VehicleFilter,
  value: string | number,
): boolean => {
  if (field === "year") return vehicle.from <= Number(value) && Number(value) <= vehicle.to;
  if (field !== "engine") return plain(vehicle[field]) === plain(String(value));
  return vehicle.engines.some((engine) =>
    String(value)
      .split(" ")
      .every((word) => engine.split(" ").includes(word)),
  );
};
