/**
 * What changed between two plans, by id and never by place in a list.
 *
 * Shape:  `path` is made of ids and keys: `kpis/availability/target/value`. A list of things with
 *         ids is compared thing by thing, any other list as a whole.
 * Errors: none; an id that disappears is a warning, because ids of an applied plan are immutable
 *         and what was recorded under one is found under no other.
 */
import type { JsonValue } from "../../kernel/canonical.ts";

export type PlanChange =
  | { readonly kind: "added" | "removed"; readonly path: string; readonly value?: JsonValue }
  | {
      readonly kind: "changed";
      readonly path: string;
      readonly from: JsonValue;
      readonly to: JsonValue;
    }
  | { readonly kind: "renamed"; readonly path: string; readonly from: string; readonly to: string }
  | { readonly kind: "reordered"; readonly path: string };

export type DiffWarning = {
  readonly code: "id-removed" | "id-renamed" | "previous-unreadable";
  readonly path: string;
  readonly message: string;
};

export type PlanDiff = {
  readonly changes: readonly PlanChange[];
  readonly warnings: readonly DiffWarning[];
};

export const NO_CHANGES: PlanDiff = { changes: [], warnings: [] };

type Thing = { readonly [key: string]: unknown };
type IdThing = Thing & { readonly id: string };

export const planDiff = (before: unknown, after: unknown): PlanDiff => {
  const changes = compare("", before, after);
  const warnings = changes.flatMap((change): DiffWarning[] => {
    const { kind, path } = change;
    if (kind === "renamed") {
      const message = `the id "${change.from}" became "${change.to}"; ids do not change once applied`;
      return [{ code: "id-renamed", path, message }];
    }
    // Things with an id are listed without their value.
    if (kind !== "removed" || change.value !== undefined) return [];
    const message = "an id that was applied is gone; what was recorded under it stays under it";
    return [{ code: "id-removed", path, message }];
  });
  return { changes, warnings };
};

const isThing = (value: unknown): value is Thing =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isIdList = (value: unknown): value is readonly IdThing[] =>
  Array.isArray(value) &&
  value.every((item) => isThing(item) && typeof item["id"] === "string") &&
  new Set(value.map(({ id }) => id)).size === value.length;

/** Key order never makes a difference, whatever wrote the two values. */
const same = (a: unknown, b: unknown): boolean => {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => same(item, b[index]));
  }
  if (!isThing(a) || !isThing(b)) return Object.is(a, b);
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(a[key], b[key]));
};

const under = (path: string, key: string): string => (path === "" ? key : `${path}/${key}`);

const compare = (path: string, before: unknown, after: unknown): PlanChange[] => {
  if (same(before, after)) return [];
  if (isIdList(before) && isIdList(after)) return compareLists(path, before, after);
  if (isThing(before) && isThing(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => compare(under(path, key), before[key], after[key]));
  }
  if (before === undefined) return appear("added", path, after);
  if (after === undefined) return appear("removed", path, before);
  return [{ kind: "changed", path, from: before as JsonValue, to: after as JsonValue }];
};

/** A key that comes or goes; a list of things with ids comes and goes thing by thing. */
const appear = (kind: "added" | "removed", path: string, value: unknown): PlanChange[] =>
  isIdList(value) && value.length > 0
    ? value.map(({ id }) => ({ kind, path: under(path, id) }))
    : [{ kind, path, value: value as JsonValue }];

const compareLists = (
  path: string,
  before: readonly IdThing[],
  after: readonly IdThing[],
): PlanChange[] => {
  const changes: PlanChange[] = [];
  const arrived = after.filter(({ id }) => !before.some((other) => other.id === id));
  for (const old of before) {
    const now = after.find(({ id }) => id === old.id);
    if (now !== undefined) {
      changes.push(...compare(under(path, old.id), old, now));
      continue;
    }
    const heir = arrived.findIndex((candidate) => sameButId(old, candidate));
    const [renamed] = heir < 0 ? [] : arrived.splice(heir, 1);
    if (renamed === undefined) changes.push({ kind: "removed", path: under(path, old.id) });
    else changes.push({ kind: "renamed", path, from: old.id, to: renamed.id });
  }
  for (const { id } of arrived) changes.push({ kind: "added", path: under(path, id) });
  const kept = (list: readonly IdThing[], other: readonly IdThing[]): string[] =>
    list.map(({ id }) => id).filter((id) => other.some((item) => item.id === id));
  if (!same(kept(before, after), kept(after, before))) changes.push({ kind: "reordered", path });
  return changes;
};

/** A thing that arrives with the name of one that left is that thing under another id. */
const sameButId = (old: IdThing, candidate: IdThing): boolean =>
  old["name"] === undefined
    ? same({ ...old, id: "" }, { ...candidate, id: "" })
    : same(old["name"], candidate["name"]);
