/**
 * A control door over HTTP: state, orders, events.
 *
 * Errors: an ActuatorFault: what the door refuses by its code, what it does not answer in time, or
 *         answers in other words than ours, as `unavailable`.
 */
import * as z from "zod";
import { controlEvents, orderAnswer, type ControlEvents } from "../../control/messages.ts";
import { ActuatorFault, type FaultCode } from "../port.ts";

export type ControlDoor = {
  readonly url: string;
  readonly state: <T>(schema: z.ZodType<T>) => Promise<T>;
  readonly order: (body: unknown) => Promise<z.infer<typeof orderAnswer>>;
  /** Waits at the door until there is an event after `after`, or the time is over. */
  readonly events: (after: number, waitMs: number, stop: AbortSignal) => Promise<ControlEvents>;
};

const STATE_MS = 2_000;
const ORDER_MS = 5_000;
/** On top of what the door itself waits. */
const SLACK_MS = 3_000;
const MAX_ANSWER_CHARS = 4 * 1024 * 1024;

const refusal = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const CODES: Readonly<Record<string, FaultCode>> = {
  unknown_target: "unknown_target",
  not_found: "unknown_target",
  out_of_bounds: "out_of_bounds",
  bad_request: "out_of_bounds",
  stale_epoch: "stale_epoch",
  conflict: "conflict",
};

export const openControlDoor = (settings: {
  readonly url: string;
  readonly token: string;
}): ControlDoor => {
  const { url, token } = settings;
  const call = async <T>(
    schema: z.ZodType<T>,
    path: string,
    limitMs: number,
    more: { readonly body?: unknown; readonly stop?: AbortSignal } = {},
  ): Promise<T> => {
    const limit = AbortSignal.timeout(limitMs);
    const { body, stop } = more;
    try {
      const response = await fetch(new URL(path, url), {
        method: body === undefined ? "GET" : "POST",
        redirect: "error",
        signal: stop === undefined ? limit : AbortSignal.any([limit, stop]),
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (text.length > MAX_ANSWER_CHARS) {
        throw new ActuatorFault("unavailable", `${url}: its answer is too long`);
      }
      if (!response.ok) throw refused(url, response.status, text);
      return parsed(schema, url, text);
    } catch (fault) {
      if (fault instanceof ActuatorFault) throw fault;
      const why = fault instanceof Error && fault.cause !== undefined ? fault.cause : fault;
      const said = why instanceof Error ? why.message : String(why);
      throw new ActuatorFault("unavailable", `${url} does not answer: ${said}`, { cause: fault });
    }
  };
  return {
    url,
    state: (schema) => call(schema, "/control/state", STATE_MS),
    order: (body) => call(orderAnswer, "/control/orders", ORDER_MS, { body }),
    events: (after, waitMs, stop) =>
      call(controlEvents, `/control/events?after=${after}&waitMs=${waitMs}`, waitMs + SLACK_MS, {
        stop,
      }),
  };
};

const parsed = <T>(schema: z.ZodType<T>, url: string, text: string): T => {
  const value: unknown = JSON.parse(text);
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  const where = issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
  throw new ActuatorFault(
    "unavailable",
    `${url} answers as no control door this one knows: ${where}`,
  );
};

const refused = (url: string, status: number, text: string): ActuatorFault => {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    said = undefined;
  }
  const found = refusal.safeParse(said);
  if (!found.success) return new ActuatorFault("unavailable", `${url} answers HTTP ${status}`);
  const { code, message } = found.data.error;
  return new ActuatorFault(CODES[code] ?? "unavailable", message);
};
