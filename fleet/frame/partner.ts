/**
 * Calls to partners: what is kept of their promises as metrics, and a wait that can be called off.
 *
 * Units:  ms; availability is a share, 0 to 1.
 * Errors: none; what was not seen is not observed: a gap, not a zero.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Meter } from "@opentelemetry/api";
import type { Kept } from "./sla.ts";

/** For asking the next one when the first takes its time. */
export const after = (
  ms: number,
): { readonly passed: Promise<void>; readonly cancel: () => void } => {
  const canceled = new AbortController();
  const passed = sleep(ms, undefined, { signal: canceled.signal, ref: false });
  return { passed: passed.catch(() => undefined), cancel: () => canceled.abort() };
};

export const observePartners = <P extends string>(
  meter: Meter,
  partners: readonly P[],
  slas: () => Readonly<Record<P, Kept>>,
): void => {
  const availability = meter.createObservableGauge("novaevo.partner.availability", { unit: "1" });
  const latency = meter.createObservableGauge("novaevo.partner.latency.p95", { unit: "ms" });
  for (const partner of partners) {
    availability.addCallback((seen) => {
      const share = slas()[partner].availability;
      if (share !== null) seen.observe(share, { partner });
    });
    latency.addCallback((seen) => {
      const { p95Ms } = slas()[partner];
      if (p95Ms !== null) seen.observe(p95Ms, { partner });
    });
  }
};
