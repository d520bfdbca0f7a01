/**
 * A service as a process: parsed environment, one port on loopback, `{"ready":true,"port":n}` on
 * stdout, a drain at the end.
 *
 * Shape:  SIGTERM, SIGINT or the end of stdin drain: /readyz says 503 at once, no new connection is
 *         taken, what runs is finished (at most 5 s), telemetry is flushed, exit code 0.
 * Errors: a wrong environment is one line on stderr and exit code 2 (starting it again would not
 *         help); what breaks later is 1.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { jsonLog, type Log } from "../../src/io/log/json-log.ts";
import { openCalls } from "./call.ts";
import { openDatabase } from "./database.ts";
import { parseEnv, type FleetEnv } from "./env.ts";
import { loadByFaults } from "./fault-load.ts";
import { diskFull, newFaults } from "./faults.ts";
import { buildServer } from "./server.routes.ts";
import type { Frame, Service } from "./service.ts";
import { startTelemetry } from "./telemetry.ts";

const DRAIN_WITHIN_MS = 5_000;
/** After the drain: the flush of telemetry and the closing of pools. */
const END_WITHIN_MS = 9_000;
const EXIT_MISCONFIGURED = 2;

export type Running = { readonly port: number; readonly stop: () => Promise<void> };

export const runService = async (
  service: Service,
  env: FleetEnv,
  log: Log,
  options: { readonly checkAnswers?: boolean; readonly dice?: () => number } = {},
): Promise<Running> => {
  let draining = false;
  const faults = newFaults({
    nowMs: Date.now,
    dice: options.dice ?? Math.random,
    version: env.version,
  });
  const load = loadByFaults(faults);
  const telemetry = startTelemetry(env);
  const calls = openCalls({ env, faults, telemetry });
  const frame: Frame = {
    ...{ env, log, faults, meter: telemetry.meter, call: calls.call, nowMs: Date.now },
    database: (ddl, { max } = {}) => {
      if (env.databaseUrl === undefined) throw new Error("FLEET_DATABASE_URL: is not set");
      const of = { service: service.id, instance: env.instance, url: env.databaseUrl, ddl };
      return openDatabase({ faults, log }, max === undefined ? of : { ...of, max });
    },
    beforeWrite: (path) => {
      if (faults.diskIsFull()) throw diskFull(path);
    },
  };
  const opened = await service.open(frame);
  const app = buildServer(
    {
      ...{ env, log, faults, telemetry, isDraining: () => draining },
      checkAnswers: options.checkAnswers ?? false,
    },
    service,
    opened.routes,
    opened.checks ?? {},
  );
  await app.listen({ host: "127.0.0.1", port: env.port });
  return {
    port: (app.server.address() as AddressInfo).port,
    stop: async () => {
      draining = true;
      const idle = once(app.server, "close");
      app.server.close();
      await Promise.race([idle, sleep(DRAIN_WITHIN_MS, undefined, { ref: false })]);
      app.server.closeAllConnections();
      await app.close();
      load.stop();
      await opened.close?.();
      await calls.close();
      await telemetry.close();
    },
  };
};

/** A second one of the same program is told apart by what follows: `registry-alt`. */
const isNamed = (name: string, id: string): boolean => name === id || name.startsWith(`${id}-`);

export const startService = async (service: Service): Promise<void> => {
  const parsed = parseEnv(process.env);
  const log = jsonLog(service.id).with({ instance: process.env["FLEET_INSTANCE"] ?? "" });
  if (!parsed.ok || !isNamed(parsed.value.service, service.id)) {
    const why = parsed.ok ? `FLEET_SERVICE: this program is ${service.id}` : parsed.error;
    log.error(why);
    process.stdout.write(`${JSON.stringify({ refused: why })}\n`);
    process.exitCode = EXIT_MISCONFIGURED;
    return;
  }
  try {
    const running = await runService(service, parsed.value, log);
    let stopping = false;
    const stop = (why: string): void => {
      if (stopping) return;
      stopping = true;
      log.info("draining", { why });
      setTimeout(() => process.exit(1), END_WITHIN_MS).unref();
      void running.stop().then(
        () => process.exit(0),
        (fault: unknown) => {
          log.error("the end was not clean", { fault });
          process.exit(1);
        },
      );
    };
    process.on("SIGTERM", () => stop("SIGTERM"));
    process.on("SIGINT", () => stop("SIGINT"));
    process.stdin.on("end", () => stop("the parent is gone"));
    process.stdin.on("error", () => stop("the parent is gone"));
    process.stdin.resume();
    process.stdout.write(`${JSON.stringify({ ready: true, port: running.port })}\n`);
    log.info("ready", { port: running.port, pid: process.pid, version: parsed.value.version });
  } catch (fault) {
    log.error("the service did not start", { fault });
    process.exit(1);
  }
};
