/**
 * A measure: a quantity with unit, direction, formula version and one source.
 *
 * Units:  `ratio` is a share or growth where 1 is 100 %; `quotient` is x of "x:1"; `score5` is a
 *         mean of answers 1 to 5; `nps` is −100 to 100. Thresholds are in the measure's unit.
 * Source: docs/plan.md. A measure whose source is not connected says why in `unavailable`.
 */
import * as z from "zod";
import { duration, expression, id, line, text, type Immutable } from "./words.ts";

export const UNITS = [
  "ms",
  "minutes",
  "hours",
  "ratio",
  "quotient",
  "count",
  "eur",
  "score5",
  "nps",
] as const;

const source = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("promql"),
    expr: expression,
    freshness: duration.describe("Older than this, a value is stale."),
    countExpr: expression.optional().describe("PromQL that gives n, the size of the sample."),
    minSamples: z.int().positive().optional().describe("Fewer than this is insufficient."),
  }),
  z.strictObject({
    kind: z.literal("sql"),
    template: id.describe("Name of one of NovaEvo's own SQL templates."),
    minSamples: z.int().positive().optional(),
  }),
  z.strictObject({ kind: z.literal("state"), name: id }),
  z.strictObject({ kind: z.literal("connector"), name: id }),
  z.strictObject({ kind: z.literal("manual"), evidence: text }),
]);

export const measure = z.strictObject({
  id,
  name: text,
  unit: z.enum(UNITS),
  direction: z.enum(["lower", "higher"]).describe("Which way is better."),
  version: z.int().positive().describe("Grows with every change of the formula."),
  formula: text.describe("How it is computed, in words."),
  partOf: id.optional().describe("The measure this one is a component of."),
  source,
  unavailable: z.strictObject({ reason: text }).optional(),
});

/** What must hold between measures; the check of a plan tries the targets on it. */
export const relation = z.discriminatedUnion("kind", [
  z.strictObject({
    id,
    kind: z.literal("quotient"),
    of: id,
    numerator: id,
    denominator: id,
    note: line.optional(),
  }),
  z.strictObject({
    id,
    kind: z.literal("uptime").describe("of = mtbf ÷ (mtbf + mttr)"),
    of: id,
    mtbf: id,
    mttr: id,
    note: line.optional(),
  }),
]);

export type Measure = Immutable<z.infer<typeof measure>>;
export type MeasureSource = Measure["source"];
export type Unit = Measure["unit"];
export type Relation = Immutable<z.infer<typeof relation>>;
