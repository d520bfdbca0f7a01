/**
 * A wave: zones × segments under a hard cap, with the gate that opens it and its guards.
 *
 * Units: `users` is the size the document gives; `cap` is the hard limit, null for none. Both
 *        count everybody admitted so far, not only this wave's newcomers.
 */
import * as z from "zod";
import {
  clockTime,
  date,
  headcount,
  id,
  many,
  some,
  span,
  text,
  threshold,
  type Immutable,
} from "./words.ts";

export const zone = z.strictObject({ id, name: text, description: text });
export const segment = z.strictObject({ id, name: text, description: text });

export const wave = z.strictObject({
  id,
  order: z.int().positive(),
  name: text,
  phase: id,
  users: headcount,
  cap: headcount.nullable(),
  zones: some(id),
  segments: some(id),
  start: date,
  duration: span,
  milestone: id.optional(),
  gate: id.describe("The gate that opens the wave."),
  guards: many(id).describe("KPIs that hold the wave when they fail."),
  dayPlan: id.optional(),
});

/** One row of a day plan; day 0 is the wave's start. */
const activity = z.strictObject({
  id,
  day: z.int().min(-365).max(365),
  untilDay: z.int().min(-365).max(365).optional(),
  time: clockTime.optional().describe("Clock time in the plan's time zone, where one is given."),
  name: text,
  responsible: z.strictObject({ name: text, teams: many(id), roles: many(id).optional() }),
  success: z.strictObject({
    text,
    kpi: id.optional(),
    measure: id.optional(),
    target: threshold.optional(),
  }),
  opensGate: id.optional().describe("The go/no-go this activity ends with."),
});

export const dayPlan = z.strictObject({ id, name: text, wave: id, activities: some(activity) });

export type Wave = Immutable<z.infer<typeof wave>>;
export type DayPlan = Immutable<z.infer<typeof dayPlan>>;
