/**
 * L3's orchestration: look, carry open actions forward, answer alerts and load, tell people when
 * automation is at its end; and what people themselves ask for.
 *
 * Shape:  one thing at a time: a turn, an event or a command never meets another in the middle.
 * Errors: people get a Problem that names the field; a fault of PostgreSQL is thrown, and the turn
 *         is taken again.
 */
import { ok, problem, type Result } from "../../kernel/result.ts";
import type { Principal } from "../../account/principal.ts";
import type { AlertAction } from "../../contract/alert.ts";
import { isOver, step, type RunEvent } from "./action.ts";
import {
  saveAutonomy,
  saveCursor,
  saveSwitch,
  loadCursor,
  runById,
  timelineOf,
  type RunRow,
  type TimelineEntry,
} from "./action.store.ts";
import { LEVELS, type Level } from "./autonomy.ts";
import {
  directionOf,
  look,
  openDesk,
  pastOf,
  seenBy,
  type ActionFlowDeps,
  type Desk,
} from "./desk.flow.ts";
import { escalate, reviewAutonomy } from "./escalate.flow.ts";
import { guard, type Refused } from "./guardrail.ts";
import { ActuatorFault, type Change } from "./port.ts";
import { answerAlerts, levelOf, propose, scale, takeReflex, worldOf } from "./propose.flow.ts";
import { HUB, previewOf } from "./run.flow.ts";
import { targetOf, type Step } from "./run.ts";
import type { Happened } from "./reflex.ts";

export type HumanAsk = {
  readonly change: Change;
  readonly reason: string;
  readonly dryRun: boolean;
};
export type HumanAnswer = {
  readonly steps: readonly Step[];
  readonly refused: Refused | null;
  readonly run: RunRow | null;
};

export type Actions = {
  readonly turn: () => Promise<void>;
  /** Events of a door, once each: `upTo` is the last one's number. */
  readonly onEvents: (door: string, events: readonly Happened[], upTo: number) => Promise<void>;
  readonly cursorOf: (door: string) => Promise<number>;
  readonly ask: (by: Principal, asked: HumanAsk) => Promise<Result<HumanAnswer>>;
  readonly answer: (
    by: Principal,
    run: number,
    event: "approve" | "reject" | "undo",
    reason: string,
  ) => Promise<Result<RunRow>>;
  readonly setSwitch: (by: Principal, isOn: boolean, reason: string) => Promise<Result<null>>;
  readonly setAutonomy: (
    by: Principal,
    playbook: string,
    level: Level,
    reason: string,
  ) => Promise<Result<null>>;
  readonly run: (
    id: number,
  ) => Promise<{ readonly run: RunRow; readonly timeline: readonly TimelineEntry[] } | undefined>;
  readonly actionOf: (alert: number) => AlertAction | null;
  readonly desk: Desk;
};

export const openActions = async (deps: ActionFlowDeps): Promise<Actions> => {
  const desk = await openDesk(deps);
  const exclusive = newTurns();
  return {
    desk,
    turn: () => exclusive(() => takeTurn(desk)),
    onEvents: (door, events, upTo) => exclusive(() => takeEvents(desk, door, events, upTo)),
    cursorOf: (door) => loadCursor(deps.db, door),
    ask: (by, asked) => exclusive(() => askedBy(desk, by, asked)),
    answer: (by, run, event, reason) => exclusive(() => answered(desk, by, run, event, reason)),
    setSwitch: (by, isOn, reason) => exclusive(() => switched(desk, by, isOn, reason)),
    setAutonomy: (by, playbook, level, reason) =>
      exclusive(() => raised(desk, by, { playbook, level, reason })),
    run: async (id) => {
      const run = desk.runs.get(id) ?? (await runById(deps.db, id));
      return run === undefined ? undefined : { run, timeline: await timelineOf(deps.db, id) };
    },
    actionOf: (alert) => actionOf(desk, alert),
  };
};

/** One after the other, in the order they came; one that fails stops nobody. */
const newTurns = () => {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work, work);
    last = mine.catch(() => undefined);
    return mine;
  };
};

const takeTurn = async (desk: Desk): Promise<void> => {
  await look(desk);
  await carryOn(desk);
  await answerAlerts(desk);
  await scale(desk);
  await carryOn(desk);
  await escalate(desk);
};

/** Everything that is open, as far as it goes now. */
const carryOn = async (desk: Desk): Promise<void> => {
  for (const run of [...desk.runs.values()]) {
    if (isOver(run.life)) continue;
    const ready = await lastLook(desk, run);
    const now = await desk.runner.advance(ready, seenBy(desk));
    desk.runs.set(now.id, now);
    if (isOver(now.life) && now.playbook !== null) await reviewAutonomy(desk, now.playbook);
  }
};

/** What was approved is looked at by the guards once more, right before it begins. */
const lastLook = async (desk: Desk, run: RunRow): Promise<RunRow> => {
  if (run.life.state !== "approved" || run.approvedBy === null) return run;
  const refused = guardOf(desk, run, run.origin === "human");
  if (refused === undefined) return run;
  return desk.runner.commit(run, { kind: "refuse", why: refused.why }, HUB, {
    evidence: { guard: refused.guard, ...refused.figures },
  });
};

const guardOf = (desk: Desk, run: RunRow, isHuman: boolean): Refused | undefined => {
  const change = run.steps.at(-1)?.change;
  if (change === undefined) return undefined;
  const world = worldOf(desk, desk.deps.clock.now());
  const others = new Map([...desk.runs].filter(([id]) => id !== run.id));
  const answer = guard(
    {
      ...{ playbook: run.playbook, change, target: run.target, direction: directionOf(run) },
      instances: "instance" in change && change.instance !== null ? [change.instance] : [],
      ...{ cooldownMs: 0, maxInstancesShare: 1, maxServices: Number.POSITIVE_INFINITY },
      ...{ needsApproval: true, isApproved: true, isHuman },
    },
    { ...world, past: pastOf({ ...desk, runs: others }) },
  );
  return answer.ok ? undefined : answer.refused;
};

const takeEvents = async (
  desk: Desk,
  door: string,
  events: readonly Happened[],
  upTo: number,
): Promise<void> => {
  for (const event of events) await takeReflex(desk, event);
  // After the runs: an event that is taken twice is known by its run, one that is lost is lost.
  await desk.deps.db.tx((tx) => saveCursor(tx, door, upTo));
};

// ── people ──────────────────────────────────────────────────────────────────────────────────────

const askedBy = async (
  desk: Desk,
  by: Principal,
  { change, reason, dryRun }: HumanAsk,
): Promise<Result<HumanAnswer>> => {
  try {
    const steps = await previewOf(desk.deps, [change], desk.observed);
    const target = targetOf(change);
    const answer = guard(
      {
        ...{ playbook: null, change, target, cooldownMs: 0, maxInstancesShare: 1 },
        direction: directionOf({ steps }),
        instances: "instance" in change && change.instance !== null ? [change.instance] : [],
        maxServices: Number.POSITIVE_INFINITY,
        ...{ needsApproval: true, isApproved: true, isHuman: true },
      },
      worldOf(desk, desk.deps.clock.now()),
    );
    const refused = answer.ok ? null : answer.refused;
    if (dryRun) return ok({ steps, refused, run: null });
    if (refused !== null) return problem("conflict", `${refused.guard}: ${refused.why.en}`);
    const run = await propose(desk, {
      ...{ playbook: undefined, changes: [change], level: "suggest", origin: "human" },
      ...{ by: by.id, reason },
      trigger: {
        ...{ kind: "human", alert: null, rule: null, instance: null },
        service: "service" in change ? change.service : null,
        region: "region" in change ? change.region : null,
        text: { fr: reason, en: reason },
        ...{ detectedAtMs: desk.deps.clock.now(), evidence: {} },
      },
    });
    return run instanceof ActuatorFault ? faultProblem(run) : ok({ steps, refused, run });
  } catch (fault) {
    if (fault instanceof ActuatorFault) return faultProblem(fault);
    throw fault;
  }
};

const faultProblem = (fault: ActuatorFault): Result<never> => {
  switch (fault.code) {
    case "unknown_target":
      return problem("not_found", fault.message);
    case "out_of_bounds":
      return problem("bad_request", fault.message, { field: "body.change" });
    case "stale_epoch":
    case "conflict":
      return problem("conflict", fault.message);
    case "unavailable":
      return problem("unavailable", fault.message);
  }
};

const answered = async (
  desk: Desk,
  by: Principal,
  id: number,
  kind: "approve" | "reject" | "undo",
  reason: string,
): Promise<Result<RunRow>> => {
  const run = desk.runs.get(id) ?? (await runById(desk.deps.db, id));
  if (run === undefined) return problem("not_found", `no action ACT-${id}`);
  if (kind === "approve" && run.proposedBy === by.id) {
    return problem("forbidden", "whoever asked for a change cannot approve it: somebody else must");
  }
  const event: RunEvent = kind === "approve" ? { kind } : { kind, reason };
  const next = step(run.life, event, desk.deps.clock.now());
  if (!next.moved) return problem("conflict", `ACT-${id} is ${run.life.state}: ${next.why.en}`);
  if (kind === "approve") {
    const refused = guardOf(desk, run, run.origin === "human");
    if (refused !== undefined) {
      return problem("conflict", `${refused.guard}: ${refused.why.en}`);
    }
  }
  const now = await desk.runner.commit(run, event, by.id, {
    evidence: { reason },
    run: kind === "approve" ? { approvedBy: by.id } : {},
  });
  desk.runs.set(now.id, now);
  await carryOn(desk);
  return ok(desk.runs.get(id) ?? now);
};

const switched = async (
  desk: Desk,
  by: Principal,
  isOn: boolean,
  reason: string,
): Promise<Result<null>> => {
  const row = { isOn, setBy: by.id, setAtMs: desk.deps.clock.now(), why: reason };
  await desk.deps.db.tx(async (tx) => {
    await saveSwitch(tx, row);
    await desk.deps.record(tx, {
      kind: isOn ? "action.switched_on" : "action.switched_off",
      ...{ actor: by.id, subject: "actions", body: { reason } },
    });
  });
  desk.switch = row;
  desk.deps.onChange();
  return ok(null);
};

const raised = async (
  desk: Desk,
  by: Principal,
  asked: { readonly playbook: string; readonly level: Level; readonly reason: string },
): Promise<Result<null>> => {
  const { playbook: id, level, reason } = asked;
  const playbook = desk.deps.applied().plan.playbooks.find((one) => one.id === id);
  if (playbook === undefined) return problem("not_found", `no playbook "${id}" in the plan`);
  const most = playbook.autonomy ?? "auto";
  if (LEVELS.indexOf(level) > LEVELS.indexOf(most)) {
    return problem("bad_request", `body.level: the plan allows ${id} "${most}" at most`, {
      field: "body.level",
    });
  }
  const from = levelOf(desk, playbook);
  const isRaised = LEVELS.indexOf(level) > LEVELS.indexOf(from);
  const newest = Math.max(0, ...desk.runs.keys());
  const row = {
    ...{ playbook: id, level, setBy: by.id, setAtMs: desk.deps.clock.now() },
    why: { fr: reason, en: reason },
  };
  await desk.deps.db.tx(async (tx) => {
    await saveAutonomy(tx, { ...row, isRaised });
    await desk.deps.record(tx, {
      kind: "action.autonomy_set",
      ...{ actor: by.id, subject: `playbook:${id}`, body: { from, to: level, reason } },
    });
  });
  const afterRun = isRaised ? newest : (desk.autonomy.get(id)?.afterRun ?? 0);
  desk.autonomy.set(id, { ...row, afterRun });
  desk.deps.onChange();
  return ok(null);
};

/** The last action an alert set off, for its row on the page. */
const actionOf = (desk: Desk, alert: number): AlertAction | null => {
  const last = [...desk.runs.values()].findLast(({ trigger }) => trigger.alert === alert);
  if (last === undefined) return null;
  const { plan } = desk.deps.applied();
  const playbook = plan.playbooks.find(({ id }) => id === last.playbook);
  const { deadlineMs, state } = last.life;
  return {
    id: `ACT-${last.id}`,
    name: playbook?.name ?? { fr: last.target, en: last.target },
    state,
    expectedAt: deadlineMs === null ? null : new Date(deadlineMs).toISOString(),
    why: last.why,
  };
};
