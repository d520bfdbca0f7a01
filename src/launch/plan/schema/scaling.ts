/**
 * Growing: tiers with objectives, the guiding principles, and the capacities that must follow.
 */
import * as z from "zod";
import { headcount, id, line, named, operator, some, text, type Immutable } from "./words.ts";

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
