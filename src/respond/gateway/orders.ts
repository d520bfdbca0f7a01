/**
 * Orders in force: one per thing it changes, none of an older epoch, none carried out twice.
 *
 * Shape:  `decide` answers an order without changing anything; `commit` makes it so. An order that
 *         says the ordinary (circuit auto, shed 0, …) clears its place. `expire` takes out what is
 *         over. The answers to the last `MAX_ANSWERS` orders are kept, so that a repeated id gets
 *         the answer it got.
 * Units:  ms since the epoch.
 * Errors: `decide` answers a fault with a code of the control door.
 */
import { err, ok, type Result } from "../../kernel/result.ts";
import type * as z from "zod";
import type { gatewayOrders, GatewayOrder, OrderAnswer } from "../control/messages.ts";
import { DEFAULT_PREMIUM_SHARE } from "./turns.ts";

export const MAX_ANSWERS = 10_000;
/** One place per thing; what a state may carry. */
export const MAX_IN_FORCE = 1_000;

export type Asked = z.infer<typeof gatewayOrders>;
export type Remembered = { readonly asked: string; readonly answer: OrderAnswer };
export type Books = {
  epoch: number;
  readonly inForce: Map<string, GatewayOrder>;
  readonly answers: Map<string, Remembered>;
};
export type OrderFault = {
  readonly code: "bad_request" | "unknown_target" | "stale_epoch" | "out_of_bounds";
  readonly message: string;
};
export type Known = {
  readonly hasService: (id: string) => boolean;
  readonly hasInstance: (service: string, id: string) => boolean;
  readonly hasRegion: (region: string) => boolean;
};

export const newBooks = (): Books => ({ epoch: 0, inForce: new Map(), answers: new Map() });

export const decide = (
  books: Books,
  asked: Asked,
  known: Known,
  nowMs: number,
): Result<OrderAnswer, OrderFault> => {
  const { id, epoch, dryRun, order } = asked;
  const before = books.answers.get(id);
  if (before !== undefined) {
    if (before.asked === JSON.stringify(order)) return ok({ ...before.answer, repeated: true });
    return fault("bad_request", `id: ${id} was another order`);
  }
  if (epoch < books.epoch)
    return fault("stale_epoch", `epoch: ${epoch} is older than ${books.epoch}, which gave orders`);
  const refused = targetFault(order, known) ?? boundsFault(books, order, nowMs);
  if (refused !== undefined) return refused;
  const there = books.inForce.get(slotOf(order));
  const isOver = there === undefined || isExpired(there, nowMs);
  const undo = isOver ? ordinaryOf(order) : there;
  return ok({ id, applied: !dryRun, repeated: false, effect: effectOf(order), undo });
};

export const commit = (books: Books, asked: Asked, answer: OrderAnswer): void => {
  books.epoch = Math.max(books.epoch, asked.epoch);
  const slot = slotOf(asked.order);
  if (isOrdinary(asked.order)) books.inForce.delete(slot);
  else books.inForce.set(slot, asked.order);
  books.answers.set(asked.id, { asked: JSON.stringify(asked.order), answer });
  for (const oldest of books.answers.keys()) {
    if (books.answers.size <= MAX_ANSWERS) return;
    books.answers.delete(oldest);
  }
};

export const expire = (books: Books, nowMs: number): readonly GatewayOrder[] => {
  const over: GatewayOrder[] = [];
  for (const [slot, order] of books.inForce) {
    if (!isExpired(order, nowMs)) continue;
    books.inForce.delete(slot);
    over.push(order);
  }
  return over;
};

const isExpired = ({ untilMs }: GatewayOrder, nowMs: number): boolean =>
  untilMs !== null && untilMs <= nowMs;

const fault = (code: OrderFault["code"], message: string) => err({ code, message });

const targetFault = (order: GatewayOrder, known: Known) => {
  const service = "service" in order ? order.service : null;
  if (service !== null && !known.hasService(service))
    return fault("unknown_target", `order.service: no route leads to ${service}`);
  if (order.kind === "circuit" && order.instance !== null)
    if (!known.hasInstance(order.service, order.instance))
      return fault("unknown_target", `order.instance: ${order.service} has no ${order.instance}`);
  if (order.kind === "route" && order.weights !== null) {
    const unknown = Object.keys(order.weights).find((region) => !known.hasRegion(region));
    if (unknown !== undefined)
      return fault("unknown_target", `order.weights: there is no region ${unknown}`);
  }
  return undefined;
};

const boundsFault = (books: Books, order: GatewayOrder, nowMs: number) => {
  if (isExpired(order, nowMs)) return fault("out_of_bounds", "order.untilMs: is over already");
  if (order.kind === "route" && order.weights !== null)
    if (!Object.values(order.weights).some((weight) => weight > 0))
      return fault("out_of_bounds", "order.weights: one region must have a weight over 0");
  if (books.inForce.size >= MAX_IN_FORCE && !books.inForce.has(slotOf(order)))
    return fault("out_of_bounds", `there are ${MAX_IN_FORCE} orders in force`);
  return undefined;
};

/** What two orders of which the later replaces the earlier have in common. */
export const slotOf = (order: GatewayOrder): string => {
  switch (order.kind) {
    case "circuit":
      return `circuit ${order.service} ${order.instance ?? ""}`;
    case "fallback":
    case "throttle":
      return `${order.kind} ${order.service}`;
    case "route":
      return `route ${order.service ?? ""}`;
    case "shed":
    case "queue":
    case "premium":
      return order.kind;
  }
};

/** The order that brings back what stands without any. */
export const ordinaryOf = (order: GatewayOrder): GatewayOrder => {
  switch (order.kind) {
    case "circuit":
      return { ...order, state: "auto", untilMs: null };
    case "fallback":
      return { ...order, mode: "auto", untilMs: null };
    case "throttle":
      return { ...order, ratePerS: null, burst: 1, untilMs: null };
    case "shed":
      return { kind: "shed", level: 0, untilMs: null };
    case "queue":
      return { kind: "queue", maxActive: null, perMinute: null, untilMs: null };
    case "premium":
      return { kind: "premium", share: DEFAULT_PREMIUM_SHARE, untilMs: null };
    case "route":
      return { ...order, weights: null, untilMs: null };
  }
};

const isOrdinary = (order: GatewayOrder): boolean => {
  switch (order.kind) {
    case "circuit":
      return order.state === "auto";
    case "fallback":
      return order.mode === "auto";
    case "throttle":
      return order.ratePerS === null;
    case "shed":
      return order.level === 0;
    case "queue":
      return order.maxActive === null;
    case "premium":
      return order.share === DEFAULT_PREMIUM_SHARE;
    case "route":
      return order.weights === null;
  }
};

const effectOf = (order: GatewayOrder): string => {
  switch (order.kind) {
    case "circuit":
      return `the circuit of ${order.instance ?? order.service} is ${order.state}`;
    case "fallback":
      return `the fallback of ${order.service} is ${order.mode}`;
    case "throttle":
      if (order.ratePerS === null) return `calls to ${order.service} have no rate limit`;
      return `a user may call ${order.service} ${order.ratePerS} times a second`;
    case "shed":
      return `the shed level is ${order.level}`;
    case "queue":
      if (order.maxActive === null) return "the waiting room is open";
      return `at most ${order.maxActive} sessions are let in at a time`;
    case "premium":
      return `premium has ${Math.round(order.share * 100)} % of the turns`;
    case "route": {
      const what = order.service ?? "every service";
      if (order.weights === null) return `calls to ${what} go to the nearest region`;
      const shares = Object.entries(order.weights).map(([region, weight]) => `${region} ${weight}`);
      return `calls to ${what} go by weight: ${shares.join(", ")}`.slice(0, MAX_EFFECT);
    }
  }
};
const MAX_EFFECT = 500;
