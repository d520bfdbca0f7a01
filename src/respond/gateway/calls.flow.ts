/**
 * From a request that may go to an answer: place, instance, attempt, another attempt, a stand-in.
 *
 * Shape:  `offer` takes a journey that passed every gate; below the service's limit it goes at
 *         once, above it waits in the tier queue. What cannot be served gets a fallback, or an
 *         error that says when to come again. `step` ends what is too late.
 * Units:  ms.
 * Errors: none thrown; each journey is finished exactly once, by `finished`.
 */
import { Transform, type Readable } from "node:stream";
import type { Clock } from "../../kernel/clock.ts";
import type { Upstreams } from "./adapters/upstream.ts";
import type { Outcome } from "./breaker.ts";
import { BODY_TOO_LARGE, Call, type CallPort, type Ending, type Journey } from "./call.flow.ts";
import { fallbackSteps, type LastGood } from "./fallback.ts";
import type { FinishedAs } from "./finished.ts";
import type { ServicePool } from "./pool.ts";
import { newTierQueue, rankOf, type OutWhy, type TierQueue } from "./queue.ts";
import { REPLIES, replyBody, retryAfter, type Reply } from "./replies.ts";
import type { Rules } from "./rules.ts";

export type CallTerms = {
  readonly region: string;
  readonly queueCapacity: number;
  readonly queueDeadlineMs: number;
  readonly maxBodyBytes: number;
  /** A service that may answer in place of another. */
  readonly backups: Readonly<Record<string, string>>;
};
export type Calls = {
  readonly offer: (journey: Journey) => void;
  readonly reply: (journey: Journey, reply: Reply, as: FinishedAs) => void;
  /** In place of the service; an error where nothing stands in. */
  readonly instead: (journey: Journey, reply: Reply, as: FinishedAs) => void;
  readonly gone: (journey: Journey) => void;
  readonly step: () => void;
  readonly queued: (service: string) => number;
  /** The shortest wait of a call since the last look; what waits and does not move is long. */
  readonly leastWaitMs: (service: string) => number;
  readonly running: () => number;
};
export type CallDeps = {
  readonly clock: Clock;
  readonly pools: ReadonlyMap<string, ServicePool>;
  readonly upstreams: Upstreams;
  readonly lastGood: LastGood;
  readonly rules: () => Rules;
  readonly finished: (journey: Journey, as: FinishedAs) => void;
  readonly say: (message: string, fields: Readonly<Record<string, unknown>>) => void;
};

const MS_PER_S = 1_000;

export const newCalls = (deps: CallDeps, terms: CallTerms): Calls => {
  const { clock, pools, upstreams, lastGood, rules, finished } = deps;
  const running = new Set<Journey>();
  const queues = new Map<string, TierQueue<Journey>>();
  const leastWaits = new Map<string, number>();
  for (const id of pools.keys())
    queues.set(
      id,
      newTierQueue<Journey>(
        {
          capacity: () => terms.queueCapacity,
          deadlineMs: terms.queueDeadlineMs,
          premiumShare: () => rules().premiumShare,
        },
        (journey, _why: OutWhy) => {
          journey.waiting = undefined;
          instead(journey, REPLIES.overloaded, "overloaded");
        },
      ),
    );

  const finish = (journey: Journey, as: FinishedAs): void => {
    if (journey.isOver) return;
    journey.isOver = true;
    running.delete(journey);
    finished(journey, as);
  };
  const reply = (journey: Journey, what: Reply, as: FinishedAs): void => {
    if (journey.isOver) return;
    const { res, requestId } = journey;
    if (!res.headersSent && !res.destroyed) {
      const body = replyBody(what);
      const headers = [
        ...["content-type", "application/json", "cache-control", "no-store"],
        ...["content-length", String(Buffer.byteLength(body)), "x-request-id", requestId],
      ];
      if (what.retryAfterMs !== undefined)
        headers.push("retry-after", retryAfter(what.retryAfterMs));
      // A body nobody reads any more would be taken for the next request.
      if (!journey.req.complete) headers.push("connection", "close");
      res.writeHead(what.status, headers);
      res.end(journey.req.method === "HEAD" ? undefined : body);
    }
    finish(journey, as);
  };
  const keyOf = ({ req }: Journey): string => req.url ?? "";

  /** True: answered. */
  const answerKept = (journey: Journey): boolean => {
    const { cacheable } = journey.route;
    if (cacheable === undefined || !isRead(journey)) return false;
    const kept = lastGood.find(keyOf(journey), cacheable.maxAgeMs, clock.now());
    if (kept === undefined) return false;
    journey.fallback = "last_good";
    const age = String(Math.max(0, Math.round((clock.now() - kept.atMs) / MS_PER_S)));
    const said = kept.headers.filter((_, at) => kept.headers[at - (at % 2)] !== "age");
    const ours = ["age", age, "x-novaevo-fallback", "last_good"];
    journey.res.writeHead(200, [...said, ...ours]);
    journey.res.end(journey.req.method === "HEAD" ? undefined : kept.body);
    finish(journey, "fallback");
    return true;
  };
  const answerStatic = (journey: Journey): boolean => {
    const fixed = journey.route.static;
    if (fixed === undefined) return false;
    journey.fallback = "static";
    const body = JSON.stringify(fixed.body);
    journey.res.writeHead(fixed.status, [
      ...["content-type", "application/json", "cache-control", "no-store"],
      ...["content-length", String(Buffer.byteLength(body)), "x-novaevo-fallback", "static"],
      ...["x-request-id", journey.requestId],
    ]);
    journey.res.end(journey.req.method === "HEAD" ? undefined : body);
    finish(journey, "fallback");
    return true;
  };
  const answerBackup = (journey: Journey): boolean => {
    const backup = pools.get(terms.backups[journey.route.service] ?? "");
    if (backup === undefined || journey.fallback === "backup") return false;
    if (!isUntouched(journey) || !backup.mayCall(clock.monotonic())) return false;
    journey.fallback = "backup";
    return send(journey, backup);
  };
  const modeOf = ({ route }: Journey) => rules().fallback.get(route.service) ?? "auto";
  const instead = (journey: Journey, otherwise: Reply, as: FinishedAs): void => {
    if (journey.isOver) return;
    for (const step of fallbackSteps(modeOf(journey))) {
      if (step === "backup" && as === "failed" && answerBackup(journey)) return;
      if (step === "last_good" && answerKept(journey)) return;
      if (step === "static" && answerStatic(journey)) return;
    }
    journey.fallback = undefined;
    reply(journey, otherwise, as);
  };

  const send = (journey: Journey, pool: ServicePool): boolean => {
    const now = clock.monotonic();
    const { region: home } = terms;
    const { weights: byService, weightsOfAll } = rules();
    const weights = byService.get(pool.id) ?? weightsOfAll;
    const away = modeOf(journey) === "backup";
    const except = journey.call?.backend;
    const backend = pool.pick({ home, weights, away, except }, now);
    if (backend === undefined) return false;
    if (weights === undefined && backend.region !== home) journey.fallback = "backup";
    journey.attempts += 1;
    journey.call = new Call(port, journey, pool, backend, now);
    upstreams.dispatch(backend.url, dispatchOptions(journey, terms.maxBodyBytes), journey.call);
    return true;
  };
  const start = (journey: Journey, pool: ServicePool, waitedMs: number): void => {
    leastWaits.set(pool.id, Math.min(leastWaits.get(pool.id) ?? Infinity, waitedMs));
    running.add(journey);
    if (!send(journey, pool)) instead(journey, REPLIES.unavailable, "failed");
  };
  const drain = (pool: ServicePool): void => {
    const queue = queues.get(pool.id)!;
    while (queue.size() > 0 && pool.inflight() < Math.floor(pool.limit.limit())) {
      const now = clock.monotonic();
      const next = queue.pop(now);
      if (next === undefined) return;
      next.call.waiting = undefined;
      start(next.call, pool, now - next.sinceMs);
    }
  };
  const port: CallPort = {
    now: clock.now,
    wantsKept: (journey) => {
      const { cacheable } = journey.route;
      if (cacheable === undefined || journey.req.method !== "GET") return false;
      // Fresh enough: the work of keeping it is not done again.
      return lastGood.find(keyOf(journey), cacheable.ttlMs, clock.now()) === undefined;
    },
    keep: (journey, kept) => lastGood.keep(keyOf(journey), kept),
    wouldReplace: (journey) => {
      const { cacheable, static: fixed } = journey.route;
      const steps = fallbackSteps(modeOf(journey));
      if (fixed !== undefined && steps.includes("static")) return true;
      if (cacheable === undefined || !isRead(journey) || !steps.includes("last_good")) return false;
      return lastGood.find(keyOf(journey), cacheable.maxAgeMs, clock.now()) !== undefined;
    },
    ended: (call, ending) => {
      const { journey, pool } = call;
      keepBooks(call, ending, clock.monotonic());
      next(journey, pool, ending);
      drain(pool);
    },
  };
  const next = (journey: Journey, pool: ServicePool, ending: Ending): void => {
    switch (ending.is) {
      case "answered":
        return finish(journey, journey.fallback === undefined ? "served" : "fallback");
      case "aborted":
        return finish(journey, "aborted");
      case "too_large":
        return reply(journey, REPLIES.tooLarge, "refused");
      case "broken":
        deps.say("an answer broke off", { service: pool.id, why: ending.why });
        // Cut, so that half an answer is not taken for a whole one.
        journey.res.destroy();
        return finish(journey, "failed");
      case "unanswered": {
        const mayRetry = journey.attempts <= journey.route.retries && isRead(journey);
        if (mayRetry && !ending.isLate && !journey.isOver && send(journey, pool)) return;
        const late = ending.isLate ? REPLIES.timeout : REPLIES.badGateway;
        const why = ending.outcome === "unreached" ? REPLIES.unavailable : late;
        return instead(journey, why, "failed");
      }
    }
  };

  return {
    ...{ reply, instead },
    running: () => running.size,
    queued: (service) => queues.get(service)?.size() ?? 0,
    leastWaitMs: (service) => {
      const least = leastWaits.get(service);
      leastWaits.delete(service);
      const isStuck = (queues.get(service)?.size() ?? 0) > 0;
      return least ?? (isStuck ? terms.queueDeadlineMs : 0);
    },
    offer: (journey) => {
      const pool = pools.get(journey.route.service)!;
      const now = clock.monotonic();
      const mode = modeOf(journey);
      if (mode === "last_good" && (answerKept(journey) || answerStatic(journey))) return;
      if (mode === "static" && answerStatic(journey)) return;
      if (!pool.mayCall(now)) return instead(journey, REPLIES.unavailable, "failed");
      const queue = queues.get(pool.id)!;
      if (queue.size() === 0 && pool.inflight() < Math.floor(pool.limit.limit()))
        return start(journey, pool, 0);
      const as = { rank: rankOf(journey.route.criticality), tier: journey.tier };
      journey.waiting = queue.push(journey, as, now);
      if (journey.waiting === undefined) instead(journey, REPLIES.overloaded, "overloaded");
    },
    gone: (journey) => {
      if (journey.isOver) return;
      if (journey.waiting !== undefined) {
        queues.get(journey.route.service)!.remove(journey.waiting);
        finish(journey, "aborted");
      } else journey.call?.end({ is: "aborted" });
    },
    step: () => {
      const now = clock.monotonic();
      for (const [id, queue] of queues) {
        queue.expire(now);
        drain(pools.get(id)!);
      }
      for (const journey of running) if (now >= journey.deadlineMs) endLate(journey, reply);
    },
  };
};

const endLate = (journey: Journey, reply: Calls["reply"]): void => {
  const { req, res, call } = journey;
  if (!req.complete) {
    // Its client is slow, not the service.
    reply(journey, REPLIES.slowBody, "refused");
    call?.end({ is: "aborted" });
    return;
  }
  const why = "the time of its route is over";
  if (res.headersSent) call?.end({ is: "broken", why });
  else call?.end({ is: "unanswered", outcome: "failed", why, isLate: true });
};

const keepBooks = (call: Call, ending: Ending, nowMs: number): void => {
  const { pool, backend, startMs, inflightThen } = call;
  const outcome = outcomeOf(ending);
  if (outcome === undefined) return pool.abandoned(backend);
  pool.ended(backend, { outcome, durationMs: nowMs - startMs, inflight: inflightThen }, nowMs);
};

/** undefined: it says nothing of the service. */
const outcomeOf = (ending: Ending): Outcome | undefined => {
  switch (ending.is) {
    case "answered":
    case "unanswered":
      return ending.outcome;
    case "broken":
      return "failed";
    case "aborted":
    case "too_large":
      return undefined;
  }
};

const isRead = ({ req, said }: Journey): boolean =>
  !said.hasBody && (req.method === "GET" || req.method === "HEAD");
/** Its body, if any, was not sent to anybody yet. */
const isUntouched = ({ said, attempts }: Journey): boolean => !said.hasBody || attempts === 0;

const dispatchOptions = (journey: Journey, maxBodyBytes: number) => {
  const { req, said, session, requestId, trace, span, channel, tier } = journey;
  const headers = [
    ...said.onward,
    ...["x-request-id", requestId, "traceparent", `00-${trace}-${span}-01`],
    ...["x-channel", channel, "x-tier", tier, "x-forwarded-proto", "http"],
    ...["x-forwarded-for", req.socket.remoteAddress ?? ""],
  ];
  if (session !== undefined) {
    headers.push("x-user", session.sub);
    if (session.wave !== "") headers.push("x-wave", session.wave);
    if (session.region !== "") headers.push("x-region", session.region);
  }
  const body: Readable | null = said.hasBody ? bodyOf(journey, maxBodyBytes) : null;
  return { path: req.url ?? "/", method: req.method ?? "GET", headers, body };
};

/** Without a length only counting tells how long it is. */
const bodyOf = ({ req, said }: Journey, maxBytes: number): Readable => {
  if (said.bodyBytes > 0) return req;
  let bytes = 0;
  const counted = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      if (bytes > maxBytes) done(new BodyTooLarge(maxBytes));
      else done(null, chunk);
    },
  });
  req.once("error", (fault) => counted.destroy(fault));
  return req.pipe(counted);
};

class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
  readonly code = BODY_TOO_LARGE;
  constructor(maxBytes: number) {
    super(`the body is over ${maxBytes} bytes`);
  }
}
