/**
 * The dates of a plan that are promises: the one list that rebase, baseline and variance read.
 *
 * Shape: `key` is made of ids (`phases/phase-1/start`) and outlives every reordering; `path` is the
 *        place in the value. Dates that are facts (the document's own, days closed) do not move.
 */
import type { Path } from "./document.ts";
import type { Plan } from "./schema/whole.ts";

export type ScheduledDate = { readonly key: string; readonly path: Path; readonly date: string };

export const scheduledDates = (plan: Plan): readonly ScheduledDate[] => [
  { key: "start", path: ["start"], date: plan.start },
  ...plan.phases.flatMap((phase, p) => [
    { key: `phases/${phase.id}/start`, path: ["phases", p, "start"], date: phase.start },
    { key: `phases/${phase.id}/end`, path: ["phases", p, "end"], date: phase.end },
    ...phase.milestones.map(({ id, date }, m) => ({
      key: `milestones/${id}`,
      path: ["phases", p, "milestones", m, "date"],
      date,
    })),
  ]),
  ...plan.waves.map(({ id, start }, w) => ({
    key: `waves/${id}/start`,
    path: ["waves", w, "start"],
    date: start,
  })),
  ...plan.programmes.flatMap(({ id, start, end }, p) => [
    { key: `programmes/${id}/start`, path: ["programmes", p, "start"], date: start },
    { key: `programmes/${id}/end`, path: ["programmes", p, "end"], date: end },
  ]),
];
