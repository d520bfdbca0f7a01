/**
 * What the data plane did by itself, as an action that is carried out already and is to be verified
 * like any other.
 *
 * Shape:  an event of a control door → the change it was, or null for what is no action.
 */
import type { Words } from "../../launch/kpi/reading.ts";
import type { Playbook, Service } from "../../launch/plan/plan.ts";
import type { Change } from "./port.ts";
import type { Trigger, Verification } from "./run.ts";

/** As the control doors say it. */
export type Happened = {
  readonly atMs: number;
  readonly kind: string;
  readonly service: string | null;
  readonly instance: string | null;
  readonly region: string | null;
  readonly why: string;
  readonly evidence: Readonly<Record<string, number>>;
};

export type Reflex = {
  readonly change: Change;
  readonly verification: Verification;
  readonly trigger: Trigger;
  readonly playbook: Playbook | undefined;
};

export const reflexOf = (
  event: Happened,
  services: readonly Service[],
  playbooks: readonly Playbook[],
): Reflex | null => {
  const change = changeOf(event, services);
  if (change === null) return null;
  const playbook = playbooks.find(({ trigger = [] }) =>
    trigger.some((one) => one.kind === "event" && one.event === event.kind),
  );
  return {
    change,
    playbook,
    verification: { kind: change.kind === "restart" ? "effect" : "ordinary" },
    trigger: {
      ...{ kind: "event", alert: null, rule: event.kind, service: event.service },
      ...{ region: event.region, instance: event.instance, detectedAtMs: event.atMs },
      text: textOf(event),
      evidence: event.evidence,
    },
  };
};

const changeOf = (
  { kind, service, instance, evidence }: Happened,
  services: readonly Service[],
): Change | null => {
  switch (kind) {
    case "restart_issued":
      return service === null || instance === null ? null : { kind: "restart", service, instance };
    case "circuit_opened":
      return service === null ? null : { kind: "circuit", service, instance, state: "open" };
    case "fallback_began": {
      if (service === null) return null;
      const mode = services.find(({ id }) => id === service)?.backup?.mode ?? "last_good";
      return { kind: "fallback", service, mode };
    }
    case "shed_changed": {
      const level = Math.round(evidence["level"] ?? 0);
      return level > 0 ? { kind: "shed", level: Math.min(3, level) } : null;
    }
    case "queue_opened": {
      const maxActive = Math.round(evidence["maxActive"] ?? evidence["active"] ?? 1);
      return { kind: "queue", maxActive: Math.max(1, maxActive), perMinute: null };
    }
    default:
      return null;
  }
};

const textOf = ({ kind, instance, service, why }: Happened): Words => {
  const of = instance ?? service ?? "";
  const said = NAMES[kind] ?? { fr: kind, en: kind };
  const more = why === "" ? "" : ` (${why})`;
  return {
    fr: `${said.fr} ${of}`.trim() + more,
    en: `${said.en} ${of}`.trim() + more,
  };
};

const NAMES: Readonly<Record<string, Words>> = {
  restart_issued: { fr: "Redémarrage automatique de", en: "Restarted by itself:" },
  circuit_opened: { fr: "Circuit ouvert vers", en: "Circuit opened to" },
  fallback_began: { fr: "Réponses de secours pour", en: "Backup answers for" },
  shed_changed: { fr: "Fonctions non essentielles coupées", en: "Non-essential features shed" },
  queue_opened: { fr: "File d’attente ouverte", en: "Waiting queue opened" },
};
