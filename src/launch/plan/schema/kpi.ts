/**
 * A KPI: a measure with target, alert threshold, frequency and owner.
 *
 * Units: `value` and `clear` are in the measure's unit; `text` is the document's own wording.
 */
import * as z from "zod";
import { duration, frequency, id, severity, text, threshold, type Immutable } from "./words.ts";

export const CATEGORIES = ["technical", "user", "business", "operational"] as const;

export const alert = threshold.extend({
  for: duration.describe("How long the breach lasts before the alert fires."),
  clear: z.number().optional().describe("Hysteresis: the alert resolves only beyond this value."),
  keepFor: duration.optional().describe("How long it must be clear before the alert resolves."),
  severity,
});

export const kpi = z.strictObject({
  id,
  name: text,
  category: z.enum(CATEGORIES),
  group: text,
  description: text,
  measure: id,
  window: duration,
  target: threshold,
  alert,
  frequency,
  owner: id,
});

export type Kpi = Immutable<z.infer<typeof kpi>>;
export type KpiAlert = Kpi["alert"];
export type KpiCategory = Kpi["category"];
export type Frequency = Kpi["frequency"];
