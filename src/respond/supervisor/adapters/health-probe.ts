/**
 * Asks an instance how it is: /readyz, and /healthz where that is in doubt.
 *
 * Units:  ms; an answer of more than `MAX_BYTES` is read no further.
 * Errors: none; silence is an answer.
 */
import { Agent, request } from "node:http";
import type { Answer } from "../instance.ts";

export type HealthProbe = {
  /** `isInDoubt`: it did not answer before, so /healthz is asked at the same time. */
  readonly ask: (url: string, isInDoubt: boolean) => Promise<Answer>;
  readonly close: () => void;
};

export const PROBE_TIMEOUT_MS = 1_000;
const MAX_BYTES = 4_096;
const MAX_WHY = 200;
const OK = 200;

type Heard =
  | { readonly status: number; readonly text: string }
  | { readonly status: null; readonly why: string };

export const healthProbe = (): HealthProbe => {
  const agent = new Agent({ keepAlive: true, maxSockets: 2, maxFreeSockets: 1 });
  return {
    ask: async (url, isInDoubt) => {
      const [ready, alive] = await Promise.all([
        heard(agent, `${url}/readyz`),
        isInDoubt ? heard(agent, `${url}/healthz`) : null,
      ]);
      const isAlive = alive === null ? null : alive.status !== null;
      if (ready.status === null) return { ready: "silent", isAlive, why: `/readyz: ${ready.why}` };
      if (ready.status === OK) return { ready: "yes", isAlive, why: "" };
      return { ready: "no", isAlive, why: whyOf(ready.status, ready.text) };
    },
    close: () => agent.destroy(),
  };
};

const heard = (agent: Agent, url: string): Promise<Heard> =>
  new Promise((resolve) => {
    const asked = request(url, { agent, method: "GET" }, (response) => {
      const { statusCode: status = 0 } = response;
      let text = "";
      const done = (): void => resolve({ status, text });
      response.setEncoding("utf8");
      response.on("data", (more: string) => {
        if (text.length < MAX_BYTES) text += more;
        else asked.destroy();
      });
      response.once("end", done);
      response.once("close", done);
      response.once("error", done);
    });
    // Of the whole, not of a pause between two bytes.
    const timer = setTimeout(
      () => asked.destroy(new Error(`no answer within ${PROBE_TIMEOUT_MS} ms`)),
      PROBE_TIMEOUT_MS,
    );
    asked.once("close", () => clearTimeout(timer));
    asked.once("error", (fault) => resolve({ status: null, why: fault.message }));
    asked.end();
  });

const whyOf = (status: number, text: string): string => {
  try {
    const said: unknown = JSON.parse(text);
    if (typeof said === "object" && said !== null && "why" in said) {
      return `/readyz ${status}: ${String(said.why).slice(0, MAX_WHY)}`;
    }
  } catch {
    // Its own words are no JSON; the status has to do.
  }
  return `/readyz ${status}`;
};
