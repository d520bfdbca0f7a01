/** The words of a plan, for everybody who reads one. This index only concatenates. */
export type { Plan } from "./schema/whole.ts";
export type { Organisation, Team } from "./schema/organisation.ts";
export type { Service } from "./schema/service.ts";
export type { Measure, MeasureSource, Relation, Unit } from "./schema/measure.ts";
export type { Frequency, Kpi, KpiAlert, KpiCategory } from "./schema/kpi.ts";
export type { Milestone, Phase } from "./schema/phase.ts";
export type { Criterion, Gate } from "./schema/gate.ts";
export type { DayPlan, Wave } from "./schema/wave.ts";
export type { Escalation } from "./schema/escalation.ts";
export type { Playbook } from "./schema/playbook.ts";
export type { Risk } from "./schema/risk.ts";
export type { Improvement } from "./schema/improvement.ts";
export type { Capacity, ServiceScaling, Tier } from "./schema/scaling.ts";
export type { AlertRuleOfPlan, MonitoringRow, Tool } from "./schema/monitoring.ts";
export type { Operator } from "./schema/words.ts";
