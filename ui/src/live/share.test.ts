import { expect, test } from "vitest";
import { shareStream, type Channel } from "./share.ts";
import type { StreamHandlers } from "./connect.ts";
import type { SseEvent } from "./sse.ts";

/** A browser: one lock, one channel between tabs that never echoes to its sender. */
const browser = () => {
  const channels = new Map<Channel, ((event: MessageEvent) => void)[]>();
  const openChannel = (): Channel => {
    const own: ((event: MessageEvent) => void)[] = [];
    const channel: Channel = {
      addEventListener: (_, listener) => own.push(listener),
      close: () => channels.delete(channel),
      postMessage: (data) => {
        for (const [other, listeners] of channels) {
          if (other === channel) continue;
          for (const listener of listeners) listener({ data } as MessageEvent);
        }
      },
    };
    channels.set(channel, own);
    return channel;
  };
  const waiting: (() => void)[] = [];
  let held = false;
  const next = (): void => {
    held = false;
    waiting.shift()?.();
  };
  const request = (_name: string, _options: unknown, work: () => Promise<void>) => {
    const run = (): void => {
      held = true;
      void work().finally(next);
    };
    if (held) waiting.push(run);
    else run();
    return Promise.resolve();
  };
  return { openChannel, locks: { request } as unknown as LockManager };
};

const tab = (shared: Partial<ReturnType<typeof browser>>) => {
  const seen: string[] = [];
  let beats = 0;
  const connections: StreamHandlers[] = [];
  const over = new AbortController();
  shareStream(
    {
      locks: shared.locks,
      openChannel: shared.openChannel,
      connect: (handlers, signal) => {
        connections.push(handlers);
        return new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve());
        });
      },
    },
    {
      onEvent: ({ type, id }) => seen.push(`${type} ${id}`),
      onBeat: () => beats++,
      onSignedOut: () => seen.push("signed out"),
    },
    over.signal,
  );
  return { seen, connections, beats: () => beats, close: () => over.abort() };
};

const event = (id: string, type = "kpis"): SseEvent => ({ id, type, data: "{}" });

test("two tabs share one connection and both hear it", () => {
  const shared = browser();
  const [first, second] = [tab(shared), tab(shared)];
  expect([first.connections.length, second.connections.length]).toEqual([1, 0]);
  first.connections[0]?.onEvent(event("r:1"));
  first.connections[0]?.onBeat();
  expect([first.seen, second.seen]).toEqual([["kpis r:1"], ["kpis r:1"]]);
  expect([first.beats(), second.beats()]).toEqual([1, 1]);
});

test("when the leading tab closes, the next resumes after the last frame it heard", async () => {
  const shared = browser();
  const [first, second] = [tab(shared), tab(shared)];
  first.connections[0]?.onEvent(event("r:7"));
  first.close();
  await expect.poll(() => second.connections.length).toBe(1);
  expect(second.connections[0]?.lastId()).toBe("r:7");
});

test("a frame that comes twice is heard once; after a resync the count starts again", () => {
  const only = tab({});
  const [connection] = only.connections;
  for (const id of ["r:1", "r:2", "r:2", "r:1"]) connection?.onEvent(event(id));
  connection?.onEvent(event("", "resync"));
  connection?.onEvent(event("s:1"));
  expect(only.seen).toEqual(["kpis r:1", "kpis r:2", "resync ", "kpis s:1"]);
});

test("without locks or channels each tab reads its own stream", () => {
  expect([tab({}).connections.length, tab({}).connections.length]).toEqual([1, 1]);
});
