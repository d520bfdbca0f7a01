/** Targets that answer as the test says, down to the socket. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTcp, type AddressInfo, type Socket } from "node:net";
import type { Collector } from "../../src/watch/collect/collector.ts";
import type { Sample } from "../../src/watch/collect/series.ts";

export type Target = {
  readonly port: number;
  readonly url: string;
  /** How many were ever opened. */
  readonly connections: () => number;
  readonly close: () => Promise<void>;
};

export const httpTarget = async (listener: RequestListener): Promise<Target> => {
  let connections = 0;
  const server = createServer(listener).on("connection", () => (connections += 1));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}/metrics`,
    connections: () => connections,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
};

export const tcpTarget = async (accept: (socket: Socket) => void): Promise<Target> => {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createTcp((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    accept(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}/metrics`,
    connections: () => connections,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};

/** A port where nobody listens: one that was just given back. */
export const closedPort = async (): Promise<number> => {
  const target = await tcpTarget(() => undefined);
  await target.close();
  return target.port;
};

export type Seen = {
  readonly why: string | undefined;
  /** Metric name → value; labels left out. */
  readonly values: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
};

/** One look, as the agent's loop takes it. */
export const lookAt = async (
  collector: Collector,
  signal: AbortSignal = new AbortController().signal,
): Promise<Seen> => {
  const startedMs = performance.now();
  const valuesOf = (samples: readonly Sample[]) =>
    Object.fromEntries(
      samples.map(({ series, value }) => [new Map(series.labels).get("__name__")!, value]),
    );
  try {
    const samples = await collector.collect({ signal });
    return { why: undefined, samples, values: valuesOf(samples) };
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault);
    const elapsedMs = performance.now() - startedMs;
    const samples = collector.failed?.({ elapsedMs, why }) ?? [];
    return { why, samples, values: valuesOf(samples) };
  }
};
