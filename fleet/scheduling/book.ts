/**
 * What may be booked: which starts are free, and why one is not.
 *
 * Shape:  `taken` is what the store has of a garage, by bay. A job is so many slots in a row within
 *         one opening, in one bay that has the skill.
 * Units:  slots of 15 minutes; the horizon in days.
 * Errors: `past`, `beyond_horizon`, `closed`: each says the limit; `overlap` names bay and hours.
 */
import { err, ok, type Result } from "../../src/kernel/result.ts";
import type { Garage, Service } from "./garages.ts";
import {
  addDays,
  dayOf,
  localTime,
  merge,
  midnight,
  openOn,
  type Hours,
  type Span,
} from "./slots.ts";

export const HORIZON_DAYS = 60;

export type Taken = Span & { readonly bay: number };
export type NotBookable = {
  readonly code: "past" | "beyond_horizon" | "closed";
  readonly message: string;
};

/** Openings of a day, remembered: the garages share a few sets of hours. */
export type Openings = (hours: Hours, day: string) => readonly Span[];
const MAX_REMEMBERED = 1_000;

export const newOpenings = (): Openings => {
  const remembered = new Map<Hours, Map<string, readonly Span[]>>();
  return (hours, day) => {
    const days = remembered.get(hours) ?? new Map<string, readonly Span[]>();
    remembered.set(hours, days);
    const known = days.get(day);
    if (known !== undefined) return known;
    const spans = openOn(hours, day);
    if (days.size >= MAX_REMEMBERED) days.clear();
    days.set(day, spans);
    return spans;
  };
};

/** The slot with which the first day begins that is too far away. */
export const horizonOf = (nowSlot: number): number =>
  midnight(addDays(dayOf(nowSlot), HORIZON_DAYS + 1));

export const mayStart = (
  openings: Openings,
  { hours }: Garage,
  job: Span,
  nowSlot: number,
): Result<Span, NotBookable> => {
  if (job.first <= nowSlot)
    return err({ code: "past", message: `is past: the first start is ${localTime(nowSlot + 1)}` });
  const day = dayOf(job.first);
  const lastDay = addDays(dayOf(nowSlot), HORIZON_DAYS);
  if (day > lastDay) {
    const message = `is beyond the horizon of ${HORIZON_DAYS} days, which ends on ${lastDay}`;
    return err({ code: "beyond_horizon", message });
  }
  const spans = merge([...openings(hours, day), ...openings(hours, addDays(day, 1))]);
  if (spans.some(({ first, end }) => first <= job.first && job.end <= end)) return ok(job);
  const today = openings(hours, day).map(spanText).join(", ");
  const when = today === "" ? "it is closed" : `it is open ${today}`;
  return err({ code: "closed", message: `the job ends ${clock(job.end)}; on ${day} ${when}` });
};

/** Bays that have the skill, and in which nothing lies across the job. */
export const freeBays = (
  garage: Garage,
  service: Service,
  job: Span,
  taken: readonly Taken[],
): readonly number[] =>
  baysFor(garage, service).filter(
    (bay) => !taken.some((one) => one.bay === bay && one.first < job.end && job.first < one.end),
  );

export const baysFor = ({ bays }: Garage, { skill }: Service): readonly number[] =>
  bays.flatMap((skills, bay) => (skills.includes(skill) ? [bay] : []));

/** The first free starts of the days asked for, in order. */
export const freeStarts = (
  openings: Openings,
  ask: {
    readonly garage: Garage;
    readonly service: Service;
    /** The days to look at, in order. */
    readonly days: readonly string[];
    /** A start lies in between, both left out. */
    readonly after: number;
    readonly before: number;
    readonly limit: number;
  },
  taken: readonly Taken[],
): readonly { readonly start: number; readonly bay: number }[] => {
  const { garage, service, days, after, before, limit } = ask;
  const candidates = baysFor(garage, service);
  const occupied = occupancy(candidates, taken);
  const spans = days.flatMap((day) => openings(garage.hours, day));
  const found: { start: number; bay: number }[] = [];
  for (const { first, end } of merge(spans)) {
    const last = Math.min(end - service.slots, before - 1);
    for (let start = Math.max(first, after + 1); start <= last; start += 1) {
      const bay = candidates.find((one) => isFree(occupied.get(one)!, start, service.slots));
      if (bay === undefined) continue;
      found.push({ start, bay });
      if (found.length >= limit) return found;
    }
  }
  return found;
};

const occupancy = (
  bays: readonly number[],
  taken: readonly Taken[],
): ReadonlyMap<number, ReadonlySet<number>> => {
  const occupied = new Map(bays.map((bay) => [bay, new Set<number>()]));
  for (const { bay, first, end } of taken)
    for (let slot = first; slot < end; slot += 1) occupied.get(bay)?.add(slot);
  return occupied;
};

const isFree = (occupied: ReadonlySet<number>, start: number, slots: number): boolean => {
  for (let slot = start; slot < start + slots; slot += 1) if (occupied.has(slot)) return false;
  return true;
};

/** What lies across the job, bay by bay, in words; `own` is what the asker has there himself. */
export const overlapText = (
  { id }: Garage,
  job: Span,
  bays: readonly number[],
  taken: readonly Taken[],
): string => {
  const across = taken
    .filter(({ bay, first, end }) => bays.includes(bay) && first < job.end && job.first < end)
    .map((one) => `bay ${one.bay + 1} is taken ${spanText(one)}`);
  return `${id}, ${dayOf(job.first)} ${spanText(job)}: ${across.join("; ")}`;
};

const clock = (slot: number): string => localTime(slot).slice(11, 16);
const spanText = ({ first, end }: Span): string => `${clock(first)}–${clock(end)}`;
