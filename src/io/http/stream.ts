/**
 * Live updates over SSE: every frame has an id, a client that was away resumes after its last one.
 *
 * Shape:  `publish(type, data)` → each client; a ring of the latest frames for `Last-Event-ID`.
 * Errors: a client that reads too slowly is cut (it will come back and resume), never buffered for
 *         ever; one whose position is no longer held gets `resync`, and loads again.
 */
import type { ServerResponse } from "node:http";
import type { StreamEvent } from "../../contract/ops.ts";
import type { HubMetrics } from "./metrics.ts";

const MAX_CLIENTS = 500;
const MAX_UNREAD_BYTES = 1024 * 1024;
const RING_FRAMES = 512;
const HEARTBEAT_MS = 1_000;

type Frame = { readonly id: number; readonly type: string; readonly text: string };
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
  const ring: Frame[] = [];
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
    if (lastEventId === undefined || lastEventId === "") {
      return [...latest.values()].map(({ text }) => text);
    }
    const [itsRun, number] = lastEventId.split(":");
    const after = Number(number);
    const oldest = ring[0]?.id ?? nextId;
    if (itsRun !== run || !Number.isSafeInteger(after) || after + 1 < oldest) {
      const reason = itsRun === run ? "position no longer held" : "the hub was restarted";
      const resync = `event: resync\ndata: ${JSON.stringify({ reason })}\n\n`;
      return [resync, ...[...latest.values()].map(({ text }) => text)];
    }
    return ring.filter(({ id }) => id > after).map(({ text }) => text);
  };

  return {
    publish: ({ type, data }) => {
      const id = nextId++;
      const text = `id: ${run}:${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
      const frame = { id, type, text };
      latest.set(type, frame);
      ring.push(frame);
      if (ring.length > RING_FRAMES) ring.shift();
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
