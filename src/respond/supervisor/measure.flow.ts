/**
 * Looks at what an instance uses, and says when it is over its memory.
 *
 * Units:  ms; bytes; shares of its bounds.
 * Errors: none; what cannot be seen stays unknown.
 */
import type { Clock } from "../../kernel/clock.ts";
import { lookAt } from "./adapters/proc.ts";
import { MEBIBYTE } from "./desired.ts";
import type { Place } from "./place.flow.ts";
import { useOf } from "./process-use.ts";

/** One look over the bound may be a collection that is due. */
const OVERS_BEFORE_BAD = 2;
/** So far over the bound that nothing is waited for. */
const FAR_OVER = 1.5;

export const measure = async (place: Place, clock: Clock): Promise<void> => {
  const pid = place.pid();
  if (pid === undefined) return;
  const look = await lookAt(pid, clock.monotonic);
  const { measured } = place;
  if (look === undefined || place.pid() !== pid) return;
  const bounds = place.runs();
  const use = useOf(measured.look, look, bounds);
  measured.look = look;
  measured.use = use;
  measured.overs = use.memory > 1 ? measured.overs + 1 : 0;
  const mib = (bytes: number): number => Math.round(bytes / MEBIBYTE);
  const why = `memory ${mib(look.rssBytes)} MiB is over its bound of ${mib(bounds.memoryBytes)} MiB`;
  if (use.memory > FAR_OVER) place.send({ kind: "kill", why });
  else if (measured.overs >= OVERS_BEFORE_BAD) {
    place.send({ kind: "over", why, share: use.memory });
  }
};
