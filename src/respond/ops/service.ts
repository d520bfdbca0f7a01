/**
 * A service's state, from what its signals say.
 *
 * Shape:  down when `up` is 0, degraded when a limit is passed or an alert names it, ok when it is
 *         up, unknown when nothing says so. Silence is never ok.
 * Units:  shares 0 to 1, latency in ms.
 */
import type { Words } from "../../launch/kpi/reading.ts";

export type Signals = {
  readonly up: number | null;
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly errorRate: number | null;
  readonly latencyP95Ms: number | null;
};

export type ServiceState = {
  readonly state: "ok" | "degraded" | "down" | "unknown";
  readonly why: "no_data" | null;
  readonly reason: Words;
};

/** Beyond these a service is degraded, whatever its alerts: the plan's own alert thresholds. */
export type ServiceLimits = {
  readonly utilisation: number;
  readonly errorRate: number;
  readonly latencyP95Ms: number;
};

export const stateOf = (
  signals: Signals,
  limits: ServiceLimits,
  alerts: readonly Words[],
): ServiceState => {
  if (signals.up === 0) {
    return { state: "down", why: null, reason: { fr: "Ne répond pas", en: "Does not answer" } };
  }
  if (signals.up === null) {
    const reason = { fr: "Aucune donnée reçue", en: "No data received" };
    return { state: "unknown", why: "no_data", reason };
  }
  const troubles = [...alerts, ...troublesOf(signals, limits)];
  const first = troubles[0];
  if (first !== undefined) return { state: "degraded", why: null, reason: first };
  return { state: "ok", why: null, reason: { fr: "Répond normalement", en: "Answers normally" } };
};

const troublesOf = (signals: Signals, limits: ServiceLimits): readonly Words[] => {
  const over = (value: number | null, limit: number, fr: string, en: string): readonly Words[] =>
    value !== null && value > limit ? [{ fr, en }] : [];
  return [
    ...over(signals.errorRate, limits.errorRate, "Taux d’erreur élevé", "High error rate"),
    ...over(signals.latencyP95Ms, limits.latencyP95Ms, "Réponses lentes", "Slow answers"),
    ...over(signals.cpu, limits.utilisation, "Processeur saturé", "CPU saturated"),
    ...over(signals.memory, limits.utilisation, "Mémoire saturée", "Memory saturated"),
  ];
};
