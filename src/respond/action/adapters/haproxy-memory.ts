/**
 * What HAProxy remembers of our orders, in a map that no request looks at: HAProxy itself knows
 * neither epochs nor ids.
 *
 * Shape:  `epoch:<n>` for each epoch seen, of which the highest counts (a key is added, never
 *         overwritten, so that of two hubs the older cannot undo the newer's); `order:<id>` has the
 *         order as base64url of JSON. In force is the last order of each slot, a slot being one
 *         field of HAProxy.
 * Units:  ms since the epoch.
 * Errors: an entry that cannot be read is passed over; an older epoch is stale_epoch.
 */
import * as z from "zod";
import { ActuatorFault, type Change } from "../port.ts";
import { isOrdinary } from "../run.ts";

/** Orders remembered beside those in force. */
export const MAX_ORDERS = 64;
const MAX_ENTRY = 6_000;
const EPOCH = "epoch:";
const ORDER = "order:";

const change = z.custom<Change>(
  (value) => typeof value === "object" && value !== null && "kind" in value,
);
const order = z.strictObject({
  /** Rises by one with each order. */
  nth: z.int().positive(),
  slot: z.string().max(200),
  change,
  undo: change.nullable(),
  effect: z.string().max(500),
  untilMs: z.number().nullable(),
  isDone: z.boolean(),
});
export type Order = z.infer<typeof order> & { readonly id: string };
export type Memory = { readonly epoch: number; readonly orders: readonly Order[] };

export const readMemory = (entries: ReadonlyMap<string, string>): Memory => {
  let epoch = 0;
  const orders: Order[] = [];
  for (const [key, value] of entries) {
    if (key.startsWith(EPOCH)) epoch = Math.max(epoch, Number(key.slice(EPOCH.length)) || 0);
    if (!key.startsWith(ORDER)) continue;
    const parsed = order.safeParse(parseJson(Buffer.from(value, "base64url").toString()));
    if (parsed.success) orders.push({ ...parsed.data, id: key.slice(ORDER.length) });
  }
  return { epoch, orders: orders.toSorted((a, b) => a.nth - b.nth) };
};

/** Refuses an older hub. */
export const fence = (memory: Memory, asked: number): void => {
  if (asked >= memory.epoch) return;
  const said = `it has orders of epoch ${memory.epoch}; this one is of ${asked}`;
  throw new ActuatorFault("stale_epoch", `haproxy: ${said}`);
};

export const epochKey = (epoch: number): string => `${EPOCH}${epoch}`;

/** Epochs that a higher one has made superfluous. */
export const oldEpochKeys = (entries: ReadonlyMap<string, string>, epoch: number): string[] =>
  [...entries.keys()].filter(
    (key) => key.startsWith(EPOCH) && Number(key.slice(EPOCH.length)) < epoch,
  );

export const orderEntry = ({ id, ...kept }: Order): readonly [key: string, value: string] => {
  const value = Buffer.from(JSON.stringify(kept)).toString("base64url");
  if (value.length <= MAX_ENTRY) return [`${ORDER}${id}`, value];
  throw new ActuatorFault("out_of_bounds", `haproxy: the order takes more than ${MAX_ENTRY} bytes`);
};

/** The last order of each slot; one for every service ends those for each. */
export const lastOrders = (memory: Memory): readonly Order[] => {
  const last = new Map<string, Order>();
  for (const one of memory.orders) {
    if (one.slot === "route:*")
      for (const slot of last.keys()) if (slot.startsWith("route:")) last.delete(slot);
    last.delete(one.slot);
    last.set(one.slot, one);
  }
  return [...last.values()];
};

/** What differs from the ordinary. */
export const inForce = (memory: Memory): readonly Order[] =>
  lastOrders(memory).filter(({ change, isDone }) => isDone && !isUsual(change));

/** What may be forgotten: neither the last of its slot nor among the newest. */
export const forgettable = (memory: Memory): readonly string[] => {
  const kept = new Set(lastOrders(memory).filter((one) => !isUsual(one.change)));
  const others = memory.orders.filter((one) => !kept.has(one));
  return others.slice(0, -MAX_ORDERS).map(({ id }) => `${ORDER}${id}`);
};

/** A server that was let in again is as it ordinarily is. */
const isUsual = (change: Change): boolean => change.kind === "release" || isOrdinary(change);

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
