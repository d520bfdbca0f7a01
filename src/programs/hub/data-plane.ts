/**
 * The hub's hands: the supervisor and the gateways behind their control doors, and the
 * orchestration that uses them. Without a door nothing of it runs.
 *
 * Shape:  a turn twice a second, and at once when a door tells of an event.
 * Errors: throws a Refusal when the token cannot be read; a door that is away is asked again with
 *         growing pauses, and what is not seen is not acted on.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { HubMetrics } from "../../io/http/metrics.ts";
import type { Stream } from "../../io/http/stream.ts";
import { readSecretFile } from "../../io/secret/secret-file.ts";
import type { Ask } from "../../launch/kpi/board.ts";
import { openActions, type Actions } from "../../respond/action/action.flow.ts";
import { actionList } from "../../respond/action/action.routes.ts";
import { openControlDoor, type ControlDoor } from "../../respond/action/adapters/control-door.ts";
import { gatewayActuator } from "../../respond/action/adapters/gateway.ts";
import { supervisorActuator } from "../../respond/action/adapters/supervisor.ts";
import type { ActionFlowDeps } from "../../respond/action/desk.flow.ts";
import { holtForecast } from "../../respond/action/forecast.ts";
import type { ServiceSignals } from "../../respond/alert/service-rules.ts";
import { firingList } from "../../respond/alert/alert.routes.ts";
import type { OpsDeps } from "../../respond/ops/ops.flow.ts";
import type { ControlConfig } from "../config.ts";
import { Refusal } from "../data-dir.ts";

const TURN_MS = 500;
const WAIT_MS = 20_000;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;
/** Signals that are older say nothing of now. */
const SIGNAL_AGE_MS = 15_000;

type Told = { readonly signals: ServiceSignals; readonly newestMs: number };

export type SignalBook = {
  readonly onSignals: NonNullable<OpsDeps["onSignals"]>;
  readonly fresh: (nowMs: number) => ReadonlyMap<string, ServiceSignals>;
};

/** What the services page asked for last, for whoever acts on it. */
export const newSignalBook = (): SignalBook => {
  const told = new Map<string, Told>();
  return {
    onSignals: (service, { up, cpu, memory, errorRate, latencyP95Ms }, newestMs) => {
      if (newestMs === null) told.delete(service);
      else {
        const signals = { up, cpu, memory, errorRate, latencyP95: latencyP95Ms };
        told.set(service, { signals, newestMs });
      }
    },
    fresh: (nowMs) =>
      new Map(
        [...told]
          .filter(([, { newestMs }]) => nowMs - newestMs <= SIGNAL_AGE_MS)
          .map(([service, { signals }]) => [service, signals]),
      ),
  };
};

export type DataPlane = {
  /** Undefined: no control door is configured. */
  readonly actions: Actions | undefined;
  readonly close: () => Promise<void>;
};

type DataPlaneDeps = Pick<
  ActionFlowDeps,
  "db" | "clock" | "log" | "applied" | "record" | "fence" | "epoch" | "alerts"
> & {
  readonly ask: Ask;
  readonly signals: SignalBook;
  readonly stream: Stream;
  readonly metrics: HubMetrics;
  readonly wakeLedger: () => void;
};

export const openDataPlane = async (
  config: ControlConfig | undefined,
  deps: DataPlaneDeps,
): Promise<DataPlane> =>
  config === undefined
    ? { actions: undefined, close: async () => undefined }
    : connect(config, deps);

const connect = async (config: ControlConfig, deps: DataPlaneDeps): Promise<DataPlane> => {
  const { clock, log, alerts, applied } = deps;
  const token = await tokenOf(config.tokenFile);
  const hub = { now: clock.now, epoch: deps.epoch };
  const supervisor =
    config.supervisorUrl === undefined
      ? undefined
      : openControlDoor({ url: config.supervisorUrl, token });
  const gatewayDoors = config.gateways.map(({ url, region }) => ({
    ...{ door: openControlDoor({ url, token }), region },
  }));
  const gateways = gatewayActuator(gatewayDoors, hub);
  const told: { isChanged: boolean } = { isChanged: true };
  const actions = await openActions({
    ...deps,
    actuators: [
      ...(supervisor === undefined ? [] : [supervisorActuator(supervisor, hub)]),
      ...(gatewayDoors.length === 0 ? [] : [gateways.actuator]),
    ],
    traffic: gateways.traffic,
    telemetry: async () => deps.signals.fresh(clock.now()),
    promql: async (expr) => {
      const [seen] = await deps.ask([{ expr, countExpr: undefined, atMs: clock.now() }]);
      return seen?.kind === "value" ? seen.value : null;
    },
    forecast: holtForecast,
    onChange: () => {
      told.isChanged = true;
    },
  });
  const turns = startTurns(async () => {
    try {
      await actions.turn();
    } catch (fault) {
      deps.metrics.faults.inc({ where: "actions" });
      log.warn("a turn of the actions failed and will be taken again", { fault });
    }
    if (!told.isChanged) return;
    told.isChanged = false;
    deps.wakeLedger();
    deps.stream.publish({ type: "actions", data: actionList(applied(), actions) });
    deps.stream.publish({ type: "alerts", data: firingList(alerts.firing(), actions.actionOf) });
  });
  const stop = new AbortController();
  const doors = [
    ...(supervisor === undefined ? [] : [["supervisor", supervisor] as const]),
    ...gatewayDoors.map(({ door, region }) => [`gateway:${region ?? door.url}`, door] as const),
  ];
  const followers = doors.map(([name, door]) =>
    follow({ name, door, actions, log, stop: stop.signal, poke: turns.poke }),
  );
  return {
    actions,
    close: async () => {
      stop.abort();
      await Promise.all(followers);
      await turns.close();
    },
  };
};

const tokenOf = async (file: string): Promise<string> => {
  const text = await readSecretFile(file).catch((fault: unknown) => {
    throw new Refusal(fault instanceof Error ? fault.message : String(fault), { cause: fault });
  });
  if (text === undefined || text.trim() === "") {
    throw new Refusal(`NOVAEVO_CONTROL_TOKEN_FILE: there is no token in ${file}`);
  }
  return text.trim();
};

/** One at a time; who pokes in the middle of one gets another one after it. */
const startTurns = (turn: () => Promise<void>) => {
  let running: Promise<void> | undefined;
  let isWanted = false;
  let isClosing = false;
  const poke = (): void => {
    if (isClosing) return;
    if (running !== undefined) {
      isWanted = true;
      return;
    }
    isWanted = false;
    running = turn().finally(() => {
      running = undefined;
      if (isWanted) poke();
    });
  };
  const timer = setInterval(poke, TURN_MS);
  poke();
  return {
    poke,
    close: async () => {
      isClosing = true;
      clearInterval(timer);
      await running;
    },
  };
};

/** Waits at a door for what happens there by itself, and goes on where it was after a restart. */
const follow = async (deps: {
  readonly name: string;
  readonly door: ControlDoor;
  readonly actions: Actions;
  readonly log: ActionFlowDeps["log"];
  readonly stop: AbortSignal;
  readonly poke: () => void;
}): Promise<void> => {
  const { name, door, actions, log, stop } = deps;
  let pauseMs = FIRST_PAUSE_MS;
  let after: number | undefined;
  while (!stop.aborted) {
    try {
      after ??= await actions.cursorOf(name);
      const { missed, items } = await door.events(after, WAIT_MS, stop);
      if (missed) log.warn("events of a control door were missed", { door: name, after });
      const last = items.at(-1)?.seq;
      if (last !== undefined) {
        await actions.onEvents(name, items, last);
        after = last;
        deps.poke();
      }
      pauseMs = FIRST_PAUSE_MS;
    } catch (fault) {
      if (stop.aborted) return;
      log.warn("a control door cannot be followed and is asked again", { door: name, fault });
      await delay(pauseMs, undefined, { signal: stop }).catch(() => undefined);
      pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
    }
  }
};
