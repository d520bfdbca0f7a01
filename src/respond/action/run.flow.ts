/**
 * Carries one action forward: written down, then applied, watched, brought back. Every change of
 * state is committed with its ledger entry before anything follows from it.
 *
 * Shape:  `advance(run, seen)` does what the run's state asks for, as far as it goes now. What was
 *         begun by another process is looked at, never repeated.
 * Errors: a fault of an actuator is an event of the run; a fault of PostgreSQL is thrown, and the
 *         same is done again at the next turn, with the same ids.
 */
import type { JsonObject } from "../../kernel/canonical.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Db, Tx } from "../../io/postgres/db.ts";
import type { record } from "../../ledger/record.store.ts";
import { isOver, step, type RunEvent } from "./action.ts";
import { insertEvent, insertRun, updateRun, type RunRow } from "./action.store.ts";
import { ActuatorFault, type Actuator, type Change, type Observed } from "./port.ts";
import { effect, isInPlace, targetOf, type Run, type RunDraft, type Step } from "./run.ts";

export type Signal = "clear" | "breach" | "unknown";

/** What was seen last, and when. */
export type Seen = {
  readonly observed: Observed | null;
  /** What the alert's rule says of the trouble, and when it was measured. */
  readonly ruleSignal: (run: Run) => { readonly signal: Signal; readonly atMs: number } | null;
  readonly promql: (expr: string) => Promise<number | null>;
};

export type RunnerDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly record: typeof record;
  readonly fence: (tx: Tx) => Promise<boolean>;
  readonly epoch: number;
  readonly actuators: readonly Actuator[];
  /** Called after each commit, with the run as it is now. */
  readonly onCommitted: (run: RunRow) => void;
};

export const HUB = "system:hub";
/** Further than an action ever is from its end. */
const MAX_TURNS = 16;

export type Runner = ReturnType<typeof newRunner>;

export const newRunner = (deps: RunnerDeps) => {
  const room: Room = { deps, begun: new Set() };
  return {
    advance: (run: RunRow, seen: Seen) => advance(room, run, seen),
    commit: (run: RunRow, event: RunEvent, actor: string, more?: More) =>
      commit(room, run, event, actor, more),
    create: (draft: RunDraft, event: string, evidence: JsonObject) =>
      create(room, draft, event, evidence),
  };
};

type Room = {
  readonly deps: RunnerDeps;
  /** Begun by this process: only these may be asked for again. */
  readonly begun: Set<number>;
};
type More = { readonly evidence?: JsonObject; readonly run?: Partial<RunDraft> };

const commit = async (
  room: Room,
  run: RunRow,
  event: RunEvent,
  actor: string,
  more: More = {},
): Promise<RunRow> => {
  const nowMs = room.deps.clock.now();
  const next = step(run.life, event, nowMs);
  if (!next.moved) return { ...run, life: next.life };
  const changed: RunRow = { ...run, ...more.run, life: next.life, why: next.why };
  const saved = await room.deps.db.tx(async (tx) => {
    await mustOwn(room.deps, tx);
    const row = await updateRun(tx, run.life.state, changed, nowMs);
    if (row === undefined) throw new Error(`action ACT-${run.id} was moved by somebody else`);
    await write(room.deps, tx, row, event.kind, actor, more.evidence ?? {});
    return row;
  });
  if (saved.life.state === "running") room.begun.add(run.id);
  room.deps.onCommitted(saved);
  return saved;
};

const advance = async (room: Room, run: RunRow, seen: Seen): Promise<RunRow> => {
  let now = run;
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    const before = now.life;
    now = await once(room, now, seen);
    if (isOver(now.life) || before.state === now.life.state) {
      if (before.state !== "running" || before.done === now.life.done) return now;
    }
  }
  return now;
};

const once = async (room: Room, run: RunRow, seen: Seen): Promise<RunRow> => {
  switch (run.life.state) {
    case "proposed":
    case "failed":
      return commit(room, run, { kind: "time" }, HUB);
    case "approved":
      return commit(room, run, { kind: "start" }, HUB);
    case "running":
      return room.begun.has(run.id) ? apply(room, run) : afterInterruption(room, run, seen);
    case "verifying":
      return verify(room, run, seen);
    case "rolling_back":
      return rollBack(room, run);
    case "verified":
    case "rolled_back":
    case "escalated":
    case "not_executed":
      return run;
  }
};

const apply = async (room: Room, run: RunRow): Promise<RunRow> => {
  const at = run.life.done;
  const wanted = run.steps[at];
  if (wanted === undefined) throw new Error(`action ACT-${run.id} has no step ${at}`);
  try {
    const done = await actuatorOf(room.deps, wanted.change).apply({
      id: orderId(run, at),
      epoch: room.deps.epoch,
      change: wanted.change,
      // From when it began, not from now: an order that is repeated must be the same order.
      untilMs: run.holdMs === null ? null : run.life.sinceMs + run.holdMs,
    });
    const undo = done.undo ?? wanted.undo;
    const steps = run.steps.with(at, { ...wanted, undo, effect: done.effect });
    const evidence = { effect: done.effect, step: at, wasDoneBefore: !done.isFirst };
    return await commit(
      room,
      { ...run, life: { ...run.life, canUndo: canUndo(steps) } },
      { kind: "applied" },
      HUB,
      { evidence, run: { steps } },
    );
  } catch (fault) {
    if (!(fault instanceof ActuatorFault)) throw fault;
    // Asked again with the same id until the deadline: carried out once, however often asked.
    if (fault.code === "unavailable" || fault.code === "conflict") {
      return commit(room, run, { kind: "time" }, HUB, { evidence: { fault: fault.message } });
    }
    const failed = { kind: "apply_failed", reason: fault.message, isUncertain: at > 0 } as const;
    return commit(room, run, failed, HUB, { evidence: { code: fault.code } });
  }
};

const afterInterruption = async (room: Room, run: RunRow, { observed }: Seen): Promise<RunRow> => {
  if (observed === null || observed.atMs < run.life.sinceMs) {
    return commit(room, run, { kind: "time" }, HUB);
  }
  const seen = run.steps.map((one) => isInPlace(one.change, observed, one.restartsBefore));
  const isThere = seen.includes(false) ? false : seen.includes(null) ? null : true;
  return commit(room, run, { kind: "interrupted", isThere }, HUB, { evidence: { seen } });
};

const verify = async (room: Room, run: RunRow, seen: Seen): Promise<RunRow> => {
  const { signal, evidence } = await signalOf(run, seen);
  return commit(room, run, { kind: "signal", signal }, HUB, { evidence });
};

/** Backwards; each undo has an id of its own, so that asking again is harmless. */
const rollBack = async (room: Room, run: RunRow): Promise<RunRow> => {
  try {
    const effects: string[] = [];
    for (const [at, { undo }] of [...run.steps.entries()].toReversed()) {
      if (undo === null) continue;
      const done = await actuatorOf(room.deps, undo).apply({
        ...{ id: `${orderId(run, at)}-undo`, epoch: room.deps.epoch, change: undo, untilMs: null },
      });
      effects.push(done.effect);
    }
    return await commit(room, run, { kind: "undone" }, HUB, { evidence: { effects } });
  } catch (fault) {
    if (!(fault instanceof ActuatorFault)) throw fault;
    if (fault.code === "unavailable" || fault.code === "conflict") {
      return commit(room, run, { kind: "time" }, HUB, { evidence: { fault: fault.message } });
    }
    return commit(room, run, { kind: "undo_failed", reason: fault.message }, HUB);
  }
};

/** A new run, in the state its draft has, with the first lines of its timeline. */
const create = async (
  room: Room,
  draft: RunDraft,
  event: string,
  evidence: JsonObject,
): Promise<RunRow> => {
  const row = await room.deps.db.tx(async (tx) => {
    await mustOwn(room.deps, tx);
    const inserted = await insertRun(tx, draft);
    await write(room.deps, tx, inserted, event, draft.proposedBy, {
      ...evidence,
      trigger: { ...draft.trigger },
      changes: draft.steps.map(({ change }) => ({ ...change })),
      verification: { ...draft.verification },
      planDigest: draft.planDigest,
    });
    return inserted;
  });
  room.deps.onCommitted(row);
  return row;
};

/** A database that was begun anew counts from 1 again: the instant tells its runs apart. */
const orderId = ({ id, proposedAtMs }: Run, at: number): string =>
  `run-${id}-${proposedAtMs.toString(36)}-${at}`;

/** Only what was measured after the change can tell whether it helped. */
export const signalOf = async (
  run: Run,
  seen: Seen,
): Promise<{ readonly signal: Signal; readonly evidence: JsonObject }> => {
  const { verification, life } = run;
  const unknown = { signal: "unknown", evidence: {} } as const;
  switch (verification.kind) {
    case "rule": {
      const found = seen.ruleSignal(run);
      if (found === null || found.atMs <= life.sinceMs) return unknown;
      return { signal: found.signal, evidence: { rule: verification.rule, signal: found.signal } };
    }
    case "effect": {
      const { observed } = seen;
      if (observed === null || observed.atMs <= life.sinceMs) return unknown;
      const all = run.steps.map((one) => effect(one, observed));
      const signal = all.includes("breach")
        ? "breach"
        : all.includes("unknown")
          ? "unknown"
          : "clear";
      return { signal, evidence: { steps: all } };
    }
    case "ordinary": {
      const { observed } = seen;
      if (observed === null || observed.atMs <= life.sinceMs) return unknown;
      const isOn = observed.inForce.some((one) => targetOf(one) === run.target);
      return { signal: isOn ? "breach" : "clear", evidence: { isOn } };
    }
    case "promql": {
      const value = await seen.promql(verification.expr);
      if (value === null || !Number.isFinite(value)) return unknown;
      const isClear = compare(value, verification.op, verification.value);
      return { signal: isClear ? "clear" : "breach", evidence: { value, text: verification.text } };
    }
  }
};

const compare = (value: number, op: string, limit: number): boolean => {
  switch (op) {
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    default:
      return value === limit;
  }
};

export const canUndo = (steps: readonly Pick<Step, "undo">[]): boolean =>
  steps.every(({ undo }) => undo !== null);

export const actuatorOf = (
  { actuators }: { readonly actuators: readonly Actuator[] },
  change: Change,
): Actuator => {
  const found = actuators.find((one) => one.can(change));
  if (found === undefined) {
    throw new ActuatorFault("unknown_target", `nothing here can do "${change.kind}"`);
  }
  return found;
};

/** What would change, and the way back: asked before anything is written down. */
export const previewOf = async (
  deps: { readonly actuators: readonly Actuator[] },
  changes: readonly Change[],
  observed: Observed | null,
): Promise<readonly Step[]> => {
  const steps: Step[] = [];
  for (const change of changes) {
    const { effect: said, undo } = await actuatorOf(deps, change).preview(change);
    const restartsBefore =
      change.kind === "restart"
        ? (observed?.replicas.find(({ id }) => id === change.instance)?.restarts ?? null)
        : null;
    steps.push({ change, undo, effect: said, restartsBefore });
  }
  return steps;
};

const write = async (
  deps: RunnerDeps,
  tx: Tx,
  run: RunRow,
  event: string,
  actor: string,
  evidence: JsonObject,
): Promise<void> => {
  const atMs = deps.clock.now();
  const { state } = run.life;
  await insertEvent(tx, run.id, { atMs, state, event, actor, why: run.why, evidence });
  await deps.record(tx, {
    kind: `action.${state}`,
    actor,
    subject: `action:ACT-${run.id}`,
    body: {
      ...{ playbook: run.playbook, target: run.target, service: run.service, origin: run.origin },
      ...{ why: run.why.en, event, planVersion: run.planVersion, evidence },
    },
  });
};

const mustOwn = async (deps: RunnerDeps, tx: Tx): Promise<void> => {
  if (!(await deps.fence(tx))) throw new Error("another hub has taken over: nothing was written");
};
