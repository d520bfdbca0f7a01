/**
 * The gateways, one per region or one for all, behind the actuator's port: an order goes to each of
 * them under one id.
 *
 * Shape:  `observe` also keeps what each sees of the services' load (`traffic`).
 * Errors: as the port says. An order that reached one gateway and not another is `unavailable`: it
 *         is asked again under its id, and whoever has carried it out already says so. One that was
 *         silent at the last look is not waited for.
 */
import {
  gatewayOrder,
  gatewayState,
  type GatewayOrder,
  type GatewayState,
} from "../../control/messages.ts";
import { ActuatorFault, type Actuator, type Change, type Wanted } from "../port.ts";
import { isOrdinary, targetOf } from "../run.ts";
import type { GatewayTraffic, Traffic } from "../traffic.ts";
import type { ControlDoor } from "./control-door.ts";
import { previewed, type Hub } from "./supervisor.ts";

export type GatewayDoor = { readonly door: ControlDoor; readonly region: string | null };
export type Gateways = { readonly actuator: Actuator; readonly traffic: () => Traffic };

const KINDS: ReadonlySet<Change["kind"]> = new Set([
  ...(["circuit", "fallback", "throttle", "shed", "queue", "premium", "route"] as const),
]);

export const gatewayActuator = (doors: readonly GatewayDoor[], hub: Hub): Gateways => {
  let traffic: Traffic = [];
  /** Gateways that were silent at the last look: a lost region must not hold the others back. */
  let lost: ReadonlySet<string> = new Set();
  const send = async (wanted: Wanted, dryRun: boolean) => {
    const order = orderOf(wanted.change, wanted.untilMs);
    const body = { id: wanted.id, epoch: wanted.epoch, dryRun, order };
    const answers = await Promise.allSettled(doors.map(({ door }) => door.order(body)));
    const said = answers.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const failed = answers.flatMap((one, at) => {
      const isLost = said.length > 0 && lost.has(doors[at]?.door.url ?? "");
      return one.status === "rejected" && !(isLost && isAway(one.reason)) ? [one.reason] : [];
    });
    // What a door refuses is refused; one that is silent is asked again.
    const worst = failed.find((one) => !isAway(one)) ?? failed[0];
    if (worst !== undefined) throw worst;
    const [first] = said;
    if (first === undefined) throw new ActuatorFault("unavailable", "no gateway is connected");
    return { ...first, repeated: said.every(({ repeated }) => repeated) };
  };
  const actuator: Actuator = {
    name: "gateway",
    can: ({ kind }) => KINDS.has(kind),
    preview: async (change) => {
      const { effect, undo } = await send({ ...previewed(change, hub), untilMs: null }, true);
      return { effect, undo: changeOf(undo) };
    },
    apply: async (wanted) => {
      const { repeated, effect, undo } = await send(wanted, false);
      return { isFirst: !repeated, effect, undo: changeOf(undo) };
    },
    observe: async () => {
      const atMs = hub.now();
      const seen = await Promise.allSettled(doors.map(({ door }) => door.state(gatewayState)));
      const states = seen.flatMap((one, at) =>
        one.status === "fulfilled" ? [{ state: one.value, region: doors[at]?.region ?? null }] : [],
      );
      const silent = seen.map((one, at) => (one.status === "rejected" ? doors[at] : undefined));
      lost = new Set(silent.flatMap((one) => (one === undefined ? [] : [one.door.url])));
      const [fault] = seen.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
      // A region that is lost takes its gateway with it: the others still say what they see.
      if (states.length === 0) throw fault ?? new ActuatorFault("unavailable", "no gateway");
      traffic = states.map(({ state, region }) => trafficOf(state, region, atMs));
      return { atMs, pools: [], replicas: [], inForce: inForceOf(states.map((one) => one.state)) };
    },
  };
  return { actuator, traffic: () => traffic };
};

const isAway = (fault: unknown): boolean =>
  fault instanceof ActuatorFault && fault.code === "unavailable";

const orderOf = (change: Change, untilMs: number | null): GatewayOrder =>
  gatewayOrder.parse({ ...change, untilMs });

const changeOf = (said: unknown): Change | null => {
  const parsed = gatewayOrder.safeParse(said);
  if (!parsed.success) return null;
  const { untilMs: _, ...change } = parsed.data;
  return change;
};

const trafficOf = (
  { services }: GatewayState,
  region: string | null,
  atMs: number,
): GatewayTraffic => ({
  ...{ atMs, region },
  services: new Map(
    services.map(({ id, offeredPerS, servedPerS, shedPerS, fallbackPerS, ...rest }) => {
      const { errorShare, p50Ms, p95Ms, p99Ms, queued } = rest;
      return [
        id,
        {
          ...{ offeredPerS, servedPerS, shedPerS, fallbackPerS },
          ...{ errorShare, p50Ms, p95Ms, p99Ms, queued },
        },
      ];
    }),
  ),
});

/** What was ordered, and what gateways do by themselves; each thing once. */
const inForceOf = (states: readonly GatewayState[]): readonly Change[] => {
  const found = new Map<string, Change>();
  const add = (change: Change): void => {
    const target = targetOf(change);
    if (!isOrdinary(change) && !found.has(target)) found.set(target, change);
  };
  for (const state of states) {
    for (const order of state.orders) {
      const change = changeOf(order);
      if (change !== null) add(change);
    }
  }
  for (const { services, shed, queue } of states) {
    for (const { id: service, circuit, fallbackPerS, instances } of services) {
      if (circuit !== "closed") add({ kind: "circuit", service, instance: null, state: "open" });
      if (fallbackPerS > 0) add({ kind: "fallback", service, mode: "last_good" });
      for (const one of instances) {
        if (one.circuit === "closed") continue;
        add({ kind: "circuit", service, instance: one.id, state: "open" });
      }
    }
    if (shed.level > 0) add({ kind: "shed", level: shed.level });
    if (queue.on) add({ kind: "queue", maxActive: Math.max(1, queue.active), perMinute: null });
  }
  return [...found.values()];
};
