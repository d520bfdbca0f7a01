/**
 * A gate between two phases or two waves: PASS only if every criterion passes.
 *
 * Shape: a criterion is a KPI's own target, a threshold of its own on a measure, an approval by
 *        a role, or a document that a role attests. `text` is the document's wording.
 */
import * as z from "zod";
import { duration, id, operator, some, text, type Immutable } from "./words.ts";

const words = { id, name: text, text };

export const criterion = z.discriminatedUnion("kind", [
  z.strictObject({ ...words, kind: z.literal("kpi"), kpi: id }),
  z.strictObject({
    ...words,
    kind: z.literal("measure"),
    measure: id,
    op: operator,
    value: z.number(),
    window: duration,
  }),
  z.strictObject({
    ...words,
    kind: z.literal("approval"),
    role: id,
    quorum: z.int().positive().max(100),
  }),
  z.strictObject({ ...words, kind: z.literal("document"), attestedBy: id }),
]);

export const gate = z.strictObject({
  id,
  name: text,
  from: id.describe("The phase or wave that is left."),
  to: id.describe("The phase or wave that is entered."),
  criteria: some(criterion),
});

export type Gate = Immutable<z.infer<typeof gate>>;
export type Criterion = Immutable<z.infer<typeof criterion>>;
