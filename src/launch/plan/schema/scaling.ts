/**
 * Growing: tiers with objectives, the guiding principles, the capacities that must follow; and how
 * many instances of a service there may be.
 *
 * Units: `requestsPerS` is what one instance serves at most; `target` the share of that to aim at.
 */
import * as z from "zod";
import { headcount, id, line, named, operator, some, text, type Immutable } from "./words.ts";

const MAX_INSTANCES = 64;
const MAX_CORES = 64;
const MAX_MEMORY_MB = 1_048_576;

/** Per region. */
export const serviceScaling = z
  .strictObject({
    min: z.int().min(1).max(MAX_INSTANCES),
    max: z.int().min(1).max(MAX_INSTANCES),
    target: z.number().min(0.1).max(1).describe("Share of an instance's capacity to aim at."),
    requestsPerS: z.number().positive().max(1e6).describe("What one instance serves at most."),
    cpuCores: z.number().positive().max(MAX_CORES),
    memoryMb: z.int().positive().max(MAX_MEMORY_MB),
  })
  .refine(({ min, max }) => min <= max, { error: "has max below min; allowed: min to 64" });

/** Where instances run: each region is a whole platform of its own. */
export const region = z.strictObject({ id, name: text });

export const tier = z.strictObject({
  id,
  order: z.int().positive(),
  name: text,
  users: headcount,
  text: line.describe("The document's wording, as « 50K users »."),
  objectives: some(named),
});

export const principle = z.strictObject({ id, name: text, description: text });

/** Something to grow; `goal` where the document gives a figure. */
export const capacity = z.strictObject({
  id,
  group: z.enum(["infrastructure", "people", "partners"]),
  name: text,
  goal: z
    .strictObject({
      from: z.number().optional(),
      op: operator,
      to: z.number(),
      unit: z.enum(["agents", "engineers", "growth", "garages", "share"]),
      team: id.optional(),
    })
    .optional(),
  phase: id.optional(),
});

export type Tier = Immutable<z.infer<typeof tier>>;
export type Capacity = Immutable<z.infer<typeof capacity>>;
export type ServiceScaling = Immutable<z.infer<typeof serviceScaling>>;
