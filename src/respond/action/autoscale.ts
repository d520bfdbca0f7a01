/**
 * How many instances a service should have in a region.
 *
 * Shape:  `recommend` is one look (the HPA formula); `scaleTo` holds it against what was looked at
 *         before: up at once but not faster than a limit, down only to the greatest recommendation
 *         of five minutes, never on missing data. The forecast only raises.
 * Units:  load and capacity in requests per second; ms since the epoch.
 * Errors: none; what cannot be known holds what is there, and says so.
 * Source: Kubernetes' horizontal pod autoscaler (documentation and `replica_calculator.go`'s
 *         rules); reference/dataplane-actions §3.
 */
import type { Words } from "../../launch/kpi/reading.ts";

/** A ratio so near to 1 changes nothing. */
export const TOLERANCE = 0.1;
export const UP_PERIOD_MS = 15_000;
const UP_FACTOR = 2;
const UP_INSTANCES = 4;
const DOWN_WINDOW_MS = 300_000;
/** Each shrinking that was regretted within ten minutes doubles the window, for an hour. */
const REGRET_MS = 600_000;
const MEMORY_MS = 3_600_000;
const MAX_DOUBLINGS = 3;
/** So much of what was recommended and scaled has to be kept. */
export const SCALE_MEMORY_MS = MEMORY_MS;
/** Of what an instance serves at most, a forecast plans with so much. */
const FORECAST_TARGET = 0.7;

export type Look = {
  /** Ready and measured instances, and the sum of what they measure. */
  readonly ready: number;
  readonly total: number;
  /** There, and not ready yet. */
  readonly unready: number;
  /** Ready, and without a measurement. */
  readonly missing: number;
  /** What one instance should measure. */
  readonly target: number;
};

/** The HPA formula: ready × current ÷ target, with care for who is not ready or not measured. */
export const recommend = (look: Look, replicas: number): number => {
  const { ready, total, unready, missing, target } = look;
  if (ready <= 0 || target <= 0) return replicas;
  const ratio = total / ready / target;
  if (unready === 0 && missing === 0) {
    return isNear(ratio) ? replicas : ceil(ratio * ready);
  }
  const isUp = ratio > 1;
  // On the way up who does not answer does nothing yet; on the way down he is as busy as allowed.
  const counted = ready + missing + (isUp ? unready : 0);
  const rebased = (total + (isUp ? 0 : missing * target)) / counted / target;
  if (isNear(rebased) || rebased > 1 !== isUp) return replicas;
  const wanted = ceil(rebased * counted);
  // What was added for caution must not turn the direction round.
  return isUp ? Math.max(wanted, replicas) : Math.min(wanted, replicas);
};

const isNear = (ratio: number): boolean => Math.abs(ratio - 1) <= TOLERANCE + Number.EPSILON;
/** 3 × 1.1 / 1.1 is 3 and no more: a rest of binary fractions must not add an instance. */
const ceil = (value: number): number => Math.ceil(value - 1e-9);

export type Recommendation = { readonly atMs: number; readonly replicas: number };
export type Scaled = { readonly atMs: number; readonly from: number; readonly to: number };

export type ScaleInput = {
  readonly nowMs: number;
  readonly replicas: number;
  readonly ready: number;
  readonly min: number;
  readonly max: number;
  /** Requests that were asked for, per second: admitted, queued and refused. Null: nobody knows. */
  readonly offeredPerS: number | null;
  /** What one instance serves at most, and the share of it to aim at. */
  readonly requestsPerS: number;
  readonly target: number;
  /** What will be asked for while an instance warms up; null: unknown. */
  readonly forecastPerS: number | null;
  readonly recommendations: readonly Recommendation[];
  readonly scaled: readonly Scaled[];
};

export type ScaleAnswer = {
  readonly replicas: number;
  readonly direction: "up" | "down" | "hold";
  /** To be kept for the next look; null: nothing was recommended. */
  readonly recommendation: Recommendation | null;
  readonly why: Words;
  readonly evidence: Readonly<Record<string, number>>;
};

export const scaleTo = (input: ScaleInput): ScaleAnswer => {
  const { nowMs, replicas, offeredPerS, min, max } = input;
  if (offeredPerS === null || !Number.isFinite(offeredPerS)) {
    return hold(input, null, "Charge inconnue : on ne touche à rien", "Load unknown: hold");
  }
  const reactive = reactiveReplicas(input, offeredPerS);
  const foreseen = foreseenReplicas(input);
  const wanted = clamp(Math.max(reactive, foreseen), min, max);
  const recommendation = { atMs: nowMs, replicas: wanted };
  const fromMs = nowMs - downWindow(input);
  const recent = input.recommendations.filter(({ atMs }) => atMs > fromMs);
  const evidence = {
    ...{ offeredPerS, reactive, ready: input.ready, replicas },
    ...(input.forecastPerS === null ? {} : { forecastPerS: input.forecastPerS, foreseen }),
  };
  if (wanted > replicas) {
    const to = Math.min(wanted, upLimit(input));
    if (to <= replicas) {
      return hold(input, recommendation, "Vient de grandir : on attend", "Just grew: wait");
    }
    const isForecast = foreseen > reactive;
    const why = isForecast
      ? words("La prévision dépasse la capacité", "The forecast is beyond capacity")
      : words("La charge offerte dépasse la cible", "Offered load is above target");
    return { replicas: to, direction: "up", recommendation, why, evidence };
  }
  if (wanted < replicas) {
    // Without five minutes behind it nobody knows the greatest recommendation of five minutes.
    const greatest = Math.max(wanted, ...recent.map((one) => one.replicas));
    const isWhole = input.recommendations.some(({ atMs }) => atMs <= fromMs);
    if (!isWhole || greatest >= replicas) {
      const en = "Load fell, not for long enough yet";
      return hold(input, recommendation, "La charge a baissé, pas depuis assez longtemps", en);
    }
    const why = words("La charge est restée basse", "Load stayed low");
    return { replicas: greatest, direction: "down", recommendation, why, evidence };
  }
  return hold(input, recommendation, "À la cible", "At target");
};

const reactiveReplicas = (input: ScaleInput, offeredPerS: number): number => {
  const perInstance = input.requestsPerS * input.target;
  if (input.ready === 0) return Math.max(input.replicas, ceil(offeredPerS / perInstance));
  const unready = Math.max(0, input.replicas - input.ready);
  return recommend(
    { ready: input.ready, total: offeredPerS, unready, missing: 0, target: perInstance },
    input.replicas,
  );
};

const foreseenReplicas = ({ forecastPerS, requestsPerS }: ScaleInput): number =>
  forecastPerS === null || !Number.isFinite(forecastPerS)
    ? 0
    : ceil(forecastPerS / (requestsPerS * FORECAST_TARGET));

const downWindow = ({ scaled, nowMs }: ScaleInput): number => {
  const known = scaled.filter(({ atMs }) => atMs > nowMs - MEMORY_MS);
  const regrets = known.filter(
    ({ atMs, from, to }) =>
      to < from &&
      known.some((up) => up.to > up.from && up.atMs > atMs && up.atMs - atMs <= REGRET_MS),
  );
  return DOWN_WINDOW_MS * 2 ** Math.min(MAX_DOUBLINGS, regrets.length);
};

/** Twice as many or four more, whichever is more, than there were one period ago. */
const upLimit = ({ scaled, nowMs, replicas }: ScaleInput): number => {
  const added = scaled
    .filter(({ atMs, from, to }) => atMs > nowMs - UP_PERIOD_MS && to > from)
    .reduce((sum, { from, to }) => sum + to - from, 0);
  const before = Math.max(0, replicas - added);
  return Math.max(before * UP_FACTOR, before + UP_INSTANCES);
};

const hold = (
  { replicas, offeredPerS, ready }: ScaleInput,
  recommendation: Recommendation | null,
  fr: string,
  en: string,
): ScaleAnswer => ({
  replicas,
  direction: "hold",
  recommendation,
  why: words(fr, en),
  evidence: { replicas, ready, ...(offeredPerS === null ? {} : { offeredPerS }) },
});

const clamp = (value: number, min: number, max: number): number =>
  Math.min(max, Math.max(min, value));
const words = (fr: string, en: string): Words => ({ fr, en });
