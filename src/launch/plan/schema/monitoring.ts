/**
 * Watching: the tools, the monitoring plan of the national launch (rows with thresholds of their
 * own, beside the KPIs), and the architecture: dashboards, layers, agents.
 */
import * as z from "zod";
import {
  duration,
  frequency,
  group,
  id,
  line,
  named,
  severity,
  some,
  text,
  threshold,
  type Immutable,
} from "./words.ts";

export const tool = z.strictObject({
  id,
  name: line,
  group: z.enum(["infrastructure", "application", "user_experience", "incident_management"]),
  purpose: text,
});

const pace = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("frequency"), frequency }),
  z.strictObject({ kind: z.literal("every"), every: duration }),
]);

export const monitoringRow = z.strictObject({
  id,
  name: text,
  tool: z.strictObject({
    name: line,
    ref: id.optional().describe("The tool of the stack it names, where there is one."),
  }),
  measure: id,
  alert: threshold,
  pace,
  responsible: id,
});

/** The signals of a service, as `services[].signals` names them. */
export const SIGNALS = ["up", "cpu", "memory", "errorRate", "latencyP95"] as const;

const watched = {
  for: duration.optional().describe("How long the breach lasts before the alert fires."),
  clear: z.number().optional().describe("It resolves only beyond this value."),
  keepFor: duration.optional().describe("How long it must be clear before the alert resolves."),
};

const rule = z.strictObject({
  id,
  name: text,
  alert: threshold.extend(watched),
  severity,
  responsible: id.optional(),
  playbook: id.optional(),
  each: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("service"), signal: z.enum(SIGNALS) }),
      z.strictObject({ kind: z.literal("region") }),
    ])
    .optional()
    .describe(
      "One alert per service on its signal, or per region on its share of ready instances.",
    ),
});

const agent = z.strictObject({
  id,
  level: z.int().min(1).max(9),
  name: text,
  duties: some(named),
  interval: z.strictObject({ from: duration, to: duration }).optional(),
});

export const observability = z.strictObject({
  dashboards: some(group),
  layers: some(group),
  agents: some(agent),
  panels: some(named).describe("Panels of the operational dashboard."),
  rules: some(rule).describe("Alert rules the document shows on its dashboard."),
});

export type MonitoringRow = Immutable<z.infer<typeof monitoringRow>>;
export type Tool = Immutable<z.infer<typeof tool>>;
export type AlertRuleOfPlan = Immutable<z.infer<typeof rule>>;
