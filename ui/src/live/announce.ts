/**
 * What a screen reader is told of alerts: a new critical at once, the rest gathered.
 *
 * Shape:  `notice(state, alerts, nowMs)` → the next state, and what to say now. The first list is
 *         what the reader finds on the page, so it announces nothing.
 * Units:  ms on any steady clock.
 */
import type { Alert } from "../../../src/contract/alert.ts";

export const POLITE_EVERY_MS = 10_000;

export type Notices = {
  readonly known: ReadonlySet<string> | undefined;
  readonly waiting: readonly Alert[];
  readonly spokeMs: number;
};
export type Said = {
  readonly state: Notices;
  readonly criticals: readonly Alert[];
  readonly polite: readonly Alert[];
};

export const silent: Notices = {
  known: undefined,
  waiting: [],
  spokeMs: Number.NEGATIVE_INFINITY,
};

export const notice = (state: Notices, alerts: readonly Alert[], nowMs: number): Said => {
  const firing = alerts.filter((alert) => alert.state === "firing");
  // An alert that grew to critical is news again.
  const known = new Set(firing.map(key));
  if (state.known === undefined) return { state: { ...state, known }, criticals: [], polite: [] };
  const before = state.known;
  const news = firing.filter((alert) => !before.has(key(alert)));
  const criticals = news.filter(({ severity }) => severity === "critical");
  const others = news.filter(({ severity }) => severity !== "critical");
  const gathered = [...state.waiting, ...others].filter((alert) => known.has(key(alert)));
  const due = gathered.length > 0 && nowMs - state.spokeMs >= POLITE_EVERY_MS;
  return {
    criticals,
    polite: due ? gathered : [],
    state: { known, waiting: due ? [] : gathered, spokeMs: due ? nowMs : state.spokeMs },
  };
};

const key = ({ id, severity }: Alert): string => (severity === "critical" ? `${id}!` : id);
