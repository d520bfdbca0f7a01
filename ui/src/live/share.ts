/**
 * One stream per browser: the tab that holds a Web Lock reads it and repeats it to the others.
 *
 * HTTP/1.1 allows six connections per origin, so a stream per tab would hang the seventh.
 * Where locks or channels are missing, each tab reads its own stream.
 */
import { isRepeat } from "./state.ts";
import type { StreamHandlers } from "./connect.ts";
import type { SseEvent } from "./sse.ts";

const NAME = "novaevo-live";

type Message =
  | { readonly kind: "event"; readonly event: SseEvent }
  | { readonly kind: "beat" }
  | { readonly kind: "signedOut" };

export type Listener = {
  readonly onEvent: (event: SseEvent) => void;
  readonly onBeat: () => void;
  readonly onSignedOut: () => void;
};

export type Channel = {
  readonly postMessage: (message: unknown) => void;
  readonly addEventListener: (type: "message", listener: (event: MessageEvent) => void) => void;
  readonly close: () => void;
};

export type ShareDeps = {
  readonly locks: Pick<LockManager, "request"> | undefined;
  readonly openChannel: ((name: string) => Channel) | undefined;
  readonly connect: (handlers: StreamHandlers, signal: AbortSignal) => Promise<void>;
};

export const shareStream = (deps: ShareDeps, listener: Listener, signal: AbortSignal): void => {
  let lastId: string | undefined;

  const take = (event: SseEvent): void => {
    if (event.type === "resync") lastId = undefined;
    else if (isRepeat(lastId, event.id)) return;
    else if (event.id !== "") lastId = event.id;
    listener.onEvent(event);
  };

  const lead = (tell: (message: Message) => void): Promise<void> =>
    deps.connect(
      {
        lastId: () => lastId,
        onEvent: (event) => {
          take(event);
          tell({ kind: "event", event });
        },
        onBeat: () => {
          listener.onBeat();
          tell({ kind: "beat" });
        },
        onSignedOut: () => {
          listener.onSignedOut();
          tell({ kind: "signedOut" });
        },
      },
      signal,
    );

  const { locks, openChannel } = deps;
  if (locks === undefined || openChannel === undefined) {
    void lead(() => undefined);
    return;
  }
  const channel = openChannel(NAME);
  channel.addEventListener("message", ({ data }) => {
    const message = data as Message;
    if (message.kind === "event") take(message.event);
    else if (message.kind === "beat") listener.onBeat();
    else listener.onSignedOut();
  });
  signal.addEventListener("abort", () => channel.close(), { once: true });
  // Rejects only when this tab gives up waiting for the lock.
  // A channel has no target origin: it is this origin's own.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  const tell = (message: Message): void => channel.postMessage(message);
  locks.request(NAME, { signal }, () => lead(tell)).catch(() => undefined);
};
