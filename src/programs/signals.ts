/**
 * The telemetry engine in its worker thread, as the hub's main thread calls it.
 *
 * Shape:  `startSignals` resolves once the engine acknowledges; queries may answer "unavailable"
 *         for a moment longer.
 * Errors: `onFailed` is told once when the thread ends before it was closed; open calls fail.
 */
import { Worker } from "node:worker_threads";
import { connect } from "../io/rpc.ts";
import { shared } from "../watch/signal/query/shared-calls.ts";
import type { Signals } from "../watch/signal/signals.ts";
import type { SignalWorkerData } from "./signal-worker.ts";

/** The window is outside the heap; what is inside are labels, the index and a batch on its way. */
const HEAP = { maxOldGenerationSizeMb: 768, maxYoungGenerationSizeMb: 32 };

export const startSignals = async (
  data: SignalWorkerData,
  onFailed: (why: string) => void,
): Promise<Signals> => {
  const worker = new Worker(new URL("./signal-worker.ts", import.meta.url), {
    workerData: data,
    resourceLimits: HEAP,
  });
  const ready = Promise.withResolvers<void>();
  const listeners = new Set<() => void>();
  const connection = connect(worker, (event) => {
    if (event === "ready") ready.resolve();
    else for (const listener of listeners) listener();
  });
  let closing = false;
  const failed = (why: string): void => {
    connection.fail(`the signal worker ended: ${why}`);
    ready.reject(new Error(why));
    if (!closing) onFailed(why);
    closing = true;
  };
  worker.once("error", (fault: unknown) =>
    failed(fault instanceof Error ? fault.message : String(fault)),
  );
  worker.once("exit", (code) => failed(`exit code ${code}`));
  await ready.promise;
  const { call, callUnless } = connection;
  return {
    ingest: (source, encoding, body) => {
      // A copy of its own that can be moved: the request's buffer may be part of a larger one.
      const moved = new Uint8Array(body);
      return call("ingest", [source, encoding, moved], [moved.buffer]);
    },
    take: (head, body) => {
      const moved = new Uint8Array(body);
      return call("take", [head, moved], [moved.buffer]);
    },
    agentState: (agentId) => call("agentState", [agentId]),
    queryMany: (questions) => call("queryMany", [questions]),
    queryInstant: shared(JSON.stringify, (question, signal) =>
      callUnless(signal, "queryInstant", [question]),
    ),
    queryRange: shared(JSON.stringify, (question, signal) =>
      callUnless(signal, "queryRange", [question]),
    ),
    prometheus: (ask, signal) => callUnless(signal, "prometheus", [ask]),
    appendReadings: (readings) => call("appendReadings", [readings]),
    readings: (ask) => call("readings", [ask]),
    status: () => call("status", []),
    onAdvance: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: async () => {
      closing = true;
      const gone = new Promise((resolve) => worker.once("exit", resolve));
      await call("close", []);
      await gone;
    },
  };
};
