/**
 * The supervisor of processes behind the actuator's port.
 *
 * Errors: as the port says; see control-door.ts.
 */
import { supervisorOrder, supervisorState, type SupervisorOrder } from "../../control/messages.ts";
import type { Actuator, Change, Wanted } from "../port.ts";
import type { ControlDoor } from "./control-door.ts";

const KINDS: ReadonlySet<Change["kind"]> = new Set([
  ...(["scale", "restart", "drain", "release", "version"] as const),
]);

/** Whose orders these are: the instant is the caller's, the epoch his lease's. */
export type Hub = { readonly now: () => number; readonly epoch: number };

export const supervisorActuator = (door: ControlDoor, hub: Hub): Actuator => {
  const send = (wanted: Omit<Wanted, "untilMs">, dryRun: boolean) =>
    door.order({ id: wanted.id, epoch: wanted.epoch, dryRun, order: orderOf(wanted.change) });
  return {
    name: "supervisor",
    can: ({ kind }) => KINDS.has(kind),
    preview: async (change) => {
      const { effect, undo } = await send(previewed(change, hub), true);
      return { effect, undo: undoOf(change, undo) };
    },
    apply: async (wanted) => {
      const { repeated, effect, undo } = await send(wanted, false);
      return { isFirst: !repeated, effect, undo: undoOf(wanted.change, undo) };
    },
    observe: async () => {
      const atMs = hub.now();
      const { pools, instances } = await door.state(supervisorState);
      return {
        ...{ atMs, pools, inForce: [] },
        replicas: instances.map(
          ({ id, service, region, state, cpu, memory, restarts, version }) => ({
            ...{ id, service, region, state, cpu, memory, restarts, version },
          }),
        ),
      };
    },
  };
};

/** A dry run leaves no trace at the door: its id is nobody's. */
export const previewed = (change: Change, { now, epoch }: Hub): Omit<Wanted, "untilMs"> => ({
  id: `preview-${now().toString(36)}`,
  epoch,
  change,
});

const orderOf = (change: Change): SupervisorOrder => {
  switch (change.kind) {
    case "scale": {
      const { kind, service, region, replicas } = change;
      return { kind, service, region, replicas };
    }
    case "restart":
    case "drain":
    case "release":
      return { kind: change.kind, instance: change.instance };
    case "version":
      return { kind: "version", service: change.service, version: change.version };
    case "circuit":
    case "fallback":
    case "throttle":
    case "shed":
    case "queue":
    case "premium":
    case "route":
      throw new Error(`a supervisor does not do "${change.kind}"`);
  }
};

/** An order names the instance only; whose it is, the change knows. */
const undoOf = (of: Change, undo: unknown): Change | null => {
  const parsed = supervisorOrder.safeParse(undo);
  if (!parsed.success) return null;
  const order = parsed.data;
  switch (order.kind) {
    case "scale":
    case "version":
      return order;
    case "restart":
    case "drain":
    case "release":
      return "service" in of && of.service !== null ? { ...order, service: of.service } : null;
    case "bounds":
      return null;
  }
};
