/**
 * Readings in, alerts out: each effect is committed with its ledger entry before anybody hears of
 * it.
 *
 * After a restart the firing alerts come back from PostgreSQL; what was pending starts again, so an
 * alert can be late by its `for`, never lost while its cause lasts.
 */
import { parseDuration } from "../../kernel/duration.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Db, Tx } from "../../io/postgres/db.ts";
import type { record } from "../../ledger/record.store.ts";
import type { AppliedPlan } from "../../launch/plan/applied.ts";
import type { Kpi } from "../../launch/plan/plan.ts";
import { alertSignal, type Reading, type Words } from "../../launch/kpi/reading.ts";
import { IDLE, step, type AlertRule, type AlertState, type AlertStep } from "./alert.ts";
import { firingAlerts, insertAlert, resolveAlert, type AlertRow } from "./alert.store.ts";

export type AlertFlowDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly applied: () => AppliedPlan;
  readonly record: typeof record;
  readonly fence: (tx: Tx) => Promise<boolean>;
};

/** A firing alert, with what its KPI said last. */
export type LiveAlert = AlertRow & { readonly note: Words | null };

export type Alerts = {
  /** Answers true when an alert fired or resolved. */
  readonly apply: (
    readings: readonly { readonly kpi: Kpi; readonly reading: Reading }[],
  ) => Promise<boolean>;
  readonly firing: () => readonly LiveAlert[];
};

type Tracked = {
  state: AlertState;
  row: AlertRow | undefined;
  /** Wall instant of the reading that began the breach, for people. */
  breachedAtMs: number;
  steppedAtMs: number;
  last: Reading | undefined;
};

const ACTOR = "system:hub";

export const openAlerts = async (deps: AlertFlowDeps): Promise<Alerts> => {
  const tracked = new Map<string, Tracked>();
  for (const row of await firingAlerts(deps.db)) {
    tracked.set(row.kpi, {
      state: { state: "firing", clearMs: -1 },
      row,
      breachedAtMs: row.breachedAtMs,
      steppedAtMs: deps.clock.monotonic(),
      last: undefined,
    });
  }

  const applyOne = async (kpi: Kpi, reading: Reading): Promise<boolean> => {
    const now = deps.clock.monotonic();
    const before = tracked.get(kpi.id) ?? fresh(now);
    const next = step(
      before.state,
      alertSignal(kpi.alert, reading),
      now - before.steppedAtMs,
      ruleOf(kpi),
    );
    const begins = before.state.state === "idle" && next.state.state !== "idle";
    const breachedAtMs = begins ? reading.atMs : before.breachedAtMs;
    // Committed first: if PostgreSQL is away this throws, and the same step is taken again later.
    const row = await commit(deps, kpi, reading, { ...before, breachedAtMs }, next);
    tracked.set(kpi.id, { state: next.state, row, breachedAtMs, steppedAtMs: now, last: reading });
    return next.effect !== "none";
  };

  return {
    apply: async (readings) => {
      let changed = false;
      for (const { kpi, reading } of readings) {
        if (await applyOne(kpi, reading)) changed = true;
      }
      return changed;
    },
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

const ruleOf = (kpi: Kpi): AlertRule => ({
  forMs: parseDuration(kpi.alert.for) ?? 0,
  keepForMs: parseDuration(kpi.alert.keepFor ?? "0s") ?? 0,
});

const noteOf = (last: Reading | undefined): Words | null => {
  if (last === undefined || last.verdict !== "unknown") return null;
  const { fr, en } = last.reason;
  return {
    fr: `${fr} : l’alerte reste active jusqu’à une mesure saine`,
    en: `${en}: the alert stays until a healthy reading`,
  };
};

const commit = async (
  deps: AlertFlowDeps,
  kpi: Kpi,
  reading: Reading,
  before: Tracked,
  next: AlertStep,
): Promise<AlertRow | undefined> => {
  switch (next.effect) {
    case "none":
      return before.row;
    case "fire":
      return deps.db.tx((tx) => fire(deps, tx, kpi, reading, before.breachedAtMs));
    case "resolve":
      await deps.db.tx((tx) => resolve(deps, tx, before.row, reading, next.why));
      return undefined;
  }
};

const fire = async (
  deps: AlertFlowDeps,
  tx: Tx,
  kpi: Kpi,
  reading: Reading,
  breachedAtMs: number,
): Promise<AlertRow> => {
  await mustOwn(deps, tx);
  const { plan, version } = deps.applied();
  const measure = plan.measures.find(({ id }) => id === kpi.measure);
  const team = plan.organisation.teams.find(({ id }) => id === kpi.owner);
  const draft = {
    fingerprint: `kpi:${kpi.id}`,
    kpi: kpi.id,
    service: null,
    title: kpi.name,
    severity: kpi.alert.severity,
    breachedAtMs,
    startedAtMs: reading.atMs,
    value: reading.value,
    threshold: kpi.alert.text,
    unit: measure?.unit ?? "count",
    owner: team?.name ?? { fr: kpi.owner, en: kpi.owner },
  };
  const row = await insertAlert(tx, draft, version);
  await deps.record(tx, {
    kind: "alert.fired",
    actor: ACTOR,
    subject: `alert:ALT-${row.id}`,
    body: {
      kpi: kpi.id,
      value: reading.value,
      threshold: kpi.alert.text,
      severity: kpi.alert.severity,
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
  reading: Reading,
  why: string,
): Promise<void> => {
  await mustOwn(deps, tx);
  if (row === undefined) throw new Error("an alert resolves that has no row");
  const done = await resolveAlert(tx, row.id, reading.atMs, reading.value);
  if (done === undefined) return;
  await deps.record(tx, {
    kind: "alert.resolved",
    actor: ACTOR,
    subject: `alert:ALT-${row.id}`,
    body: { kpi: row.kpi, value: reading.value, why },
  });
};

const mustOwn = async (deps: AlertFlowDeps, tx: Tx): Promise<void> => {
  if (!(await deps.fence(tx))) throw new Error("another hub has taken over: nothing was written");
};
