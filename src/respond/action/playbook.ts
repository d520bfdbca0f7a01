/**
 * Which playbook answers a trouble: the mildest whose preconditions hold.
 *
 * Shape:  `choose(playbooks, context)` → what to change, or nothing; and of each that was passed
 *         over why.
 * Units:  `value` and `threshold` are the alert's; shares 0 to 1; ms.
 */
import { parseDuration } from "../../kernel/duration.ts";
import type { Words } from "../../launch/kpi/reading.ts";
import type { Playbook, Service } from "../../launch/plan/plan.ts";
import { planFailover, type FailoverInput } from "./failover.ts";
import type { Change, Observed, Pool, Replica } from "./port.ts";
import { targetOf, type Trigger, type Verification } from "./run.ts";

/** Mildest first. */
const MILDNESS: Readonly<Record<Playbook["action"], number>> = {
  restart: 10,
  open_circuit: 20,
  fallback: 30,
  scale_out: 40,
  throttle: 50,
  limit_non_essential: 60,
  waiting_queue: 70,
  premium_priority: 80,
  version_rollback: 90,
  region_failover: 100,
};
const DEFAULT_COOLDOWN_MS = 60_000;
const DEFAULT_VERIFY_MS = 60_000;
const MAX_SHED = 3;
/** What touches every user needs more than one slow service: demand, or trouble in several. */
const SHED_USE = 0.7;
const SHED_TROUBLED = 3;
const QUEUE_USE = 0.9;

export type Context = {
  readonly trigger: Trigger;
  /** Null where the trouble is not one service's. */
  readonly service: Service | null;
  readonly services: readonly Service[];
  readonly observed: Observed;
  /** The alert's value over its threshold; null where unknown. */
  readonly excess: number | null;
  /** What is asked of the service over what it can serve; null: nobody knows. */
  readonly use: number | null;
  /** Services whose CPU or latency is beyond its threshold. */
  readonly troubled: number;
  readonly previousVersion: (service: string) => string | null;
  readonly failover: Omit<FailoverInput, "lost">;
  /** Playbooks that were tried for this trouble already. */
  readonly tried: ReadonlySet<string>;
};

export type Choice = {
  readonly playbook: Playbook;
  readonly changes: readonly Change[];
  readonly target: string;
  /** Instances it takes hold of. */
  readonly instances: readonly string[];
  readonly verification: Verification;
};
export type PassedOver = { readonly playbook: string; readonly why: Words };

export const inOrder = (playbooks: readonly Playbook[]): readonly Playbook[] =>
  playbooks.toSorted((a, b) => orderOf(a) - orderOf(b));

const orderOf = ({ order, action }: Playbook): number => order ?? MILDNESS[action];

export const isTriggeredBy = ({ trigger = [] }: Playbook, by: Trigger): boolean =>
  trigger.some((one) => {
    switch (one.kind) {
      case "rule":
        return by.kind === "rule" && by.rule === one.rule;
      case "event":
        return by.kind === "event" && by.rule === one.event;
      case "load":
        return by.kind === "load";
    }
  });

export const choose = (
  playbooks: readonly Playbook[],
  context: Context,
): { readonly choices: readonly Choice[]; readonly passedOver: readonly PassedOver[] } => {
  const choices: Choice[] = [];
  const passedOver: PassedOver[] = [];
  for (const playbook of inOrder(playbooks)) {
    if (!isTriggeredBy(playbook, context.trigger)) continue;
    if (context.tried.has(playbook.id)) {
      const why = words("Déjà essayée pour cette alerte", "Tried for this alert already");
      passedOver.push({ playbook: playbook.id, why });
      continue;
    }
    const found = changesOf(playbook, context);
    if ("why" in found) passedOver.push({ playbook: playbook.id, why: found.why });
    else {
      const { changes, instances = [] } = found;
      const [first] = changes;
      if (first === undefined) continue;
      const target = targetOf(changes.at(-1) ?? first);
      const verification = verificationOf(playbook, context.trigger);
      choices.push({ playbook, changes, target, instances, verification });
    }
  }
  return { choices, passedOver };
};

export const verificationOf = (playbook: Playbook, trigger: Trigger): Verification => {
  const { verify = { kind: "trigger" } } = playbook;
  switch (verify.kind) {
    case "effect":
      return { kind: "effect" };
    case "promql":
      return verify;
    case "trigger":
      return trigger.kind === "rule" && trigger.rule !== null
        ? {
            kind: "rule",
            ...{ rule: trigger.rule, service: trigger.service, region: trigger.region },
          }
        : { kind: "effect" };
  }
};

/** Taking capacity away under load would harm; the rest is brought back when it did not help. */
export const otherwiseOf = (action: Playbook["action"] | undefined): "undo" | "keep" =>
  action === "scale_out" || action === "restart" ? "keep" : "undo";

export const cooldownMs = (playbook: Playbook): number =>
  parseDuration(playbook.cooldown) ?? DEFAULT_COOLDOWN_MS;
export const verifyWithinMs = (playbook: Playbook): number =>
  parseDuration(playbook.verifyWithin) ?? DEFAULT_VERIFY_MS;
export const holdMs = ({ parameters }: Playbook): number | null =>
  parameters?.hold === undefined ? null : (parseDuration(parameters.hold) ?? null);

type Found =
  | { readonly changes: readonly Change[]; readonly instances?: readonly string[] }
  | { readonly why: Words };

const changesOf = (playbook: Playbook, context: Context): Found => {
  const { service, trigger } = context;
  const isOurs = context.observed.pools.some((one) => one.service === service?.id);
  if (service !== null && !isOurs) {
    return lacks("Ce service n’est pas dans nos mains", "This service is not in our hands");
  }
  switch (playbook.action) {
    case "limit_non_essential":
      return shed(playbook, context);
    case "waiting_queue":
      return queue(playbook, context);
    case "premium_priority":
      return premium(playbook, context);
    case "region_failover": {
      if (trigger.region === null) return lacks("Aucune région n’est perdue", "No region is lost");
      const plan = planFailover({ ...context.failover, lost: trigger.region });
      return plan.ok ? { changes: plan.changes } : plan;
    }
    case "restart":
    case "open_circuit":
    case "fallback":
    case "scale_out":
    case "throttle":
    case "version_rollback": {
      if (service === null) return lacks("Ne vise aucun service", "Aims at no service");
      const of = context.observed.replicas.filter((one) => one.service === service.id);
      if (of.length === 0) return lacks("Aucune instance connue", "No instance is known");
      return ofService(playbook, context, service, of);
    }
  }
};

const ofService = (
  playbook: Playbook,
  context: Context,
  service: Service,
  replicas: readonly Replica[],
): Found => {
  switch (playbook.action) {
    case "restart":
      return restart(service, replicas);
    case "open_circuit":
      return circuit(service, replicas);
    case "fallback":
      return fallback(service, context);
    case "scale_out":
      return scaleOut(service, context, replicas);
    case "throttle": {
      const { ratePerS, burst = 1 } = playbook.parameters ?? {};
      if (ratePerS === undefined) return lacks("Pas de débit prévu", "No rate is given");
      if (inForce(context.observed, `throttle:${service.id}`)) {
        return lacks("Déjà limité", "Limited already");
      }
      return { changes: [{ kind: "throttle", service: service.id, ratePerS, burst }] };
    }
    case "version_rollback": {
      const version = context.previousVersion(service.id);
      if (version === null) {
        return lacks("La version précédente n’est pas connue", "The previous version is unknown");
      }
      return { changes: [{ kind: "version", service: service.id, version }] };
    }
    case "limit_non_essential":
    case "waiting_queue":
    case "premium_priority":
    case "region_failover":
      return lacks("Ne vise aucun service", "Aims at no service");
  }
};

const restart = (service: Service, replicas: readonly Replica[]): Found => {
  const ill = replicas.filter(({ state }) =>
    ["unhealthy", "quarantined", "stopped"].includes(state),
  );
  const [first] = ill.toSorted((a, b) => a.restarts - b.restarts || (a.id < b.id ? -1 : 1));
  if (first === undefined) {
    return lacks("Aucune instance n’est en échec", "No instance is failing");
  }
  const change: Change =
    first.state === "quarantined"
      ? { kind: "release", service: service.id, instance: first.id }
      : { kind: "restart", service: service.id, instance: first.id };
  return { changes: [change], instances: [first.id] };
};

/** One instance where the others are well, the service where something answers in its place. */
const circuit = (service: Service, replicas: readonly Replica[]): Found => {
  const ill = replicas.filter(({ state }) => state === "unhealthy");
  const [first] = ill;
  const well = replicas.filter(({ state }) => state === "ready").length;
  if (first !== undefined && well > 0) {
    const at = { service: service.id, instance: first.id };
    return { changes: [{ kind: "circuit", ...at, state: "open" }], instances: [first.id] };
  }
  if (service.backup === undefined) {
    return lacks("L’appelant n’a pas de réponse dégradée", "The caller has no degraded answer");
  }
  return { changes: [{ kind: "circuit", service: service.id, instance: null, state: "open" }] };
};

const fallback = (service: Service, { observed }: Context): Found => {
  const { backup } = service;
  if (backup === undefined) return lacks("Aucun service de secours", "There is no backup");
  if (inForce(observed, `fallback:${service.id}`)) {
    return lacks("Le secours répond déjà", "The backup answers already");
  }
  const isWell =
    backup.service === undefined ||
    observed.replicas.some((one) => one.service === backup.service && one.state === "ready");
  if (!isWell) return lacks("Le service de secours n’est pas sain", "The backup is not healthy");
  return { changes: [{ kind: "fallback", service: service.id, mode: backup.mode }] };
};

/** In the region that has the least spare; as many more as the excess says, by the HPA formula. */
const scaleOut = (
  service: Service,
  { observed, excess, trigger }: Context,
  replicas: readonly Replica[],
): Found => {
  const pools = observed.pools.filter(
    (one) =>
      one.service === service.id &&
      (trigger.region === null || one.region === trigger.region) &&
      one.replicas < one.max,
  );
  const [pool] = pools.toSorted((a, b) => loadOf(b, replicas) - loadOf(a, replicas));
  if (pool === undefined) {
    return lacks("La capacité maximale est atteinte", "The maximum capacity is reached");
  }
  const wanted = Math.ceil(pool.replicas * Math.min(2, Math.max(1, excess ?? 1)));
  const to = Math.min(pool.max, Math.max(pool.replicas + 1, wanted));
  const { region } = pool;
  return { changes: [{ kind: "scale", service: service.id, region, replicas: to }] };
};

const loadOf = (pool: Pool, replicas: readonly Replica[]): number =>
  Math.max(
    0,
    ...replicas.filter(({ region }) => region === pool.region).map(({ cpu }) => cpu ?? 0),
  );

const shed = ({ parameters }: Playbook, { observed, services, use, troubled }: Context): Found => {
  if ((use ?? 0) < SHED_USE && troubled < SHED_TROUBLED) {
    return lacks("La plateforme n’est pas surchargée", "The platform is not overloaded");
  }
  const now = observed.inForce.find(({ kind }) => kind === "shed");
  const level = (now?.kind === "shed" ? now.level : 0) + 1;
  const most = Math.min(MAX_SHED, parameters?.level ?? 1);
  if (level > most) {
    return lacks("Le non essentiel est déjà coupé", "What is not essential is shed already");
  }
  const kinds = ["optional", "standard"];
  if (!services.some(({ criticality }) => kinds.includes(criticality))) {
    return lacks("Rien de facultatif n’est servi", "Nothing optional is served");
  }
  return { changes: [{ kind: "shed", level }] };
};

const queue = ({ parameters }: Playbook, { observed, use }: Context): Found => {
  if ((use ?? 0) < QUEUE_USE) {
    return lacks("La demande n’atteint pas la capacité", "Demand is not near capacity");
  }
  if (!inForce(observed, "shed")) {
    return lacks(
      "Les fonctions non essentielles ne sont pas encore coupées",
      "Non-essential features are not shed yet",
    );
  }
  if (inForce(observed, "queue")) return lacks("Déjà ouverte", "Open already");
  const { maxActive, perMinute = null } = parameters ?? {};
  if (maxActive === undefined) return lacks("Pas de nombre prévu", "No number is given");
  return { changes: [{ kind: "queue", maxActive, perMinute }] };
};

const premium = ({ parameters }: Playbook, { observed, use }: Context): Found => {
  if ((use ?? 0) < QUEUE_USE) {
    return lacks("La demande n’atteint pas la capacité", "Demand is not near capacity");
  }
  if (inForce(observed, "premium")) return lacks("Une part est déjà réservée", "Kept already");
  const { share } = parameters ?? {};
  if (share === undefined) return lacks("Pas de part prévue", "No share is given");
  return { changes: [{ kind: "premium", share }] };
};

const inForce = (observed: Observed, target: string): boolean =>
  observed.inForce.some((one) => targetOf(one) === target);
const words = (fr: string, en: string): Words => ({ fr, en });
const lacks = (fr: string, en: string): Found => ({ why: words(fr, en) });
