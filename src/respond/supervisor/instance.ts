/**
 * The life of one instance: a place that has at most one process, and what is done about it.
 *
 * Shape:  waiting → starting → ready ⇄ unhealthy; draining → stopped, or starting again;
 *         quarantined after too many deaths. `step` answers the next life and what is to be done,
 *         in order. A phase that is due by itself says when (`dueMs`), and gets a `tick` then.
 * Units:  ms of a clock that never jumps; dice 0 to 1.
 * Errors: none. An event that means nothing in a phase changes nothing.
 * Source: Erlang supervisors (restart intensity), kubelet (deep readiness, liveness apart from it).
 */
import type { INSTANCE_STATES, SUPERVISOR_EVENTS } from "../control/messages.ts";
import { FRESH, died, type Policy, type RestartRecord } from "./restart.ts";

export type Phase =
  /** A restart is due. */
  | { readonly name: "waiting"; readonly dueMs: number }
  | { readonly name: "starting"; readonly dueMs: number }
  | { readonly name: "ready"; readonly fails: number; readonly deaf: number }
  | {
      readonly name: "unhealthy";
      readonly deaf: number;
      /** Over its bound: no good answer makes it ready again. */
      readonly isOver: boolean;
      readonly isKilled: boolean;
    }
  | { readonly name: "draining"; readonly dueMs: number | null; readonly next: Next }
  | { readonly name: "stopped" }
  | { readonly name: "quarantined" };

/** After a drain. */
type Next = "stop" | "start" | "quarantine";

export type Life = {
  readonly phase: Phase;
  readonly sinceMs: number;
  readonly why: string | null;
  readonly record: RestartRecord;
};

/** What a health check heard; `isAlive` is null while nobody asked /healthz. */
export type Answer = {
  readonly ready: "yes" | "no" | "silent";
  readonly isAlive: boolean | null;
  readonly why: string;
};

export type InstanceEvent =
  | { readonly kind: "start" }
  | { readonly kind: "stop"; readonly why: string }
  | { readonly kind: "restart"; readonly why: string }
  /** Out of quarantine, or at once instead of later. */
  | { readonly kind: "release" }
  /** Down, now, and not up again. */
  | { readonly kind: "hold"; readonly why: string }
  | { readonly kind: "probed"; readonly answer: Answer }
  | { readonly kind: "over"; readonly why: string; readonly share: number }
  | { readonly kind: "kill"; readonly why: string }
  | { readonly kind: "exited"; readonly why: string; readonly dice: number }
  | { readonly kind: "tick" };

export type Effect =
  | { readonly kind: "spawn" }
  | { readonly kind: "signal"; readonly signal: "SIGTERM" | "SIGKILL" }
  | {
      readonly kind: "say";
      readonly event: (typeof SUPERVISOR_EVENTS)[number];
      readonly why: string;
      readonly evidence: Readonly<{ [name: string]: number }>;
    };

export type Step = { readonly life: Life; readonly effects: readonly Effect[] };

/** Bad answers before it is taken out of rotation. */
export const FALL = 2;
/** Unanswered /healthz before it is taken for hung. */
export const DEAF = 3;
/** What a process may take to finish after SIGTERM. */
export const DRAIN_MS = 6_000;

export const unborn = (nowMs: number): Life => ({
  phase: { name: "stopped" },
  sinceMs: nowMs,
  why: null,
  record: FRESH,
});

export const step =
  (policy: Policy) =>
  (life: Life, event: InstanceEvent, nowMs: number): Step => {
    switch (life.phase.name) {
      case "waiting":
        return waiting(policy, life, life.phase, event, nowMs);
      case "starting":
        return starting(policy, life, life.phase, event, nowMs);
      case "ready":
        return ready(policy, life, life.phase, event, nowMs);
      case "unhealthy":
        return unhealthy(policy, life, life.phase, event, nowMs);
      case "draining":
        return draining(policy, life, life.phase, event, nowMs);
      case "stopped":
      case "quarantined":
        return resting(policy, life, event, nowMs);
    }
  };

/** As the control door names it. */
export const stateOf = ({ phase }: Life): (typeof INSTANCE_STATES)[number] =>
  phase.name === "waiting" ? "starting" : phase.name;

export const dueOf = ({ phase }: Life): number | null => ("dueMs" in phase ? phase.dueMs : null);

/** Whether a process is there, or was killed and has not been seen to end. */
export const hasProcess = ({ phase: { name } }: Life): boolean =>
  name === "starting" || name === "ready" || name === "unhealthy" || name === "draining";

// ── the phases ──────────────────────────────────────────────────────────────────────────────────

type In<Name extends Phase["name"]> = Extract<Phase, { name: Name }>;

const waiting = (
  policy: Policy,
  life: Life,
  { dueMs }: In<"waiting">,
  event: InstanceEvent,
  nowMs: number,
): Step => {
  switch (event.kind) {
    case "tick":
      return nowMs < dueMs ? same(life) : restarted(policy, life, life.why ?? "", nowMs);
    case "restart":
      return restarted(policy, cleared(life), event.why, nowMs);
    case "release":
      return restarted(policy, cleared(life), "released", nowMs);
    case "stop":
    case "hold":
      return rest(life, event.why, nowMs);
    case "start":
    case "probed":
    case "over":
    case "kill":
    case "exited":
      return same(life);
  }
};

const starting = (
  policy: Policy,
  life: Life,
  phase: In<"starting">,
  event: InstanceEvent,
  nowMs: number,
): Step => {
  switch (event.kind) {
    case "probed": {
      if (event.answer.ready === "yes") return becomesReady(life, nowMs);
      return same(event.answer.ready === "no" ? { ...life, why: event.answer.why } : life);
    }
    case "tick": {
      if (nowMs < phase.dueMs) return same(life);
      const said = life.why === null ? "" : `: ${life.why}`;
      return killed(life, `not ready within ${policy.readyWithinMs} ms${said}`, nowMs);
    }
    case "kill":
      return killed(life, event.why, nowMs);
    case "exited":
      return afterDeath(policy, life, event, nowMs);
    case "stop":
    case "restart":
    case "hold":
      return drain(life, event, nowMs);
    case "start":
    case "release":
    case "over":
      return same(life);
  }
};

const ready = (
  policy: Policy,
  life: Life,
  phase: In<"ready">,
  event: InstanceEvent,
  nowMs: number,
): Step => {
  switch (event.kind) {
    case "probed": {
      if (event.answer.ready === "yes") {
        if (phase.fails === 0) return same(life);
        return same({ ...life, phase: { name: "ready", fails: 0, deaf: 0 } });
      }
      const fails = phase.fails + 1;
      const deaf = deafAfter(phase.deaf, event.answer);
      if (fails < FALL) return same({ ...life, phase: { ...phase, fails, deaf } });
      return turnsBad(life, { deaf, isOver: false }, event.answer.why, { fails }, nowMs);
    }
    case "over":
      return tooLarge(policy, life, phase.deaf, event, nowMs);
    case "kill":
      return killed(life, event.why, nowMs);
    case "exited":
      return afterDeath(policy, life, event, nowMs);
    case "stop":
    case "restart":
    case "hold":
      return drain(life, event, nowMs);
    case "start":
    case "release":
    case "tick":
      return same(life);
  }
};

const unhealthy = (
  policy: Policy,
  life: Life,
  phase: In<"unhealthy">,
  event: InstanceEvent,
  nowMs: number,
): Step => {
  switch (event.kind) {
    case "probed": {
      if (phase.isKilled) return same(life);
      if (event.answer.ready === "yes") {
        if (!phase.isOver) return becomesReady(life, nowMs);
        return same({ ...life, phase: { ...phase, deaf: 0 } });
      }
      const deaf = deafAfter(phase.deaf, event.answer);
      const heard = { ...life, phase: { ...phase, deaf } };
      return deaf < DEAF ? same(heard) : killed(heard, `/healthz failed ${deaf} times`, nowMs);
    }
    case "over":
      if (phase.isOver || phase.isKilled) return same(life);
      return tooLarge(policy, life, phase.deaf, event, nowMs);
    case "kill":
      return phase.isKilled ? same(life) : killed(life, event.why, nowMs);
    case "exited":
      return afterDeath(policy, life, event, nowMs);
    case "stop":
    case "restart":
    case "hold":
      return drain(life, event, nowMs);
    case "start":
    case "release":
    case "tick":
      return same(life);
  }
};

const draining = (
  policy: Policy,
  life: Life,
  phase: In<"draining">,
  event: InstanceEvent,
  nowMs: number,
): Step => {
  const goes = (next: Next): Step => same({ ...life, phase: { ...phase, next } });
  switch (event.kind) {
    case "exited":
      if (phase.next === "start") return restarted(policy, life, life.why ?? "", nowMs);
      if (phase.next === "quarantine") return givenUp(life, life.why ?? event.why, nowMs);
      return rest(life, life.why ?? event.why, nowMs);
    case "tick": {
      if (phase.dueMs === null || nowMs < phase.dueMs) return same(life);
      const effects: Effect[] = [{ kind: "signal", signal: "SIGKILL" }];
      return { life: { ...life, phase: { ...phase, dueMs: null } }, effects };
    }
    case "start":
      return phase.next === "quarantine" ? same(life) : goes("start");
    case "release":
    case "restart":
      return goes("start");
    case "stop":
      return goes("stop");
    case "hold":
    case "kill": {
      const next = event.kind === "hold" ? "stop" : phase.next;
      const effects: Effect[] = [{ kind: "signal", signal: "SIGKILL" }];
      const late = { ...phase, dueMs: null, next } as const;
      return { life: { ...life, why: event.why, phase: late }, effects };
    }
    case "probed":
    case "over":
      return same(life);
  }
};

/** Stopped, or quarantined: what was given up is not begun again by a mere `start`. */
const resting = (policy: Policy, life: Life, event: InstanceEvent, nowMs: number): Step => {
  const isGivenUp = life.phase.name === "quarantined";
  switch (event.kind) {
    case "start":
      if (isGivenUp) return same(life);
      return spawned(policy, cleared(life), "started", "wanted", nowMs);
    case "release":
    case "restart": {
      const why = event.kind === "release" ? "released" : event.why;
      return spawned(policy, cleared(life), "started", why, nowMs);
    }
    case "stop":
    case "hold":
      return isGivenUp ? rest(life, event.why, nowMs) : same({ ...life, why: event.why });
    case "probed":
    case "over":
    case "kill":
    case "exited":
    case "tick":
      return same(life);
  }
};

// ── the ways from one to another ────────────────────────────────────────────────────────────────

const same = (life: Life): Step => ({ life, effects: [] });
const cleared = (life: Life): Life => ({
  ...life,
  record: { ...FRESH, restarts: life.record.restarts },
});
/** What answers anything is not deaf. */
const deafAfter = (deaf: number, { ready, isAlive }: Answer): number => {
  if (ready === "no" || isAlive === true) return 0;
  return isAlive === false ? deaf + 1 : deaf;
};

const spawned = (
  policy: Policy,
  life: Life,
  event: "started" | "restart_issued",
  why: string,
  nowMs: number,
): Step => {
  const isRestart = event === "restart_issued";
  const restarts = life.record.restarts + (isRestart ? 1 : 0);
  return {
    life: {
      phase: { name: "starting", dueMs: nowMs + policy.readyWithinMs },
      sinceMs: nowMs,
      why: null,
      record: { ...life.record, restarts, healthySinceMs: null },
    },
    effects: [
      { kind: "spawn" },
      { kind: "say", event, why, evidence: isRestart ? { restarts } : {} },
    ],
  };
};

const restarted = (policy: Policy, life: Life, why: string, nowMs: number): Step =>
  spawned(policy, life, "restart_issued", why, nowMs);

const becomesReady = (life: Life, nowMs: number): Step => {
  const healthySinceMs = life.record.healthySinceMs ?? nowMs;
  const wasStarting = life.phase.name === "starting";
  const afterMs = nowMs - life.sinceMs;
  return {
    life: {
      phase: { name: "ready", fails: 0, deaf: 0 },
      sinceMs: nowMs,
      why: null,
      record: { ...life.record, healthySinceMs },
    },
    effects: [
      {
        kind: "say",
        event: "ready",
        why: wasStarting ? "started and ready" : "ready again",
        evidence: { afterMs },
      },
    ],
  };
};

const turnsBad = (
  life: Life,
  { deaf, isOver }: { readonly deaf: number; readonly isOver: boolean },
  why: string,
  evidence: Readonly<{ [name: string]: number }>,
  nowMs: number,
): Step => ({
  life: {
    phase: { name: "unhealthy", deaf, isOver, isKilled: false },
    sinceMs: nowMs,
    why,
    record: { ...life.record, healthySinceMs: null },
  },
  effects: [{ kind: "say", event: "unhealthy", why, evidence }],
});

/** It does not go by itself; its end comes as `exited`. */
const killed = (life: Life, why: string, nowMs: number): Step => {
  const { phase } = life;
  const isOver = phase.name === "unhealthy" && phase.isOver;
  const bad = turnsBad(life, { deaf: 0, isOver }, why, {}, nowMs);
  return {
    life: { ...bad.life, phase: { name: "unhealthy", deaf: 0, isOver, isKilled: true } },
    effects: [{ kind: "signal", signal: "SIGKILL" }, ...bad.effects],
  };
};

const drain = (
  life: Life,
  event: Extract<InstanceEvent, { kind: "stop" | "restart" | "hold" }>,
  nowMs: number,
): Step => {
  const isNow = event.kind === "hold";
  return {
    life: {
      phase: {
        name: "draining",
        dueMs: isNow ? null : nowMs + DRAIN_MS,
        next: event.kind === "restart" ? "start" : "stop",
      },
      sinceMs: nowMs,
      why: event.why,
      record: life.record,
    },
    effects: [
      { kind: "signal", signal: isNow ? "SIGKILL" : "SIGTERM" },
      { kind: "say", event: "draining", why: event.why, evidence: {} },
    ],
  };
};

const rest = (life: Life, why: string, nowMs: number): Step => ({
  life: { phase: { name: "stopped" }, sinceMs: nowMs, why, record: cleared(life).record },
  effects: [{ kind: "say", event: "stopped", why, evidence: {} }],
});

const givenUp = (life: Life, why: string, nowMs: number): Step => ({
  life: { ...life, phase: { name: "quarantined" }, sinceMs: nowMs, why },
  effects: [
    { kind: "say", event: "quarantined", why, evidence: { deaths: life.record.diedMs.length } },
  ],
});

/** Replaced by whoever moves the pool; it counts as a death, or it would go on for ever. */
const tooLarge = (
  policy: Policy,
  life: Life,
  deaf: number,
  { why, share }: Extract<InstanceEvent, { kind: "over" }>,
  nowMs: number,
): Step => {
  const next = died(policy, life.record, nowMs, 0);
  const counted: Life = { ...life, record: next.record };
  if (next.verdict === "restart") {
    return turnsBad(counted, { deaf, isOver: true }, why, { memory: share }, nowMs);
  }
  const last = drain(counted, { kind: "stop", why }, nowMs);
  const { phase } = last.life;
  if (phase.name !== "draining") return last;
  return { ...last, life: { ...last.life, phase: { ...phase, next: "quarantine" } } };
};

const afterDeath = (
  policy: Policy,
  life: Life,
  { why, dice }: Extract<InstanceEvent, { kind: "exited" }>,
  nowMs: number,
): Step => {
  // A killed one has its reason already; how it ended only says that it was killed.
  const { phase } = life;
  const isKilled = phase.name === "unhealthy" && phase.isKilled;
  const reason = isKilled && life.why !== null ? `${life.why}; ${why}` : why;
  const livedMs = nowMs - life.sinceMs;
  const exited: Effect = { kind: "say", event: "exited", why: reason, evidence: { livedMs } };
  const next = died(policy, life.record, nowMs, dice);
  const dead: Life = { ...life, why: reason, record: next.record };
  if (next.verdict === "quarantine") {
    const gaveUp = `${next.deaths} deaths within ${policy.windowMs / 1_000} s, last: ${reason}`;
    const last = givenUp(dead, gaveUp, nowMs);
    return { life: last.life, effects: [exited, ...last.effects] };
  }
  if (next.delayMs === 0) {
    const again = restarted(policy, dead, reason, nowMs);
    return { life: again.life, effects: [exited, ...again.effects] };
  }
  const dueMs = nowMs + next.delayMs;
  return {
    life: { ...dead, phase: { name: "waiting", dueMs }, sinceMs: nowMs },
    effects: [exited],
  };
};
