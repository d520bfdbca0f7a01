/**
 * Adaptive limit on calls at once: what a service answers without a queue of its own growing.
 *
 * Shape:  every `windowMs` the mean round trip is set against its long mean: equal, and the limit
 *         grows by the allowed queue; longer, and it shrinks by the ratio, at most by half. A limit
 *         that is not used does not grow. A window with a dropped call shrinks it at least by 0.9.
 * Units:  ms; calls at once.
 *         Unlike there, the long mean hardly rises while the limit is used up.
 * Source: Netflix concurrency-limits, Gradient2Limit (0.9 of AIMDLimit for what was dropped);
 *         the queue of √limit is Envoy's.
 */
export type LimitSettings = {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  readonly smoothing: number;
  /** Calls beyond what is answered at once that may wait in the service, at a limit. */
  readonly queue: (limit: number) => number;
  /** Windows in the long mean. */
  readonly longWindow: number;
  readonly windowMs: number;
  /** A round trip may be this many times the long one before it counts as a queue. */
  readonly tolerance: number;
};

export const LIMIT_SETTINGS: LimitSettings = {
  ...{ initial: 100, min: 4, max: 1_000, smoothing: 0.2, longWindow: 600 },
  queue: (limit) => Math.max(LEAST_QUEUE, Math.sqrt(limit)),
  ...{ windowMs: 100, tolerance: 1.2 },
};
const WARM_UP = 10;
const LEAST_QUEUE = 4;
const LEAST_GRADIENT = 0.5;
/** Latency is back to normal after a long overload: the long mean follows faster. */
const DRIFT = 2;
const DRIFT_STEP = 0.9;
const BACK_OFF = 0.9;
/**
 * A latency seen at the limit is one the limit made: taken for normal, the limit would follow it up
 * through a long overload. It teaches at a tenth, so that a lasting change is still learnt.
 */
const SATURATED_STEP = 0.1;

export type GradientLimit = {
  readonly limit: () => number;
  readonly sample: (rttMs: number, inflight: number, wasDropped: boolean, nowMs: number) => void;
};

export const newGradientLimit = (settings: LimitSettings = LIMIT_SETTINGS): GradientLimit => {
  const longRtt = newExpAverage(settings.longWindow);
  let limit = settings.initial;
  let window = { sinceMs: Number.NaN, sum: 0, count: 0, inflight: 0, wasDropped: false };

  const update = (): void => {
    const { inflight, wasDropped } = window;
    const shortMs = window.sum / window.count;
    const longMs = longRtt.add(shortMs, inflight >= Math.floor(limit) ? SATURATED_STEP : 1);
    if (longMs / shortMs > DRIFT) longRtt.scale(DRIFT_STEP);
    if (wasDropped) {
      limit = clamp(limit * BACK_OFF, settings);
      return;
    }
    if (inflight < limit / 2) return;
    const ratio = shortMs > 0 ? (settings.tolerance * longMs) / shortMs : 1;
    const gradient = Math.max(LEAST_GRADIENT, Math.min(1, ratio));
    const next = limit * gradient + settings.queue(limit);
    limit = clamp(limit * (1 - settings.smoothing) + next * settings.smoothing, settings);
  };

  return {
    limit: () => limit,
    sample: (rttMs, inflight, wasDropped, nowMs) => {
      if (Number.isNaN(window.sinceMs)) window.sinceMs = nowMs;
      window.sum += rttMs;
      window.count += 1;
      window.inflight = Math.max(window.inflight, inflight);
      window.wasDropped ||= wasDropped;
      if (nowMs - window.sinceMs < settings.windowMs) return;
      update();
      window = { sinceMs: nowMs, sum: 0, count: 0, inflight: 0, wasDropped: false };
    },
  };
};

const clamp = (limit: number, { min, max }: LimitSettings): number =>
  Math.max(min, Math.min(max, limit));

/** The plain mean of the first samples, exponential afterwards. */
const newExpAverage = (windows: number) => {
  const factor = 2 / (windows + 1);
  let value = 0;
  let sum = 0;
  let count = 0;
  return {
    add: (sample: number, weight: number): number => {
      if (count < WARM_UP) {
        count += 1;
        sum += sample;
        value = sum / count;
      } else {
        const step = sample > value ? factor * weight : factor;
        value += (sample - value) * step;
      }
      return value;
    },
    scale: (by: number): void => {
      value *= by;
    },
  };
};
