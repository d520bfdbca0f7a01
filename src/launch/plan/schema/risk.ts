/**
 * A risk as the matrix gives it: probability and impact in words, the score as written.
 */
import * as z from "zod";
import { id, named, some, text, type Immutable } from "./words.ts";

/** The five words of both axes, lowest first. */
export const RISK_LEVELS = ["very_low", "low", "medium", "high", "very_high"] as const;

export const risk = z.strictObject({
  id,
  name: text,
  probability: z.enum(RISK_LEVELS),
  impact: z.enum(RISK_LEVELS),
  score: z.int().positive().max(1000),
  preventive: some(named),
  contingency: some(named),
});

export type Risk = Immutable<z.infer<typeof risk>>;
