/**
 * The stretch of time a query is asked over, and its step.
 *
 * Shape:  `last` follows the clock, `between` stays. In an address: `from=now-1h&to=now`, or two
 *         ISO 8601 instants.
 * Units:  ms since the epoch, durations in ms.
 */
export type Range =
  | { readonly kind: "last"; readonly ms: number }
  | { readonly kind: "between"; readonly fromMs: number; readonly toMs: number };
export type Span = { readonly fromMs: number; readonly toMs: number; readonly stepMs: number };

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** As offered; raw samples are kept for 15 days. */
export const LASTS = ["15m", "1h", "3h", "6h", "12h", "24h", "2d", "7d", "15d"] as const;
export const DEFAULT_RANGE: Range = { kind: "last", ms: HOUR_MS };
const MIN_MS = 10_000;
const MAX_MS = 400 * DAY_MS;

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
};

export const durationMs = (text: string): number | undefined => {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit ?? ""] ?? Number.NaN);
  return ms >= MIN_MS && ms <= MAX_MS ? ms : undefined;
};

export const durationText = (ms: number): string => {
  const known = LASTS.find((one) => durationMs(one) === ms);
  return known ?? `${Math.round(ms / 1_000)}s`;
};

export const readRange = (from: string | null, to: string | null): Range => {
  const relative = /^now-(.+)$/.exec(from ?? "")?.[1];
  const ms = relative === undefined ? undefined : durationMs(relative);
  if (ms !== undefined && (to === null || to === "now")) return { kind: "last", ms };
  return between(Date.parse(from ?? ""), Date.parse(to ?? "")) ?? DEFAULT_RANGE;
};

/** Undefined unless it is a stretch of time a query can be asked over. */
export const between = (fromMs: number, toMs: number): Range | undefined =>
  toMs - fromMs >= MIN_MS && toMs - fromMs <= MAX_MS
    ? { kind: "between", fromMs: Math.round(fromMs), toMs: Math.round(toMs) }
    : undefined;

export const writeRange = (range: Range): readonly [from: string, to: string] =>
  range.kind === "last"
    ? [`now-${durationText(range.ms)}`, "now"]
    : [new Date(range.fromMs).toISOString(), new Date(range.toMs).toISOString()];

/** Steps people recognise, in seconds. */
const STEPS_S = [
  ...[1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200],
  ...[10_800, 21_600, 43_200, 86_400],
];
/** One point every so many pixels: closer ones cannot be told apart. */
const POINT_PX = 2;
/** What the Prometheus API answers at most, per series. */
export const MAX_POINTS = 11_000;

/** The instants asked for: multiples of the step, so that a refresh asks for the same ones. */
export const spanOf = (range: Range, nowMs: number, widthPx: number): Span => {
  const toMs = range.kind === "last" ? nowMs : range.toMs;
  const fromMs = range.kind === "last" ? nowMs - range.ms : range.fromMs;
  const points = Math.min(MAX_POINTS - 2, Math.max(100, Math.floor(widthPx / POINT_PX)));
  const leastS = (toMs - fromMs) / points / 1_000;
  const last = STEPS_S.at(-1) ?? 1;
  const stepS = STEPS_S.find((one) => one >= leastS) ?? Math.ceil(leastS / last) * last;
  const stepMs = stepS * 1_000;
  return {
    fromMs: Math.ceil(fromMs / stepMs) * stepMs,
    toMs: Math.floor(toMs / stepMs) * stepMs,
    stepMs,
  };
};

/** Both edges, moved by a share of the range: what « earlier » and « later » do. */
export const moved = ({ fromMs, toMs }: Span, share: number): Range | undefined => {
  const by = (toMs - fromMs) * share;
  return between(fromMs + by, toMs + by);
};
