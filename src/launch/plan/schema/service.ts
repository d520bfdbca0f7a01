/**
 * What runs: services with owner, criticality, dependencies and the queries that tell their state.
 *
 * Units: `up` is 1 or 0, `cpu`, `memory` and `errorRate` are shares 0 to 1, `latencyP95` is ms.
 */
import * as z from "zod";
import { serviceScaling } from "./scaling.ts";
import { expression, id, many, text, type Immutable } from "./words.ts";

/** What answers when the service does not: another service, its last good answers, a fixed one. */
const backup = z.strictObject({
  mode: z.enum(["backup", "last_good", "static"]),
  service: id.optional().describe("The service that answers, where mode is backup."),
});

export const service = z.strictObject({
  id,
  name: text,
  description: text.optional(),
  criticality: z.enum(["critical", "essential", "standard", "optional"]),
  owner: id,
  group: z.enum(["platform", "novaevo"]),
  dependsOn: many(id),
  signals: z
    .strictObject({
      up: expression.optional(),
      cpu: expression.optional(),
      memory: expression.optional(),
      errorRate: expression.optional(),
      latencyP95: expression.optional(),
    })
    .optional()
    .describe("PromQL, one value each."),
  scaling: serviceScaling.optional(),
  backup: backup.optional(),
});

export type Service = Immutable<z.infer<typeof service>>;
