/**
 * Live updates over SSE: every frame has an id, a client that was away resumes after its last one.
 *
 * Shape:  `publish(type, data)` → each client. A frame is the whole of its type as it is now, so a
 *         client that was away is sent the latest of each type it has not seen, however long it
 *         was.
 * Errors: a client that reads too slowly is cut (it will come back and resume), never buffered for
 *         ever; one that comes with another run's position gets `resync`, and loads again.
 */
import type { ServerResponse } from "node:http";
import type { StreamEvent } from "../../contract/ops.ts";
import type { HubMetrics } from "./metrics.ts";

const MAX_CLIENTS = 500;
const MAX_UNREAD_BYTES = 1024 * 1024;
const HEARTBEAT_MS = 1_000;

type Frame = { readonly id: number; readonly text: string };
type Client = { readonly response: ServerResponse };

export type Stream = {
  readonly publish: (event: StreamEvent) => void;
  /** False when there are too many clients. */
  readonly attach: (response: ServerResponse, lastEventId: string | undefined) => boolean;
  readonly size: () => number;
  readonly close: () => void;
};

/** `run` distinguishes this process from the one before: ids of another run cannot be resumed. */
export const openStream = (run: string, metrics: HubMetrics): Stream => {
  const clients = new Set<Client>();
  const latest = new Map<string, Frame>();
  let nextId = 1;

  const drop = (client: Client): void => {
    clients.delete(client);
    metrics.streamClients.set(clients.size);
  };
  const send = (client: Client, text: string): void => {
    const { response } = client;
    if (response.writableLength > MAX_UNREAD_BYTES) {
      metrics.streamCut.inc();
      drop(client);
      response.destroy();
      return;
    }
    response.write(text);
  };
  const heartbeat = setInterval(() => {
    for (const client of clients) send(client, `: ${Date.now()}\n\n`);
  }, HEARTBEAT_MS);
  heartbeat.unref();

  const backlog = (lastEventId: string | undefined): readonly string[] => {
    const frames = [...latest.values()].toSorted((a, b) => a.id - b.id);
    const texts = frames.map(({ text }) => text);
    if (lastEventId === undefined || lastEventId === "") return texts;
    const [itsRun, number] = lastEventId.split(":");
    const after = Number(number);
    if (itsRun === run && Number.isSafeInteger(after) && after >= 0 && after < nextId) {
      return frames.filter(({ id }) => id > after).map(({ text }) => text);
    }
    const reason = itsRun === run ? "no such position" : "the hub was restarted";
    return [`event: resync\ndata: ${JSON.stringify({ reason })}\n\n`, ...texts];
  };

  return {
    publish: ({ type, data }) => {
      const id = nextId++;
      const text = `id: ${run}:${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
      latest.set(type, { id, text });
      for (const client of clients) send(client, text);
    },
    attach: (response, lastEventId) => {
      if (clients.size >= MAX_CLIENTS) return false;
      const client: Client = { response };
      response.writeHead(200, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      });
      response.on("close", () => drop(client));
      clients.add(client);
      metrics.streamClients.set(clients.size);
      response.write("retry: 1000\n\n");
      for (const text of backlog(lastEventId)) response.write(text);
      return true;
    },
    size: () => clients.size,
    close: () => {
      clearInterval(heartbeat);
      for (const { response } of clients) response.end();
      clients.clear();
    },
  };
};
