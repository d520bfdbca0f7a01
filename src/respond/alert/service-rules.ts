/**
 * The plan's alert rules on services and regions, as looks at what can break.
 *
 * Shape:  rules × services and regions, with what was measured → one `Watched` each; what nobody
 *         measures is unknown, and fires and resolves nothing.
 * Units:  as `services[].signals`: shares 0 to 1, `up` is 1 or 0, latency in ms; of a region the
 *         share of its wanted instances that are ready.
 */
import { parseDuration } from "../../kernel/duration.ts";
import { alertSignal, reasonOf, type AlertSignal, type Words } from "../../launch/kpi/reading.ts";
import type { AlertRuleOfPlan, Plan, Service } from "../../launch/plan/plan.ts";
import type { AlertRule } from "./alert.ts";

export type SignalName = "up" | "cpu" | "memory" | "errorRate" | "latencyP95";
/** What a service's signals say now; null where nothing is measured. */
export type ServiceSignals = Readonly<Record<SignalName, number | null>> & {
  /** So few requests that errors and latency prove nothing: good news counts, bad news does not. */
  readonly isThin?: boolean;
};

export type RuleLook = {
  readonly fingerprint: string;
  readonly kpi: null;
  readonly rule: string;
  readonly service: string | null;
  readonly region: string | null;
  readonly title: Words;
  readonly severity: AlertRuleOfPlan["severity"];
  readonly threshold: string;
  readonly unit: string;
  readonly owner: Words;
  readonly life: AlertRule;
  readonly signal: AlertSignal;
  readonly atMs: number;
  readonly value: number | null;
  readonly reason: Words | null;
};

const UNITS: Readonly<Record<SignalName, string>> = {
  ...{ up: "count", cpu: "ratio", memory: "ratio", errorRate: "ratio", latencyP95: "ms" },
};

const OF_REQUESTS: ReadonlySet<SignalName> = new Set(["errorRate", "latencyP95"]);

export const serviceLooks = (
  plan: Plan,
  signals: ReadonlyMap<string, ServiceSignals>,
  atMs: number,
): readonly RuleLook[] =>
  plan.observability.rules.flatMap((rule) => {
    const { each } = rule;
    if (each?.kind !== "service") return [];
    return plan.services.flatMap((service) => {
      const told = signals.get(service.id);
      if (told === undefined) return [];
      const about = { service: service.id, region: null, unit: UNITS[each.signal] };
      const found = look(plan, rule, service.name, about, told[each.signal], atMs, service);
      const isThin = told.isThin === true && OF_REQUESTS.has(each.signal);
      return [isThin && found.signal === "breach" ? { ...found, signal: "between" } : found];
    });
  });

export const regionLooks = (
  plan: Plan,
  /** Share of the wanted instances that are ready. */
  ready: ReadonlyMap<string, number | null>,
  atMs: number,
): readonly RuleLook[] =>
  plan.observability.rules.flatMap((rule) =>
    rule.each?.kind === "region"
      ? (plan.regions ?? []).map((region) => {
          const about = { service: null, region: region.id, unit: "ratio" };
          return look(plan, rule, region.name, about, ready.get(region.id) ?? null, atMs);
        })
      : [],
  );

const look = (
  plan: Plan,
  rule: AlertRuleOfPlan,
  of: Words,
  about: Pick<RuleLook, "service" | "region" | "unit">,
  value: number | null,
  atMs: number,
  service?: Service,
): RuleLook => {
  const { alert } = rule;
  const known = value !== null && Number.isFinite(value);
  const reading = { verdict: known ? "pass" : "unknown", value: known ? value : null } as const;
  const owner = rule.responsible ?? service?.owner ?? "";
  const team = plan.organisation.teams.find(({ id }) => id === owner);
  return {
    fingerprint: `rule:${rule.id}:${about.service ?? about.region ?? ""}`,
    ...{ kpi: null, rule: rule.id, ...about, severity: rule.severity, threshold: alert.text },
    title: { fr: `${of.fr} · ${rule.name.fr}`, en: `${of.en} · ${rule.name.en}` },
    owner: team?.name ?? { fr: owner === "" ? "—" : owner, en: owner === "" ? "—" : owner },
    life: {
      forMs: parseDuration(alert.for ?? "0s") ?? 0,
      keepForMs: parseDuration(alert.keepFor ?? "0s") ?? 0,
    },
    signal: alertSignal(alert, reading),
    ...{ atMs, value: reading.value, reason: known ? null : reasonOf("no_data") },
  };
};
