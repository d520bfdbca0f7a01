/**
 * Actions over HTTP. Without a supervisor or a gateway there are none: lists say so, and commands
 * are refused.
 */
import type { Action as ActionView, ActionDetail, ActionList } from "../../contract/action.ts";
import type { Serving } from "../../io/http/handlers.ts";
import type { Sql } from "../../io/postgres/db.ts";
import { ok, problem, type Result } from "../../kernel/result.ts";
import type { Principal } from "../../account/principal.ts";
import type { AppliedPlan } from "../../launch/plan/applied.ts";
import { isOver, RUN_STATES } from "./action.ts";
import type { Actions } from "./action.flow.ts";
import {
  loadSwitch,
  outcomesOf,
  runById,
  runPage,
  timelineOf,
  type RunRow,
  type SwitchRow,
  type TimelineEntry,
} from "./action.store.ts";
import { earned, lowest, MAX_RUNS } from "./autonomy.ts";
import { capacityView } from "./capacity.routes.ts";
import type { Verification } from "./run.ts";

export type ActionRouteDeps = {
  readonly sql: Sql;
  readonly applied: () => AppliedPlan;
  readonly now: () => number;
  /** Undefined: nothing is connected that could be changed. */
  readonly actions: Actions | undefined;
};

const PREFIX = "ACT-";
/** So many of those that are over go to the pages with those that are open. */
const SHOWN = 30;
const iso = (ms: number): string => new Date(ms).toISOString();

export const actionView = (applied: AppliedPlan, run: RunRow): ActionView => {
  const playbook = applied.plan.playbooks.find(({ id }) => id === run.playbook);
  const { trigger, life } = run;
  const isVerified = life.state === "verified" && run.endedAtMs !== null;
  return {
    id: `${PREFIX}${run.id}`,
    playbook: run.playbook,
    name: playbook?.name ?? { fr: run.target, en: run.target },
    ...{ service: run.service, region: run.region, target: run.target, origin: run.origin },
    ...{ state: life.state, why: run.why, changes: run.steps.map(({ effect }) => effect) },
    trigger: {
      ...{ kind: trigger.kind, rule: trigger.rule, text: trigger.text },
      alert: trigger.alert === null ? null : `ALT-${trigger.alert}`,
      ...{ detectedAt: iso(trigger.detectedAtMs), evidence: { ...trigger.evidence } },
    },
    proposedAt: iso(run.proposedAtMs),
    startedAt: run.startedAtMs === null ? null : iso(run.startedAtMs),
    endedAt: run.endedAtMs === null ? null : iso(run.endedAtMs),
    expectedAt: life.deadlineMs === null ? null : iso(life.deadlineMs),
    repairMs: isVerified ? Math.max(0, (run.endedAtMs ?? 0) - trigger.detectedAtMs) : null,
    ...{ proposedBy: run.proposedBy, approvedBy: run.approvedBy, planVersion: run.planVersion },
    canApprove: life.state === "proposed",
    canUndo: life.canUndo && ["running", "verifying", "verified"].includes(life.state),
  };
};

const detailView = (
  applied: AppliedPlan,
  run: RunRow,
  timeline: readonly TimelineEntry[],
): ActionDetail => ({
  ...actionView(applied, run),
  planDigest: run.planDigest,
  verification: {
    kind: run.verification.kind,
    text: verificationText(run.verification),
    withinMs: run.life.verifyWithinMs,
  },
  steps: run.steps.map(({ change, effect, undo }) => ({
    ...{ change: { ...change }, effect, hasUndo: undo !== null },
  })),
  timeline: timeline.map(({ atMs, evidence, ...rest }) => ({
    ...{ at: iso(atMs), evidence: { ...evidence }, ...rest },
  })),
});

const verificationText = (verification: Verification): string => {
  switch (verification.kind) {
    case "rule":
      return `${verification.rule} ${verification.service ?? verification.region ?? ""}`.trim();
    case "promql":
      return `${verification.expr} ${verification.text}`;
    case "effect":
    case "ordinary":
      return verification.kind;
  }
};

const switchView = (row: SwitchRow) => ({
  ...{ isOn: row.isOn, setBy: row.setBy, setAt: iso(row.setAtMs), reason: row.why },
});

/** What pages are told at each change: all that are open, and the newest of the others. */
export const actionList = (applied: AppliedPlan, actions: Actions | undefined): ActionList => {
  const none = { isConnected: false, items: [], open: 0, held: [], switch: null, isStorm: false };
  if (actions === undefined) return none;
  const { desk } = actions;
  const all = [...desk.runs.values()].toReversed();
  const open = all.filter(({ life }) => !isOver(life));
  const over = all.filter(({ life }) => isOver(life)).slice(0, SHOWN);
  return {
    isConnected: true,
    items: [...open, ...over].map((run) => actionView(applied, run)),
    open: open.length,
    held: [...desk.held].map(([alert, { playbook, refused }]) => ({
      ...{ alert: `ALT-${alert}`, playbook, guard: refused.guard, why: refused.why },
      figures: { ...refused.figures },
    })),
    switch: switchView(desk.switch),
    isStorm: desk.isStorm,
  };
};

const idOf = (text: string | undefined): number | undefined => {
  const found = /^(?:ACT-)?(\d{1,15})$/i.exec(text ?? "");
  return found === null ? undefined : Number(found[1]);
};
const badId = () => problem("bad_request", "params.id: an action is called ACT-12");
const unconnected = () =>
  problem("unavailable", "no supervisor and no gateway is connected: nothing can be changed");

type Keys =
  | ("GET actions" | "POST actions" | "GET action" | "GET capacity")
  | ("POST actionApprove" | "POST actionReject" | "POST actionUndo")
  | ("GET actionSwitch" | "PUT actionSwitch" | "GET actionAutonomy" | "PUT actionAutonomy");

export const actionRoutes = (deps: ActionRouteDeps): Serving<Keys> => ({
  ...reading(deps),
  ...commanding(deps),
});

const reading = (
  deps: ActionRouteDeps,
): Serving<
  "GET actions" | "GET action" | "GET capacity" | "GET actionSwitch" | "GET actionAutonomy"
> => ({
  "GET actions": async ({ query }) => {
    const before = idOf(query.cursor);
    if (query.cursor !== undefined && before === undefined) {
      return problem("bad_request", "query.cursor: is not a cursor of this list");
    }
    const states =
      query.state === "all"
        ? null
        : RUN_STATES.filter((state) => isOver({ state }) === (query.state === "ended"));
    const rows = await runPage(deps.sql, {
      ...{ states, service: query.service ?? null, before, limit: query.limit },
    });
    const last = rows.at(-1);
    const more = last !== undefined && rows.length === query.limit;
    return ok({
      ...actionList(deps.applied(), deps.actions),
      items: rows.map((row) => actionView(deps.applied(), row)),
      ...(more ? { next: `${PREFIX}${last.id}` } : {}),
    });
  },
  "GET action": async ({ params }) => {
    const id = idOf(params.id);
    if (id === undefined) return badId();
    const run = deps.actions?.desk.runs.get(id) ?? (await runById(deps.sql, id));
    if (run === undefined) return problem("not_found", `no action ACT-${id}`);
    return ok(detailView(deps.applied(), run, await timelineOf(deps.sql, id)));
  },
  "GET capacity": async () => ok(capacityView(deps.applied().plan, deps.actions?.desk, deps.now())),
  "GET actionSwitch": async () => ok(switchView(await loadSwitch(deps.sql))),
  "GET actionAutonomy": async () => ok(await autonomyView(deps)),
});

const commanding = (
  deps: ActionRouteDeps,
): Serving<
  | ("POST actions" | "POST actionApprove" | "POST actionReject" | "POST actionUndo")
  | ("PUT actionSwitch" | "PUT actionAutonomy")
> => {
  const { actions } = deps;
  const said =
    (event: "approve" | "reject" | "undo") =>
    async (input: {
      readonly params: { readonly id: string };
      readonly body: { readonly reason: string };
      readonly principal: Principal | undefined;
    }): Promise<Result<ActionView>> => {
      const id = idOf(input.params.id);
      if (id === undefined) return badId();
      if (actions === undefined) return unconnected();
      const done = await actions.answer(whoIs(input.principal), id, event, input.body.reason);
      return done.ok ? ok(actionView(deps.applied(), done.value)) : done;
    };
  return {
    "POST actions": async ({ body, principal }) => {
      if (actions === undefined) return unconnected();
      const done = await actions.ask(whoIs(principal), body);
      if (!done.ok) return done;
      const { steps, refused, run } = done.value;
      return ok({
        effects: steps.map(({ effect }) => effect),
        hasUndo: steps.every(({ undo }) => undo !== null),
        refused: refused === null ? null : { ...refused, figures: { ...refused.figures } },
        action: run === null ? null : actionView(deps.applied(), run),
      });
    },
    "POST actionApprove": said("approve"),
    "POST actionReject": said("reject"),
    "POST actionUndo": said("undo"),
    "PUT actionSwitch": async ({ body, principal }) => {
      if (actions === undefined) return unconnected();
      const done = await actions.setSwitch(whoIs(principal), body.isOn, body.reason);
      return done.ok ? ok(switchView(actions.desk.switch)) : done;
    },
    "PUT actionAutonomy": async ({ body, principal }) => {
      if (actions === undefined) return unconnected();
      const by = whoIs(principal);
      const done = await actions.setAutonomy(by, body.playbook, body.level, body.reason);
      return done.ok ? ok(await autonomyView(deps)) : done;
    },
  };
};

const whoIs = (principal: Principal | undefined): Principal => {
  if (principal === undefined) throw new Error("a command came from nobody");
  return principal;
};

const autonomyView = async ({ sql, applied, actions }: ActionRouteDeps) => {
  const { plan } = applied();
  return {
    items: await Promise.all(
      plan.playbooks.map(async (playbook) => {
        const row = actions?.desk.autonomy.get(playbook.id);
        const allowed = playbook.autonomy ?? "auto";
        const level = lowest(allowed, row?.level ?? "auto");
        const outcomes = await outcomesOf(sql, playbook.id, row?.afterRun ?? 0, MAX_RUNS);
        const { runs, fixed, rate, lower, why } = earned(level, outcomes);
        return {
          ...{ playbook: playbook.id, name: playbook.name, level, allowed },
          ...{ needsApproval: playbook.needsApproval, runs, fixed, rate, lower },
          ...{ why: row?.why ?? why, setBy: row?.setBy ?? null },
          setAt: row === undefined ? null : iso(row.setAtMs),
        };
      }),
    ),
  };
};
