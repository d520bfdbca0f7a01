/**
 * The whole plan, schema 1: what a launch is, written down. Unknown keys are refused everywhere.
 *
 * Errors: shape only; what the parts say about each other is checked in `../references.ts`, and
 *         what cannot be true together in `../contradictions.ts`.
 */
import * as z from "zod";
import { escalation } from "./escalation.ts";
import { gate } from "./gate.ts";
import { improvement } from "./improvement.ts";
import { kpi } from "./kpi.ts";
import { measure, relation } from "./measure.ts";
import { monitoringRow, observability, tool } from "./monitoring.ts";
import { organisation } from "./organisation.ts";
import { phase, programme } from "./phase.ts";
import { playbook } from "./playbook.ts";
import { risk } from "./risk.ts";
import { capacity, principle, region, tier } from "./scaling.ts";
import { service } from "./service.ts";
import { dayPlan, segment, wave, zone } from "./wave.ts";
import {
  date,
  group,
  id,
  line,
  named,
  many,
  some,
  text,
  timeZone,
  type Immutable,
} from "./words.ts";

export const SCHEMA_VERSION = 1;

const document = z.strictObject({
  title: text,
  createdOn: date,
  preamble: text,
  principles: some(named),
  conclusion: text,
});

/** The dates as they were before the first rebase, by the place they stand at. */
const baseline = z.strictObject({ start: date, dates: z.record(line, date) });

export const planSchema = z.strictObject({
  schema: z.literal(SCHEMA_VERSION),
  id,
  name: text,
  document,
  timezone: timeZone,
  start: date.describe("The first day; `novaevo plan rebase` moves everything with it."),
  baseline: baseline.optional(),
  organisation,
  tools: many(tool),
  services: some(service),
  regions: many(region).optional(),
  measures: some(measure),
  relations: many(relation),
  kpis: some(kpi),
  phases: some(phase),
  gates: some(gate),
  geography: z.strictObject({ zones: some(zone), segments: some(segment) }),
  waves: some(wave),
  dayPlans: many(dayPlan),
  programmes: many(programme),
  escalation,
  playbooks: many(playbook),
  risks: many(risk),
  continuity: many(group),
  allocation: many(group),
  improvement,
  tiers: many(tier),
  scalingPrinciples: many(principle),
  monitoring: many(monitoringRow),
  observability,
  capacity: many(capacity),
});

export type Plan = Immutable<z.infer<typeof planSchema>>;
