/**
 * A phase: dates, milestones with three deliverables each, budget and team, and its exit gate.
 *
 * Units: euros; `end` is the last day of the phase.
 */
import * as z from "zod";
import {
  date,
  euros,
  headcount,
  id,
  many,
  named,
  some,
  span,
  text,
  type Immutable,
} from "./words.ts";

const DELIVERABLES_PER_MILESTONE = 3;

const people = z.strictObject({
  count: headcount,
  atLeast: z.literal(true).optional().describe('As in "25+".'),
  who: text,
  discipline: z.enum(["dev", "ops", "qa", "other"]).optional(),
});

const community = z.strictObject({ id, name: text, cap: headcount });

export const milestone = z.strictObject({
  id,
  name: text,
  date,
  deliverables: z.array(named).length(DELIVERABLES_PER_MILESTONE, {
    error: `must hold exactly ${DELIVERABLES_PER_MILESTONE} deliverables`,
  }),
  responsible: z.strictObject({ name: text, teams: some(id) }),
  resources: z.strictObject({
    people: some(people),
    budgetEur: euros,
    other: many(text).optional(),
  }),
  releases: z.int().positive().max(1000).optional().describe("Releases the milestone counts."),
});

export const phase = z.strictObject({
  id,
  order: z.int().positive(),
  name: text,
  shortName: text,
  description: text,
  start: date,
  end: date,
  duration: span,
  audience: z
    .strictObject({ cap: headcount, communities: many(community).optional() })
    .optional()
    .describe("Users admitted during the phase, a hard cap."),
  milestones: some(milestone),
  budget: z.strictObject({ totalEur: euros, infrastructureEur: euros }),
  team: z.strictObject({ dev: headcount, ops: headcount, qa: headcount }),
  gate: id.optional().describe("The gate out of the phase; the last phase has none."),
});

/** Work that runs beside the phases. */
export const programme = z.strictObject({ id, name: text, start: date, end: date });

export type Phase = Immutable<z.infer<typeof phase>>;
export type Milestone = Immutable<z.infer<typeof milestone>>;
