/**
 * Time as an argument: cores get an instant, shells get a clock.
 *
 * Units: `now` is wall time in ms since the epoch (UTC), for what people read and what is stored;
 * `monotonic` is ms from an arbitrary origin and never jumps, for durations and deadlines.
 */
export type Clock = {
  readonly now: () => number;
  readonly monotonic: () => number;
};
