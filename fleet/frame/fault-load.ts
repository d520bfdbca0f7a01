/**
 * The two faults that eat the process itself: memory that is never given back, and a busy loop.
 *
 * Units:  a look every 100 ms. `leak` grows to `share` of the heap's limit in ten seconds and stays
 *         there; `cpu` keeps the thread busy for `share` of the time.
 * Errors: none; with a share of 1 the heap's own limit may end the process, as a real leak does.
 */
import { getHeapStatistics } from "node:v8";
import type { Faults } from "./faults.ts";

const LOOK_MS = 100;
const STEPS_TO_FULL = 100;
/** The rest is left for answering that memory is short. */
const MAX_LEAK_SHARE = 0.95;
const BYTES_PER_SLOT = 8;

export const loadByFaults = (faults: Faults): { readonly stop: () => void } => {
  let leaked: number[][] = [];
  const look = (): void => {
    const leak = faults.of("leak");
    if (leak === undefined) leaked = [];
    else grow(leaked, Math.min(leak.share, MAX_LEAK_SHARE));
    const cpu = faults.of("cpu");
    if (cpu !== undefined) burn(LOOK_MS * cpu.share);
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
};

const grow = (leaked: number[][], share: number): void => {
  const { heap_size_limit: limit, used_heap_size: used } = getHeapStatistics();
  if (used >= limit * share) return;
  // Doubles in an array are on the heap itself, which a Buffer's bytes are not.
  const slots = Math.ceil(limit / STEPS_TO_FULL / BYTES_PER_SLOT);
  leaked.push(Array.from<number>({ length: slots }).fill(0.5));
};

const burn = (forMs: number): void => {
  const until = performance.now() + forMs;
  while (performance.now() < until);
};
