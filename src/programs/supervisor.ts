/**
 * `novaevo supervisor`: runs the fleet's processes, in pools by service and region.
 *
 * Shape:  NOVAEVO_SUPERVISOR_CONFIG (supervisor-config.ts), NOVAEVO_LOG. When its control door
 *         answers it writes `{"ready":true,"port":n,"controlPort":n}` on stdout. The end of stdin,
 *         SIGTERM and SIGINT stop it and what it runs; the death of the hub does not.
 * Errors: exit code 2 when its configuration can never work or its folder is in use, 1 otherwise.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { systemClock } from "../io/clock.ts";
import { lockDirectory } from "../io/disk/adapters/directory-lock.ts";
import { DirectoryBusy } from "../io/disk/disk.ts";
import { jsonLog, type Log, type LogLevel } from "../io/log/json-log.ts";
import { EXIT_MISCONFIGURED } from "../io/process/child.ts";
import { onStop } from "../io/process/parent.ts";
import { readSecretFile } from "../io/secret/secret-file.ts";
import { cpuBound } from "../respond/supervisor/adapters/cpu-bound.ts";
import { faultDoor } from "../respond/supervisor/adapters/fault-door.ts";
import { healthProbe } from "../respond/supervisor/adapters/health-probe.ts";
import { endLeftovers, pidFiles } from "../respond/supervisor/adapters/leftovers.ts";
import { notStarted, startProcess } from "../respond/supervisor/adapters/managed-process.ts";
import { controlDoor } from "../respond/supervisor/control.routes.ts";
import type { ServiceSettings } from "../respond/supervisor/desired.ts";
import { openEventFeed } from "../respond/supervisor/event-feed.flow.ts";
import { openFaults } from "../respond/supervisor/faults.flow.ts";
import { supervisorMetrics } from "../respond/supervisor/metrics.flow.ts";
import { openOrderBook } from "../respond/supervisor/order-book.flow.ts";
import type { PlaceDeps } from "../respond/supervisor/place.flow.ts";
import { openScenarios } from "../respond/supervisor/scenarios.flow.ts";
import { startSupervisor } from "../respond/supervisor/supervisor.flow.ts";
import { Refusal } from "./data-dir.ts";
import {
  MIN_MEMORY_BYTES,
  loadSupervisorConfig,
  type SupervisorConfig,
} from "./supervisor-config.ts";

/** Six seconds for what drains, and a little to say goodbye. */
const CLOSE_MS = 9_500;
const MIN_TOKEN_CHARS = 16;
const FAULT_TOKEN_BYTES = 24;
const LEVELS: readonly string[] = ["debug", "info", "warn", "error"] satisfies LogLevel[];

export const runSupervisor = async (): Promise<number> => {
  const level = process.env["NOVAEVO_LOG"] ?? "info";
  const log = jsonLog("supervisor", LEVELS.includes(level) ? { level: level as LogLevel } : {});
  const config = loadSupervisorConfig(process.env);
  if (!config.ok) {
    process.stderr.write(config.error.map((fault) => `novaevo supervisor: ${fault}\n`).join(""));
    return EXIT_MISCONFIGURED;
  }
  try {
    const running = await openSupervisor(config.value, log);
    const asked = new Promise<string>((resolve) => onStop(resolve));
    const { port } = running;
    process.stdout.write(`${JSON.stringify({ ready: true, port, controlPort: port })}\n`);
    const why = await asked;
    log.info("stopping", { why });
    setTimeout(() => process.exit(1), CLOSE_MS).unref();
    await running.close(why);
    return 0;
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault);
    if (fault instanceof Refusal) {
      process.stderr.write(`novaevo supervisor: ${why}\n`);
      return EXIT_MISCONFIGURED;
    }
    log.error("the supervisor cannot run", { why, fault });
    return 1;
  }
};

const openSupervisor = async (config: SupervisorConfig, log: Log) => {
  const { dataDir } = config;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const release = await lockDirectory(dataDir).catch((fault: unknown) => {
    if (!(fault instanceof DirectoryBusy)) throw fault;
    const who = `another supervisor, process ${fault.holderPid}`;
    throw new Refusal(`${dataDir} is in use by ${who}`, { cause: fault });
  });
  const opened: (() => unknown)[] = [release];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.toReversed()) await close();
  };
  try {
    return await openParts(config, log, opened, closeAll);
  } catch (fault) {
    await closeAll();
    throw fault;
  }
};

/** Everything that is opened adds its end to `opened`. */
const openParts = async (
  config: SupervisorConfig,
  log: Log,
  opened: (() => unknown)[],
  closeAll: () => Promise<void>,
) => {
  const { dataDir } = config;
  const onFault = (what: string, fault: unknown): void => log.error(`${what} failed`, { fault });
  const token = await tokenIn(config.tokenFile);
  const otlpToken = config.otlp && (await tokenIn(config.otlp.tokenFile));
  const runDir = path.join(dataDir, "run");
  const ended = await endLeftovers(runDir);
  if (ended.length > 0) log.warn("ended what a former supervisor left running", { ended });
  const pids = pidFiles(runDir, (fault) => onFault("a pid file", fault));
  const book = await openOrderBook(path.join(dataDir, "orders.jsonl"));
  opened.push(book.close);
  const events = await openEventFeed({
    file: path.join(dataDir, "events.jsonl"),
    now: systemClock.now,
    onFault: (fault) => onFault("the journal of events", fault),
  });
  opened.push(events.close);
  const faultToken = config.rehearsal
    ? randomBytes(FAULT_TOKEN_BYTES).toString("base64url")
    : undefined;
  const probe = healthProbe();
  opened.push(probe.close);
  const env = environment(config, { otlpToken, faultToken });
  const supervisor = startSupervisor(
    {
      ...{ clock: systemClock, dice: Math.random, policy: config.policy, book, onFault },
      ...{ probe: probe.ask, cpu: cpuBound(config.cgroupDir), emit: events.emit },
      spawn: spawner(config, env, pids.note),
      onEnd: (place) => pids.forget(place.id),
    },
    config.services.map(settingsOf),
  );
  const breaking =
    faultToken === undefined ? undefined : breakingOf(config, supervisor, events.emit, faultToken);
  const metrics = supervisorMetrics(supervisor.state);
  const door = controlDoor({ supervisor, events, metrics, token, breaking, onFault });
  // In reverse: first nobody waits any longer, then nobody asks, then nothing runs.
  const close = async (why: string): Promise<void> => {
    breaking?.scenarios.halt();
    await breaking?.faults.stopAll("the supervisor stops");
    breaking?.faults.close();
    await supervisor.stop(why);
    events.poll.close();
    await door.close();
    await closeAll();
  };
  try {
    await door.listen({ host: "127.0.0.1", port: config.port });
  } catch (fault) {
    await supervisor.stop("the control door could not be opened");
    throw fault;
  }
  const { port } = door.server.address() as AddressInfo;
  return { port, close };
};

const breakingOf = (
  config: SupervisorConfig,
  { rehearsal }: ReturnType<typeof startSupervisor>,
  emit: Parameters<typeof openFaults>[0]["emit"],
  token: string,
) => {
  const faults = openFaults({ clock: systemClock, rehearsal, emit, door: faultDoor(token) });
  const deps = { clock: systemClock, faults, rehearsal };
  return { faults, scenarios: openScenarios(deps, config.scenariosDir) };
};

const tokenIn = async (file: string): Promise<string> => {
  const text = (await readSecretFile(file))?.trim();
  if (text === undefined) throw new Refusal(`${file} is not there; it has to hold the token`);
  if (text.length < MIN_TOKEN_CHARS) {
    throw new Refusal(`${file}: the token has fewer than ${MIN_TOKEN_CHARS} characters`);
  }
  return text;
};

const settingsOf = (one: SupervisorConfig["services"][number]): ServiceSettings => ({
  ...{ id: one.id, version: one.version, cpuCores: one.cpuCores, memoryBytes: one.memoryBytes },
  maxCpuCores: one.maxCpuCores ?? one.cpuCores,
  minMemoryBytes: MIN_MEMORY_BYTES,
  maxMemoryBytes: one.maxMemoryBytes ?? one.memoryBytes,
  pools: Object.entries(one.regions).map(([region, pool]) => Object.assign(pool, { region })),
});

// ── what a process is told ──────────────────────────────────────────────────────────────────────

type Told = Readonly<Record<string, string>>;

const spawner =
  (
    config: SupervisorConfig,
    common: (region: string) => Told,
    note: (instance: string, pid: number) => void,
  ): PlaceDeps["spawn"] =>
  (at, { version, memoryBytes }) => {
    const service = config.services.find(({ id }) => id === at.service);
    if (service === undefined) throw new Error(`no service ${at.service}`);
    const dataDir = path.join(config.dataDir, "instances", at.id);
    const env = {
      ...service.env,
      ...common(at.region),
      ...{ FLEET_SERVICE: at.service, FLEET_INSTANCE: at.id, FLEET_REGION: at.region },
      ...{ FLEET_VERSION: version, FLEET_DATA_DIR: dataDir },
    };
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    try {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      const started = startProcess({ entry: service.entry, memoryBytes, env }, say);
      if (started.pid !== undefined) note(at.id, started.pid);
      return started;
    } catch (fault) {
      return notStarted(fault);
    }
  };

const environment =
  (
    { databaseUrl, gatewayUrls, partners, otlp }: SupervisorConfig,
    secrets: { readonly otlpToken: string | undefined; readonly faultToken: string | undefined },
  ) =>
  (region: string): Told => {
    const { otlpToken, faultToken } = secrets;
    const gateway = gatewayUrls[region];
    return {
      FLEET_PARTNERS: JSON.stringify(partners),
      ...(databaseUrl === undefined ? {} : { FLEET_DATABASE_URL: databaseUrl }),
      ...(gateway === undefined ? {} : { FLEET_GATEWAY_URL: gateway }),
      ...(otlp === undefined ? {} : { FLEET_OTLP_URL: otlp.url }),
      ...(otlpToken === undefined ? {} : { FLEET_OTLP_TOKEN: otlpToken }),
      ...(faultToken === undefined ? {} : { FLEET_FAULT_TOKEN: faultToken }),
    };
  };
