/**
 * Readings of KPIs and looks at services in, alerts out: each effect is committed with its ledger
 * entry before anybody hears of it.
 *
 * After a restart the firing alerts come back from PostgreSQL; what was pending starts again, so an
 * alert can be late by its `for`, never lost while its cause lasts.
 */
import { parseDuration } from "../../kernel/duration.ts";
import type { JsonObject } from "../../kernel/canonical.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Db, Tx } from "../../io/postgres/db.ts";
import type { record } from "../../ledger/record.store.ts";
import type { AppliedPlan } from "../../launch/plan/applied.ts";
import type { Kpi } from "../../launch/plan/plan.ts";
import {
  alertSignal,
  type AlertSignal,
  type Reading,
  type Words,
} from "../../launch/kpi/reading.ts";
import { IDLE, step, type AlertRule, type AlertState, type AlertStep } from "./alert.ts";
import { firingAlerts, insertAlert, resolveAlert, type AlertRow } from "./alert.store.ts";

export type AlertFlowDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly applied: () => AppliedPlan;
  readonly record: typeof record;
  readonly fence: (tx: Tx) => Promise<boolean>;
};

/** A firing alert, with what was measured last. */
export type LiveAlert = AlertRow & { readonly note: Words | null };

/** One thing that can break, as it was just looked at. */
export type Watched = Pick<
  AlertRow,
  "fingerprint" | "kpi" | "rule" | "service" | "title" | "severity" | "threshold" | "unit" | "owner"
> & {
  readonly life: AlertRule;
  readonly signal: AlertSignal;
  readonly atMs: number;
  readonly value: number | null;
  /** Why nobody can tell, where the signal is unknown. */
  readonly reason: Words | null;
};

export type Alerts = {
  /** Answers true when an alert fired or resolved. */
  readonly apply: (
    readings: readonly { readonly kpi: Kpi; readonly reading: Reading }[],
  ) => Promise<boolean>;
  /** The same for what is no KPI: rules per service, regions, actions. */
  readonly watch: (seen: readonly Watched[]) => Promise<boolean>;
  readonly firing: () => readonly LiveAlert[];
};

type Tracked = {
  state: AlertState;
  row: AlertRow | undefined;
  /** Wall instant of the look that began the breach, for people. */
  breachedAtMs: number;
  steppedAtMs: number;
  last: Pick<Watched, "signal" | "value" | "reason"> | undefined;
};

const ACTOR = "system:hub";

export const openAlerts = async (deps: AlertFlowDeps): Promise<Alerts> => {
  const tracked = new Map<string, Tracked>();
  for (const row of await firingAlerts(deps.db)) {
    tracked.set(row.fingerprint, {
      state: { state: "firing", clearMs: -1 },
      row,
      breachedAtMs: row.breachedAtMs,
      steppedAtMs: deps.clock.monotonic(),
      last: undefined,
    });
  }

  const watchOne = async (seen: Watched): Promise<boolean> => {
    const now = deps.clock.monotonic();
    const before = tracked.get(seen.fingerprint) ?? fresh(now);
    const next = step(before.state, seen.signal, now - before.steppedAtMs, seen.life);
    const begins = before.state.state === "idle" && next.state.state !== "idle";
    const breachedAtMs = begins ? seen.atMs : before.breachedAtMs;
    // Committed first: if PostgreSQL is away this throws, and the same step is taken again later.
    const row = await commit(deps, seen, { ...before, breachedAtMs }, next);
    tracked.set(seen.fingerprint, {
      ...{ state: next.state, row, breachedAtMs, steppedAtMs: now, last: seen },
    });
    return next.effect !== "none";
  };
  const watch = async (all: readonly Watched[]): Promise<boolean> => {
    let changed = false;
    for (const seen of all) if (await watchOne(seen)) changed = true;
    return changed;
  };

  return {
    watch,
    apply: (readings) => watch(readings.map(({ kpi, reading }) => watchedKpi(deps, kpi, reading))),
    firing: () =>
      [...tracked.values()].flatMap(({ row, last }) =>
        row === undefined ? [] : [{ ...row, value: last?.value ?? row.value, note: noteOf(last) }],
      ),
  };
};

const fresh = (now: number): Tracked => ({
  state: IDLE,
  row: undefined,
  breachedAtMs: 0,
  steppedAtMs: now,
  last: undefined,
});

const watchedKpi = (deps: AlertFlowDeps, kpi: Kpi, reading: Reading): Watched => {
  const { plan } = deps.applied();
  const measure = plan.measures.find(({ id }) => id === kpi.measure);
  const team = plan.organisation.teams.find(({ id }) => id === kpi.owner);
  return {
    ...{ fingerprint: `kpi:${kpi.id}`, kpi: kpi.id, rule: null, service: null, title: kpi.name },
    ...{ severity: kpi.alert.severity, threshold: kpi.alert.text },
    unit: measure?.unit ?? "count",
    owner: team?.name ?? { fr: kpi.owner, en: kpi.owner },
    life: {
      forMs: parseDuration(kpi.alert.for) ?? 0,
      keepForMs: parseDuration(kpi.alert.keepFor ?? "0s") ?? 0,
    },
    signal: alertSignal(kpi.alert, reading),
    ...{ atMs: reading.atMs, value: reading.value },
    reason: reading.verdict === "unknown" ? reading.reason : null,
  };
};

const noteOf = (last: Tracked["last"]): Words | null => {
  if (last === undefined || last.signal !== "unknown" || last.reason === null) return null;
  const { fr, en } = last.reason;
  return {
    fr: `${fr} : l’alerte reste active jusqu’à une mesure saine`,
    en: `${en}: the alert stays until a healthy reading`,
  };
};

const commit = async (
  deps: AlertFlowDeps,
  seen: Watched,
  before: Tracked,
  next: AlertStep,
): Promise<AlertRow | undefined> => {
  switch (next.effect) {
    case "none":
      return before.row;
    case "fire":
      return deps.db.tx((tx) => fire(deps, tx, seen, before.breachedAtMs));
    case "resolve":
      await deps.db.tx((tx) => resolve(deps, tx, before.row, seen, next.why));
      return undefined;
  }
};

const fire = async (
  deps: AlertFlowDeps,
  tx: Tx,
  seen: Watched,
  breachedAtMs: number,
): Promise<AlertRow> => {
  await mustOwn(deps, tx);
  const { version } = deps.applied();
  const { fingerprint, kpi, rule, service, title, severity, threshold, unit, owner, value } = seen;
  const row = await insertAlert(
    tx,
    {
      ...{ fingerprint, kpi, rule, service, title, severity, threshold, unit, owner, value },
      ...{ breachedAtMs, startedAtMs: seen.atMs },
    },
    version,
  );
  await deps.record(tx, {
    kind: "alert.fired",
    actor: ACTOR,
    subject: `alert:ALT-${row.id}`,
    body: {
      ...about(row),
      ...{ value, threshold, severity },
      breachedAt: new Date(breachedAtMs).toISOString(),
      planVersion: version,
    },
  });
  return row;
};

const resolve = async (
  deps: AlertFlowDeps,
  tx: Tx,
  row: AlertRow | undefined,
  seen: Watched,
  why: string,
): Promise<void> => {
  await mustOwn(deps, tx);
  if (row === undefined) throw new Error("an alert resolves that has no row");
  const done = await resolveAlert(tx, row.id, seen.atMs, seen.value);
  if (done === undefined) return;
  await deps.record(tx, {
    kind: "alert.resolved",
    actor: ACTOR,
    subject: `alert:ALT-${row.id}`,
    body: { ...about(row), value: seen.value, why },
  });
};

/** What it is of; a KPI's alert says no more than it always did. */
const about = ({ kpi, rule, service }: AlertRow): JsonObject =>
  kpi === null ? { rule, service } : { kpi };

const mustOwn = async (deps: AlertFlowDeps, tx: Tx): Promise<void> => {
  if (!(await deps.fence(tx))) throw new Error("another hub has taken over: nothing was written");
};
