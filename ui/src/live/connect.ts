/**
 * Keeps one connection to the live stream: reconnects with `Last-Event-ID` and a growing delay.
 *
 * `fetch` and not EventSource: the heartbeats are comments, which EventSource hides, and a page
 * must know within 5 s that it is looking at the past.
 * Errors: none leave; every fault is a reconnection, except 401, which ends it and is reported.
 */
import { PATHS } from "../../../src/contract/paths.ts";
import { createSseParser, type SseEvent } from "./sse.ts";

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 5_000;
/** The server beats every second; a connection this silent is half open. */
const SILENCE_MS = 8_000;

export type StreamHandlers = {
  readonly onEvent: (event: SseEvent) => void;
  /** Bytes arrived: the stream is alive. */
  readonly onBeat: () => void;
  readonly onSignedOut: () => void;
  readonly lastId: () => string | undefined;
};

export const keepConnected = async (
  deps: { readonly fetch: typeof fetch; readonly random: () => number; readonly wake: EventTarget },
  handlers: StreamHandlers,
  signal: AbortSignal,
): Promise<void> => {
  let delayMs = FIRST_DELAY_MS;
  while (!signal.aborted) {
    const end = await readStream(deps.fetch, handlers, signal);
    if (end === "signed out") {
      handlers.onSignedOut();
      return;
    }
    delayMs = end === "was alive" ? FIRST_DELAY_MS : Math.min(MAX_DELAY_MS, delayMs * 2);
    // Jitter, so that a thousand pages do not come back in the same instant.
    await pause(delayMs * (0.5 + deps.random() / 2), deps.wake, signal);
  }
};

type End = "was alive" | "refused" | "signed out";

const readStream = async (
  fetchFn: typeof fetch,
  handlers: StreamHandlers,
  outer: AbortSignal,
): Promise<End> => {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
    handlers.onBeat();
  };
  let end: End = "refused";
  try {
    const lastId = handlers.lastId();
    const response = await fetchFn(PATHS.stream, {
      headers: {
        accept: "text/event-stream",
        ...(lastId === undefined ? {} : { "last-event-id": lastId }),
      },
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.any([outer, silence.signal]),
    });
    if (response.status === 401) return "signed out";
    if (!response.ok || response.body === null) return "refused";
    const parser = createSseParser(handlers.onEvent);
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return end;
      end = "was alive";
      alive();
      parser.feed(decoder.decode(value, { stream: true }));
    }
  } catch {
    return end;
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
};

/** Waits, but not longer than it takes the network or the reader to come back. */
const pause = (delayMs: number, wake: EventTarget, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      wake.removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    wake.addEventListener("online", done, { once: true });
    signal.addEventListener("abort", done, { once: true });
  });
