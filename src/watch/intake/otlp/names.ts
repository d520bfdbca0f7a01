/**
 * OpenTelemetry names as Prometheus names.
 *
 * Shape:  metric `http.server.duration`, unit `s`, histogram → `http_server_duration_seconds`;
 *         attribute `http.route` → label `http_route`. Only [a-zA-Z0-9_:] is left, several `_` in a
 *         row are one, a unit that is already a word of the name is not said again.
 * Errors: none; a name with nothing to keep is "".
 * Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility"; where that is
 *         silent (a leading digit, words of units), what Prometheus 3 does with OTLP.
 */
export type MetricKind = "gauge" | "counter" | "updown" | "histogram" | "summary";

const UNIT_WORDS: ReadonlyMap<string, string> = new Map([
  ...([
    ["d", "days"],
    ["h", "hours"],
    ["min", "minutes"],
    ["s", "seconds"],
    ["ms", "milliseconds"],
    ["us", "microseconds"],
    ["ns", "nanoseconds"],
  ] as const),
  ...([
    ["By", "bytes"],
    ["KiBy", "kibibytes"],
    ["MiBy", "mebibytes"],
    ["GiBy", "gibibytes"],
    ["TiBy", "tebibytes"],
    ["kBy", "kilobytes"],
    ["KBy", "kilobytes"],
    ["MBy", "megabytes"],
    ["GBy", "gigabytes"],
    ["TBy", "terabytes"],
  ] as const),
  ...([
    ["m", "meters"],
    ["V", "volts"],
    ["A", "amperes"],
    ["J", "joules"],
    ["W", "watts"],
    ["g", "grams"],
    ["Cel", "celsius"],
    ["Hz", "hertz"],
    ["%", "percent"],
    ["1", ""],
  ] as const),
]);
/** After a slash `m` is a minute: nobody counts per meter. */
const PER_WORDS: ReadonlyMap<string, string> = new Map([
  ["s", "second"],
  ["m", "minute"],
  ["min", "minute"],
  ["h", "hour"],
  ["d", "day"],
  ["w", "week"],
  ["mo", "month"],
  ["y", "year"],
]);

export const metricName = (name: string, unit: string, kind: MetricKind): string => {
  let words = wordsOf(name);
  if (words.length === 0) return "";
  const { top, per } = unitParts(unit);
  if (top !== "" && !words.includes(top)) words.push(top);
  if (per !== "" && !words.includes(per)) words.push(per);
  if (kind === "counter") words = withLast(words, "total");
  // A counter or an up-down counter of unit 1 counts things; only a gauge of it is a ratio.
  if (kind === "gauge" && unit === "1") words = withLast(words, "ratio");
  return startingWithLetter(words.join("_"), "_");
};

/** The unit as metadata say it: `By/s` → `bytes_per_second`, `1` → `ratio`, `{request}` → "". */
export const unitName = (unit: string, kind: MetricKind): string => {
  if (unit === "1") return kind === "gauge" ? "ratio" : "";
  const { top, per } = unitParts(unit);
  return [top, per].filter((word) => word !== "").join("_");
};

const RESERVED = /^__.*__$/;

/** "" if no letter or digit is left. */
export const labelName = (key: string): string => {
  const clean = key.replaceAll(/[^a-zA-Z0-9_]/g, "_");
  if (!/[a-zA-Z0-9]/.test(clean)) return "";
  if (RESERVED.test(clean)) return clean;
  const single = clean.replaceAll(/_{2,}/g, "_");
  // One underscore in front is kept for what a server adds itself.
  if (single.startsWith("_")) return `key${single}`;
  return startingWithLetter(single, "key_");
};

const wordsOf = (name: string): string[] =>
  name.split(/[^a-zA-Z0-9:]+/).filter((word) => word !== "");

const withLast = (words: readonly string[], last: string): string[] => [
  ...words.filter((word) => word !== last),
  last,
];

const startingWithLetter = (name: string, prefix: string): string =>
  /^\d/.test(name) ? prefix + name : name;

const unitParts = (unit: string): { readonly top: string; readonly per: string } => {
  const bare = unit.replaceAll(/\{[^}]*\}/g, "");
  const slash = bare.indexOf("/");
  const top = (slash < 0 ? bare : bare.slice(0, slash)).trim();
  const bottom = slash < 0 ? "" : bare.slice(slash + 1).trim();
  const perWord = PER_WORDS.get(bottom) ?? wordsOf(bottom).join("_");
  return {
    top: UNIT_WORDS.get(top) ?? wordsOf(top).join("_"),
    per: perWord === "" ? "" : `per_${perWord}`,
  };
};

/** A boundary as a label: the shortest decimal that is this number, never with an exponent. */
export const plainNumber = (value: number): string => {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  const text = String(value);
  const at = text.indexOf("e");
  if (at < 0) return text;
  const sign = text.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = text.slice(sign.length, at).split(".");
  const exponent = Number(text.slice(at + 1));
  const digits = whole + fraction;
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  return sign + digits.padEnd(exponent + 1, "0");
};
