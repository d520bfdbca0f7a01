/**
 * What a request of Prometheus' HTTP API asks, from its parameters.
 *
 * Shape:  names and values as they came, those of a body before those of the address; the first of
 *         a name counts, `match[]` may be repeated, a name nobody knows is passed over.
 * Units:  instants come as seconds or RFC 3339, durations as seconds or "1h30m"; ms inside.
 * Errors: "bad_request" in Prometheus' own words, in its order: the first fault is told.
 * Source: Prometheus' web/api/v1; a `limit` on lists and any text as a label's name are those of
 *         its version 3.
 */
import { parseDuration } from "../../../kernel/duration.ts";
import { ok, problem, type Result } from "../../../kernel/result.ts";

export type Parameters = Pick<URLSearchParams, "get" | "getAll">;

type Span = { readonly startMs: number; readonly endMs: number };
/** `limit` 0 is none of the caller's. */
type Listing = Span & { readonly match: readonly string[]; readonly limit: number };
export type Ask =
  | {
      readonly kind: "query";
      readonly query: string;
      readonly timeMs: number;
      readonly timeoutMs: number;
      readonly limit: number;
    }
  | (Span & {
      readonly kind: "queryRange";
      readonly query: string;
      readonly stepMs: number;
      readonly timeoutMs: number;
      readonly limit: number;
    })
  | (Listing & { readonly kind: "series" })
  | (Listing & { readonly kind: "labels" })
  | (Listing & { readonly kind: "labelValues"; readonly name: string })
  | {
      readonly kind: "metadata";
      readonly metric: string | undefined;
      readonly limit: number;
      readonly limitPerMetric: number;
    }
  | { readonly kind: "exemplars"; readonly query: string };

/** Instants beyond are as good as never. */
export const MAX_TIME_MS = 8.64e15;
export const MAX_POINTS = 11_000;
const MAX_TIMEOUT_MS = 120_000;
/** Go counts a duration in ns in 64 bits. */
const MAX_DURATION_S = 2 ** 63 / 1e9;
const MAX_QUOTED_CHARS = 100;

export const queryAsk = (given: Parameters, nowMs: number): Result<Ask> => {
  const timeMs = timeOf(given, "time", nowMs);
  if (!timeMs.ok) return timeMs;
  const limits = limitsOf(given);
  if (!limits.ok) return limits;
  const query = given.get("query") ?? "";
  return ok({ kind: "query", query, timeMs: timeMs.value, ...limits.value });
};

export const queryRangeAsk = (given: Parameters): Result<Ask> => {
  const startMs = timeOf(given, "start");
  if (!startMs.ok) return startMs;
  const endMs = timeOf(given, "end");
  if (!endMs.ok) return endMs;
  if (endMs.value < startMs.value) {
    return invalid("end", "end timestamp must not be before start time");
  }
  const stepMs = durationOf("step", given.get("step") ?? "");
  if (!stepMs.ok) return stepMs;
  if (!(stepMs.value >= 1)) return invalid("step", NO_STEP);
  if (Math.floor((endMs.value - startMs.value) / stepMs.value) > MAX_POINTS) {
    return problem("bad_request", TOO_MANY_POINTS, { field: "step" });
  }
  const limits = limitsOf(given);
  if (!limits.ok) return limits;
  return ok({
    kind: "queryRange",
    query: given.get("query") ?? "",
    ...{ startMs: startMs.value, endMs: endMs.value, stepMs: stepMs.value },
    ...limits.value,
  });
};
const NO_STEP =
  "zero or negative query resolution step widths are not accepted. Try a positive integer";
const TOO_MANY_POINTS =
  "exceeded maximum resolution of 11,000 points per timeseries. " +
  "Try decreasing the query resolution (?step=XX)";

export const seriesAsk = (given: Parameters): Result<Ask> => {
  if (given.getAll("match[]").length === 0) {
    return problem("bad_request", "no match[] parameter provided", { field: "match[]" });
  }
  const listing = listingOf(given);
  return listing.ok ? ok({ kind: "series", ...listing.value }) : listing;
};

export const labelsAsk = (given: Parameters): Result<Ask> => {
  const listing = listingOf(given);
  return listing.ok ? ok({ kind: "labels", ...listing.value }) : listing;
};

export const labelValuesAsk = (escaped: string, given: Parameters): Result<Ask> => {
  const name = unescapedName(escaped);
  // Any text is a name, unless it is empty or was not valid UTF-8.
  if (name === "" || name.includes("\ufffd")) {
    const message = `invalid label name: ${quoted(name)}`;
    return problem("bad_request", message, { field: "name" });
  }
  const listing = listingOf(given);
  return listing.ok ? ok({ kind: "labelValues", name, ...listing.value }) : listing;
};

/**
 * "U__http_2e_method" → "http.method": how names that are no words stand in an address. What is
 * not written so whole stands for itself.
 */
export const unescapedName = (text: string): string => {
  if (!text.startsWith(ESCAPED)) return text;
  let name = "";
  for (let at = ESCAPED.length; at < text.length;) {
    if (text[at] !== "_") {
      name += text[at];
      at += 1;
    } else if (text[at + 1] === "_") {
      name += "_";
      at += 2;
    } else {
      const end = text.indexOf("_", at + 1);
      const hex = text.slice(at + 1, end < 0 ? undefined : end);
      const code = CODE_POINT.test(hex) && end > 0 ? Number.parseInt(hex, 16) : Number.NaN;
      if (!(code <= MAX_CODE_POINT) || (code >= 0xd800 && code <= 0xdfff)) return text;
      name += String.fromCodePoint(code);
      at = end + 1;
    }
  }
  return name;
};
const ESCAPED = "U__";
const CODE_POINT = /^[0-9a-f]{1,6}$/;
const MAX_CODE_POINT = 0x10ffff;

export const metadataAsk = (given: Parameters): Result<Ask> => {
  const limit = wholeOf(given.get("limit"));
  if (limit === undefined) return problem("bad_request", "limit must be a number");
  const limitPerMetric = wholeOf(given.get("limit_per_metric"));
  if (limitPerMetric === undefined) {
    return problem("bad_request", "limit_per_metric must be a number");
  }
  const metric = given.get("metric");
  return ok({
    kind: "metadata",
    metric: metric === null || metric === "" ? undefined : metric,
    limit: limit ?? -1,
    limitPerMetric: limitPerMetric ?? -1,
  });
};

export const exemplarsAsk = (given: Parameters): Result<Ask> => {
  const span = spanOf(given);
  if (!span.ok) return span;
  if (span.value.endMs < span.value.startMs) {
    return problem("bad_request", "end timestamp must not be before start timestamp");
  }
  return ok({ kind: "exemplars", query: given.get("query") ?? "" });
};

const limitsOf = (
  given: Parameters,
): Result<{ readonly timeoutMs: number; readonly limit: number }> => {
  const timeout = given.get("timeout") ?? "";
  const timeoutMs = timeout === "" ? ok(MAX_TIMEOUT_MS) : durationOf("timeout", timeout);
  if (!timeoutMs.ok) return timeoutMs;
  const limit = limitOf(given);
  if (!limit.ok) return limit;
  return ok({ timeoutMs: Math.min(timeoutMs.value, MAX_TIMEOUT_MS), limit: limit.value });
};

const spanOf = (given: Parameters): Result<Span> => {
  const startMs = timeOf(given, "start", -MAX_TIME_MS);
  if (!startMs.ok) return startMs;
  const endMs = timeOf(given, "end", MAX_TIME_MS);
  return endMs.ok ? ok({ startMs: startMs.value, endMs: endMs.value }) : endMs;
};

const listingOf = (given: Parameters): Result<Listing> => {
  const span = spanOf(given);
  if (!span.ok) return span;
  const limit = limitOf(given);
  if (!limit.ok) return limit;
  return ok({ ...span.value, match: given.getAll("match[]"), limit: limit.value });
};

const limitOf = (given: Parameters): Result<number> => {
  const text = given.get("limit");
  const limit = wholeOf(text);
  if (limit === undefined) return invalid("limit", `cannot parse ${quoted(text)} to a number`);
  return (limit ?? 0) >= 0 ? ok(limit ?? 0) : invalid("limit", "limit must be non-negative");
};

/** Null when there is none, undefined when it is no whole number. */
const wholeOf = (text: string | null): number | null | undefined => {
  if (text === null || text === "") return null;
  const whole = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
  return whole;
};

/** With a default an absent parameter is none, and Prometheus words the fault a second time. */
const timeOf = (given: Parameters, name: string, otherwise?: number): Result<number> => {
  const text = given.get(name) ?? "";
  if (text === "" && otherwise !== undefined) return ok(otherwise);
  const timeMs = parseTime(text);
  if (timeMs !== undefined) return ok(timeMs);
  const why = `cannot parse ${quoted(text)} to a valid timestamp`;
  return invalid(name, otherwise === undefined ? why : `Invalid time value for '${name}': ${why}`);
};

const durationOf = (name: string, text: string): Result<number> => {
  const durationMs = parseLength(text);
  if (durationMs !== undefined) return ok(durationMs);
  const overflows = FLOAT.test(text) ? ". It overflows int64" : "";
  return invalid(name, `cannot parse ${quoted(text)} to a valid duration${overflows}`);
};

const invalid = (name: string, why: string) =>
  problem("bad_request", `invalid parameter "${name}": ${why}`, { field: name });

const quoted = (text: string | null): string =>
  JSON.stringify((text ?? "").slice(0, MAX_QUOTED_CHARS));

const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** Seconds since the epoch, or RFC 3339 with a capital T and Z. */
export const parseTime = (text: string): number | undefined => {
  if (FLOAT.test(text)) {
    const timeMs = Math.round(Number(text) * 1_000);
    return Math.max(-MAX_TIME_MS, Math.min(timeMs, MAX_TIME_MS));
  }
  const parts = RFC3339.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number);
  const wallMs = Date.UTC(year!, month! - 1, day, hour, minute, second);
  // A day or an hour that is none moves the date on: then it does not read back.
  if (!new Date(wallMs).toISOString().startsWith(text.slice(0, 19))) return undefined;
  const fractionMs = Math.trunc(Number(`0.${parts[7] ?? "0"}`) * 1_000 + 1e-6);
  const offsetMs = (Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0)) * 60_000;
  return wallMs + fractionMs - (parts[8] === "-" ? -offsetMs : offsetMs);
};

const LENGTH = /^(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?$/;

/** Seconds, or a duration with its units from large to small; whole ms, the rest cut off. */
export const parseLength = (text: string): number | undefined => {
  if (FLOAT.test(text)) {
    const seconds = Number(text);
    return Math.abs(seconds) < MAX_DURATION_S ? Math.trunc(seconds * 1_000) : undefined;
  }
  return LENGTH.test(text) ? parseDuration(text) : undefined;
};
