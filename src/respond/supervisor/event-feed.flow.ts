/**
 * What happened by itself, in order: numbered, kept on disk, read by long poll.
 *
 * Shape:  an event is shown once it is on the disk, so that a number that was shown is never given
 *         again. The last `MAX_EVENTS` are kept.
 * Errors: a disk that fails is said once an event; the event is shown all the same.
 */
import * as z from "zod";
import {
  controlEvent,
  MAX_EVENTS,
  type ControlEvent,
  type ControlEvents,
} from "../control/messages.ts";
import { openJournal } from "./adapters/journal.ts";
import { longPoll, type LongPoll } from "./long-poll.flow.ts";

/** So that the file is not written anew for each event. */
const MAX_LINES = 20_000;
const MAX_WHY = 500;

export type EventFeed = {
  readonly emit: (event: Omit<ControlEvent, "seq" | "atMs">) => void;
  readonly after: (seq: number, waitMs: number, signal: AbortSignal) => Promise<ControlEvents>;
  readonly poll: LongPoll;
  readonly close: () => Promise<void>;
};

export const openEventFeed = async (deps: {
  readonly file: string;
  readonly now: () => number;
  readonly onFault: (fault: unknown) => void;
}): Promise<EventFeed> => {
  const { journal, lines } = await openJournal(deps.file, {
    maxLines: MAX_LINES,
    compact: (all) => all.slice(-MAX_EVENTS),
  });
  let kept: readonly ControlEvent[] = z.array(controlEvent).parse(lines.slice(-MAX_EVENTS));
  let last = kept.at(-1)?.seq ?? 0;
  let shown = last;
  let showing: Promise<void> = Promise.resolve();
  const poll = longPoll();

  const show = async (event: ControlEvent, written: Promise<void>): Promise<void> => {
    await written.catch(deps.onFault);
    kept = [...kept.slice(1 - MAX_EVENTS), event];
    shown = event.seq;
    poll.wake();
  };

  return {
    emit: (said) => {
      last += 1;
      const event: ControlEvent = {
        ...said,
        why: said.why.slice(0, MAX_WHY),
        seq: last,
        atMs: deps.now(),
      };
      const written = journal.append(event);
      const before = showing;
      showing = before.then(() => show(event, written));
    },
    after: async (seq, waitMs, signal) => {
      // A reader from a life that was forgotten is ahead: it begins again.
      await poll.until(() => shown !== seq, waitMs, signal);
      const first = kept[0]?.seq ?? shown + 1;
      const missed = seq > shown || seq + 1 < first;
      return { missed, items: kept.filter((event) => missed || event.seq > seq) };
    },
    poll,
    close: async () => {
      await showing;
      poll.close();
      await journal.close();
    },
  };
};
