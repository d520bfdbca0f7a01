/**
 * The worker thread that owns the telemetry engine: decoding, the recent window, PromQL, batches.
 *
 * Shape:  started by signals.ts with a `SignalWorkerData`; answers the functions of `Signals` and
 *         says "advance" when samples came in. "ready" is said once the log is open.
 * Errors: a log that cannot be opened, or that breaks, ends the thread with the reason.
 */
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { openStore } from "../io/clickhouse/client.ts";
import { systemClock } from "../io/clock.ts";
import { nodeDisk } from "../io/disk/adapters/node-disk.ts";
import { faultCode } from "../io/disk/disk.ts";
import { jsonLog, type LogLevel } from "../io/log/json-log.ts";
import { openSegmentLog } from "../io/log/segment-log.ts";
import { newInflate } from "../io/inflate.ts";
import { openDb } from "../io/postgres/db.ts";
import { Moved, serve } from "../io/rpc.ts";
import type { Ask } from "../watch/signal/prometheus/parameters.ts";
import type { CardinalityLimits } from "../watch/intake/cardinality.ts";
import { openSignals } from "../watch/signal/signal.flow.ts";

export type SignalWorkerData = {
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly clickhouseUrl: string;
  readonly logLevel: LogLevel;
  readonly seriesLimits: CardinalityLimits;
};

const MAX_LOG_BYTES = 2 * 1024 * 1024 * 1024;
const NAME_FILE = "name";

const main = async (data: SignalWorkerData): Promise<void> => {
  const log = jsonLog("signal", { level: data.logLevel });
  const bodyLog = await openSegmentLog({
    dir: path.join(data.dataDir, "log"),
    maxBytes: MAX_LOG_BYTES,
  });
  const db = openDb({
    connectionString: data.databaseUrl,
    name: "novaevo-signal",
    max: 2,
    onIdleFault: (fault) => log.warn("a database connection was lost", { fault }),
  });
  const store = openStore({ url: data.clickhouseUrl });
  const signals = await openSignals({
    clock: systemClock,
    sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }).catch(() => undefined),
    ...{ db, store, log: bodyLog, seriesLimits: data.seriesLimits },
    logName: await nameOfLog(path.join(data.dataDir, "log")),
    inflate: newInflate(),
    say: (message, fields) => log.info(message, fields),
    broken: (why) =>
      void setImmediate(() => {
        throw new Error(why);
      }),
  });
  const { onAdvance, close, ...functions } = signals;
  const { emit } = serve(parentPort!, {
    ...functions,
    prometheus: async (ask: Ask, signal: AbortSignal) => {
      const reply = await functions.prometheus(ask, signal);
      return new Moved(reply, [reply.body.buffer]);
    },
    close: async () => {
      await close();
      await Promise.all([db.close(), store.close()]);
      // Nothing is left to answer: the thread ends by itself.
      parentPort!.unref();
    },
  });
  onAdvance(() => emit("advance"));
  emit("ready");
};

/** A log that was lost and begun anew has another name, so no number is taken for an old one. */
const nameOfLog = async (dir: string): Promise<string> => {
  const file = path.join(dir, NAME_FILE);
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (fault) {
    if (faultCode(fault) !== "ENOENT") throw fault;
  }
  const name = randomUUID();
  await writeFile(`${file}.new`, name, { flush: true, mode: 0o600 });
  await nodeDisk.rename(`${file}.new`, file);
  await nodeDisk.syncDir(dir);
  return name;
};

await main(workerData as SignalWorkerData);
