/**
 * What the page knows of each topic: from a GET at first, then from frames of the stream.
 *
 * Shape:  every event is a full value, so the newest wins. An answer to a GET that was asked
 *         before a frame arrived is older than the frame and is dropped.
 * Units:  `receivedMs` on the caller's monotonic clock.
 * Errors: none; a fault is kept beside the last data, which stays on the page.
 */
import type { ActionList } from "../../../src/contract/action.ts";
import type { AlertList } from "../../../src/contract/alert.ts";
import type { GateList, KpiList } from "../../../src/contract/kpi.ts";
import type { Overview, ServiceList } from "../../../src/contract/ops.ts";
import type { Fault } from "../api/client.ts";

export type TopicMap = {
  readonly overview: Overview;
  readonly services: ServiceList;
  readonly kpis: KpiList;
  readonly gates: GateList;
  readonly alerts: AlertList;
  readonly actions: ActionList;
};
export type Topic = keyof TopicMap;
export const TOPICS = ["overview", "services", "alerts", "actions", "kpis", "gates"] as const;

export type Slot<T> = {
  readonly data: T | undefined;
  readonly fault: Fault | undefined;
  readonly loading: boolean;
  /** Frames seen so far: what a GET compares to know whether it was overtaken. */
  readonly frames: number;
  readonly receivedMs: number | undefined;
};
export type Slots = { readonly [K in Topic]: Slot<TopicMap[K]> };

export type Change =
  | { readonly kind: "asked"; readonly topic: Topic }
  | {
      readonly kind: "frame";
      readonly topic: Topic;
      readonly data: unknown;
      readonly nowMs: number;
    }
  | {
      readonly kind: "answered";
      readonly topic: Topic;
      readonly data: unknown;
      readonly framesWhenAsked: number;
      readonly nowMs: number;
    }
  | { readonly kind: "failed"; readonly topic: Topic; readonly fault: Fault };

const empty = {
  data: undefined,
  fault: undefined,
  loading: true,
  frames: 0,
  receivedMs: undefined,
} as const;

export const emptySlots: Slots = {
  overview: empty,
  services: empty,
  alerts: empty,
  actions: empty,
  kpis: empty,
  gates: empty,
};

export const isTopic = (name: string): name is Topic =>
  (TOPICS as readonly string[]).includes(name);

export const change = (slots: Slots, event: Change): Slots => {
  const slot = slots[event.topic] as Slot<unknown>;
  const next = changeSlot(slot, event);
  return next === slot ? slots : { ...slots, [event.topic]: next };
};

// Every kind returns; the rule does not see it through a result that may be unknown.
// oxlint-disable-next-line typescript/consistent-return
const changeSlot = (slot: Slot<unknown>, event: Change): Slot<unknown> => {
  switch (event.kind) {
    case "asked":
      return slot.loading ? slot : { ...slot, loading: true };
    case "frame":
      return fresh(event.data, slot.frames + 1, event.nowMs);
    case "answered":
      return event.framesWhenAsked === slot.frames
        ? fresh(event.data, slot.frames, event.nowMs)
        : { ...slot, loading: false };
    case "failed":
      return { ...slot, loading: false, fault: event.fault };
  }
};

const fresh = (data: unknown, frames: number, receivedMs: number): Slot<unknown> => ({
  data,
  fault: undefined,
  loading: false,
  frames,
  receivedMs,
});

/** The position of a frame in the stream, `run:number`; another run cannot be compared. */
export const isRepeat = (lastId: string | undefined, id: string): boolean => {
  if (lastId === undefined || id === "") return false;
  const [lastRun, last] = parts(lastId);
  const [run, number] = parts(id);
  return run === lastRun && number <= last;
};

const parts = (id: string): readonly [run: string, number: number] => {
  const colon = id.lastIndexOf(":");
  return [id.slice(0, Math.max(0, colon)), Number(id.slice(colon + 1))];
};
