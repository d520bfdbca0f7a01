/**
 * The server's clock, seen from here: a reader's wrong clock must not make fresh data look old.
 *
 * Units: ms since the epoch out; `receivedMs` on this page's monotonic clock.
 */
import type { Overview } from "../../../src/contract/ops.ts";
import type { Slot } from "./state.ts";

export const serverNow = (overview: Slot<Overview>): number =>
  overview.data === undefined || overview.receivedMs === undefined
    ? Date.now()
    : Date.parse(overview.data.at) + (performance.now() - overview.receivedMs);

/** Age of the newest sample, or undefined where none was ever taken. */
export const sampleAgeMs = (overview: Slot<Overview>): number | undefined => {
  const last = overview.data?.lastSampleAt;
  return last === undefined || last === null
    ? undefined
    : Math.max(0, serverNow(overview) - Date.parse(last));
};
