/**
 * The hub over HTTP, on one kept-alive connection.
 *
 * A hub that restarts breaks its connections, so a fresh connection is the sign that it may have
 * forgotten something: a batch is not sent on one, the state is asked first.
 *
 * Errors: 400, 413, 415, 422 → poison; 401, 403 → unauthorised; anything else unexpected → retry.
 *         Never throws.
 */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { HubLink, LinkOutcome } from "../hub-link.ts";
import { exchange, type Answer, type Exchange } from "./http-exchange.ts";

const STATE_PATH = "api/agent/v1/state";
const BATCHES_PATH = "api/agent/v1/batches";
const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_WHY = 300;
const BAD_REQUEST = 400;
const POISON = new Set([BAD_REQUEST, 413, 415, 422]);
const UNAUTHORISED = new Set([401, 403]);

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

const parseState = (body: Buffer): LinkOutcome => {
  try {
    const value = JSON.parse(body.toString("utf8")) as { accepted?: unknown; stored?: unknown };
    const { accepted, stored } = value;
    if (isCount(accepted) && isCount(stored)) return { kind: "state", state: { accepted, stored } };
  } catch {
    // Said below: whatever it was, it was not the hub's answer.
  }
  return { kind: "retry", why: "the answer is not the hub's" };
};

const retryAfter = (answer: Answer): { retryAfterMs?: number } => {
  const seconds = Number(answer.headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {};
};

/** What the hub's clock says, where the refusal may be about times. */
const hubTime = ({ status, headers }: Answer): { hubAtMs?: number } => {
  const atMs = Date.parse(String(headers["date"]));
  return status === BAD_REQUEST && Number.isFinite(atMs) ? { hubAtMs: atMs } : {};
};

const outcomeOf = (answer: Answer): LinkOutcome => {
  const { status, body } = answer;
  if (status === 200) return parseState(body);
  const why = `HTTP ${status} ${body.toString("utf8")}`.slice(0, MAX_WHY);
  if (POISON.has(status)) return { kind: "poison", why, ...hubTime(answer) };
  if (UNAUTHORISED.has(status)) return { kind: "unauthorised", why };
  return { kind: "retry", why, ...retryAfter(answer) };
};

/** Marks the way out of a fresh connection. */
class FreshConnection extends Error {
  override readonly name = "FreshConnection";
}

export const hubOverHttp = (options: {
  readonly hubUrl: string;
  /** Asked on every new agreement, so that a rotated token is picked up. */
  readonly token: () => Promise<string>;
}): HubLink => {
  const base = new URL(options.hubUrl.endsWith("/") ? options.hubUrl : `${options.hubUrl}/`);
  const keepAlive = { keepAlive: true, maxSockets: 1 };
  const agent = base.protocol === "https:" ? new HttpsAgent(keepAlive) : new HttpAgent(keepAlive);
  let token = "";
  const ask = async (
    streamId: string,
    request: Omit<Exchange, "timeoutMs" | "maxBytes" | "agent">,
  ): Promise<LinkOutcome> => {
    const identity = { authorization: `Bearer ${token}`, "x-novaevo-agent": streamId };
    const headers = { ...request.headers, ...identity };
    const limits = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_ANSWER_BYTES };
    try {
      return outcomeOf(await exchange({ ...request, ...limits, headers, agent }));
    } catch (fault) {
      return { kind: "retry", why: fault instanceof Error ? fault.message : String(fault) };
    }
  };
  return {
    state: async (streamId, signal) => {
      try {
        token = (await options.token()).trim();
      } catch (fault) {
        // On the first start the agent may be there before the hub has written it.
        return { kind: "retry", why: `the token cannot be read: ${String(fault)}` };
      }
      return ask(streamId, { url: new URL(STATE_PATH, base), signal });
    },
    send: (streamId, { seq, previous, body }, signal) =>
      ask(streamId, {
        url: new URL(BATCHES_PATH, base),
        method: "POST",
        headers: {
          "content-type": "application/x-protobuf",
          "content-encoding": "zstd",
          "x-prometheus-remote-write-version": "0.1.0",
          "x-novaevo-seq": String(seq),
          "x-novaevo-previous": String(previous),
        },
        body,
        signal,
        onConnection: (isReused) => {
          if (!isReused) throw new FreshConnection("the connection to the hub was lost");
        },
      }),
    close: () => agent.destroy(),
  };
};
