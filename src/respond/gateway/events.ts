/**
 * What happened by itself, for the hub: the last events, numbered over restarts.
 */
import { MAX_EVENTS, type ControlEvent, type ControlEvents } from "../control/messages.ts";

export type Events = {
  readonly add: (event: Omit<ControlEvent, "seq">) => void;
  readonly after: (seq: number) => ControlEvents;
  readonly last: () => number;
};

export const newEvents = (base: number): Events => {
  const items: ControlEvent[] = [];
  let seq = base;
  return {
    last: () => seq,
    add: (event) => {
      seq += 1;
      items.push({ ...event, seq });
      if (items.length > MAX_EVENTS) items.shift();
    },
    after: (from) => ({
      // A reader of before the restart missed what its end took along.
      missed: from > seq || (from > 0 && from < (items[0]?.seq ?? seq + 1) - 1),
      items: items.filter((event) => event.seq > from),
    }),
  };
};
