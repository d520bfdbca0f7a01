/**
 * Answers of the gateway itself: errors, the last good answer, the route's fixed words.
 *
 * Errors: none; a client that is gone is answered into nothing.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Journey } from "./call.flow.ts";
import { fallbackSteps, type FallbackMode, type Kept, type LastGood } from "./fallback.ts";
import { replyBody, retryAfter, type Reply } from "./replies.ts";
import type { Rules } from "./rules.ts";

export type StandIns = {
  readonly error: (journey: Journey, what: Reply) => void;
  /** False: there is none, nothing was answered. */
  readonly kept: (journey: Journey) => boolean;
  readonly fixed: (journey: Journey) => boolean;
  readonly modeOf: (journey: Journey) => FallbackMode;
  /** Whether an answer of 5xx is better replaced by one of these. */
  readonly has: (journey: Journey) => boolean;
  readonly wantsKept: (journey: Journey) => boolean;
  readonly keep: (journey: Journey, kept: Kept) => void;
};

const MS_PER_S = 1_000;

export const newStandIns = (deps: {
  readonly clock: Clock;
  readonly lastGood: LastGood;
  readonly rules: () => Rules;
}): StandIns => {
  const { clock, lastGood, rules } = deps;
  const keyOf = ({ req }: Journey): string => req.url ?? "";
  const modeOf = ({ route }: Journey) => rules().fallback.get(route.service) ?? "auto";
  const find = (journey: Journey): Kept | undefined => {
    const { cacheable } = journey.route;
    if (cacheable === undefined || !isRead(journey)) return undefined;
    return lastGood.find(keyOf(journey), cacheable.maxAgeMs, clock.now());
  };
  return {
    modeOf,
    error: sendError,
    kept: (journey) => {
      const kept = find(journey);
      if (kept === undefined) return false;
      const ageMs = Math.max(0, clock.now() - kept.atMs);
      const headers = kept.headers.filter((_, at) => kept.headers[at - (at % 2)] !== "age");
      headers.push("age", String(Math.round(ageMs / MS_PER_S)));
      sendInstead(journey, "last_good", 200, headers, kept.body);
      return true;
    },
    fixed: (journey) => {
      const { static: fixed } = journey.route;
      if (fixed === undefined) return false;
      const body = Buffer.from(JSON.stringify(fixed.body));
      const headers = ["content-type", "application/json", "cache-control", "no-store"];
      headers.push("content-length", String(body.length));
      sendInstead(journey, "static", fixed.status, headers, body);
      return true;
    },
    has: (journey) => {
      const steps = fallbackSteps(modeOf(journey));
      if (journey.route.static !== undefined && steps.includes("static")) return true;
      return steps.includes("last_good") && find(journey) !== undefined;
    },
    wantsKept: (journey) => {
      const { cacheable } = journey.route;
      if (cacheable === undefined || journey.req.method !== "GET") return false;
      // Fresh enough: the work of keeping it is not done again.
      return lastGood.find(keyOf(journey), cacheable.ttlMs, clock.now()) === undefined;
    },
    keep: (journey, kept) => lastGood.keep(keyOf(journey), kept),
  };
};

export const isRead = ({ req, said }: Journey): boolean =>
  !said.hasBody && (req.method === "GET" || req.method === "HEAD");

const sendInstead = (
  journey: Journey,
  as: "last_good" | "static",
  status: number,
  headers: readonly string[],
  body: Uint8Array,
): void => {
  journey.fallback = as;
  const { res, req, requestId } = journey;
  const ours = ["x-novaevo-fallback", as, "x-request-id", requestId];
  if (!req.complete) ours.push("connection", "close");
  res.writeHead(status, [...headers, ...ours]);
  res.end(req.method === "HEAD" ? undefined : body);
};

const sendError = ({ req, res, requestId }: Journey, what: Reply): void => {
  if (res.headersSent || res.destroyed) return;
  const body = replyBody(what);
  const headers = [
    ...["content-type", "application/json", "cache-control", "no-store"],
    ...["content-length", String(Buffer.byteLength(body)), "x-request-id", requestId],
  ];
  if (what.retryAfterMs !== undefined) headers.push("retry-after", retryAfter(what.retryAfterMs));
  // A body nobody reads any more would be taken for the next request.
  if (!req.complete) headers.push("connection", "close");
  res.writeHead(what.status, headers);
  res.end(req.method === "HEAD" ? undefined : body);
};
