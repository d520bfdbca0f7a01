/**
 * The escalation matrix: four levels, their triggers, recipients, channels and answer times; and
 * the incident workflow.
 */
import * as z from "zod";
import { duration, id, line, many, severity, some, text, type Immutable } from "./words.ts";

export const trigger = z.strictObject({ id, name: text, severity });

/** An answer is due within a duration, or on the next working day of a calendar. */
const response = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("within"), within: duration, text: line }),
  z.strictObject({ kind: z.literal("next_working_day"), calendar: id, text: line }),
]);

export const level = z.strictObject({
  id,
  level: z.int().min(1).max(10),
  severity,
  name: text,
  label: text.describe("The word the dashboard uses."),
  recipients: some(id),
  channels: some(id),
  response,
});

const step = z.strictObject({
  id,
  name: text,
  next: many(z.strictObject({ step: id, when: z.enum(["always", "yes", "no"]) })),
});

export const escalation = z.strictObject({
  levels: some(level),
  triggers: some(trigger),
  workflow: some(step),
});

export type Escalation = Immutable<z.infer<typeof escalation>>;
