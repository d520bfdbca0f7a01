/**
 * One look of a collector, made ready to be sent: stamped, in order, with the end of what vanished.
 *
 * Shape:  a tick is a multiple of the interval; a look that starts soon after its tick carries the
 *         tick's time, so that series of different targets meet on the same instants. A series that
 *         was there in the look before and is not now gets a stale marker, as in Prometheus; a
 *         series with times of its own does not.
 * Units:  ms.
 */
import type { StampedSample } from "./remote-write.ts";
import type { Sample, Series } from "./series.ts";

/** How late, as a share of the interval, a look still counts as on its tick. */
const ON_TICK_SHARE = 0.1;
/** A source's own time may be this far ahead of ours; the hub takes no more either. */
const MAX_AHEAD_MS = 600_000;

export const nextTick = (nowMs: number, intervalMs: number): number =>
  (Math.floor(nowMs / intervalMs) + 1) * intervalMs;

export const stampOf = (tickMs: number, nowMs: number, intervalMs: number): number =>
  nowMs - tickMs <= intervalMs * ON_TICK_SHARE ? tickMs : Math.floor(nowMs);

export type Round = {
  readonly samples: readonly StampedSample[];
  /** Not after the series' latest, far in the future, or no time at all: left out. */
  readonly refused: number;
  readonly live: ReadonlySet<Series>;
};

export const readyRound = (
  found: readonly Sample[],
  before: ReadonlySet<Series>,
  atMs: number,
): Round => {
  const samples: StampedSample[] = [];
  const live = new Set<Series>();
  let refused = 0;
  const push = ({ series, value, stale, timeMs = atMs }: Sample): void => {
    if (timeMs === series.lastMs) return;
    if (!(timeMs > series.lastMs && timeMs >= 0 && timeMs <= atMs + MAX_AHEAD_MS)) {
      refused += 1;
      return;
    }
    series.lastMs = timeMs;
    samples.push({ series, value, stale, timeMs });
  };
  for (const sample of found) {
    if (sample.timeMs === undefined) live.add(sample.series);
    push(sample);
  }
  for (const series of before) {
    if (!live.has(series)) push({ series, value: Number.NaN, stale: true });
  }
  return { samples, refused, live };
};
