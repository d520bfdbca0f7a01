/**
 * Which instances there are: follows the supervisor's state, and keeps the last when it is away.
 *
 * Shape:  one long poll after the other; after a fault it waits, twice as long each time. A list is
 *         taken whole or not at all.
 * Units:  ms; bytes.
 * Errors: none to the caller; `say` hears when the supervisor goes away and comes back.
 */
import { request } from "undici";
import { MAX_INSTANCES, supervisorState } from "../control/messages.ts";
import type { Instance } from "../control/messages.ts";

const WAIT_MS = 20_000;
const ANSWER_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2_000;
/** An instance is about 500 bytes. */
const MAX_STATE_BYTES = MAX_INSTANCES * 4_096;

export type Discovery = { readonly stop: () => Promise<void> };

export const followSupervisor = (
  deps: {
    readonly url: string;
    readonly token: () => string;
    readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
    readonly random: () => number;
    readonly say: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  },
  onList: (instances: readonly Instance[]) => void,
): Discovery => {
  const stopped = new AbortController();
  const { signal } = stopped;
  const ask = async (after: number | undefined) => {
    const query = after === undefined ? "" : `?after=${after}&waitMs=${WAIT_MS}`;
    const { statusCode, body } = await request(`${deps.url}/control/state${query}`, {
      headers: { authorization: `Bearer ${deps.token()}` },
      signal,
      headersTimeout: WAIT_MS + ANSWER_MS,
      bodyTimeout: ANSWER_MS,
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body) {
      bytes += (chunk as Buffer).length;
      if (bytes > MAX_STATE_BYTES) throw new Error(`the state is over ${MAX_STATE_BYTES} bytes`);
      chunks.push(chunk as Buffer);
    }
    if (statusCode !== 200) throw new Error(`the supervisor answered ${statusCode}`);
    return supervisorState.parse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
  };
  const follow = async (): Promise<void> => {
    let after: number | undefined;
    let pauseMs = FIRST_PAUSE_MS;
    let isAway = false;
    while (!signal.aborted) {
      try {
        const state = await ask(after);
        // A revision of before is another supervisor's: its list counts as well.
        if (state.revision !== after) onList(state.instances);
        // One that does not wait must not be asked without a pause.
        else await deps.sleep(FIRST_PAUSE_MS, signal);
        after = state.revision;
        if (isAway) deps.say("the supervisor is back", {});
        isAway = false;
        pauseMs = FIRST_PAUSE_MS;
      } catch (fault) {
        if (signal.aborted) return;
        if (!isAway)
          deps.say("the supervisor is away, the last list stays", { why: String(fault) });
        isAway = true;
        // Whoever answers next may count from the beginning.
        after = undefined;
        await deps.sleep(pauseMs * (0.5 + deps.random() / 2), signal);
        pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
      }
    }
  };
  const done = follow();
  return {
    stop: () => {
      stopped.abort();
      return done;
    },
  };
};
