/**
 * An alert's life: idle → pending → firing → idle again, driven by readings.
 *
 * Shape:  `step(state, signal, elapsedMs, rule) → { state, effect, why }`.
 * Units:  `elapsedMs` is monotonic time since the previous step, so that a wall clock that jumps
 *         neither fires nor resolves anything; `forMs` and `keepForMs` are the rule's.
 * Errors: none. An unknown reading never fires and never resolves: pending and firing are kept,
 *         and what had been held towards a resolution starts again.
 * Source: Prometheus' `for` and `keep_firing_for`, with a hysteresis band.
 */
import type { AlertSignal } from "../../launch/kpi/reading.ts";

export type AlertRule = { readonly forMs: number; readonly keepForMs: number };

export type AlertState =
  | { readonly state: "idle" }
  | { readonly state: "pending"; readonly heldMs: number }
  | { readonly state: "firing"; readonly clearMs: number };

export type AlertStep = {
  readonly state: AlertState;
  readonly effect: "none" | "fire" | "resolve";
  readonly why: string;
};

/** A step that comes later than this was not a continuous observation: only so much is credited. */
export const MAX_CREDIT_MS = 5_000;

export const IDLE: AlertState = { state: "idle" };

export const step = (
  before: AlertState,
  signal: AlertSignal,
  elapsedMs: number,
  rule: AlertRule,
): AlertStep => {
  const creditMs = Math.min(Math.max(0, elapsedMs), MAX_CREDIT_MS);
  switch (before.state) {
    case "idle":
      if (signal !== "breach") return { state: IDLE, effect: "none", why: "no breach" };
      return held(0, rule);
    case "pending":
      if (signal === "unknown") return { state: before, effect: "none", why: "no data, on hold" };
      if (signal !== "breach") return { state: IDLE, effect: "none", why: "over before `for`" };
      return held(before.heldMs + creditMs, rule);
    case "firing":
      return whileFiring(before, signal, creditMs, rule);
  }
};

const held = (heldMs: number, rule: AlertRule): AlertStep =>
  heldMs >= rule.forMs
    ? {
        state: { state: "firing", clearMs: -1 },
        effect: "fire",
        why: "breach held for long enough",
      }
    : { state: { state: "pending", heldMs }, effect: "none", why: "breach, not held for long yet" };

/** `clearMs` is -1 until the first clear reading: the clock starts there, not one step before. */
const whileFiring = (
  before: Extract<AlertState, { state: "firing" }>,
  signal: AlertSignal,
  creditMs: number,
  rule: AlertRule,
): AlertStep => {
  const restart: AlertState = { state: "firing", clearMs: -1 };
  switch (signal) {
    case "breach":
      return { state: restart, effect: "none", why: "still in breach" };
    case "between":
      return { state: restart, effect: "none", why: "inside the hysteresis band" };
    case "unknown":
      return { state: restart, effect: "none", why: "no data: an alert resolves on evidence only" };
    case "clear": {
      const clearMs = before.clearMs < 0 ? 0 : before.clearMs + creditMs;
      if (clearMs < rule.keepForMs) {
        return {
          state: { state: "firing", clearMs },
          effect: "none",
          why: "clear, not for long yet",
        };
      }
      return { state: IDLE, effect: "resolve", why: "clear for long enough" };
    }
  }
};
