/**
 * Time that passes only when the test says so: timers fire in order, each after all work that the
 * one before set off has come to rest. Only for work that waits for nothing but promises.
 *
 * Units: ms.
 */
import type { Clock } from "../../src/kernel/clock.ts";

type Timer = { readonly dueMs: number; readonly fire: () => void };

export type VirtualTime = {
  readonly clock: Clock;
  readonly sleep: (delayMs: number, signal?: AbortSignal) => Promise<void>;
  readonly pass: (durationMs: number) => Promise<void>;
  /** Moves the wall clock alone, as an administrator or a time server does. */
  readonly jump: (byMs: number) => void;
  /** Passes time until it is so; throws after the limit. */
  readonly until: (isSo: () => boolean, limitMs: number) => Promise<void>;
};

const atRest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const virtualTime = (startMs = 1_700_000_000_000): VirtualTime => {
  const timers = new Set<Timer>();
  let monotonicMs = 0;
  let offsetMs = startMs;

  const step = async (untilMs: number): Promise<boolean> => {
    await atRest();
    let next: Timer | undefined;
    for (const timer of timers) if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    if (next === undefined || next.dueMs > untilMs) return false;
    monotonicMs = Math.max(monotonicMs, next.dueMs);
    next.fire();
    return true;
  };
  return {
    clock: { now: () => Math.floor(offsetMs + monotonicMs), monotonic: () => monotonicMs },
    sleep: (delayMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const fire = (): void => {
          timers.delete(timer);
          signal?.removeEventListener("abort", fire);
          resolve();
        };
        const timer = { dueMs: monotonicMs + Math.max(0, delayMs), fire };
        timers.add(timer);
        signal?.addEventListener("abort", fire, { once: true });
      }),
    pass: async (durationMs) => {
      const untilMs = monotonicMs + durationMs;
      while (await step(untilMs));
      monotonicMs = untilMs;
      await atRest();
    },
    jump: (byMs) => void (offsetMs += byMs),
    until: async (isSo, limitMs) => {
      const untilMs = monotonicMs + limitMs;
      while (!isSo()) {
        if (!(await step(untilMs))) throw new Error(`not so within ${limitMs} ms`);
      }
    },
  };
};
