/**
 * When a KPI is evaluated.
 *
 * Shape:  a KPI of a period (day, week, month, quarter of the plan's time zone) has a *final*
 *         reading at each close of the period, and *running* readings meanwhile so that nobody
 *         waits a day to see it; a real-time one is read with each arrival of samples; one that is
 *         read per event waits for the event.
 * Units:  instants in ms since the epoch.
 * Source: the frequencies of the roadmap's §2.1.
 */
import { Temporal } from "temporal-polyfill";
import type { Frequency } from "../plan/plan.ts";

export type Cadence =
  | { readonly kind: "arrival"; readonly atMostEveryMs: number }
  | { readonly kind: "period"; readonly period: Period; readonly runningEveryMs: number }
  | { readonly kind: "event"; readonly event: "incident" | "deployment" };

export type Period = "hour" | "day" | "week" | "month" | "quarter";

/** Pause between two readings of a real-time KPI; the loop keeps the same. */
export const ARRIVAL_PACE_MS = 100;
const RUNNING_MS = 60_000;
const SLOW_RUNNING_MS = 15 * 60_000;

export const cadence = (frequency: Frequency): Cadence => {
  switch (frequency) {
    case "realtime":
      return { kind: "arrival", atMostEveryMs: ARRIVAL_PACE_MS };
    case "hourly":
      return { kind: "period", period: "hour", runningEveryMs: RUNNING_MS };
    case "daily":
      return { kind: "period", period: "day", runningEveryMs: RUNNING_MS };
    case "weekly":
      return { kind: "period", period: "week", runningEveryMs: SLOW_RUNNING_MS };
    case "monthly":
      return { kind: "period", period: "month", runningEveryMs: SLOW_RUNNING_MS };
    case "quarterly":
      return { kind: "period", period: "quarter", runningEveryMs: SLOW_RUNNING_MS };
    case "per_incident":
      return { kind: "event", event: "incident" };
    case "per_deployment":
      return { kind: "event", event: "deployment" };
  }
};

/** The first instant of the period that contains `atMs`; weeks start on Monday (ISO 8601). */
export const periodStart = (period: Period, atMs: number, timeZone: string): number => {
  const local = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone);
  switch (period) {
    case "hour":
      return local.round({ smallestUnit: "hour", roundingMode: "floor" }).epochMilliseconds;
    case "day":
      return local.startOfDay().epochMilliseconds;
    case "week":
      return local.subtract({ days: local.dayOfWeek - 1 }).startOfDay().epochMilliseconds;
    case "month":
      return local.with({ day: 1 }).startOfDay().epochMilliseconds;
    case "quarter": {
      const month = local.month - ((local.month - 1) % 3);
      return local.with({ day: 1 }).with({ month }).startOfDay().epochMilliseconds;
    }
  }
};

/** The close that is due: the newest boundary at or before `nowMs` that was not read yet. */
export const dueClose = (
  period: Period,
  lastCloseMs: number | undefined,
  nowMs: number,
  timeZone: string,
): number | undefined => {
  const boundary = periodStart(period, nowMs, timeZone);
  return lastCloseMs === undefined || boundary > lastCloseMs ? boundary : undefined;
};
