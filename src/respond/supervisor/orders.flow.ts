/**
 * Takes orders: checked, kept on disk, carried out, answered; one at a time.
 *
 * Shape:  an id that was carried out is answered with its first answer, also after a restart. A dry
 *         run changes nothing and leaves no trace.
 * Errors: a fault with a code; nothing of the order happened.
 */
import { err, ok, type Result } from "../../kernel/result.ts";
import type { OrderAnswer, SupervisorOrder } from "../control/messages.ts";
import { decide, type Decision } from "./desired.ts";
import { act, ofService, type Service, type ServiceDeps } from "./service.flow.ts";
import { liveOf } from "./view.flow.ts";

const MAX_EFFECT = 500;

export type OrderFault = {
  readonly code: "bad_request" | "unknown_target" | "stale_epoch" | "out_of_bounds" | "unavailable";
  readonly message: string;
  readonly field?: string;
};
export type Envelope = {
  readonly id: string;
  readonly epoch: number;
  readonly dryRun: boolean;
  readonly order: SupervisorOrder;
};
export type TakeOrder = (asked: Envelope) => Promise<Result<OrderAnswer, OrderFault>>;

export const takeOrders = (
  deps: Pick<ServiceDeps, "book" | "emit" | "onFault" | "onChange"> & {
    /** A version order ends what a rehearsal spoilt. */
    readonly onVersion: (service: string) => void;
    readonly isStopping: () => boolean;
  },
  services: ReadonlyMap<string, Service>,
): TakeOrder => {
  const take: TakeOrder = async (asked) => {
    const { book } = deps;
    const before = book.answered(asked.id);
    if (before !== undefined) {
      if (JSON.stringify(before.asked) === JSON.stringify(asked.order)) {
        return ok({ ...before.answer, repeated: true });
      }
      const message = `id: "${asked.id}" was the id of another order`;
      return err({ code: "bad_request", message, field: "id" });
    }
    if (asked.epoch < book.epoch()) {
      const message = `epoch: ${asked.epoch} is older than ${book.epoch()}`;
      return err({ code: "stale_epoch", message, field: "epoch" });
    }
    if (deps.isStopping())
      return err({ code: "unavailable", message: "the supervisor is stopping" });
    const decided = decide(services, liveOf(services), asked.order);
    if (!decided.ok) return decided;
    const { effect, undo, next, service } = decided.value;
    const answer = {
      ...{ id: asked.id, applied: !asked.dryRun, repeated: false, undo },
      effect: effect.slice(0, MAX_EFFECT),
    };
    if (asked.dryRun) return ok(answer);
    try {
      const order = { asked: asked.order, answer };
      await book.keep({ epoch: asked.epoch, order, desired: { service, is: next } });
    } catch (fault) {
      deps.onFault("the order book", fault);
      return err({ code: "unavailable", message: "the order could not be kept on disk" });
    }
    const found = services.get(service);
    if (found !== undefined) apply(found, decided.value, asked);
    return ok(answer);
  };

  const apply = (service: Service, decision: Decision, { id, order }: Envelope): void => {
    service.desired = decision.next;
    if (order.kind === "version") {
      service.spoilt = new Set();
      deps.onVersion(service.settings.id);
    }
    if (order.kind === "scale" || order.kind === "bounds") {
      deps.emit({
        ...ofService(service),
        ...{ kind: "scaled", why: decision.effect, evidence: figuresOf(order) },
        region: order.kind === "scale" ? order.region : null,
      });
    }
    if (decision.act.kind !== "none") act(service, decision.act, `order ${id}`);
    deps.onChange(service);
  };

  let turn: Promise<unknown> = Promise.resolve();
  return (asked) => {
    const mine = turn.then(() => take(asked));
    turn = mine.catch(() => undefined);
    return mine;
  };
};

const figuresOf = (
  order: Extract<SupervisorOrder, { kind: "scale" | "bounds" }>,
): Record<string, number> =>
  order.kind === "scale"
    ? { replicas: order.replicas }
    : { cpuCores: order.cpuCores, memoryBytes: order.memoryBytes };
