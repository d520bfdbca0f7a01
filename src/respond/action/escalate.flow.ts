/**
 * When automation is at its end: an alert for people, with the reason; and autonomy that falls when
 * too little of it helped.
 *
 * Shape:  what needs people is worked out anew at each turn from the runs, so it survives a
 *         restart; an alert of this kind ends when its trouble is seen to be over.
 */
import type { Severity } from "../../kernel/severity.ts";
import type { Words } from "../../launch/kpi/reading.ts";
import type { Watched } from "../alert/alert.flow.ts";
import { isOver } from "./action.ts";
import { outcomesOf, saveAutonomy, type RunRow } from "./action.store.ts";
import { earned, MAX_RUNS } from "./autonomy.ts";
import { seenBy, type Desk } from "./desk.flow.ts";
import { choose } from "./playbook.ts";
import { contextOf, levelOf, runsOf } from "./propose.flow.ts";
import { HUB, signalOf, type Signal } from "./run.flow.ts";

const LIFE = { forMs: 0, keepForMs: 5_000 };
const PREFIX = "action:";

export const escalate = async (desk: Desk): Promise<void> => {
  const wanted = new Map<string, { readonly run: RunRow; readonly why: Words }>();
  for (const run of desk.runs.values()) {
    const why = await needsPeople(desk, run);
    if (why !== null) wanted.set(fingerprintOf(run), { run, why });
  }
  const known = desk.deps.alerts
    .firing()
    .filter(({ fingerprint }) => fingerprint.startsWith(PREFIX));
  await desk.deps.alerts.watch([
    ...[...wanted.values()].map(({ run, why }) => watched(desk, run, why, "breach")),
    ...known
      .filter(({ fingerprint }) => !wanted.has(fingerprint))
      .map((alert): Watched => ({
        ...{ fingerprint: alert.fingerprint, kpi: null, rule: alert.rule, service: alert.service },
        ...{ title: alert.title, severity: alert.severity, threshold: alert.threshold },
        ...{ unit: alert.unit, owner: alert.owner, life: LIFE, signal: "clear" },
        ...{ atMs: desk.deps.clock.now(), value: null, reason: null },
      })),
  ]);
};

const fingerprintOf = ({ id }: RunRow): string => `${PREFIX}ACT-${id}`;

/** Null: nobody is needed, or not any more. */
const needsPeople = async (desk: Desk, run: RunRow): Promise<Words | null> => {
  const { state } = run.life;
  if (state !== "escalated" && state !== "rolled_back") return null;
  const { alert: number } = run.trigger;
  if (number === null) {
    if (state !== "escalated") return null;
    return (await isTroubleOver(desk, run)) ? null : run.why;
  }
  const alert = desk.deps.alerts.firing().find(({ id }) => id === number);
  if (alert === undefined) return null;
  const runs = runsOf(desk, number);
  const isLast = runs.every(({ id }) => id <= run.id);
  if (!isLast || runs.some(({ life }) => !isOver(life))) return null;
  const context = contextOf(desk, alert, runs);
  if (context === undefined) return null;
  const { choices } = choose(desk.deps.applied().plan.playbooks, context);
  if (choices.length > 0) return null;
  return {
    fr: `${run.why.fr} ; il n’y a plus d’action automatique`,
    en: `${run.why.en}; no automatic action is left`,
  };
};

/** Without an alert behind it, the run's own verification says when it is over. */
const isTroubleOver = async (desk: Desk, run: RunRow): Promise<boolean> => {
  const { signal }: { readonly signal: Signal } = await signalOf(run, seenBy(desk));
  return signal === "clear";
};

const watched = (desk: Desk, run: RunRow, why: Words, signal: "breach"): Watched => {
  const { plan } = desk.deps.applied();
  const playbook = plan.playbooks.find(({ id }) => id === run.playbook);
  const service = plan.services.find(({ id }) => id === run.service);
  const team = plan.organisation.teams.find(({ id }) => id === service?.owner);
  const name = playbook?.name ?? { fr: run.target, en: run.target };
  const of = service?.name ?? { fr: run.target, en: run.target };
  return {
    ...{ fingerprint: fingerprintOf(run), kpi: null, rule: null, service: run.service },
    title: {
      fr: `${of.fr} · ${name.fr} sans succès (ACT-${run.id}) : ${why.fr}`,
      en: `${of.en} · ${name.en} did not help (ACT-${run.id}): ${why.en}`,
    },
    severity: severityOf(desk, run),
    ...{ threshold: "", unit: "count", owner: team?.name ?? { fr: "—", en: "—" }, life: LIFE },
    ...{ signal, atMs: desk.deps.clock.now(), value: null, reason: null },
  };
};

/** The rule's that set it off; else by how much the service matters. */
const severityOf = ({ deps }: Desk, run: RunRow): Severity => {
  const { plan } = deps.applied();
  const rule = plan.observability.rules.find(({ id }) => id === run.trigger.rule);
  if (rule !== undefined) return rule.severity;
  switch (plan.services.find(({ id }) => id === run.service)?.criticality) {
    case "critical":
      return "critical";
    case "essential":
      return "error";
    case "standard":
    case "optional":
    case undefined:
      return "warning";
  }
};

/** Lowers what has helped too rarely; only people raise it again. */
export const reviewAutonomy = async (desk: Desk, playbookId: string): Promise<void> => {
  const { deps } = desk;
  const playbook = deps.applied().plan.playbooks.find(({ id }) => id === playbookId);
  if (playbook === undefined) return;
  const before = desk.autonomy.get(playbookId);
  const outcomes = await outcomesOf(deps.db, playbookId, before?.afterRun ?? 0, MAX_RUNS);
  const level = levelOf(desk, playbook);
  const now = earned(level, outcomes);
  if (!now.isLowered) return;
  const row = {
    ...{ playbook: playbookId, level: now.level, setBy: HUB },
    ...{ setAtMs: deps.clock.now(), why: now.why },
  };
  await deps.db.tx(async (tx) => {
    if (!(await deps.fence(tx))) throw new Error("another hub has taken over: nothing was written");
    await saveAutonomy(tx, { ...row, isRaised: false });
    await deps.record(tx, {
      kind: "action.autonomy_lowered",
      actor: HUB,
      subject: `playbook:${playbookId}`,
      body: { from: level, to: now.level, runs: now.runs, fixed: now.fixed, why: now.why.en },
    });
  });
  desk.autonomy.set(playbookId, { ...row, afterRun: before?.afterRun ?? 0 });
  deps.onChange();
};
