/**
 * Calls to other services (through the region's gateway) and to partners: one attempt, a deadline,
 * a CLIENT span, the trace and the caller passed on.
 *
 * Shape:  `call({ to: { service: "kbis" }, path: "/kbis/verify", … })`, `to: { partner: "insee" }`.
 *         Every HTTP status is an answer; the caller decides what 404 or 503 means to it.
 * Units:  milliseconds, bytes.
 * Errors: values: `timeout`, `network` (not reached, cut off), `bad_answer` (too large, not JSON),
 *         `no_address` (no gateway, no such partner). Never throws, repeats nothing.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request, type Dispatcher } from "undici";
import { err, ok, type Result } from "../../src/kernel/result.ts";
import type { FleetEnv } from "./env.ts";
import { NetworkLost, type Faults } from "./faults.ts";
import type { Caller } from "./route.ts";
import { endSpan, type Telemetry } from "./telemetry.ts";

export type Call = {
  readonly to: { readonly service: string } | { readonly partner: string };
  readonly path: string;
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** On whose behalf: request id, channel and session go along, to a partner none of them. */
  readonly caller?: Caller;
};
export type Answered = { readonly status: number; readonly body: unknown };
export type CallFault = {
  readonly code: "timeout" | "network" | "bad_answer" | "no_address";
  readonly message: string;
};
export type CallOut = (call: Call) => Promise<Result<Answered, CallFault>>;
export type Calls = { readonly call: CallOut; readonly close: () => Promise<void> };

const DEFAULT_TIMEOUT_MS = 2_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** To one address. */
const MAX_CONNECTIONS = 32;
const KEEP_ALIVE_MS = 10_000;
/** From here on a CLIENT span is an error, as OpenTelemetry's conventions say. */
const ERROR_FROM = 400;

export const openCalls = (deps: {
  readonly env: FleetEnv;
  readonly faults: Faults;
  readonly telemetry: Telemetry;
}): Calls => {
  const agent = new Agent({ connections: MAX_CONNECTIONS, keepAliveTimeout: KEEP_ALIVE_MS });
  return {
    call: async (call) => {
      const base = addressOf(deps.env, call);
      if (base === undefined)
        return err({ code: "no_address", message: `no address of ${nameOf(call)} is known` });
      const url = new URL(base + call.path);
      const headers = headersOf(call);
      const method = call.method ?? "GET";
      const span = deps.telemetry.beginClient(
        `${method} ${nameOf(call)}`,
        {
          "http.request.method": method,
          "server.address": nameOf(call),
          "peer.service": nameOf(call),
          "url.path": url.pathname,
        },
        headers,
      );
      const answer = await attempt(deps.faults, agent, call, url, headers);
      if (span !== undefined)
        endSpan(span, answer.ok ? answer.value.status : undefined, ERROR_FROM);
      return answer;
    },
    close: () => agent.close(),
  };
};

const nameOf = ({ to }: Call): string => ("service" in to ? to.service : to.partner);

const addressOf = (env: FleetEnv, { to }: Call): string | undefined =>
  "service" in to ? env.gatewayUrl : env.partners[to.partner];

const headersOf = ({ to, caller, body, headers }: Call): Record<string, string> => ({
  ...(body === undefined ? {} : { "content-type": "application/json" }),
  ...(caller === undefined || "partner" in to
    ? {}
    : {
        "x-request-id": caller.requestId,
        "x-channel": caller.channel,
        ...(caller.authorization === null ? {} : { authorization: caller.authorization }),
      }),
  ...headers,
});

const attempt = async (
  faults: Faults,
  agent: Dispatcher,
  call: Call,
  url: URL,
  headers: Readonly<Record<string, string>>,
): Promise<Result<Answered, CallFault>> => {
  const timeoutMs = call.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const lostMs = faults.losesCall("partner" in call.to ? "partner" : "service");
  try {
    if (lostMs !== undefined) {
      await sleep(Math.min(lostMs, timeoutMs));
      throw new NetworkLost(url.host);
    }
    const answer = await request(url, {
      method: call.method ?? "GET",
      headers: { ...headers },
      dispatcher: agent,
      signal: AbortSignal.timeout(timeoutMs),
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    return await read(answer);
  } catch (fault) {
    const said = fault instanceof Error ? fault : new Error(String(fault));
    return said.name === "TimeoutError"
      ? err({ code: "timeout", message: `${nameOf(call)} gave no answer in ${timeoutMs} ms` })
      : err({ code: "network", message: `${nameOf(call)}: ${said.message}` });
  }
};

const read = async (answer: Dispatcher.ResponseData): Promise<Result<Answered, CallFault>> => {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer.body as AsyncIterable<Buffer>) {
    bytes += part.length;
    // Leaving the loop destroys the body, and with it the connection.
    if (bytes > MAX_ANSWER_BYTES)
      return err({ code: "bad_answer", message: `an answer over ${MAX_ANSWER_BYTES} bytes` });
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString("utf8");
  try {
    return ok({ status: answer.statusCode, body: text === "" ? null : JSON.parse(text) });
  } catch {
    return err({ code: "bad_answer", message: `HTTP ${answer.statusCode}, and not JSON` });
  }
};
