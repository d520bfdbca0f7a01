/**
 * Schemas more than one concept answers with.
 *
 * Units: instants are ISO 8601 strings in UTC; durations and ages are ms; money is EUR.
 */
import { z } from "zod";
import { SEVERITIES } from "../kernel/severity.ts";

export const Text = z.object({ fr: z.string(), en: z.string() });
export type Text = z.infer<typeof Text>;

export const Instant = z.iso.datetime();
export const SeverityName = z.enum(SEVERITIES);
export const Verdict = z.enum(["pass", "fail", "unknown"]);
export type Verdict = z.infer<typeof Verdict>;

/** Why something is unknown; the UI has a sentence for each. */
export const UnknownWhy = z.enum([
  "no_data",
  "stale",
  "insufficient",
  "not_connected",
  "not_due",
  "refilling",
  "query_failed",
]);
export type UnknownWhy = z.infer<typeof UnknownWhy>;

export const Comparison = z.object({
  op: z.enum(["<", "<=", ">", ">=", "="]),
  value: z.number(),
  /** As the customer wrote it: "<100ms (P95)". */
  text: z.string(),
});

export const Page = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(200).optional(),
});
export const Fault = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    field: z.string().optional(),
    requestId: z.string(),
  }),
});
export const IdParam = z.object({ id: z.string().min(1).max(100) });
