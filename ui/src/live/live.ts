/**
 * The page's live data: loads each topic alone, then follows the stream.
 *
 * Shape:  an external store for React: `subscribe`, and snapshots that change only when they do.
 * Units:  ms on the page's monotonic clock, except `serverNowMs`, which is the server's clock.
 * Errors: a topic's fault stays in its slot; the others go on.
 */
import type { PathName } from "../../../src/contract/paths.ts";
import type { Api } from "../api/client.ts";
import type { Listener } from "./share.ts";
import type { SseEvent } from "./sse.ts";
import {
  change,
  emptySlots,
  isTopic,
  TOPICS,
  type Change,
  type Slots,
  type Topic,
} from "./state.ts";

/** Silence after which the page shows its data as old. */
export const STALE_MS = 5_000;
const TICK_MS = 1_000;
const MAX_ALERTS = 200;

export type Link = {
  readonly silentMs: number;
  readonly stale: boolean;
  readonly everHeard: boolean;
};

export type Live = {
  readonly subscribe: (listener: () => void) => () => void;
  readonly slots: () => Slots;
  readonly link: () => Link;
  readonly load: (topic: Topic) => Promise<void>;
  /** Ends everything: the stream, the lock, the clock. */
  readonly stop: () => void;
};

export type LiveDeps = {
  readonly api: Api;
  readonly monotonicMs: () => number;
  readonly follow: (listener: Listener, signal: AbortSignal) => void;
  readonly onSignedOut: () => void;
};

export const startLive = (deps: LiveDeps): Live => {
  const { monotonicMs } = deps;
  const listeners = new Set<() => void>();
  const over = new AbortController();
  const bornMs = monotonicMs();
  let heardMs: number | undefined;
  let slots = emptySlots;
  let link: Link = { silentMs: 0, stale: false, everHeard: false };

  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const apply = (event: Change): void => {
    const next = change(slots, event);
    if (next === slots) return;
    slots = next;
    tell();
  };
  const measure = (): void => {
    const silentMs = Math.floor((monotonicMs() - (heardMs ?? bornMs)) / TICK_MS) * TICK_MS;
    const stale = silentMs >= STALE_MS;
    const everHeard = heardMs !== undefined;
    if (silentMs === link.silentMs && stale === link.stale && everHeard === link.everHeard) return;
    link = { silentMs, stale, everHeard };
    tell();
  };

  const load = async (topic: Topic): Promise<void> => {
    apply({ kind: "asked", topic });
    const framesWhenAsked = slots[topic].frames;
    const query = topic === "alerts" ? { state: "firing", limit: MAX_ALERTS } : {};
    const path: PathName = topic;
    const answer = await deps.api.get(path, { query, signal: over.signal });
    if (over.signal.aborted) return;
    const nowMs = monotonicMs();
    if (!answer.ok) apply({ kind: "failed", topic, fault: answer.fault });
    else apply({ kind: "answered", topic, data: answer.value, framesWhenAsked, nowMs });
  };
  const loadAll = (): void => {
    for (const topic of TOPICS) void load(topic);
  };

  const onEvent = ({ type, data }: SseEvent): void => {
    if (type === "resync") return loadAll();
    if (!isTopic(type)) return;
    const value = parseJson(data);
    if (value === undefined) return void load(type);
    apply({ kind: "frame", topic: type, data: value, nowMs: monotonicMs() });
  };
  const onBeat = (): void => {
    heardMs = monotonicMs();
    measure();
  };

  loadAll();
  deps.follow({ onEvent, onBeat, onSignedOut: deps.onSignedOut }, over.signal);
  const timer = setInterval(measure, TICK_MS / 2);
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    slots: () => slots,
    link: () => link,
    load,
    stop: () => {
      clearInterval(timer);
      over.abort();
    },
  };
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};
