/**
 * The value axis: its range and its ticks.
 *
 * A linear axis starts at 0. A logarithmic one is taken when every value is positive and the
 * largest is far from the smallest, so that P50 stays readable beside P99.
 */
const LOG_SPREAD = 12;
const STEPS = [1, 2, 2.5, 5, 10] as const;

export type Scale = {
  readonly kind: "linear" | "log";
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
};

export const scaleFor = (min: number | null, max: number | null, fallbackMax: number): Scale => {
  if (min === null || max === null || max <= 0) return linear(fallbackMax);
  return min > 0 && max / min >= LOG_SPREAD ? log(min, max) : linear(max);
};

const linear = (highest: number, wanted = 3): Scale => {
  const raw = highest / wanted;
  const decade = 10 ** Math.floor(Math.log10(raw));
  const factor = STEPS.find((step) => step * decade >= raw * (1 - 1e-9)) ?? 10;
  const step = factor * decade;
  const count = Math.max(1, Math.ceil(highest / step - 1e-9));
  const ticks = Array.from({ length: count + 1 }, (_, i) => round(i * step));
  return { kind: "linear", min: 0, max: ticks.at(-1) ?? highest, ticks };
};

/**
 * A linear axis for any values, in ticks that are round in a multiple of the unit (`size`: 1,024
 * for Kio). It starts at 0 unless all the movement is far from it.
 */
export const spanScale = (
  min: number | null,
  max: number | null,
  size: number,
  wanted = 4,
): Scale => {
  if (min === null || max === null) return linear(size);
  const far = max > min && (max - min) / Math.max(Math.abs(min), Math.abs(max)) < FAR_SHARE;
  const low = far ? min : Math.min(0, min);
  const top = far ? max : Math.max(0, max);
  const high = top > low ? top : low + size;
  const raw = (high - low) / wanted / size;
  const decade = 10 ** Math.floor(Math.log10(raw));
  const step = (STEPS.find((one) => one * decade >= raw * (1 - 1e-9)) ?? 10) * decade * size;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => round((first + i) * step));
  return { kind: "linear", min: ticks[0] ?? low, max: ticks.at(-1) ?? high, ticks };
};
/** Movement of less than this share of the values would be flat above a zero. */
const FAR_SHARE = 0.2;

const log = (min: number, max: number): Scale => {
  const low = 10 ** Math.floor(Math.log10(min));
  const high = 10 ** Math.ceil(Math.log10(max * (1 + 1e-9)));
  const decades = Math.round(Math.log10(high / low));
  const all = Array.from({ length: decades + 1 }, (_, d) =>
    [1, 2, 5].map((factor) => round(low * 10 ** d * factor)),
  ).flat();
  const first = all.findLast((tick) => tick <= min) ?? low;
  const last = all.find((tick) => tick >= max) ?? high;
  // Over more than two decades the powers of ten alone are labels enough.
  const isLabelled = (tick: number): boolean =>
    decades <= 2 || Math.abs(Math.log10(tick) % 1) < 1e-6;
  const ticks = all.filter((tick) => tick >= first && tick <= last && isLabelled(tick));
  return { kind: "log", min: first, max: last, ticks };
};

/** Drops the dust of floating point: 0.30000000000000004 → 0.3. */
const round = (value: number): number => Number(value.toPrecision(12));
