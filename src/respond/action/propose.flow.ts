/**
 * From trouble to a proposed action: alerts of rules, load, what the data plane did by itself.
 *
 * Shape:  trouble → the mildest playbook whose preconditions hold → guards → dry run → a run,
 *         written down with its way back and its verification, approved by itself where its
 *         autonomy reaches that far.
 */
import type { JsonObject } from "../../kernel/canonical.ts";
import type { LiveAlert } from "../alert/alert.flow.ts";
import type { Playbook } from "../../launch/plan/plan.ts";
import { alreadyDone, isOver, proposed, step, type Life } from "./action.ts";
import type { RunRow } from "./action.store.ts";
import { saveFreeze } from "./action.store.ts";
import { scaleTo, type ScaleAnswer } from "./autoscale.ts";
import { lowest, type Level } from "./autonomy.ts";
import { directionOf, isSeenWithin, pastOf, type Desk } from "./desk.flow.ts";
import { FREEZE_MS, guard, isFlapping, isStormy, type Refused } from "./guardrail.ts";
import {
  choose,
  cooldownMs,
  holdMs,
  otherwiseOf,
  verificationOf,
  verifyWithinMs,
  type Choice,
  type Context,
} from "./playbook.ts";
import { ActuatorFault, type Change, type Observed, type Pool } from "./port.ts";
import { reflexOf, type Happened } from "./reflex.ts";
import { canUndo, HUB, previewOf } from "./run.flow.ts";
import { serviceOf, targetOf, type Origin, type RunDraft, type Step, type Trigger } from "./run.ts";
import { loadOf } from "./traffic.ts";

const DEFAULT_VERIFY_MS = 60_000;
const SCALE_EVERY_MS = 5_000;
/** An instance is ready well within this; two looks come on top. */
const FORECAST_MS = 30_000;
const FRESH_MS = 10_000;
const SAY_AGAIN_MS = 10 * 60_000;
/** These pass by themselves: then the mildest is waited for, and nothing sharper is done. */
const PASSING: ReadonlySet<Refused["guard"]> = new Set([
  ...(["one_per_target", "cooldown", "storm", "rate", "missing_data", "kill_switch"] as const),
  "frozen",
]);

export const levelOf = (desk: Desk, playbook: Playbook): Level =>
  lowest(playbook.autonomy ?? "auto", desk.autonomy.get(playbook.id)?.level ?? "auto");

// ── alerts ──────────────────────────────────────────────────────────────────────────────────────

export const answerAlerts = async (desk: Desk): Promise<void> => {
  const nowMs = desk.deps.clock.now();
  const proposedAtMs = [...desk.runs.values()].flatMap((run) =>
    run.origin === "reflex" ? [] : [run.proposedAtMs],
  );
  desk.isStorm = isStormy(desk.isStorm, proposedAtMs, nowMs);
  for (const alert of desk.deps.alerts.firing()) {
    if (alert.rule !== null && alert.fingerprint.startsWith("rule:")) {
      await answerAlert(desk, alert, nowMs);
    }
  }
};

const answerAlert = async (desk: Desk, alert: LiveAlert, nowMs: number): Promise<void> => {
  const runs = runsOf(desk, alert.id);
  if (runs.some(({ life }) => !isOver(life))) return;
  // An alert outlives its cause by `keepFor`, and lasts through silence: neither asks for more.
  const found = desk.looks.find(({ fingerprint }) => fingerprint === alert.fingerprint);
  if (found?.signal !== "breach") return;
  const context = contextOf(desk, alert, runs);
  if (context === undefined) return;
  // What is only watched, as NovaEvo's own programs, is its owner's to look after.
  const { pools } = context.observed;
  if (alert.service !== null && !pools.some(({ service }) => service === alert.service)) return;
  const { choices, passedOver } = choose(desk.deps.applied().plan.playbooks, context);
  const [first] = passedOver;
  if (choices.length === 0 && first !== undefined) {
    const why = {
      fr: passedOver.map((one) => `${one.playbook} : ${one.why.fr}`).join(" ; "),
      en: passedOver.map((one) => `${one.playbook}: ${one.why.en}`).join("; "),
    };
    const refused = { guard: "precondition", why, figures: {} } as const;
    desk.held.set(alert.id, { playbook: first.playbook, refused, atMs: nowMs });
  }
  for (const choice of choices) {
    const level = levelOf(desk, choice.playbook);
    const refused = refusedBy(desk, choice, nowMs);
    if (refused !== undefined) {
      desk.held.set(alert.id, { playbook: choice.playbook.id, refused, atMs: nowMs });
      if (PASSING.has(refused.guard)) return;
      continue;
    }
    desk.held.delete(alert.id);
    await propose(desk, { ...choice, trigger: context.trigger, level, origin: "automatic" });
    return;
  }
};

export const runsOf = (desk: Desk, alert: number): readonly RunRow[] =>
  [...desk.runs.values()].filter(({ trigger }) => trigger.alert === alert);

/** Undefined while the platform is not seen: without sight no precondition holds. */
export const contextOf = (
  desk: Desk,
  alert: LiveAlert,
  runs: readonly RunRow[],
): Context | undefined => {
  const { observed, deps } = desk;
  if (observed === null) return undefined;
  const { plan } = deps.applied();
  const found = desk.looks.find(({ fingerprint }) => fingerprint === alert.fingerprint);
  const rule = plan.observability.rules.find(({ id }) => id === alert.rule);
  const limit = rule?.alert.value ?? 0;
  const value = found?.value ?? alert.value;
  const service = plan.services.find(({ id }) => id === alert.service) ?? null;
  return {
    ...{ service, services: plan.services, observed },
    trigger: {
      ...{ kind: "rule", alert: alert.id, rule: alert.rule, service: alert.service },
      ...{ region: found?.region ?? null, instance: null, text: alert.title },
      detectedAtMs: alert.breachedAtMs,
      evidence: { ...(value === null ? {} : { value }), threshold: limit },
    },
    excess: value === null || limit <= 0 ? null : value / limit,
    use: service === null ? null : useOf(desk, service.id),
    troubled: new Set(
      desk.looks.flatMap((one) =>
        one.signal === "breach" && isOfLoad(desk, one.rule) ? (one.service ?? []) : [],
      ),
    ).size,
    previousVersion: (id) => desk.versions.get(id)?.before ?? null,
    failover: failoverOf(desk, observed),
    tried: new Set(runs.flatMap(({ playbook }) => playbook ?? [])),
  };
};

/** CPU and latency: what overload shows itself by. */
const isOfLoad = (desk: Desk, rule: string): boolean => {
  const each = desk.deps.applied().plan.observability.rules.find(({ id }) => id === rule)?.each;
  return each?.kind === "service" && (each.signal === "cpu" || each.signal === "latencyP95");
};

/** What is asked of a service over what its ready instances serve at most. */
const useOf = (desk: Desk, service: string): number | null => {
  const last = desk.capacity.history(service).at(-1);
  if (last === undefined || last.offeredPerS === null || last.capacityPerS <= 0) return null;
  return last.offeredPerS / last.capacityPerS;
};

const failoverOf = (desk: Desk, observed: Observed): Context["failover"] => {
  const { plan } = desk.deps.applied();
  const nowMs = desk.deps.clock.now();
  const regions = (plan.regions ?? []).map(({ id }) => id);
  return {
    ...{ regions, pools: observed.pools, replicas: observed.replicas },
    scaling: new Map(
      plan.services.flatMap(({ id, scaling }) => (scaling === undefined ? [] : [[id, scaling]])),
    ),
    offeredPerS: (service) => {
      const all = regions.map((region) =>
        loadOf(desk.deps.traffic(), observed, { service, region }, nowMs),
      );
      return all.includes(null) ? null : all.reduce<number>((sum, one) => sum + (one ?? 0), 0);
    },
  };
};

const refusedBy = (
  desk: Desk,
  choice: Pick<Choice, "playbook" | "changes" | "target" | "instances">,
  nowMs: number,
  more: { readonly direction?: "up" | "down"; readonly isHuman?: boolean } = {},
): Refused | undefined => {
  const { playbook, target, instances, changes } = choice;
  const change = changes.at(-1);
  if (change === undefined) return undefined;
  const answer = guard(
    {
      ...{ playbook: playbook.id, change, target, instances },
      direction: more.direction ?? (change.kind === "scale" ? "up" : null),
      cooldownMs: cooldownMs(playbook),
      maxInstancesShare: playbook.blastRadius.maxInstancesShare,
      maxServices: playbook.blastRadius.maxServices,
      needsApproval: playbook.needsApproval,
      ...{ isApproved: false, isHuman: more.isHuman ?? false },
    },
    worldOf(desk, nowMs),
  );
  return answer.ok ? undefined : answer.refused;
};

export const worldOf = (desk: Desk, nowMs: number): Parameters<typeof guard>[1] => ({
  ...{ nowMs, past: pastOf(desk), observed: desk.observed },
  ...{ isSwitchedOn: desk.switch.isOn, isStorm: desk.isStorm },
  frozenUntilMs: (target) => desk.freezes.get(target) ?? null,
});

// ── one proposal ────────────────────────────────────────────────────────────────────────────────

export type Proposal = {
  readonly playbook: Playbook | undefined;
  readonly changes: readonly Change[];
  readonly trigger: Trigger;
  readonly level: Level;
  readonly origin: Origin;
  readonly by?: string;
  readonly reason?: string;
};

export const propose = async (desk: Desk, proposal: Proposal): Promise<RunRow | ActuatorFault> => {
  const { deps } = desk;
  try {
    const steps = await previewOf(deps, proposal.changes, desk.observed);
    const draft = draftOf(desk, proposal, steps);
    const evidence: JsonObject = { effects: steps.map(({ effect }) => effect) };
    const run = await desk.runner.create(draft, "propose", evidence);
    await freezeIfFlapping(desk, run);
    return run;
  } catch (fault) {
    if (!(fault instanceof ActuatorFault)) throw fault;
    deps.log.warn("an action could not be proposed", {
      ...{ code: fault.code, why: fault.message, playbook: proposal.playbook?.id },
    });
    return fault;
  }
};

const draftOf = (desk: Desk, proposal: Proposal, steps: readonly Step[]): RunDraft => {
  const { deps } = desk;
  const { playbook, trigger, origin, by = HUB } = proposal;
  const { version, digest } = deps.applied();
  const nowMs = deps.clock.now();
  const withinMs = playbook === undefined ? DEFAULT_VERIFY_MS : verifyWithinMs(playbook);
  const life = {
    ...proposed(
      {
        steps: steps.length,
        verifyWithinMs: withinMs,
        otherwise: otherwiseOf(playbook?.action),
      },
      nowMs,
    ),
    canUndo: canUndo(steps),
  };
  const [first] = steps;
  const change = steps.at(-1)?.change ?? first?.change;
  if (change === undefined) throw new Error("an action changes something");
  return {
    ...{ playbook: playbook?.id ?? null, target: targetOf(change) },
    ...{ service: serviceOf(change) ?? trigger.service, origin, proposedBy: by },
    region: "region" in change ? change.region : trigger.region,
    ...{ trigger, steps, approvedBy: null },
    verification: playbook === undefined ? { kind: "effect" } : verificationOf(playbook, trigger),
    holdMs: playbook === undefined ? null : holdMs(playbook),
    ...{ planVersion: version, planDigest: digest, proposedAtMs: nowMs },
    ...begin(life, proposal, nowMs),
  };
};

/** How far it goes by itself: not at all, up to a question, or to its beginning. */
const begin = (
  life: Life,
  { level, playbook, origin, reason }: Proposal,
  nowMs: number,
): Pick<RunDraft, "life" | "why"> => {
  if (origin === "human") {
    const said = reason ?? "";
    return { life, why: { fr: `Demandée : ${said}`, en: `Asked for: ${said}` } };
  }
  if (level === "observe") {
    const why = {
      fr: "Observation seule : aurait été proposée",
      en: "Observed only: it would have been proposed",
    };
    const next = step(life, { kind: "refuse", why }, nowMs);
    return { life: next.life, why };
  }
  if (level === "suggest" || playbook?.needsApproval === true) {
    return { life, why: { fr: "En attente d’approbation", en: "Waiting for approval" } };
  }
  const next = step(life, { kind: "approve" }, nowMs);
  return { life: next.life, why: { fr: "Décidée par le plan", en: "Decided by the plan" } };
};

const freezeIfFlapping = async (desk: Desk, run: RunRow): Promise<void> => {
  const nowMs = desk.deps.clock.now();
  // It counts as begun: the turn it is part of is the one that is too many.
  const past = pastOf(desk).map((one) =>
    one.target === run.target && one.startedAtMs === null && !isOver({ state: one.life.state })
      ? { ...one, startedAtMs: nowMs }
      : one,
  );
  if (directionOf(run) === null || !isFlapping(past, run.target, nowMs)) return;
  const untilMs = nowMs + FREEZE_MS;
  await desk.deps.db.tx((tx) => saveFreeze(tx, run.target, untilMs));
  desk.freezes.set(run.target, untilMs);
};

// ── load ────────────────────────────────────────────────────────────────────────────────────────

export const scale = async (desk: Desk): Promise<void> => {
  const { deps, observed } = desk;
  const nowMs = deps.clock.now();
  if (observed === null || deps.clock.monotonic() - desk.scaledAtMs < SCALE_EVERY_MS) return;
  desk.scaledAtMs = deps.clock.monotonic();
  const { plan } = deps.applied();
  const playbook = plan.playbooks.find(({ trigger = [] }) =>
    trigger.some(({ kind }) => kind === "load"),
  );
  for (const { id, scaling } of plan.services) {
    const pools = observed.pools.filter(({ service }) => service === id);
    if (scaling === undefined || pools.length === 0) continue;
    const loads = pools.map((pool) => loadOf(deps.traffic(), observed, pool, nowMs));
    const ready = observed.replicas.filter(
      ({ service, state }) => service === id && state === "ready",
    ).length;
    desk.capacity.note(id, {
      ...{ atMs: nowMs, ready, capacityPerS: ready * scaling.requestsPerS },
      offeredPerS: loads.includes(null)
        ? null
        : loads.reduce<number>((sum, one) => sum + (one ?? 0), 0),
      replicas: pools.reduce((sum, one) => sum + one.replicas, 0),
    });
    if (playbook === undefined) continue;
    for (const [at, pool] of pools.entries()) {
      await scalePool(desk, playbook, pool, loads[at] ?? null, nowMs);
    }
  }
};

const scalePool = async (
  desk: Desk,
  playbook: Playbook,
  pool: Pool,
  offeredPerS: number | null,
  nowMs: number,
): Promise<void> => {
  const answer = wantedOf(desk, pool, offeredPerS, nowMs);
  const place = `${pool.service}@${pool.region}`;
  if (answer.recommendation !== null) desk.capacity.recommend(place, answer.recommendation);
  if (answer.direction === "hold") return;
  const { service, region } = pool;
  const change: Change = { kind: "scale", service, region, replicas: answer.replicas };
  const choice = { playbook, changes: [change], target: targetOf(change), instances: [] };
  const { direction } = answer;
  if (isAskedFor(desk, choice.target, levelOf(desk, playbook), nowMs)) return;
  // What passes by itself is asked again in a moment.
  if (refusedBy(desk, choice, nowMs, { direction }) !== undefined) return;
  await propose(desk, {
    ...{ playbook, changes: [change], level: levelOf(desk, playbook), origin: "automatic" },
    trigger: {
      ...{ kind: "load", alert: null, rule: null, service, region, instance: null },
      ...{ text: answer.why, detectedAtMs: nowMs, evidence: answer.evidence },
    },
  });
};

/** It waits for somebody's answer, or it was said a while ago what would have been done. */
const isAskedFor = (desk: Desk, target: string, level: Level, nowMs: number): boolean =>
  [...desk.runs.values()].some(
    (run) =>
      run.target === target &&
      (!isOver(run.life) || (level === "observe" && run.proposedAtMs > nowMs - SAY_AGAIN_MS)),
  );

const wantedOf = (
  desk: Desk,
  pool: Pool,
  offeredPerS: number | null,
  nowMs: number,
): ScaleAnswer => {
  const { deps, capacity } = desk;
  const scaling = deps.applied().plan.services.find(({ id }) => id === pool.service)?.scaling;
  const place = `${pool.service}@${pool.region}`;
  const target = `replicas:${place}`;
  if (offeredPerS !== null) capacity.load(place, { atMs: nowMs, value: offeredPerS });
  const forecast = deps.forecast(capacity.points(place), FORECAST_MS, nowMs);
  const ready = desk.observed?.replicas.filter(
    (one) => one.service === pool.service && one.region === pool.region && one.state === "ready",
  );
  return scaleTo({
    ...{ nowMs, replicas: pool.replicas, ready: ready?.length ?? 0 },
    min: Math.max(pool.min, scaling?.min ?? pool.min),
    max: Math.min(pool.max, scaling?.max ?? pool.max),
    // Old sight is no sight: without it nobody knows what is there.
    offeredPerS: isSeenWithin(desk, nowMs, FRESH_MS) ? offeredPerS : null,
    requestsPerS: scaling?.requestsPerS ?? 1,
    target: scaling?.target ?? 1,
    forecastPerS: forecast === "unknown" ? null : forecast,
    recommendations: capacity.recommendations(place),
    scaled: [...desk.runs.values()].flatMap((run) => {
      const [first] = run.steps;
      if (run.target !== target || run.startedAtMs === null) return [];
      if (first?.change.kind !== "scale" || first.undo?.kind !== "scale") return [];
      return [{ atMs: run.startedAtMs, from: first.undo.replicas, to: first.change.replicas }];
    }),
  });
};

// ── reflexes ────────────────────────────────────────────────────────────────────────────────────

/** What a run has put in force lasts as long as it said, also after it was verified. */
const isStillOurs = (run: RunRow, target: string, atMs: number): boolean =>
  run.target === target &&
  run.origin !== "reflex" &&
  run.life.state === "verified" &&
  run.holdMs !== null &&
  run.startedAtMs !== null &&
  atMs < run.startedAtMs + run.holdMs;

/** Null: it was ours, or it is no action. */
export const takeReflex = async (desk: Desk, event: Happened): Promise<RunRow | null> => {
  const { deps } = desk;
  const { plan, version, digest } = deps.applied();
  const reflex = reflexOf(event, plan.services, plan.playbooks);
  if (reflex === null) return null;
  const target = targetOf(reflex.change);
  const isKnown = [...desk.runs.values()].some(
    (run) =>
      (run.life.state !== "proposed" &&
        !isOver(run.life) &&
        run.steps.some(({ change }) => targetOf(change) === target)) ||
      isStillOurs(run, target, event.atMs) ||
      (run.target === target &&
        run.trigger.kind === "event" &&
        run.trigger.rule === event.kind &&
        run.trigger.detectedAtMs === event.atMs),
  );
  if (isKnown) return null;
  const nowMs = deps.clock.now();
  const { playbook } = reflex;
  const life = alreadyDone(
    {
      steps: 1,
      verifyWithinMs: playbook === undefined ? DEFAULT_VERIFY_MS : verifyWithinMs(playbook),
      otherwise: "keep",
    },
    nowMs,
  );
  return desk.runner.create(
    {
      ...{ playbook: playbook?.id ?? null, target, service: event.service, region: event.region },
      ...{
        origin: "reflex",
        proposedBy: HUB,
        approvedBy: null,
        trigger: reflex.trigger,
        holdMs: null,
      },
      // Any number of restarts is more than this one: what counts is that it is ready again.
      steps: [{ change: reflex.change, undo: null, effect: event.why, restartsBefore: -1 }],
      ...{ verification: reflex.verification, planVersion: version, planDigest: digest },
      ...{ proposedAtMs: event.atMs, life },
      why: {
        fr: "Faite d’elle-même par la plateforme ; à vérifier",
        en: "Done by the platform by itself; to be verified",
      },
    },
    event.kind,
    { seenAtMs: nowMs, happenedAtMs: event.atMs },
  );
};
