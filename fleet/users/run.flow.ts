/**
 * Plays the users: sessions begin when the day says so, whatever the platform does (an open model).
 *
 * Shape:  `openRun(deps)` begins at once; `load` changes how much; `report` says what was seen.
 * Units:  ms; `share` is of the million's curve; `compression` makes arrivals and think times
 *         faster, never time limits or what the platform does.
 * Errors: none that stop it: an answer that does not come is a failed call.
 */
import { createHmac } from "node:crypto";
import { performance } from "node:perf_hooks";
import { Pool } from "undici";
import { peakSessionsPerS, sessionsPerS } from "./day.ts";
import type { Dice } from "./dice.ts";
import { newDue } from "./due.ts";
import { begin, learn, next, thinkMs, type Call, type Session } from "./journeys.ts";
import type { Population, User } from "./population.ts";
import { tokenOf } from "./session.ts";
import { newTally, type Outcome, type Report } from "./tally.ts";

export type Load = {
  /** Of the users; 1 is a million's day. */
  readonly share: number;
  readonly compression: number;
  /** The curve of the day, or its busiest hour without end. */
  readonly shape: "day" | "peak";
};

export type RunDeps = {
  readonly population: Population;
  readonly dice: Dice;
  readonly gateways: readonly { readonly region: string; readonly url: string }[];
  readonly sessionKey: string;
  readonly load: Load;
  /** The firmware cars may be brought to; undefined: none. */
  readonly image: () => string | undefined;
};

export type Run = {
  readonly load: () => Load;
  readonly setLoad: (load: Load) => void;
  /** Forgets what was seen so far: a measurement begins. */
  readonly restart: () => void;
  readonly report: () => Report;
  readonly close: () => Promise<void>;
};

const SOCKETS = 128;
const CALL_TIMEOUT_MS = 10_000;
const TICK_MS = 1;
const WINTER_MS = 3_600_000;
/** More at once would be a platform that answers nobody; what comes then is counted as dropped. */
const MAX_OUT = 20_000;
const MAX_BODY_BYTES = 256 * 1024;
/** A call that was turned away is tried once more, at a time that is not everybody's. */
const RETRY_MEDIAN_MS = 3_000;
const RETRY_SIGMA = 0.6;

type Due = { readonly session: Session | undefined; readonly again: Call | undefined };

export const openRun = (deps: RunDeps): Run => {
  const { dice, population } = deps;
  const doors = deps.gateways.map(({ region, url }) => ({
    region,
    pool: new Pool(url, { connections: SOCKETS, pipelining: 1 }),
  }));
  const due = newDue<Due>();
  let { load } = deps;
  let tally = newTally();
  let sinceMs = performance.now();
  let sessions = 0;
  let out = 0;

  const nextArrival = (fromMs: number): void => {
    due.push(fromMs + 1_000 * dice.exponential(Math.max(perS(load), 1e-6)), ARRIVAL);
  };
  const perS = ({ share, compression, shape }: Load): number => {
    const users = population.size * share;
    return (
      compression * (shape === "peak" ? peakSessionsPerS(users) : sessionsPerS(users, local()))
    );
  };
  const play = async (session: Session, again: Call | undefined, dueMs: number): Promise<void> => {
    const isFirst = again === undefined && session.at === 0;
    const call = again ?? next(session);
    if (call === undefined) return;
    if (out >= MAX_OUT) return tally.dropped();
    out += 1;
    const seen = tally;
    seen.late(performance.now() - dueMs);
    const { outcome, answer } = await ask(deps, doors, session.user, call);
    out -= 1;
    const ms = performance.now() - dueMs;
    seen.call(call.feature, call.isEssential, outcome, ms);
    if (isFirst) seen.sessionStarted(ms, outcome);
    if (answer !== undefined) learn(session, call.feature, answer);
    const now = performance.now();
    if (outcome === "ok" || again !== undefined)
      due.push(now + thinkMs(session) / load.compression, { session, again: undefined });
    else due.push(now + dice.logNormal(RETRY_MEDIAN_MS, RETRY_SIGMA), { session, again: call });
  };
  const tick = (): void => {
    const now = performance.now();
    for (let found = due.pop(now); found !== undefined; found = due.pop(now)) {
      const { atMs, what } = found;
      if (what.session !== undefined) {
        void play(what.session, what.again, atMs);
        continue;
      }
      nextArrival(atMs);
      sessions += 1;
      const user = population.user(population.nextNth());
      void play(begin(user, dice, deps.image()), undefined, atMs);
    }
  };
  nextArrival(performance.now());
  const timer = setInterval(tick, TICK_MS);
  return {
    load: () => load,
    setLoad: (asked) => void (load = asked),
    restart: () => {
      tally = newTally();
      sinceMs = performance.now();
      sessions = 0;
    },
    report: () =>
      tally.report({
        elapsedMs: performance.now() - sinceMs,
        distinctUsers: population.distinct(),
        registeredUsers: population.size,
        sessions,
        compression: load.compression,
      }),
    close: async () => {
      clearInterval(timer);
      await Promise.all(doors.map(({ pool }) => pool.destroy()));
    },
  };
};

const ARRIVAL: Due = { session: undefined, again: undefined };

/** The clock on France's walls, near enough for a curve: its winter time. */
const local = (): number => Date.now() + WINTER_MS;

type Door = { readonly region: string; readonly pool: Pool };
type Asked = { readonly outcome: Outcome; readonly answer: unknown };

const ask = async (
  { sessionKey }: RunDeps,
  doors: readonly Door[],
  user: User,
  call: Call,
): Promise<Asked> => {
  const door = doors[user.department.isSouthern ? doors.length - 1 : 0]!;
  const sign = (text: string): string =>
    createHmac("sha256", sessionKey).update(text).digest("base64url");
  try {
    const { statusCode, body } = await door.pool.request({
      method: call.method,
      path: call.path,
      headers: {
        authorization: `Bearer ${tokenOf({ nowMs: Date.now(), sign }, user, door.region)}`,
        "x-channel": user.channel,
        ...(call.body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      headersTimeout: CALL_TIMEOUT_MS,
      bodyTimeout: CALL_TIMEOUT_MS,
    });
    const outcome = outcomeOf(statusCode);
    if (call.isTold !== true || outcome !== "ok") {
      await body.dump({ limit: MAX_BODY_BYTES });
      return { outcome, answer: undefined };
    }
    return { outcome, answer: await body.json() };
  } catch {
    return { outcome: "failed", answer: undefined };
  }
};

const BAD_REQUEST = 400;
const TOO_MANY = 429;
const SERVER_FAULT = 500;
const UNAVAILABLE = 503;

/** What the platform turns away on purpose is refused; what it breaks is failed. */
const outcomeOf = (status: number): Outcome => {
  if (status === TOO_MANY || status === UNAVAILABLE) return "refused";
  if (status >= SERVER_FAULT) return "failed";
  // A booking that somebody else has got meanwhile is an answer like another.
  return status >= BAD_REQUEST && status !== 404 && status !== 409 && status !== 422
    ? "failed"
    : "ok";
};
