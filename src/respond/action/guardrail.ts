/**
 * The guards in front of every automatic action. The first that says no names itself and its
 * figures.
 *
 * Shape:  `guard(asked, world) → allowed (with or without approval) | refused by a guard`.
 * Units:  ms; shares 0 to 1.
 * Source: reference/dataplane-actions §3, « Guardrails »; medik8s' minimum of healthy and storm
 *         mode.
 */
import type { Words } from "../../launch/kpi/reading.ts";
import { isOver, type Life } from "./action.ts";
import type { Change, Observed } from "./port.ts";
import { serviceOf, type Origin } from "./run.ts";

const WINDOW_MS = 10 * 60_000;
const MAX_PER_SERVICE = 6;
const MAX_GLOBAL = 20;
const UP_COOLDOWN_MS = 15_000;
const DOWN_COOLDOWN_MS = 300_000;
const ROUTE_COOLDOWN_MS = 60_000;
/** Of the whole fleet, so many instances may be in somebody's hands at once. */
const FLEET_SHARE = 0.25;
const MIN_HEALTHY = 2;
const MAX_OBSERVED_AGE_MS = 10_000;
const MAX_REVERSALS = 3;
export const FREEZE_MS = 20 * 60_000;
const STORM_WINDOW_MS = 60_000;
const STORM_BEGINS = 10;
const STORM_ENDS = 3;

/** A run as the guards see it. */
export type Past = {
  readonly playbook: string | null;
  readonly target: string;
  readonly service: string | null;
  readonly region: string | null;
  readonly origin: Origin;
  readonly change: Change;
  /** For a scale: up or down. */
  readonly direction: "up" | "down" | null;
  readonly instances: number;
  readonly life: Pick<Life, "state">;
  readonly startedAtMs: number | null;
  readonly proposedAtMs: number;
};

export type Asked = {
  readonly playbook: string | null;
  readonly change: Change;
  readonly target: string;
  readonly direction: "up" | "down" | null;
  /** Instances it takes hold of. */
  readonly instances: readonly string[];
  readonly cooldownMs: number;
  readonly maxInstancesShare: number;
  readonly maxServices: number;
  readonly needsApproval: boolean;
  /** A named person has approved: then budgets of reach do not stand in the way. */
  readonly isApproved: boolean;
  /** A person asks: what holds automation back does not hold him. */
  readonly isHuman: boolean;
};

export type World = {
  readonly nowMs: number;
  readonly past: readonly Past[];
  readonly observed: Observed | null;
  readonly isSwitchedOn: boolean;
  readonly isStorm: boolean;
  readonly frozenUntilMs: (target: string) => number | null;
};

export const GUARDS = [
  "kill_switch",
  "missing_data",
  "frozen",
  "one_per_target",
  "storm",
  "rate",
  "cooldown",
  "blast_radius",
  "min_healthy",
] as const;
export type GuardName = (typeof GUARDS)[number];

export type Refused = {
  readonly guard: GuardName;
  readonly why: Words;
  readonly figures: Readonly<Record<string, number>>;
};
export type Guarded =
  | { readonly ok: true; readonly needsApproval: boolean }
  | { readonly ok: false; readonly refused: Refused };

export const guard = (asked: Asked, world: World): Guarded => {
  for (const look of asked.isHuman ? LOOKS_AT_PEOPLE : LOOKS) {
    const refused = look(asked, world);
    if (refused !== undefined) return { ok: false, refused };
  }
  return { ok: true, needsApproval: asked.needsApproval && !asked.isApproved };
};

type Look = (asked: Asked, world: World) => Refused | undefined;

const no = (
  name: GuardName,
  fr: string,
  en: string,
  figures: Readonly<Record<string, number>> = {},
): Refused => ({ guard: name, why: { fr, en }, figures });

const killSwitch: Look = (_, { isSwitchedOn }) =>
  isSwitchedOn
    ? undefined
    : no(
        "kill_switch",
        "Les actions automatiques sont coupées",
        "Automatic actions are switched off",
      );

const missingData: Look = (_, { observed, nowMs }) => {
  const name = "missing_data";
  if (observed === null) {
    return no(name, "La plateforme n’est pas observée : on ne touche à rien", "Not observed: hold");
  }
  const ageMs = nowMs - observed.atMs;
  if (ageMs <= MAX_OBSERVED_AGE_MS) return undefined;
  const s = Math.round(ageMs / 1_000);
  return no(name, `Observée il y a ${s} s : on ne touche à rien`, `Observed ${s} s ago: hold`, {
    ...{ ageMs, limitMs: MAX_OBSERVED_AGE_MS },
  });
};

const frozen: Look = ({ target }, { frozenUntilMs, nowMs }) => {
  const untilMs = frozenUntilMs(target);
  if (untilMs === null || untilMs <= nowMs) return undefined;
  const s = Math.round((untilMs - nowMs) / 1_000);
  return no(
    "frozen",
    `A changé de sens trop souvent : gelé encore ${s} s`,
    `Turned too often: frozen for ${s} s more`,
    { leftMs: untilMs - nowMs },
  );
};

const isOpen = ({ life }: Past): boolean => life.state !== "proposed" && !isOver(life);

/** One mutating action per field, and one repair at a time per service. */
const onePerTarget: Look = ({ target, change }, { past }) => {
  const service = serviceOf(change);
  const other = past.find(
    (one) =>
      isOpen(one) &&
      (one.target === target ||
        (one.origin !== "reflex" &&
          change.kind !== "scale" &&
          one.change.kind !== "scale" &&
          service !== null &&
          one.service === service)),
  );
  if (other === undefined) return undefined;
  return no(
    "one_per_target",
    `Une autre action est en cours sur ${other.target}`,
    `Another action is under way on ${other.target}`,
  );
};

const storm: Look = (_, { isStorm }) =>
  isStorm
    ? no("storm", "Trop d’actions en une minute : tempête", "Too many actions in a minute: storm")
    : undefined;

const startedSince = ({ past, nowMs }: World, ms: number): readonly Past[] =>
  // What the data plane does by itself has caps of its own there.
  past.filter(
    ({ startedAtMs, origin }) =>
      origin !== "reflex" && startedAtMs !== null && startedAtMs > nowMs - ms,
  );

const rate: Look = ({ change }, world) => {
  const recent = startedSince(world, WINDOW_MS);
  const service = serviceOf(change);
  const ofService = recent.filter((one) => service !== null && one.service === service).length;
  if (ofService >= MAX_PER_SERVICE) {
    return no(
      "rate",
      `${ofService} actions sur ce service en 10 min (au plus ${MAX_PER_SERVICE})`,
      `${ofService} actions on this service in 10 min (at most ${MAX_PER_SERVICE})`,
      { count: ofService, limit: MAX_PER_SERVICE },
    );
  }
  if (recent.length < MAX_GLOBAL) return undefined;
  return no(
    "rate",
    `${recent.length} actions en 10 min (au plus ${MAX_GLOBAL})`,
    `${recent.length} actions in 10 min (at most ${MAX_GLOBAL})`,
    { count: recent.length, limit: MAX_GLOBAL },
  );
};

const cooldown: Look = (asked, { past, nowMs }) => {
  const { change, direction } = asked;
  const ownMs =
    direction === "up"
      ? UP_COOLDOWN_MS
      : direction === "down"
        ? DOWN_COOLDOWN_MS
        : change.kind === "route"
          ? Math.max(ROUTE_COOLDOWN_MS, asked.cooldownMs)
          : asked.cooldownMs;
  const last = Math.max(
    ...past
      // Growing is held back by growing only; shrinking by both.
      .filter(
        (one) => one.target === asked.target && (direction !== "up" || one.direction === "up"),
      )
      .map((one) => one.startedAtMs ?? Number.NEGATIVE_INFINITY),
  );
  const leftMs = last + ownMs - nowMs;
  if (!(leftMs > 0)) return undefined;
  const s = Math.ceil(leftMs / 1_000);
  return no("cooldown", `Encore ${s} s de repos`, `${s} s of cooldown left`, { leftMs, ownMs });
};

const blastRadius: Look = (asked, { past, observed }) => {
  if (asked.isApproved || observed === null) return undefined;
  const name = "blast_radius";
  const fleet = observed.replicas.length;
  const held = past.filter(isOpen).reduce((sum, one) => sum + one.instances, 0);
  const limit = Math.max(1, Math.floor(fleet * FLEET_SHARE));
  const wanted = asked.instances.length;
  if (wanted > 0 && held + wanted > limit) {
    const said = `${held} + ${wanted} / ${fleet}`;
    return no(
      name,
      `Instances touchées : ${said} (au plus ${limit})`,
      `Instances: ${said} (at most ${limit})`,
      {
        ...{ held, wanted, fleet, limit },
      },
    );
  }
  const service = serviceOf(asked.change);
  const ofService = observed.replicas.filter((one) => one.service === service).length;
  const most = Math.max(1, Math.floor(ofService * asked.maxInstancesShare));
  if (wanted > most) {
    return no(
      name,
      `${wanted} instances du service (au plus ${most})`,
      `${wanted} instances of the service (at most ${most})`,
      {
        ...{ wanted, limit: most },
      },
    );
  }
  const services = new Set(
    past
      .filter((one) => isOpen(one) && one.playbook === asked.playbook && one.service !== service)
      .map((one) => one.service),
  );
  if (services.size < asked.maxServices) return undefined;
  return no(
    name,
    `Déjà ${services.size} services à la fois (au plus ${asked.maxServices})`,
    `${services.size} services at once already (at most ${asked.maxServices})`,
    { services: services.size, limit: asked.maxServices },
  );
};

/** Two healthy ones remain where there are that many; a pool of one keeps its one. */
const minHealthy: Look = ({ change, instances, direction }, { observed }) => {
  if (observed === null) return undefined;
  const taken = takenAway(change, instances, direction, observed);
  if (taken === undefined || taken.healthy === 0) return undefined;
  const floor = Math.min(MIN_HEALTHY, taken.least);
  const remain = taken.pool - taken.healthy;
  if (remain >= Math.max(1, floor)) return undefined;
  return no(
    "min_healthy",
    `Il ne resterait que ${remain} instance(s) saine(s) (au moins ${Math.max(1, floor)})`,
    `Only ${remain} healthy instance(s) would remain (at least ${Math.max(1, floor)})`,
    { remain, floor: Math.max(1, floor) },
  );
};

/** Healthy instances of the pool, and how many of them the change takes away. */
const takenAway = (
  change: Change,
  instances: readonly string[],
  direction: "up" | "down" | null,
  observed: Observed,
): { readonly pool: number; readonly healthy: number; readonly least: number } | undefined => {
  const ready = observed.replicas.filter(({ state }) => state === "ready");
  if (change.kind === "scale") {
    if (direction !== "down") return undefined;
    const pool = ready.filter(
      ({ service, region }) => service === change.service && region === change.region,
    );
    const least = observed.pools.find(
      ({ service, region }) => service === change.service && region === change.region,
    )?.min;
    const healthy = Math.max(0, pool.length - change.replicas);
    return { pool: pool.length, healthy, least: least ?? MIN_HEALTHY };
  }
  if (!["restart", "drain", "circuit"].includes(change.kind) || instances.length === 0) {
    return undefined;
  }
  const places = observed.replicas.filter(({ id }) => instances.includes(id));
  const pool = ready.filter((one) =>
    places.some(({ service, region }) => service === one.service && region === one.region),
  );
  const healthy = pool.filter(({ id }) => instances.includes(id)).length;
  return { pool: pool.length, healthy, least: pool.length - 1 };
};

const LOOKS_AT_PEOPLE: readonly Look[] = [onePerTarget, minHealthy];
const LOOKS: readonly Look[] = [
  ...[killSwitch, missingData, frozen, onePerTarget, storm, rate, cooldown],
  ...[blastRadius, minHealthy],
];

/** Storm mode begins with many proposals in a minute, and ends only when it is calm again. */
export const isStormy = (
  wasStorm: boolean,
  proposedAtMs: readonly number[],
  nowMs: number,
): boolean => {
  const recent = proposedAtMs.filter((at) => at > nowMs - STORM_WINDOW_MS).length;
  return wasStorm ? recent >= STORM_ENDS : recent >= STORM_BEGINS;
};

/** Changes of direction on one field within ten minutes; from three on it is frozen. */
export const isFlapping = (past: readonly Past[], target: string, nowMs: number): boolean => {
  const turns = past
    .filter(
      (one) =>
        one.target === target &&
        one.direction !== null &&
        one.startedAtMs !== null &&
        one.startedAtMs > nowMs - WINDOW_MS,
    )
    .toSorted((a, b) => (a.startedAtMs ?? 0) - (b.startedAtMs ?? 0))
    .map(({ direction }) => direction);
  return turns.filter((one, at) => at > 0 && one !== turns[at - 1]).length >= MAX_REVERSALS;
};
