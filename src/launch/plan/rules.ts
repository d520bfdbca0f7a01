/**
 * What can never be right inside a plan, whatever its figures: ends before starts, gates that leave
 * another phase than their own, two levels of one severity.
 *
 * Shape: on the unchecked value, as `references.ts`, so that every problem is reported at once.
 */
import type { Fault, Path, PlanDocument } from "./document.ts";
import { pick } from "./references.ts";
import { clockTime, dayNumber } from "./schema/words.ts";

type Row = { readonly path: Path; readonly value: { readonly [key: string]: unknown } };

const rows = (document: PlanDocument, pattern: string): Row[] =>
  pick(document.value, pattern).filter(
    (found): found is Row =>
      typeof found.value === "object" && found.value !== null && !Array.isArray(found.value),
  );

export const ruleFaults = (document: PlanDocument): readonly Fault[] => {
  const fault = (path: Path, message: string): Fault => ({
    ...document.place(path),
    path,
    message,
  });
  return [
    ...rangeFaults(document, fault),
    ...twiceFaults(document, fault),
    ...gateFaults(document, fault),
    ...holidayFaults(document, fault),
  ];
};

type Say = (path: Path, message: string) => Fault;

const asDay = (value: unknown): number | undefined =>
  typeof value === "string" ? dayNumber(value) : undefined;
const asNumber = (value: unknown): number | undefined =>
  typeof value === "number" ? value : undefined;
const asClock = (value: unknown): number | undefined =>
  clockTime.safeParse(value).success ? Number((value as string).replace(":", "")) : undefined;

const RANGES = [
  { list: "phases[]", from: "start", to: "end", read: asDay },
  { list: "programmes[]", from: "start", to: "end", read: asDay },
  { list: "dayPlans[].activities[]", from: "day", to: "untilDay", read: asNumber },
  { list: "organisation.calendars[].hours", from: "from", to: "to", read: asClock },
] as const;

const rangeFaults = (document: PlanDocument, fault: Say): Fault[] =>
  RANGES.flatMap(({ list, from, to, read }) =>
    rows(document, list).flatMap(({ path, value }): Fault[] => {
      const first = read(value[from]);
      const last = read(value[to]);
      if (first === undefined || last === undefined || last >= first) return [];
      const words = `${String(value[to])} comes before ${from} ${String(value[from])}`;
      return [fault([...path, to], `${words}; allowed: ${from} or later`)];
    }),
  );

/** Fields that may have each value once in their list. */
const ONCE = [
  ["phases[]", "order"],
  ["waves[]", "order"],
  ["tiers[]", "order"],
  ["escalation.levels[]", "level"],
  ["escalation.levels[]", "severity"],
] as const;

const twiceFaults = (document: PlanDocument, fault: Say): Fault[] =>
  ONCE.flatMap(([list, field]) => {
    const seen = new Set<unknown>();
    return rows(document, list).flatMap(({ path, value }): Fault[] => {
      if (value[field] === undefined) return [];
      if (!seen.has(value[field])) {
        seen.add(value[field]);
        return [];
      }
      const message = `${field} ${JSON.stringify(value[field])} stands twice; allowed: each once`;
      return [fault([...path, field], message)];
    });
  });

/** A phase is left by its own gate, a wave is entered by its own, a day plan is its wave's. */
const gateFaults = (document: PlanDocument, fault: Say): Fault[] => {
  const gates = new Map(rows(document, "gates[]").map(({ value }) => [value["id"], value]));
  const dayPlans = new Map(rows(document, "dayPlans[]").map(({ value }) => [value["id"], value]));
  // A gate to or from nowhere is said once, as a name that does not exist.
  const places = new Set(
    [...rows(document, "phases[]"), ...rows(document, "waves[]")].map(({ value }) => value["id"]),
  );
  const faults: Fault[] = [];
  for (const { path, value } of rows(document, "phases[]")) {
    const gate = gates.get(value["gate"]);
    if (gate === undefined || gate["from"] === value["id"] || !places.has(gate["from"])) continue;
    const message = `"${String(value["gate"])}" leaves "${String(gate["from"])}"`;
    faults.push(fault([...path, "gate"], `${message}; allowed: a gate from this phase`));
  }
  for (const { path, value } of rows(document, "waves[]")) {
    const gate = gates.get(value["gate"]);
    const entered = gate?.["to"];
    if (places.has(entered) && entered !== value["id"] && entered !== value["phase"]) {
      const message = `"${String(value["gate"])}" enters "${String(entered)}"`;
      faults.push(
        fault([...path, "gate"], `${message}; allowed: a gate to this wave or its phase`),
      );
    }
    const dayPlan = dayPlans.get(value["dayPlan"]);
    if (dayPlan !== undefined && dayPlan["wave"] !== value["id"]) {
      const message = `"${String(value["dayPlan"])}" belongs to "${String(dayPlan["wave"])}"`;
      faults.push(fault([...path, "dayPlan"], `${message}; allowed: a day plan of this wave`));
    }
  }
  for (const { path, value } of rows(document, "gates[]")) {
    if (value["from"] === undefined || value["from"] !== value["to"]) continue;
    faults.push(fault([...path, "to"], "is where the gate comes from; allowed: another place"));
  }
  return faults;
};

/** 2024 is a leap year, so 29 February is a holiday one may have. */
const holidayFaults = (document: PlanDocument, fault: Say): Fault[] =>
  rows(document, "organisation.calendars[].holidays[].rule").flatMap(({ path, value }): Fault[] => {
    const { month, day } = value;
    if (typeof month !== "number" || typeof day !== "number") return [];
    const date = `2024-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
    if (month < 1 || month > 12 || day < 1 || day > 31 || dayNumber(date) !== undefined) return [];
    return [fault([...path, "day"], `month ${month} has no day ${day}; allowed: a day it has`)];
  });
