/**
 * What an object in the cluster remembers of our orders, in its own annotations, so that whoever
 * asks next, also another hub, sees it.
 *
 * Shape:  `novaevo/epoch` is the highest epoch that gave an order, `novaevo/order` the last orders
 *         as JSON, oldest first, each with the change that brings back what was there. They are
 *         written under the object's resourceVersion: of two who write, one is told to look again.
 * Units:  none.
 * Errors: an annotation that cannot be read is a conflict: somebody else wrote it, and guessing
 *         would repeat an order or let an old hub in. An older epoch is stale_epoch.
 */
import * as z from "zod";
import { ActuatorFault, type Change } from "../port.ts";

export const EPOCH = "novaevo/epoch";
export const ORDERS = "novaevo/order";
/** Orders remembered per object; an id older than these would be carried out again. */
export const MAX_ORDERS = 32;
const MAX_TEXT = 500;

const change = z.custom<Change>(
  (value) => typeof value === "object" && value !== null && "kind" in value,
);
const order = z.strictObject({
  id: z.string().max(96),
  kind: z.string().max(32),
  effect: z.string().max(MAX_TEXT),
  undo: change.nullable(),
  /** For what takes a second request: how one sees whether that was carried out. */
  mark: z
    .union([
      z.strictObject({ generation: z.int(), replicas: z.int() }),
      z.strictObject({ pod: z.string(), uid: z.string() }),
    ])
    .optional(),
});
export type Order = z.infer<typeof order>;
export type Annotations = { readonly [key: string]: string } | undefined;
export type Remembered = { readonly epoch: number; readonly orders: readonly Order[] };

export const readRecord = (annotations: Annotations, where: string): Remembered => {
  const epoch = Number(annotations?.[EPOCH] ?? "0");
  if (!Number.isSafeInteger(epoch) || epoch < 0) throw unreadable(EPOCH, where);
  const text = annotations?.[ORDERS];
  if (text === undefined) return { epoch, orders: [] };
  const orders = z.array(order).max(MAX_ORDERS).safeParse(parseJson(text));
  if (!orders.success) throw unreadable(ORDERS, where);
  return { epoch, orders: orders.data };
};

/** Refuses an older hub. */
export const fence = ({ epoch }: Remembered, asked: number, where: string): void => {
  if (asked >= epoch) return;
  const said = `${where} has orders of epoch ${epoch}; this one is of ${asked}`;
  throw new ActuatorFault("stale_epoch", `kubernetes: ${said}`);
};

/** The annotations that say it: the order in place of one with its id, else as the last. */
export const written = (
  record: Remembered,
  epoch: number,
  added: Order,
): { [key: string]: string } => {
  const others = record.orders.filter(({ id }) => id !== added.id);
  const orders = [...others, { ...added, effect: added.effect.slice(0, MAX_TEXT) }];
  return {
    [EPOCH]: String(Math.max(record.epoch, epoch)),
    [ORDERS]: JSON.stringify(orders.slice(-MAX_ORDERS)),
  };
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const unreadable = (key: string, where: string): ActuatorFault =>
  new ActuatorFault(
    "conflict",
    `kubernetes: the annotation ${key} of ${where} is not ours to read; remove it`,
  );
