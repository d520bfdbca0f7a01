/**
 * The waiting room at the door: who may pass, and what who waits is told.
 *
 * Shape:  a session is known by its token's subject, anybody else by a signed place in a cookie or
 *         a header. Critical routes never wait. Browsers get the page, others JSON; both 503 with
 *         Retry-After, so that no cache takes a queue for an answer.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Said } from "./headers.ts";
import { replyBody, REPLIES, retryAfter } from "./replies.ts";
import type { Session } from "./session-token.ts";
import type { Tier } from "./turns.ts";
import { languageOf, pagePolicy, pollMsOf, waitingPage } from "./waiting-page.ts";
import { readTicket, writeTicket } from "./waiting-room.ts";
import type { Arrival, TicketDeps, WaitingRoom } from "./waiting-room.ts";

export const STATUS_PATH = "/waiting-room/status";
const COOKIE = "novaevo_place";
const COOKIE_S = 7_200;
const NONCE_BYTES = 16;
const KEY_BYTES = 12;

export type Visit = {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly said: Said;
  readonly session: Session | undefined;
  readonly tier: Tier;
};
export type RoomDoor = {
  /** False: it was answered, and waits. */
  readonly passes: (visit: Visit, nowMs: number) => boolean;
  readonly status: (visit: Visit, nowMs: number) => void;
};

export const signer = (key: Buffer): TicketDeps => ({
  sign: (text) => createHmac("sha256", key).update(text).digest("base64url"),
  isSame: (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b)),
  encode: (text) => Buffer.from(text, "utf8").toString("base64url"),
  decode: (text) => Buffer.from(text, "base64url").toString("utf8"),
});

export const newRoomDoor = (room: WaitingRoom, sign: TicketDeps): RoomDoor => {
  const arrive = ({ said, session, tier }: Visit, nowMs: number) => {
    const shown = said.ticket ?? cookieOf(said.cookie);
    const ticket = shown === undefined ? undefined : readTicket(sign, shown);
    const key =
      session?.sub ?? ticket?.key ?? `anonymous:${randomBytes(KEY_BYTES).toString("hex")}`;
    // A place is its owner's: not one that somebody else was given.
    const place = ticket?.key === key ? ticket : undefined;
    const arrival = room.arrive(key, place?.tier ?? tier, place?.place, nowMs);
    return { key, arrival, hadTicket: place !== undefined };
  };
  const give = (res: ServerResponse, ticket: string): void => {
    res.setHeader(
      "set-cookie",
      `${COOKIE}=${ticket}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${COOKIE_S}`,
    );
  };
  return {
    passes: (visit, nowMs) => {
      if (!room.isOn()) {
        if (visit.session !== undefined)
          room.arrive(visit.session.sub, visit.tier, undefined, nowMs);
        return true;
      }
      const { key, arrival, hadTicket } = arrive(visit, nowMs);
      if (arrival.is === "in") {
        if (visit.session === undefined && !hadTicket)
          give(visit.res, writeTicket(sign, { key, tier: visit.tier, place: nowMs }));
        return true;
      }
      if (arrival.is === "waiting") give(visit.res, writeTicket(sign, arrival.ticket));
      tell(visit, arrival, sign);
      return false;
    },
    status: (visit, nowMs) => {
      const { arrival } = arrive(visit, nowMs);
      if (arrival.is === "waiting") give(visit.res, writeTicket(sign, arrival.ticket));
      sendJson(visit.res, 200, statusOf(arrival, sign), undefined);
    },
  };
};

const statusOf = (arrival: Arrival, sign: TicketDeps) => {
  if (arrival.is !== "waiting") return { state: arrival.is };
  const { position, expectedWaitMs } = arrival;
  const ticket = writeTicket(sign, arrival.ticket);
  return { state: "waiting", position, expectedWaitMs, pollMs: pollMsOf(expectedWaitMs), ticket };
};

const tell = (visit: Visit, arrival: Exclude<Arrival, { is: "in" }>, sign: TicketDeps): void => {
  const { res, said, req } = visit;
  if (arrival.is === "full") {
    res.writeHead(503, {
      "content-type": "application/json",
      "retry-after": retryAfter(REPLIES.full.retryAfterMs),
    });
    res.end(replyBody(REPLIES.full));
    return;
  }
  const { position, expectedWaitMs } = arrival;
  const pollMs = pollMsOf(expectedWaitMs);
  const isPage = req.method === "GET" && said.accept.includes("text/html");
  if (!isPage) {
    const error = { code: "waiting_room", message: "many want in: keep the ticket and come again" };
    sendJson(res, 503, { error, waitingRoom: statusOf(arrival, sign) }, pollMs);
    return;
  }
  const nonce = randomBytes(NONCE_BYTES).toString("base64url");
  const language = languageOf(said.language);
  const facts = { language, nonce, statusPath: STATUS_PATH, position, expectedWaitMs, pollMs };
  res.writeHead(503, {
    "content-type": "text/html; charset=utf-8",
    "content-language": language,
    "cache-control": "no-store",
    "content-security-policy": pagePolicy(nonce),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    vary: "accept, accept-language",
    "retry-after": retryAfter(pollMs),
  });
  res.end(waitingPage(facts));
};

const sendJson = (
  res: ServerResponse,
  status: number,
  body: unknown,
  againMs: number | undefined,
): void => {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  const again = againMs === undefined ? {} : { "retry-after": retryAfter(againMs) };
  res.writeHead(status, { ...headers, ...again });
  res.end(JSON.stringify(body));
};

const cookieOf = (cookies: string): string | undefined => {
  for (const one of cookies.split(";")) {
    const [name, value] = one.trim().split("=", 2);
    if (name === COOKIE) return value;
  }
  return undefined;
};
