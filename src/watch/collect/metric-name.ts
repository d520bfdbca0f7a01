/**
 * OpenTelemetry names in, Prometheus names out.
 *
 * Shape:  `system.cpu.utilization` (unit 1, gauge) → `system_cpu_utilization_ratio`. A unit already
 *         in the name is not repeated, an annotation such as `{request}` says nothing, a counter
 *         ends in `_total`.
 * Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility", metric metadata.
 */
export type Kind = "gauge" | "counter";

const UNIT_WORDS: Readonly<Record<string, string>> = {
  d: "days",
  h: "hours",
  min: "minutes",
  s: "seconds",
  ms: "milliseconds",
  us: "microseconds",
  ns: "nanoseconds",
  By: "bytes",
  KiBy: "kibibytes",
  MiBy: "mebibytes",
  bit: "bits",
  Hz: "hertz",
  Cel: "celsius",
  V: "volts",
  W: "watts",
  J: "joules",
  "%": "percent",
};
const PER_WORDS: Readonly<Record<string, string>> = { s: "second", min: "minute", h: "hour" };

const clean = (text: string): string => {
  const word = text.replaceAll(/[^a-zA-Z0-9_:]+/g, "_").replaceAll(/_{2,}/g, "_");
  return /^\d/.test(word) ? `_${word}` : word;
};

const unitWords = (unit: string): string => {
  const bare = unit.replaceAll(/\{[^}]*\}/g, "");
  const [top = "", bottom] = bare.split("/");
  const topWord = UNIT_WORDS[top] ?? clean(top);
  if (bottom === undefined || bottom === "") return topWord;
  const per = `per_${PER_WORDS[bottom] ?? clean(bottom)}`;
  return topWord === "" ? per : `${topWord}_${per}`;
};

/** The unit in Prometheus's words; empty for what has none. */
export const prometheusUnit = (unit: string, kind: Kind): string =>
  unit === "1" ? (kind === "gauge" ? "ratio" : "") : unitWords(unit);

export const prometheusName = (name: string, unit: string, kind: Kind): string => {
  const words = prometheusUnit(unit, kind);
  let result = clean(name);
  if (kind === "counter" && result.endsWith("_total")) result = result.slice(0, -"_total".length);
  if (words !== "" && !result.endsWith(`_${words}`)) result += `_${words}`;
  return kind === "counter" ? `${result}_total` : result;
};
