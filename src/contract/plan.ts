/** The applied plan and its versions. */
import { z } from "zod";
import type { RouteSpec } from "./route.ts";
import { Instant, Text } from "./words.ts";

export const PlanVersion = z.object({
  version: z.number().int(),
  digest: z.string(),
  appliedAt: Instant,
  appliedBy: z.string(),
  warnings: z.number().int(),
  diff: z.array(z.string()),
});
export type PlanVersion = z.infer<typeof PlanVersion>;

const MAX_PLAN_BYTES = 1024 * 1024;

export const planRoutes = [
  {
    path: "plan",
    method: "GET",
    access: "viewer",
    summary: "The applied plan, with the warnings it was applied with",
    reply: z.object({
      version: PlanVersion,
      name: Text,
      warnings: z.array(z.string()),
      source: z.string(),
    }),
  },
  {
    path: "plan",
    method: "POST",
    access: "admin",
    summary: "Apply a plan: every problem at once, or a new ledgered version",
    body: z.strictObject({
      source: z.string().max(MAX_PLAN_BYTES),
      dryRun: z.boolean().default(false),
    }),
    reply: z.object({
      version: PlanVersion.nullable(),
      changed: z.boolean(),
      diff: z.array(z.string()),
      warnings: z.array(z.string()),
    }),
    maxBodyBytes: 2 * MAX_PLAN_BYTES,
  },
  {
    path: "planVersions",
    method: "GET",
    access: "viewer",
    summary: "Versions of the plan, newest first",
    reply: z.object({ items: z.array(PlanVersion) }),
  },
] as const satisfies readonly RouteSpec[];
