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
import { CRITICALITIES, newTierQueue, rankOf, type TierQueue } from "./queue.ts";
import { REPLIES, type Reply } from "./replies.ts";
import type { Rules } from "./rules.ts";
import { isRead, newStandIns, type StandIns } from "./stand-in.flow.ts";

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
  /** The shortest wait of each rank since the last look; what waits and does not move is long. */
  readonly leastWaitsMs: (service: string) => readonly number[];
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

type Desk = {
  readonly deps: CallDeps;
  readonly terms: CallTerms;
  readonly standIns: StandIns;
  readonly running: Set<Journey>;
  readonly queues: Map<string, TierQueue<Journey>>;
  readonly leastWaits: Map<string, number[]>;
  readonly port: CallPort;
};

export const newCalls = (deps: CallDeps, terms: CallTerms): Calls => {
  const { clock, pools } = deps;
  const standIns = newStandIns(deps);
  const { wantsKept, keep, has: wouldReplace } = standIns;
  const desk: Desk = {
    ...{ deps, terms, standIns, running: new Set(), leastWaits: new Map(), queues: new Map() },
    port: {
      ...{ now: clock.now, wantsKept, keep, wouldReplace },
      ended: (call, ending) => {
        keepBooks(call, ending, clock.monotonic());
        goOn(desk, call, ending);
        drain(desk, call.pool);
      },
    },
  };
  for (const id of pools.keys()) desk.queues.set(id, queueOf(desk));

  return {
    reply: (journey, what, as) => reply(desk, journey, what, as),
    instead: (journey, what, as) => instead(desk, journey, what, as),
    offer: (journey) => offer(desk, journey),
    running: () => desk.running.size,
    queued: (service) => desk.queues.get(service)?.size() ?? 0,
    leastWaitsMs: (service) => {
      const least = desk.leastWaits.get(service) ?? [];
      desk.leastWaits.delete(service);
      const queue = desk.queues.get(service)!;
      const stuckMs = (rank: number): number =>
        queue.sizeOf(rank) > 0 ? terms.queueDeadlineMs : 0;
      return CRITICALITIES.map((_, rank) => least[rank] ?? stuckMs(rank));
    },
    gone: (journey) => {
      if (journey.isOver) return;
      if (journey.waiting !== undefined) {
        desk.queues.get(journey.route.service)!.remove(journey.waiting);
        finish(desk, journey, "aborted");
      } else journey.call?.end({ is: "aborted" });
    },
    step: () => {
      const now = clock.monotonic();
      for (const [id, queue] of desk.queues) {
        queue.expire(now);
        drain(desk, pools.get(id)!);
      }
      for (const journey of desk.running) if (now >= journey.deadlineMs) endLate(desk, journey);
    },
  };
};

const queueOf = (desk: Desk): TierQueue<Journey> =>
  newTierQueue<Journey>(
    {
      capacity: () => desk.terms.queueCapacity,
      deadlineMs: desk.terms.queueDeadlineMs,
      premiumShare: () => desk.deps.rules().premiumShare,
    },
    (journey) => {
      journey.waiting = undefined;
      instead(desk, journey, REPLIES.overloaded, "overloaded");
    },
  );

const offer = (desk: Desk, journey: Journey): void => {
  const { standIns, queues, deps } = desk;
  const pool = deps.pools.get(journey.route.service)!;
  const now = deps.clock.monotonic();
  const mode = standIns.modeOf(journey);
  const isStood =
    (mode === "last_good" && standIns.kept(journey)) ||
    ((mode === "last_good" || mode === "static") && standIns.fixed(journey));
  if (isStood) return finish(desk, journey, "fallback");
  if (!pool.mayCall(now)) return instead(desk, journey, REPLIES.unavailable, "failed");
  const queue = queues.get(pool.id)!;
  if (queue.size() === 0 && hasRoom(pool)) return start(desk, journey, pool, 0);
  const as = { rank: rankOf(journey.route.criticality), tier: journey.tier };
  journey.waiting = queue.push(journey, as, now);
  if (journey.waiting === undefined) instead(desk, journey, REPLIES.overloaded, "overloaded");
};

const hasRoom = (pool: ServicePool): boolean => pool.inflight() < Math.floor(pool.limit.limit());

const start = (desk: Desk, journey: Journey, pool: ServicePool, waitedMs: number): void => {
  const { leastWaits, running } = desk;
  const waits = leastWaits.get(pool.id) ?? [];
  const rank = rankOf(journey.route.criticality);
  waits[rank] = Math.min(waits[rank] ?? Infinity, waitedMs);
  leastWaits.set(pool.id, waits);
  running.add(journey);
  if (!send(desk, journey, pool)) instead(desk, journey, REPLIES.unavailable, "failed");
};

/** False: there is no instance to call. */
const send = (desk: Desk, journey: Journey, pool: ServicePool): boolean => {
  const { deps, terms, port, standIns } = desk;
  const now = deps.clock.monotonic();
  const { weights: byService, weightsOfAll } = deps.rules();
  const weights = byService.get(pool.id) ?? weightsOfAll;
  const { region: home } = terms;
  const away = standIns.modeOf(journey) === "backup";
  const backend = pool.pick({ home, weights, away, except: journey.call?.backend }, now);
  if (backend === undefined) return false;
  if (weights === undefined && backend.region !== home) journey.fallback = "backup";
  journey.attempts += 1;
  journey.call = new Call(port, journey, pool, backend, now);
  const options = dispatchOptions(journey, terms.maxBodyBytes);
  deps.upstreams.dispatch(backend.url, options, journey.call);
  return true;
};

const drain = (desk: Desk, pool: ServicePool): void => {
  const queue = desk.queues.get(pool.id)!;
  while (queue.size() > 0 && hasRoom(pool)) {
    const now = desk.deps.clock.monotonic();
    const next = queue.pop(now);
    if (next === undefined) return;
    next.call.waiting = undefined;
    start(desk, next.call, pool, now - next.sinceMs);
  }
};

const finish = ({ running, deps }: Desk, journey: Journey, as: FinishedAs): void => {
  if (journey.isOver) return;
  journey.isOver = true;
  running.delete(journey);
  deps.finished(journey, as);
};

const reply = (desk: Desk, journey: Journey, what: Reply, as: FinishedAs): void => {
  if (journey.isOver) return;
  desk.standIns.error(journey, what);
  finish(desk, journey, as);
};

const instead = (desk: Desk, journey: Journey, otherwise: Reply, as: FinishedAs): void => {
  if (journey.isOver) return;
  const { standIns } = desk;
  for (const step of fallbackSteps(standIns.modeOf(journey))) {
    // What is shed or refused for load is not sent elsewhere.
    if (step === "backup" && as === "failed" && toBackup(desk, journey)) return;
    const isStood =
      (step === "last_good" && standIns.kept(journey)) ||
      (step === "static" && standIns.fixed(journey));
    if (isStood) return finish(desk, journey, "fallback");
  }
  reply(desk, journey, otherwise, as);
};

const toBackup = (desk: Desk, journey: Journey): boolean => {
  const { deps, terms } = desk;
  const backup = deps.pools.get(terms.backups[journey.route.service] ?? "");
  if (backup === undefined || journey.call?.pool === backup) return false;
  // A body that was sent to somebody is not there any more.
  if (journey.said.hasBody && journey.attempts > 0) return false;
  if (!backup.mayCall(deps.clock.monotonic()) || !send(desk, journey, backup)) return false;
  journey.fallback = "backup";
  desk.running.add(journey);
  return true;
};

/** What comes after a call. */
const goOn = (desk: Desk, { journey, pool }: Call, ending: Ending): void => {
  switch (ending.is) {
    case "answered":
      return finish(desk, journey, journey.fallback === undefined ? "served" : "fallback");
    case "aborted":
      return finish(desk, journey, "aborted");
    case "too_large":
      return reply(desk, journey, REPLIES.tooLarge, "refused");
    case "broken":
      desk.deps.say("an answer broke off", { service: pool.id, why: ending.why });
      // Cut, so that half an answer is not taken for a whole one.
      journey.res.destroy();
      return finish(desk, journey, "failed");
    case "unanswered": {
      const mayRetry = journey.attempts <= journey.route.retries && isRead(journey);
      if (mayRetry && !ending.isLate && !journey.isOver && send(desk, journey, pool)) return;
      const late = ending.isLate ? REPLIES.timeout : REPLIES.badGateway;
      const why = ending.outcome === "unreached" ? REPLIES.unavailable : late;
      return instead(desk, journey, why, "failed");
    }
  }
};

const endLate = (desk: Desk, journey: Journey): void => {
  const { req, res, call } = journey;
  if (!req.complete) {
    // Its client is slow, not the service.
    reply(desk, journey, REPLIES.slowBody, "refused");
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
  if (outcome === undefined) return pool.abandoned(backend, startMs);
  pool.ended(backend, { outcome, startMs, inflight: inflightThen }, nowMs);
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
