/**
 * What a measure read, and what it means: pass, fail, or unknown with the reason.
 *
 * Units:  values in the measure's unit; instants and ages in ms.
 * Errors: none; every observation has an answer. Missing is not zero, NaN is missing, and an
 *         unknown reading neither passes nor fails anything.
 */
import type { Kpi, Measure, Operator } from "../plan/plan.ts";
import { holds } from "./compare.ts";

export type UnknownWhy =
  | "no_data"
  | "stale"
  | "insufficient"
  | "not_connected"
  | "not_due"
  | "refilling"
  | "query_failed";

/** What came back from the measure's source. */
export type Observation =
  | {
      readonly kind: "value";
      readonly value: number;
      /** Size of the sample, where the measure counts it. */
      readonly n: number | null;
      /** Instant of the newest sample used. */
      readonly newestMs: number | null;
    }
  | {
      readonly kind: "missing";
      readonly why: UnknownWhy;
      readonly detail?: string;
      /** The plan's own sentence about it; says more than ours. */
      readonly reason?: Words;
    };

export type Words = { readonly fr: string; readonly en: string };

export type Reading = {
  readonly atMs: number;
  readonly value: number | null;
  readonly verdict: "pass" | "fail" | "unknown";
  readonly why: UnknownWhy | null;
  readonly reason: Words;
  readonly n: number | null;
  readonly freshnessMs: number | null;
};

export type Target = { readonly op: Operator; readonly value: number; readonly text: string };

/** `freshnessMs` and `minSamples` are the measure's; undefined asks for nothing. */
export type Demands = {
  readonly freshnessMs: number | undefined;
  readonly minSamples: number | undefined;
};

export const read = (
  seen: Observation,
  target: Target,
  demands: Demands,
  atMs: number,
): Reading => {
  if (seen.kind === "missing") {
    return unknown(atMs, seen.why, seen.reason ?? reasonOf(seen.why, seen.detail));
  }
  if (Number.isNaN(seen.value)) return unknown(atMs, "no_data", reasonOf("no_data"));
  const freshnessMs = seen.newestMs === null ? null : Math.max(0, atMs - seen.newestMs);
  const known = { n: seen.n, freshnessMs, value: seen.value };
  const { freshnessMs: limitMs, minSamples } = demands;
  if (limitMs !== undefined && freshnessMs !== null && freshnessMs > limitMs) {
    return { ...unknown(atMs, "stale", reasonOf("stale")), ...known };
  }
  if (minSamples !== undefined && (seen.n === null || seen.n < minSamples)) {
    const counted = `${seen.n ?? 0} / ${minSamples}`;
    return { ...unknown(atMs, "insufficient", reasonOf("insufficient", counted)), ...known };
  }
  const passes = holds(seen.value, target.op, target.value);
  return {
    ...known,
    atMs,
    verdict: passes ? "pass" : "fail",
    why: null,
    reason: passes
      ? { fr: "Objectif tenu", en: "Target met" }
      : { fr: "Objectif manqué", en: "Target missed" },
  };
};

export const demandsOf = (
  measure: Measure,
  parse: (text: string) => number | undefined,
): Demands => {
  const { source } = measure;
  return {
    freshnessMs: source.kind === "promql" ? parse(source.freshness) : undefined,
    minSamples: source.kind === "promql" || source.kind === "sql" ? source.minSamples : undefined,
  };
};

/**
 * What a reading says to the KPI's alert. `between` is the hysteresis band: neither beyond the
 * threshold nor beyond the value that clears it.
 */
export type AlertSignal = "breach" | "between" | "clear" | "unknown";

export const alertSignal = (
  alert: Pick<Kpi["alert"], "op" | "value" | "clear">,
  reading: Pick<Reading, "verdict" | "value">,
): AlertSignal => {
  if (reading.verdict === "unknown" || reading.value === null) return "unknown";
  if (holds(reading.value, alert.op, alert.value)) return "breach";
  if (alert.clear === undefined) return "clear";
  return holds(reading.value, opposite(alert.op), alert.clear) ? "clear" : "between";
};

const opposite = (op: Operator): Operator => {
  switch (op) {
    case "<":
    case "<=":
      return ">=";
    case ">":
    case ">=":
      return "<=";
    case "=":
      return "=";
  }
};

const unknown = (atMs: number, why: UnknownWhy, reason: Words): Reading => ({
  atMs,
  value: null,
  verdict: "unknown",
  why,
  reason,
  n: null,
  freshnessMs: null,
});

export const reasonOf = (why: UnknownWhy, detail = ""): Words => {
  const more = detail === "" ? "" : ` (${detail})`;
  switch (why) {
    case "no_data":
      return { fr: `Aucune donnée reçue${more}`, en: `No data received${more}` };
    case "stale":
      return { fr: `Données trop anciennes${more}`, en: `Data too old${more}` };
    case "insufficient":
      return { fr: `Échantillon insuffisant${more}`, en: `Sample too small${more}` };
    case "not_connected":
      return { fr: `Source non raccordée${more}`, en: `Source not connected${more}` };
    case "not_due":
      return { fr: `En attente d’un évènement${more}`, en: `Waiting for an event${more}` };
    case "refilling":
      return { fr: `Relecture de l’historique${more}`, en: `Reading history back${more}` };
    case "query_failed":
      return { fr: `Calcul impossible${more}`, en: `Computation failed${more}` };
  }
};
