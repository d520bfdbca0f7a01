/**
 * A corrective action's life: proposed → approved → running → verifying → verified, or failed →
 * rolling_back → rolled_back, or escalated to people; not_executed where it never began.
 *
 * Shape:  `step(life, event, nowMs) → { life, moved, why }`. What is to be done next is read off
 *         the state (apply, watch, undo, page), so a restart goes on where the state stands.
 * Units:  ms since the epoch.
 * Errors: none: an event that does not belong to the state changes nothing, and says so. Every
 *         state that is not an end has a deadline, so nothing is left open.
 * Source: DESIGN §4 (Action); reference/alerting-incidents §6, invariant 8.
 */
import type { Words } from "../../launch/kpi/reading.ts";

export const RUN_STATES = [
  "proposed",
  "approved",
  "running",
  "verifying",
  "verified",
  "failed",
  "rolling_back",
  "rolled_back",
  "escalated",
  "not_executed",
] as const;
export type RunState = (typeof RUN_STATES)[number];

export type Life = {
  readonly state: RunState;
  readonly sinceMs: number;
  /** From here on the state is left by itself; null at the end. */
  readonly deadlineMs: number | null;
  readonly steps: number;
  /** How many of the steps were carried out. */
  readonly done: number;
  /** Something of it may be in place although nobody answered. */
  readonly isUncertain: boolean;
  /** There is a way back for what was carried out. */
  readonly canUndo: boolean;
  readonly verifyWithinMs: number;
  /** What happens when it did not help: bring back what was, or leave it and page. */
  readonly otherwise: "undo" | "keep";
  /** Since when the signal has been good; null while it is not. */
  readonly clearSinceMs: number | null;
};

export type RunEvent =
  | { readonly kind: "approve" }
  | { readonly kind: "reject"; readonly reason: string }
  /** A guard said no, at the last look before it began. */
  | { readonly kind: "refuse"; readonly why: Words }
  | { readonly kind: "start" }
  | { readonly kind: "applied" }
  | { readonly kind: "apply_failed"; readonly reason: string; readonly isUncertain: boolean }
  /** The process that carried it out has ended: is the change there? Null: nobody can tell. */
  | { readonly kind: "interrupted"; readonly isThere: boolean | null }
  | { readonly kind: "signal"; readonly signal: "clear" | "breach" | "unknown" }
  | { readonly kind: "undo"; readonly reason: string }
  | { readonly kind: "undone" }
  | { readonly kind: "undo_failed"; readonly reason: string }
  | { readonly kind: "time" };

export type RunStep = { readonly life: Life; readonly moved: boolean; readonly why: Words };

/** Nobody answered: then it is not carried out. */
export const APPROVAL_MS = 15 * 60_000;
export const START_MS = 10_000;
export const APPLY_MS = 20_000;
export const UNDO_MS = 30_000;
/** The signal is good for so long before it counts: two turns of a loop of one second. */
export const HOLD_MS = 2_000;
const FAILED_MS = 5_000;

const words = (fr: string, en: string): Words => ({ fr, en });

export const isOver = ({ state }: Pick<Life, "state">): boolean => {
  switch (state) {
    case "verified":
    case "rolled_back":
    case "escalated":
    case "not_executed":
      return true;
    case "proposed":
    case "approved":
    case "running":
    case "verifying":
    case "failed":
    case "rolling_back":
      return false;
  }
};

/** The life of something about to be proposed. */
export const proposed = (
  by: Pick<Life, "steps" | "verifyWithinMs" | "otherwise">,
  nowMs: number,
): Life => ({
  ...by,
  state: "proposed",
  sinceMs: nowMs,
  deadlineMs: nowMs + APPROVAL_MS,
  ...{ done: 0, isUncertain: false, canUndo: false, clearSinceMs: null },
});

/** The life of what the data plane did by itself: it is there, and is to be verified. */
export const alreadyDone = (
  by: Pick<Life, "steps" | "verifyWithinMs" | "otherwise">,
  nowMs: number,
): Life => enter({ ...proposed(by, nowMs), done: by.steps }, "verifying", nowMs);

export const step = (life: Life, event: RunEvent, nowMs: number): RunStep => {
  const isLate = life.deadlineMs !== null && nowMs >= life.deadlineMs;
  switch (life.state) {
    case "proposed":
      return whileProposed(life, event, nowMs, isLate);
    case "approved":
      return whileApproved(life, event, nowMs, isLate);
    case "running":
      return whileRunning(life, event, nowMs, isLate);
    case "verifying":
      return whileVerifying(life, event, nowMs, isLate);
    case "failed":
      return whileFailed(life, event, nowMs);
    case "rolling_back":
      return whileRollingBack(life, event, nowMs, isLate);
    case "verified":
      if (event.kind !== "undo") return stay(life, event);
      if (!life.canUndo) return keep(life, "Il n’y a pas de retour", "There is no way back");
      return go(life, "rolling_back", nowMs, byHand(event.reason));
    case "rolled_back":
    case "escalated":
    case "not_executed":
      return stay(life, event);
  }
};

const whileProposed = (life: Life, event: RunEvent, nowMs: number, isLate: boolean): RunStep => {
  switch (event.kind) {
    case "approve":
      if (isLate) return go(life, "not_executed", nowMs, NOBODY);
      return go(life, "approved", nowMs, words("Approuvée", "Approved"));
    case "reject":
      return go(life, "not_executed", nowMs, rejected(event.reason));
    case "refuse":
      return go(life, "not_executed", nowMs, event.why);
    case "time":
      if (isLate) return go(life, "not_executed", nowMs, NOBODY);
      return keep(life, "En attente d’approbation", "Waiting for approval");
    case "start":
    case "applied":
    case "apply_failed":
    case "interrupted":
    case "signal":
    case "undo":
    case "undone":
    case "undo_failed":
      return stay(life, event);
  }
};

const whileApproved = (life: Life, event: RunEvent, nowMs: number, isLate: boolean): RunStep => {
  const late = words("Pas commencée à temps : abandonnée", "Not begun in time: given up");
  switch (event.kind) {
    case "start":
      if (isLate) return go(life, "not_executed", nowMs, late);
      return go(life, "running", nowMs, words("Commencée", "Begun"));
    case "reject":
      return go(life, "not_executed", nowMs, rejected(event.reason));
    case "refuse":
      return go(life, "not_executed", nowMs, event.why);
    case "time":
      if (isLate) return go(life, "not_executed", nowMs, late);
      return keep(life, "Va commencer", "About to begin");
    case "approve":
    case "applied":
    case "apply_failed":
    case "interrupted":
    case "signal":
    case "undo":
    case "undone":
    case "undo_failed":
      return stay(life, event);
  }
};

const whileRunning = (life: Life, event: RunEvent, nowMs: number, isLate: boolean): RunStep => {
  switch (event.kind) {
    case "applied": {
      const next = { ...life, done: Math.min(life.steps, life.done + 1) };
      if (next.done < life.steps) {
        const said = words(`Étape ${next.done} faite`, `Step ${next.done} done`);
        return { life: next, moved: true, why: said };
      }
      return go(next, "verifying", nowMs, words("Faite, à vérifier", "Done, to be verified"));
    }
    case "apply_failed": {
      const { reason, isUncertain } = event;
      return go(
        { ...life, isUncertain },
        "failed",
        nowMs,
        words(`Échec : ${reason}`, `Failed: ${reason}`),
      );
    }
    case "interrupted":
      return afterInterruption(life, event.isThere, nowMs);
    case "undo":
      return go({ ...life, isUncertain: true }, "failed", nowMs, byHand(event.reason));
    case "time": {
      const said = words("Pas de réponse à temps", "No answer in time");
      if (isLate) return go({ ...life, isUncertain: true }, "failed", nowMs, said);
      return keep(life, "En cours", "Running");
    }
    case "approve":
    case "reject":
    case "refuse":
    case "start":
    case "signal":
    case "undone":
    case "undo_failed":
      return stay(life, event);
  }
};

/** Never repeated blindly: what is there is verified, what is not there is taken back for sure. */
const afterInterruption = (life: Life, isThere: boolean | null, nowMs: number): RunStep => {
  if (isThere === false) {
    const said = words(
      "Interrompue ; le changement n’est pas en place",
      "Interrupted; the change is not in place",
    );
    return go({ ...life, isUncertain: true }, "failed", nowMs, said);
  }
  const said = words(
    "Interrompue ; le changement est à vérifier",
    "Interrupted; the change is to be verified",
  );
  return go({ ...life, done: life.steps, isUncertain: isThere === null }, "verifying", nowMs, said);
};

const whileVerifying = (life: Life, event: RunEvent, nowMs: number, isLate: boolean): RunStep => {
  const late = words("Sans effet à temps", "No effect in time");
  switch (event.kind) {
    case "signal": {
      const isClear = event.signal === "clear";
      const clearSinceMs = isClear ? (life.clearSinceMs ?? nowMs) : null;
      if (clearSinceMs !== null && nowMs - clearSinceMs >= HOLD_MS) {
        return go(
          life,
          "verified",
          nowMs,
          words("Vérifiée : le signal est revenu", "Verified: the signal is good again"),
        );
      }
      if (isLate) return go({ ...life, clearSinceMs }, "failed", nowMs, late);
      return { life: { ...life, clearSinceMs }, moved: false, why: watching(event.signal) };
    }
    case "undo":
      return go(life, "failed", nowMs, byHand(event.reason));
    case "time":
      if (isLate) return go(life, "failed", nowMs, late);
      return keep(life, "En vérification", "Being verified");
    case "approve":
    case "reject":
    case "refuse":
    case "start":
    case "applied":
    case "apply_failed":
    case "interrupted":
    case "undone":
    case "undo_failed":
      return stay(life, event);
  }
};

/** Failed is a decision about to be taken: with the next event, whichever it is. */
const whileFailed = (life: Life, event: RunEvent, nowMs: number): RunStep => {
  const isTouched = life.done > 0 || life.isUncertain;
  if (event.kind === "undo" || (life.canUndo && isTouched && life.otherwise === "undo")) {
    if (!life.canUndo) return go(life, "escalated", nowMs, NO_WAY_BACK);
    return go(life, "rolling_back", nowMs, words("Retour à l’état d’avant", "Back to what was"));
  }
  if (!isTouched) {
    const said = words("Rien n’a été changé", "Nothing was changed");
    return go(life, "not_executed", nowMs, said);
  }
  if (life.canUndo) {
    const said = words(
      "Sans effet ; laissée en place, car la retirer nuirait",
      "No effect; left in place, since taking it away would harm",
    );
    return go(life, "escalated", nowMs, said);
  }
  return go(life, "escalated", nowMs, NO_WAY_BACK);
};

const whileRollingBack = (life: Life, event: RunEvent, nowMs: number, isLate: boolean): RunStep => {
  switch (event.kind) {
    case "undone":
      return go(life, "rolled_back", nowMs, words("L’état d’avant est revenu", "What was is back"));
    case "undo_failed": {
      const { reason } = event;
      const said = words(`Retour impossible : ${reason}`, `No way back: ${reason}`);
      return go(life, "escalated", nowMs, said);
    }
    case "time": {
      const said = words("Retour pas confirmé à temps", "The way back was not confirmed in time");
      if (isLate) return go(life, "escalated", nowMs, said);
      return keep(life, "Retour en cours", "Being rolled back");
    }
    case "approve":
    case "reject":
    case "refuse":
    case "start":
    case "applied":
    case "apply_failed":
    case "interrupted":
    case "signal":
    case "undo":
      return stay(life, event);
  }
};

const NOBODY = words(
  "Personne n’a approuvé à temps : pas exécutée",
  "Nobody approved in time: not executed",
);
const NO_WAY_BACK = words("Sans effet, et sans retour possible", "No effect, and no way back");
const rejected = (reason: string): Words => words(`Refusée : ${reason}`, `Rejected: ${reason}`);
const byHand = (reason: string): Words => words(`Annulée : ${reason}`, `Undone: ${reason}`);

const watching = (signal: "clear" | "breach" | "unknown"): Words => {
  switch (signal) {
    case "clear":
      return words("Le signal est bon, pas depuis assez longtemps", "Good, not for long yet");
    case "breach":
      return words("Le signal n’est pas revenu", "The signal is not good yet");
    case "unknown":
      return words("Sans mesure, rien n’est vérifié", "Without data nothing is verified");
  }
};

const enter = (life: Life, state: RunState, nowMs: number): Life => ({
  ...life,
  state,
  sinceMs: nowMs,
  clearSinceMs: null,
  deadlineMs: deadlineOf(life, state, nowMs),
});

const deadlineOf = (life: Life, state: RunState, nowMs: number): number | null => {
  switch (state) {
    case "proposed":
      return nowMs + APPROVAL_MS;
    case "approved":
      return nowMs + START_MS;
    case "running":
      return nowMs + APPLY_MS;
    case "verifying":
      return nowMs + life.verifyWithinMs;
    case "failed":
      return nowMs + FAILED_MS;
    case "rolling_back":
      return nowMs + UNDO_MS;
    case "verified":
    case "rolled_back":
    case "escalated":
    case "not_executed":
      return null;
  }
};

const go = (life: Life, state: RunState, nowMs: number, why: Words): RunStep => ({
  life: enter(life, state, nowMs),
  moved: true,
  why,
});
const keep = (life: Life, fr: string, en: string): RunStep => ({
  life,
  moved: false,
  why: words(fr, en),
});
const stay = (life: Life, event: RunEvent): RunStep =>
  keep(
    life,
    `« ${event.kind} » ne vaut pas dans l’état « ${life.state} »`,
    `"${event.kind}" does not apply in state "${life.state}"`,
  );
